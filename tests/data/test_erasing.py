"""Erasing: what a covered image holds, how often, where and how much.

What all ways to change images have to do is in `test_augmentation`.
"""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.data.erasing import cover, erase
from tests.comparing import LAYOUTS
from tests.reference import covered


@st.composite
def cases(draw):
    """Draw images of any size, and a rectangle for each."""
    n, c = draw(st.integers(0, 5)), draw(st.integers(1, 3))
    H, W = draw(st.tuples(*[st.integers(1, 6)] * 2))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x, ink = (layout(rng.standard_normal((n, c, H, W))) for _ in range(2))
    height, width = rng.integers(0, H + 1, n), rng.integers(0, W + 1, n)
    top, left = rng.integers(0, H, n), rng.integers(0, W, n)
    return x, top, left, height, width, ink


@pytest.mark.equation("erasing-cover")
@given(cases())
def test_cover(case):
    y = cover(*case)
    np.testing.assert_array_equal(y, covered(*case))
    assert not np.shares_memory(y, case[0])
    assert not np.shares_memory(y, case[-1])


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 200), (np.int8, 100)])
@pytest.mark.parametrize("axis", [2, 3])
def test_small_integers_do_not_overflow(dtype, top, axis):
    x, one = np.zeros((1, 1, 300, 1)).swapaxes(2, axis), np.ones(1, dtype)
    long, short = (top * one, 60 * one), (0 * one, one)
    box = (long, short) if axis == 2 else (short, long)
    y = cover(x, box[0][0], box[1][0], box[0][1], box[1][1], x + 1)
    assert y.ravel().nonzero()[0].tolist() == [*range(top, top + 60)]


def boxes(y, empty=1.0):
    """Return top, left, height and width of what is not empty."""
    found = []
    for image in y[:, 0] != empty:
        rows, columns = image.any(axis=1), image.any(axis=0)
        i, j = np.flatnonzero(rows), np.flatnonzero(columns)
        assert image.sum() == len(i) * len(j)
        corner = (i[0], j[0]) if len(i) else (0, 0)
        found.append((*corner, len(i), len(j)))
    return np.transpose(found)


def drawn(n, size, rng, **settings):
    """Erase in white images, where no noise is white; return the boxes."""
    x = np.full((n, 1, *size), 1.0, np.float32)
    return boxes(erase(x, rng, **settings))


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_as_many_images_lose_something_as_should(share, rng):
    n = 5000
    _, _, height, _ = drawn(n, (14, 14), rng, share=share)
    spread = np.sqrt(share * (1 - share) / n)
    assert abs((height > 0).mean() - share) <= 5 * spread


@pytest.mark.parametrize("size", [(84, 84), (60, 120)])
def test_areas_are_spread_evenly_and_ratios_in_their_logarithm(size, rng):
    _, _, height, width = drawn(
        4000, size, rng, share=1, area=(0.1, 0.2), ratio=2.0
    )
    share = height * width / (size[0] * size[1])
    assert 0.095 < share.min() < 0.102
    assert 0.198 < share.max() < 0.205
    assert abs(share.mean() - 0.15) < 0.002
    logs = np.log2(height / width)
    assert -1.1 < logs.min() < -0.95
    assert 0.95 < logs.max() < 1.1
    assert abs(logs.mean()) < 0.04
    quarters = np.quantile(share, [0.25, 0.75])
    np.testing.assert_allclose(quarters, [0.125, 0.175], atol=0.004)
    quarters = np.quantile(logs, [0.25, 0.75])
    np.testing.assert_allclose(quarters, [-0.5, 0.5], atol=0.06)


def test_every_place_where_it_fits_is_as_likely(rng):
    n = 20_000
    top, left, height, width = drawn(
        n, (6, 8), rng, share=1, area=(0.25, 0.25), ratio=1.0
    )
    assert (set(height), set(width)) == ({3}, {3})  # of 12 pixels, rounded
    counts = np.bincount(top * 6 + left)
    assert counts.shape == (24,)
    spread = np.sqrt(n / 24)
    np.testing.assert_allclose(counts, n / 24, rtol=0, atol=5 * spread)


