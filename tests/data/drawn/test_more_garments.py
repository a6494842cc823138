"""What the other drawn classes look like, and how alike they are."""

import numpy as np
import pytest

from scratchcnn import MeanSquaredError, accuracy
from scratchcnn.data.drawn.garments import draw, shirt, t_shirt, trousers
from scratchcnn.data.drawn.more_garments import (
    GARMENTS,
    ankle_boot,
    bag,
    coat,
    dress,
    pullover,
    sandal,
    sneaker,
)
from scratchcnn.data.fashion_mnist import NAMES
from scratchcnn.evaluation import least_squares

OUTFITS = (pullover, dress, coat, sandal, sneaker, bag, ankle_boot)


@pytest.fixture(scope="module")
def garments():
    """Return 300 garments of each kind, as numbers from 0 to 1."""
    rng = np.random.default_rng(5)
    return {g: draw(g, 300, rng=rng) / 255 for g in GARMENTS.values()}


def test_every_class_has_its_garment():
    names = {
        label: garment.__name__.replace("_", " ")
        for label, garment in GARMENTS.items()
    }
    wanted = {k: name.lower().split("/")[0] for k, name in enumerate(NAMES)}
    wanted |= {0: "t shirt", 1: "trousers"}
    assert names == wanted


def test_those_of_part_one_are_drawn_first_and_so_stay_what_they_are():
    assert list(GARMENTS.items())[:3] == [
        (0, t_shirt),
        (1, trousers),
        (6, shirt),
    ]


@pytest.mark.parametrize("garment", OUTFITS)
@pytest.mark.parametrize("count", [1, 129])
def test_every_image_of_a_batch_is_drawn(garment, count):
    images = draw(garment, count, rng=np.random.default_rng(0))
    assert images.shape == (count, 28, 28)
    assert images.any((1, 2)).all()


@pytest.mark.parametrize("garment", OUTFITS)
def test_no_two_garments_are_the_same(garments, garment):
    flat = garments[garment].reshape(300, -1)
    assert len(np.unique(flat, axis=0)) == 300


@pytest.mark.parametrize("garment", OUTFITS)
def test_there_is_neither_too_little_nor_too_much_of_it(garments, garment):
    images = garments[garment]
    assert 0.3 < np.mean(images == 0) < 0.8  # 0.35 to 0.68 in the real ones
    assert np.median(images.max((1, 2))) > 0.4
    assert images[:, :2, [0, -1]].mean() < 0.02


def extent(images, axis):
    """Return the first and the last row or column with ink, by image."""
    inked = (images > 0.08).any(axis)
    return inked.argmax(1), 27 - inked[:, ::-1].argmax(1)


def test_what_is_worn_above_reaches_from_top_to_bottom(garments):
    for garment in pullover, coat, dress:
        top, bottom = extent(garments[garment], axis=2)
        assert np.median(top) <= 2
        assert np.median(bottom) >= 25


def test_shoes_are_low_and_as_wide_as_the_picture(garments):
    for garment in sandal, sneaker, ankle_boot:
        top, bottom = extent(garments[garment], axis=2)
        left, right = extent(garments[garment], axis=1)
        assert np.median(top) >= 3
        assert np.median(bottom) >= 19
        assert np.median(right - left) >= 22


def test_shoes_have_their_toe_to_the_left_and_nothing_else_has_a_side(
    garments,
):
    for garment, images in garments.items():
        left, right = images[:, :, :10].mean(), images[:, :, 18:].mean()
        if garment in (sandal, sneaker, ankle_boot):
            assert right > 1.2 * left
        else:
            assert abs(right - left) < 0.1 * (right + left)


def test_boots_stand_higher_than_sneakers(garments):
    def height(images):
        top, bottom = extent(images, axis=2)
        return np.median(bottom - top)

    assert height(garments[ankle_boot]) > height(garments[sneaker]) + 2


def test_one_sees_more_through_a_sandal_than_through_a_sneaker(garments):
    def filled(images):
        return np.mean(images > 0.08)

    assert filled(garments[sandal]) < 0.8 * filled(garments[sneaker])


def test_dresses_are_narrower_than_coats(garments):
    def wide(images):
        left, right = extent(images, axis=1)
        return np.median(right - left)

    assert wide(garments[dress]) < wide(garments[coat]) - 3


def test_above_a_bag_there_is_a_handle_with_a_hole(garments):
    top, _ = extent(garments[bag], axis=2)
    under = np.array(
        [im[t + 2] for im, t in zip(garments[bag], top, strict=True)]
    )
    hole = under[:, 12:16].min(1) < 0.08
    beside = (under[:, 4:12].max(1) > 0.08) & (under[:, 16:24].max(1) > 0.08)
    assert np.mean(hole & beside) > 0.5


def linear_accuracy(labels, rng):
    """Let a linear model tell some drawn classes apart."""

    def split(count):
        images = [draw(GARMENTS[label], count, rng=rng) for label in labels]
        x = np.concatenate(images).reshape(-1, 14, 2, 14, 2).mean((2, 4))
        x = (x / 255).reshape(-1, 196).astype(np.float32)
        return x, np.repeat(np.arange(len(labels)), count)

    (x, numbers), (xs, test_numbers) = split(600), split(200)
    layer = least_squares(x, np.eye(len(labels), dtype=np.float32)[numbers])
    return accuracy(layer, MeanSquaredError(), xs, test_numbers)


def test_the_classes_that_are_alike_are_those_of_real_life(rng):
    alike = [linear_accuracy(pair, rng) for pair in [(2, 4), (2, 6), (4, 6)]]
    other = [linear_accuracy(pair, rng) for pair in [(2, 7), (1, 8), (3, 9)]]
    # 400 guesses by tossing a coin: 0.5, give or take 0.025
    assert min(alike) > 0.5 + 2 * 0.025
    assert min(other) > max(alike) + 3 * 0.025
