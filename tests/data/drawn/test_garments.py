"""What the drawn garments look like, and the bars that they are made of."""

import math

import numpy as np
import pytest

from scratchcnn.data.drawn.garments import (
    Canvas,
    draw,
    shirt,
    t_shirt,
    trousers,
)

CLASSES = (t_shirt, trousers, shirt)


@pytest.fixture(scope="module")
def garments():
    """Return 300 garments of each class."""
    rng = np.random.default_rng(5)
    return {garment: draw(garment, 300, rng=rng) for garment in CLASSES}


@pytest.mark.parametrize("garment", [0, "0", None])
def test_what_cannot_draw_is_named(garment):
    message = f"draw wants garment as a function, got {garment!r}"
    with pytest.raises(TypeError, match=message):
        draw(garment, 1, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("count", "error"), [(0, ValueError), (2.0, TypeError)]
)
def test_a_bad_count_is_named(count, error):
    with pytest.raises(error, match="draw wants count"):
        draw(t_shirt, count, rng=np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match="draw wants rng as a numpy"):
        draw(t_shirt, 1, rng=0)


@pytest.mark.parametrize("garment", CLASSES)
@pytest.mark.parametrize("count", [1, 127, 128, 129])
def test_every_image_of_a_batch_is_drawn(garment, count):
    images = draw(garment, count, rng=np.random.default_rng(0))
    assert images.shape == (count, 28, 28)
    assert images.dtype == np.uint8
    assert images.any((1, 2)).all()


@pytest.mark.parametrize("garment", CLASSES)
def test_no_two_garments_are_the_same(garments, garment):
    flat = garments[garment].reshape(300, -1)
    assert len(np.unique(flat, axis=0)) == 300


@pytest.mark.parametrize("garment", CLASSES)
def test_the_background_is_zero_but_for_a_few_specks(garments, garment):
    images = garments[garment]
    assert 0.3 < np.mean(images == 0) < 0.7  # 0.37 to 0.65 in the real ones
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    # Noise shows up there only where a normal number is 2 or more.
    assert np.mean(corners > 0) < 0.05
    assert np.median(images.max((1, 2))) > 100


def test_sleeves_hang_beside_shirts_rarely_t_shirts_never_trousers(garments):
    def beside(images):
        lower = images[:, 14:].astype(float)
        return lower[..., :8].mean() + lower[..., 20:].mean()

    assert beside(garments[shirt]) > 2 * beside(garments[t_shirt])
    assert beside(garments[t_shirt]) > beside(garments[trousers])


def test_trousers_have_a_gap_between_two_legs(garments):
    columns = garments[trousers][:, 20:26].mean((0, 1))
    gap = columns[13:15].mean()
    assert gap < columns[10:12].mean()
    assert gap < columns[16:18].mean()


def test_buttons_make_the_middle_of_a_shirt_go_up_and_down(garments):
    def jump(images):
        middle = images[:, 12:24, 12:16].astype(float)
        jumps = np.abs(np.diff(middle, axis=1)).max((1, 2))
        return np.median(jumps / images.max((1, 2)))

    assert jump(garments[shirt]) > 2 * jump(garments[t_shirt])


def plain_canvas(count=1):
    """Return a canvas whose garments stand upright in the middle."""
    canvas = Canvas(count, np.random.default_rng(0))
    grid = np.arange(28, dtype=np.float32)
    canvas.x = np.broadcast_to(np.abs(grid - 13.5), (count, 28, 28))
    canvas.y = np.broadcast_to(grid[:, None], (count, 28, 1))
    canvas.ink = np.zeros((count, 28, 28), np.float32)
    return canvas


def bar_in_loops(a, b, start, end):
    """Cover a bar, pixel by pixel, by how deep each lies inside it."""
    cover = np.empty((28, 28))
    length = math.dist(a, b)
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    for row in range(28):
        for column in range(28):
            dx, dy = abs(column - 13.5) - a[0], row - a[1]
            along = dx * ux + dy * uy  # the foot of the perpendicular
            across = math.dist((dx, dy), (along * ux, along * uy))
            width = start + (end - start) * along / length
            depth = min(width / 2 - across, along, length - along)
            cover[row, column] = min(max(depth + 0.5, 0), 1)
    return cover


@pytest.mark.equation("soft-bar")
@pytest.mark.parametrize(
    "bar",
    [
        ((0, 2), (0, 20), 10, 10),
        ((0, 2), (0, 20), 4, 12),
        ((3, 5), (12, 9.5), 5, 3),
        ((6, 25), (9, 3), 2.5, 0),
    ],
)
def test_a_bar_is_that_of_the_naive_loops(bar):
    cover = plain_canvas().bar(*bar)
    assert cover.dtype == np.float32
    # Numbers up to 28, a few roundings, slopes up to 1: some 28 * 1e-7
    np.testing.assert_allclose(cover[0], bar_in_loops(*bar), atol=1e-5)


def test_a_bar_has_a_twin_on_the_other_side():
    cover = plain_canvas().bar((3, 5), (12, 9), 4, 3)
    np.testing.assert_array_equal(cover, cover[..., ::-1])


def test_a_bar_may_differ_from_sheet_to_sheet():
    canvas, ends = plain_canvas(2), np.array([10, 20], np.float32)
    cover = canvas.bar((0, 2), (0, ends[:, None, None]), 6, 6)
    for sheet, end in zip(cover, ends, strict=True):
        one = plain_canvas().bar((0, 2), (0, float(end)), 6, 6)
        np.testing.assert_array_equal(sheet, one[0])


def test_sewing_covers_and_tinting_stays_on_the_cloth():
    canvas = plain_canvas()
    cloth = canvas.bar((0, 5), (0, 20), 10, 10)
    canvas.sew(cloth)
    np.testing.assert_array_equal(canvas.ink, cloth)
    everywhere = np.ones_like(cloth)
    canvas.tint(everywhere, 0.25)  # a power of two: exact
    np.testing.assert_array_equal(canvas.ink, cloth / 4)
    canvas.sew(cloth)
    inside = cloth == 1
    np.testing.assert_array_equal(canvas.ink[inside], 1)
    assert not canvas.ink[cloth == 0].any()


def test_numbers_lie_between_their_bounds_and_shares_are_kept():
    canvas = plain_canvas(10_000)
    numbers = canvas.between(-2, 3)
    assert numbers.shape == (10_000, 1, 1)
    assert numbers.dtype == np.float32
    assert -2 <= numbers.min() < -1.9
    assert 2.9 < numbers.max() <= 3
    chosen = canvas.some(0.2)
    assert set(np.unique(chosen)) == {0, 1}
    # One standard deviation of the share is sqrt(0.2 * 0.8 / 10,000).
    assert abs(chosen.mean() - 0.2) < 6 * 0.004


def test_across_is_the_distance_with_a_sign():
    canvas = Canvas(3, np.random.default_rng(0))
    np.testing.assert_array_equal(np.abs(canvas.across), canvas.x)
    assert (np.diff(canvas.across, axis=2) > 0).all()