def test_a_side_that_is_too_long_is_cut_and_none_is_empty(rng):
    _, _, height, width = drawn(
        500, (2, 30), rng, share=1, area=(0.5, 0.5), ratio=9.0
    )
    assert set(height) == {2}  # of up to 16
    assert (width.min(), width.max()) == (2, 16)
    x = np.ones((50, 1, 9, 9))
    assert (boxes(erase(x, rng, share=1, area=(0, 0)))[2:] == 1).all()
    every = boxes(erase(x, rng, share=1, area=(1, 1), ratio=1))
    assert (every.T == [0, 0, 9, 9]).all()


def test_the_noise_is_even_and_of_its_own_in_every_pixel(rng):
    x = np.full((20, 3, 20, 20), -1.0)
    y = erase(x, rng, share=1, area=(1, 1), ratio=1)
    assert ((y >= 0) & (y < 1)).all()
    assert abs(y.mean() - 0.5) < 0.01
    assert abs(y.var() - 1 / 12) < 0.002
    assert len(np.unique(y)) > 0.99 * y.size


def test_the_order_of_what_is_drawn():
    x = np.zeros((3, 1, 10, 12))
    y = erase(x, np.random.default_rng(4), share=0.6, area=(0.1, 0.4), ratio=3)
    rng, wanted = np.random.default_rng(4), x.copy()
    coins, areas, ratios, rows, columns = rng.random((5, 3))
    ink = rng.random(x.shape, np.float32)
    for n in range(3):
        pixels, high = 120 * (0.1 + 0.3 * areas[n]), 3 ** (2 * ratios[n] - 1)
        height = min(round((pixels * high) ** 0.5), 10)
        width = min(round((pixels / high) ** 0.5), 12)
        i = int(rows[n] * (11 - height))
        j = int(columns[n] * (13 - width))
        if coins[n] < 0.6:
            box = n, 0, slice(i, i + height), slice(j, j + width)
            wanted[box] = ink[box]
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("ratio", [0.4, 2.5])
def test_a_ratio_and_its_inverse_mean_the_same_shapes(ratio, rng):
    _, _, height, width = drawn(2000, (30, 30), rng, share=1, ratio=ratio)
    assert abs(np.log(height / width).mean()) < 0.06
    assert np.log(height / width).max() > 0.8


@pytest.mark.parametrize(
    "settings",
    [
        *({"share": bad} for bad in (-0.1, 1.1, float("nan"))),
        *({"area": bad} for bad in ((-0.1, 0.5), (0.5, 0.4), (0.5, 1.1))),
        {"area": (float("nan"), 0.5)},
        *({"area": bad} for bad in ((), (0.5,), (0.1, 0.2, 0.3))),
        *({"ratio": bad} for bad in (0, -1, float("inf"), float("nan"))),
    ],
)
def test_a_setting_out_of_its_range_is_named(settings, rng):
    ((name, _),) = settings.items()
    message = rf"^erase wants .*{re.escape(name)}"
    with pytest.raises(ValueError, match=message):
        erase(np.zeros((2, 1, 5, 5)), rng, **settings)


@pytest.mark.parametrize("bad", [None, True, "0.5", [0.5], 0.5j])
@pytest.mark.parametrize("name", ["share", "area", "ratio"])
def test_a_setting_of_another_type_is_named(name, bad, rng):
    message = re.escape(f"erase wants {name} as ")
    with pytest.raises(TypeError, match=f"^{message}.*, got ") as caught:
        erase(np.zeros((2, 1, 5, 5)), rng, **{name: bad})
    assert str(caught.value).endswith(f"got {bad!r}")
    if name == "area":  # and so is what stands in a pair
        with pytest.raises(TypeError, match=f"^{message}a number, got "):
            erase(np.zeros((2, 1, 5, 5)), rng, area=(0.1, bad))
