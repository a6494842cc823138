"""Augmentation: what a moved image holds, and how often it moves.

What all ways to change images have to do is here, too.
"""

import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.data.augmentation import move, shift_and_flip
from scratchcnn.data.erasing import erase
from tests.comparing import LAYOUTS, global_random_state
from tests.reference import moved

WAYS = {"shift_and_flip": shift_and_flip, "erase": partial(erase, share=1)}
EACH = pytest.mark.parametrize("name", WAYS)


@st.composite
def cases(draw):
    """Draw images of any size, and a move for each."""
    n, c = draw(st.integers(0, 5)), draw(st.integers(1, 3))
    size = draw(st.tuples(*[st.integers(1, 6)] * 2))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x = layout(rng.standard_normal((n, c, *size)))
    furthest = draw(st.integers(0, 8))
    down, right = rng.integers(-furthest, furthest + 1, (2, n))
    return x, down, right, rng.random(n) < 0.5


@pytest.mark.equation("augmentation-move")
@given(cases())
def test_move(case):
    x, down, right, mirrored = case
    y = move(x, down, right, mirrored)
    np.testing.assert_array_equal(y, moved(x, down, right, mirrored))
    assert not np.shares_memory(x, y)


def test_a_picture_that_one_can_see():
    x = np.array([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]]])
    one = np.array([1])
    y = move(x, one, -one, np.array([False]))
    np.testing.assert_array_equal(y[0, 0], [[0, 0, 0], [2, 3, 0], [5, 6, 0]])
    y = move(x, one, -one, np.array([True]))
    np.testing.assert_array_equal(y[0, 0], [[0, 0, 0], [0, 3, 2], [0, 6, 5]])


# All ways to change the images of a batch


@EACH
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 1, 28, 28), (1, 3, 4, 6), (0, 1, 5, 5)])
def test_shape_and_precision_stay_and_x_is_not_changed(
    name, shape, dtype, rng
):
    x = rng.uniform(0.1, 1, shape).astype(dtype)
    before = x.copy()
    y = WAYS[name](x, rng)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)


@EACH
def test_the_same_generator_does_the_same_and_nothing_global(name, rng):
    x, state = rng.random((30, 1, 8, 8)), global_random_state()
    one, same, other = (
        WAYS[name](x, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert global_random_state() == state


@pytest.mark.parametrize(
    ("name", "little", "much"),
    [
        ("shift_and_flip", {"flip": 0}, {"flip": 1}),
        ("erase", {"share": 0}, {"area": (0.9, 1), "ratio": 7.0}),
    ],
)
def test_the_settings_do_not_change_how_much_is_drawn(name, little, much, rng):
    x = rng.random((30, 1, 8, 8))
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    WAYS[name](x, one, **little)
    WAYS[name](x, two, **much)
    assert one.bit_generator.state == two.bit_generator.state


@EACH
@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.zeros((2, 1, 5, 5), np.uint8), TypeError),
        (np.zeros((2, 5, 5)), ValueError),
        (None, TypeError),
    ],
)
def test_what_are_no_images_is_refused(name, x, error, rng):
    with pytest.raises(error, match=f"^{name} wants x "):
        WAYS[name](x, rng)


@EACH
def test_a_seed_is_no_generator(name):
    with pytest.raises(TypeError, match=rf"^{name} wants rng as a numpy\."):
        WAYS[name](np.zeros((2, 1, 5, 5)), 0)


# Shifts and flips


def test_without_shift_and_flip_nothing_happens(rng):
    x = rng.standard_normal((9, 2, 5, 4))
    y = shift_and_flip(x, rng, shift=0, flip=0)
    np.testing.assert_array_equal(y, x)
    assert not np.shares_memory(x, y)


def test_with_flip_one_every_image_is_mirrored(rng):
    x = rng.standard_normal((9, 2, 5, 4))
    y = shift_and_flip(x, rng, shift=0, flip=1)
    np.testing.assert_array_equal(y, x[..., ::-1])


def test_moving_and_moving_back_leaves_a_garment_with_a_margin(rng):
    x = np.zeros((20, 1, 12, 12))
    x[:, :, 3:9, 3:9] = rng.standard_normal((20, 1, 6, 6))
    down, right = rng.integers(-3, 4, (2, 20))
    still = np.zeros(20, bool)
    there = move(x, down, right, still)
    np.testing.assert_array_equal(move(there, -down, -right, still), x)


@pytest.mark.parametrize(("shift", "flip"), [(0, 0.5), (1, 0.2), (2, 0.5)])
def test_every_move_is_as_likely_as_it_should_be(shift, flip, rng):
    # The mark's place tells the move, its neighbor whether it is mirrored.
    n, middle, ways = 20_000, 8, 2 * shift + 1
    x = np.zeros((n, 1, 17, 17))
    x[..., middle, middle] = 1
    x[..., middle, middle + 1] = 2
    y = shift_and_flip(x, rng, shift=shift, flip=flip)[:, 0]
    _, i, j = np.nonzero(y == 1)
    _, _, beside = np.nonzero(y == 2)
    mirrored = beside < j
    assert abs(mirrored.mean() - flip) < 6 * np.sqrt(flip * (1 - flip) / n)
    right = np.where(mirrored, middle - j, j - middle)
    places = (i - middle + shift) * ways + right + shift
    counts, p = np.bincount(places), 1 / ways**2
    assert counts.shape == (ways**2,)
    spread = np.sqrt(p * (1 - p) / n)
    np.testing.assert_allclose(counts / n, p, rtol=0, atol=6 * spread)


def test_all_channels_of_an_image_move_together(rng):
    x = np.repeat(rng.standard_normal((30, 1, 8, 8)), 3, axis=1)
    y = shift_and_flip(x, rng)
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 3, axis=1))


@pytest.mark.parametrize(
    ("shift", "error"), [(-1, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_a_shift_is_a_number_of_pixels(shift, error, rng):
    with pytest.raises(error, match=r"^shift_and_flip wants shift"):
        shift_and_flip(np.zeros((2, 1, 5, 5)), rng, shift=shift)


@pytest.mark.parametrize("shape", [(2, 1, 5, 7), (2, 1, 7, 5)])
@pytest.mark.parametrize("shift", [6, 20_000, 10**18])
def test_a_shift_is_no_larger_than_an_image(shape, shift, rng):
    x = np.ones(shape)
    assert shift_and_flip(x, rng, shift=5).shape == shape
    message = f"wants shift <= 5, the size of the images, got {shift}"
    with pytest.raises(ValueError, match=message):
        shift_and_flip(x, rng, shift=shift)


@pytest.mark.parametrize("flip", [-0.1, 1.1, float("nan")])
def test_flip_is_a_probability(flip, rng):
    message = re.escape(f"wants flip from 0 to 1, got {flip}")
    with pytest.raises(ValueError, match=message):
        shift_and_flip(np.zeros((2, 1, 5, 5)), rng, flip=flip)


@pytest.mark.parametrize("flip", [None, True, "0.5"])
def test_flip_is_a_number(flip, rng):
    message = f"^shift_and_flip wants flip as a number, got {flip!r}$"
    with pytest.raises(TypeError, match=message):
        shift_and_flip(np.zeros((2, 1, 5, 5)), rng, flip=flip)
