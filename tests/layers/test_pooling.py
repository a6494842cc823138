"""Pooling: its equations in loops, ties, leftover rows, PyTorch."""

import re
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import gather
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import (
    AvgPool2D,
    MaxPool2D,
    Pooling,
    combine,
    window_views,
)
from tests.comparing import LAYOUTS, assert_all_close, assert_close, frozen
from tests.gradients import (
    assert_as_in_torch,
    assert_measured,
    torch_gradients,
)
from tests.reference import (
    Array,
    Pair,
    avg_pool_dx,
    avg_pool_forward,
    max_pool_dx,
    max_pool_forward,
    max_pool_winner,
    positions,
)

# Window, stride and image: side by side, overlapping, with gaps, with
# rows and columns left over, one pixel, and the whole image.
FORMS = [
    ((2, 2), (2, 2), (4, 6)),
    ((2, 2), (2, 2), (5, 7)),
    ((3, 3), (2, 2), (7, 8)),
    ((3, 2), (1, 1), (5, 4)),
    ((2, 3), (3, 2), (9, 8)),
    ((1, 2), (3, 3), (8, 6)),
    ((3, 1), (2, 4), (6, 9)),
    ((1, 1), (1, 1), (2, 3)),
    ((1, 1), (2, 3), (5, 5)),
    ((4, 5), (4, 5), (4, 5)),
]
FORM = pytest.mark.parametrize(("kernel", "stride", "size"), FORMS)
BOTH = pytest.mark.parametrize("kind", [MaxPool2D, AvgPool2D])
WHOLE = BlurPool2D(), GlobalAvgPool2D()  # which leave out no pixel
ANY = pytest.mark.parametrize(
    "layer", [MaxPool2D(2), AvgPool2D((2, 3)), *WHOLE], ids=repr
)


class Case(NamedTuple):
    """The form of a layer, with x and dy for it."""

    kernel: Pair
    stride: Pair
    x: Array
    dy: Array


def lengths(size, kernel, stride):
    return tuple(map(positions, size, kernel, stride))


def distinct(rng, shape):
    """Draw numbers that no small step can bring out of order."""
    return rng.permutation(np.arange(np.prod(shape)) / 10).reshape(shape)


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def examples(draw):
    """Draw a case of any form and size, full of ties, in any layout."""
    n, c = draw(st.tuples(st.integers(0, 3), st.integers(1, 3)))
    kernel, stride, extra = draw(
        st.tuples(pairs(1, 4), pairs(1, 5), pairs(0, 6))
    )
    size = tuple(k + e for k, e in zip(kernel, extra, strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    x = rng.integers(-1, draw(st.sampled_from([1, 2, 50])), (n, c, *size))
    dy = rng.standard_normal((n, c, *lengths(size, kernel, stride)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    return Case(kernel, stride, layout(x.astype(np.float64)), layout(dy))


# The equations


@pytest.mark.equation("max-pool-forward")
@given(examples())
def test_max_forward(case):
    kernel, stride, x, _ = case
    y = MaxPool2D(kernel, stride).forward(x)
    assert_close(y, max_pool_forward(x, kernel, stride), tolerance=0)


@pytest.mark.equation("max-pool-dx")
@given(examples())
def test_max_dx(case):
    kernel, stride, x, dy = case
    layer = MaxPool2D(kernel, stride)
    layer.forward(x)
    assert_close(layer.backward(dy), max_pool_dx(x, dy, kernel, stride))


@pytest.mark.equation("max-pool-winner")
@pytest.mark.parametrize("shape", [(2, 2), (1, 3), (3, 1), (2, 3)])
def test_the_first_of_the_largest_wins(shape):
    for n in range(3 ** np.prod(shape)):  # every window of zeros, ones, twos
        digits = np.base_repr(n, 3).zfill(np.prod(shape))
        window = np.array([*map(float, digits)]).reshape(shape)
        layer = MaxPool2D(shape)
        layer.forward(window[None, None])
        dx = layer.backward(np.ones((1, 1, 1, 1)))[0, 0]
        place = max_pool_winner(window)
        assert dx[place] == 1 == dx.sum()
        flat = [*window.flat]
        assert np.ravel_multi_index(place, shape) == flat.index(max(flat))


@pytest.mark.equation("avg-pool-forward")
@given(examples())
def test_avg_forward(case):
    kernel, stride, x, _ = case
    y = AvgPool2D(kernel, stride).forward(x)
    assert_close(y, avg_pool_forward(x, kernel, stride))


@pytest.mark.equation("avg-pool-dx")
@given(examples())
def test_avg_dx(case):
    kernel, stride, x, dy = case
    layer = AvgPool2D(kernel, stride)
    layer.forward(x)
    wanted = avg_pool_dx(dy, x.shape[2:], kernel, stride)
    assert_close(layer.backward(dy), wanted)


@pytest.mark.equation("pool-output-size")
@BOTH
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_the_output_has_a_pixel_for_each_window(kind, kernel, stride):
    for length in range(kernel, 14):
        y = kind(kernel, stride).forward(np.ones((1, 1, length, 13)))
        for size, got in zip((length, 13), y.shape[2:], strict=True):
            assert got == (size - kernel) // stride + 1
            assert got == positions(size, kernel, stride)


@pytest.mark.equation("pool-rows-first")
@FORM
@pytest.mark.parametrize("operation", [np.maximum, np.add])
def test_rows_first_then_columns(operation, kernel, stride, size, rng):
    x = frozen(rng.standard_normal((2, 3, *size)))
    y = combine(operation, x, kernel, stride)
    for n, c, i, j in np.ndindex(y.shape):
        p, q = stride[0] * i, stride[1] * j
        window = x[n, c, p : p + kernel[0], q : q + kernel[1]]
        by_column = [operation.reduce(window[:, v]) for v in range(kernel[1])]
        assert_close(y[n, c, i, j], operation.reduce(by_column))
        assert_close(y[n, c, i, j], operation.reduce(window, axis=None))


@FORM
def test_a_place_holds_one_pixel_of_each_window(kernel, stride, size, rng):
    x = rng.standard_normal((2, 3, *size))
    columns = gather(x, kernel, stride)
    views = window_views(x, kernel, stride)
    for (u, v), view in zip(np.ndindex(kernel), views, strict=True):
        np.testing.assert_array_equal(view, columns[:, :, u, v])
        assert np.shares_memory(view, x)


@pytest.mark.parametrize("window", [2, (3, 2)])
def test_gradients_have_the_precision_of_what_comes_back(window, rng):
    layer = MaxPool2D(window)
    x = rng.standard_normal((2, 3, 6, 6), np.float32)
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    assert dx.dtype == np.float64 == dy.dtype
    assert_close(dx.sum(), dy.sum())


# The same numbers by other ways


@pytest.mark.finite_differences
@BOTH
@FORM
def test_gradients_are_those_that_can_be_measured(
    kind, kernel, stride, size, rng
):
    layer, x = kind(kernel, stride), distinct(rng, (2, 3, *size))
    dy = rng.standard_normal((2, 3, *lengths(size, kernel, stride)))
    assert_measured(layer, x, dy, rng)


@pytest.mark.pytorch
@BOTH
@FORM
@pytest.mark.parametrize("values", [2, 3, 1000])
def test_agrees_with_pytorch_at_ties_too(
    kind, kernel, stride, size, values, rng
):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    name = {MaxPool2D: "max_pool2d", AvgPool2D: "avg_pool2d"}[kind]
    theirs = partial(
        getattr(torch.nn.functional, name), kernel_size=kernel, stride=stride
    )
    x = rng.integers(0, values, (2, 3, *size)).astype(float)
    dy = rng.standard_normal((2, 3, *lengths(size, kernel, stride)))
    assert_as_in_torch(torch, theirs, kind(kernel, stride), x, dy)


@pytest.mark.pytorch
@pytest.mark.parametrize("value", [0.0, -0.0, -np.inf, np.inf])
def test_agrees_with_pytorch_where_all_pixels_are_the_same(value):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs = partial(torch.nn.functional.max_pool2d, kernel_size=2)
    x, dy = np.full((1, 1, 4, 5), value), np.arange(1.0, 5).reshape(1, 1, 2, 2)
    y, wanted = torch_gradients(torch, theirs, [x], dy)
    layer = MaxPool2D(2)
    np.testing.assert_array_equal(layer.forward(x), y)
    assert_all_close([layer.backward(dy)], wanted)


@given(examples())
def test_the_backward_pass_of_the_mean_is_its_adjoint(case):
    kernel, stride, x, dy = case
    layer = AvgPool2D(kernel, stride)
    y = layer.forward(x)
    dx = layer.backward(dy)
    scale = max(1.0, np.abs(y * dy).sum())
    assert abs(np.vdot(y, dy) - np.vdot(x, dx)) < 1e-12 * scale


# What becomes of the gradient


@BOTH
@given(examples())
def test_no_gradient_is_lost_or_made(kind, case):
    kernel, stride, x, dy = case
    layer = kind(kernel, stride)
    layer.forward(x)
    dx = layer.backward(dy)
    assert_close(dx.sum(axis=(2, 3)), dy.sum(axis=(2, 3)))


@BOTH
def test_a_pixel_in_no_window_changes_nothing_and_gets_no_gradient(kind, rng):
    layer, x = kind(2), rng.standard_normal((2, 3, 5, 7))
    y = layer.forward(x).copy()
    dx = layer.backward(np.ones(y.shape))
    assert not dx[:, :, 4].any()
    assert not dx[:, :, :, 6].any()
    x[:, :, 4] = x[:, :, :, 6] = 1000
    np.testing.assert_array_equal(layer.forward(x), y)


def test_gaps_between_windows_get_no_gradient(rng):
    layer = AvgPool2D(1, 3)
    layer.forward(rng.standard_normal((1, 1, 5, 7)))
    dx = layer.backward(np.ones((1, 1, 2, 3)))[0, 0]
    wanted = np.outer([1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(dx, wanted)


def test_a_pixel_that_wins_in_several_windows_gets_all_their_gradients():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 5
    layer = MaxPool2D(2, stride=1)
    assert layer.forward(x).tolist() == [[[[5, 5], [5, 5]]]]
    dx = layer.backward(np.array([[[[1.0, 2], [3, 4]]]]))
    assert dx.tolist() == [[[[0, 0, 0], [0, 10, 0], [0, 0, 0]]]]


def test_maxima_of_maxima_are_maxima_of_larger_windows(rng):
    x = distinct(rng, (2, 3, 8, 12))
    twice, once = Network([MaxPool2D(2), MaxPool2D(2)]), MaxPool2D(4)
    y = twice.forward(x)
    assert_close(y, once.forward(x), tolerance=0)
    assert_close(twice.backward(y), once.backward(y), tolerance=0)


# Numbers that are none, and memory


@BOTH
def test_a_nan_is_seen_in_its_windows_and_in_no_others(kind, rng):
    x = rng.standard_normal((1, 2, 4, 4))
    x[0, 1, 2, 3] = np.nan
    y = kind(2).forward(x)
    assert [*zip(*np.nonzero(np.isnan(y)), strict=True)] == [(0, 1, 1, 1)]


def test_a_window_with_nan_passes_back_nan_but_no_finite_gradient(rng):
    x = rng.standard_normal((1, 1, 2, 4))
    x[0, 0, 1, 0] = np.nan
    layer = MaxPool2D(2)
    layer.forward(x)
    dx = layer.backward(np.ones((1, 1, 1, 2)))[0, 0]
    assert not dx[:, :2].any()
    assert dx[:, 2:].sum() == 1
    dx = layer.backward(np.array([[[[np.nan, 1.0]]]]))[0, 0]
    assert np.isnan(dx[:, :2]).all()
    assert dx[:, 2:].sum() == 1


@BOTH
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_precision_stays(kind, dtype, rng):
    layer, x = kind(2), rng.standard_normal((2, 1, 5, 4)).astype(dtype)
    y = layer.forward(x)
    assert y.dtype == dtype
    assert layer.backward(y).dtype == dtype


@BOTH
@FORM
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_neither_x_nor_dy_is_written_to(
    kind, kernel, stride, size, layout, rng
):
    x = layout(rng.standard_normal((2, 3, *size)))
    layer = kind(kernel, stride)
    dy = layout(rng.standard_normal(layer.forward(x).shape))
    before = x.copy(), dy.copy()
    dx = layer.backward(dy)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])
    assert not np.shares_memory(dx, dy)
    np.testing.assert_array_equal(layer.backward(dy), dx)


@BOTH
def test_an_image_may_change_its_size_between_batches(kind):
    layer = kind(2)
    for n, size in (3, (4, 5)), (0, (7, 2)), (1, (2, 2)):
        y = layer.forward(np.ones((n, 1, *size)))
        assert layer.backward(y).shape == (n, 1, *size)


# Making one, and refusing


@BOTH
@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ((2,), "2"),
        ((2, 2), "2"),
        (((2, 2), None), "2"),
        ((3, 2), "3, stride=2"),
        (((2, 3),), "(2, 3)"),
        (((2, 3), 1), "(2, 3), stride=1"),
        ((2, (1, 2)), "2, stride=(1, 2)"),
    ],
)
def test_its_name_tells_its_form(kind, arguments, form):
    assert repr(kind(*arguments)) == f"{kind.__name__}({form})"


@BOTH
def test_windows_lie_side_by_side_unless_told_otherwise(kind):
    layer = kind((2, 3))
    assert (layer.kernel_size, layer.stride) == ((2, 3), (2, 3))
    assert isinstance(layer, Pooling)


@ANY
def test_it_has_nothing_to_learn(layer):
    assert layer.parameters() == []
    assert layer.buffers() == {}


@BOTH
@pytest.mark.parametrize("name", ["kernel_size", "stride"])
@pytest.mark.parametrize(
    ("size", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        ((2, 0), ValueError),
        ((2,), ValueError),
        ((2, 2, 2), ValueError),
        (2.0, TypeError),
        (True, TypeError),
        ("2", TypeError),
        ([2, 2], TypeError),
    ],
)
def test_sizes_are_positive_integers(kind, name, size, error):
    message = rf"^{kind.__name__} wants {name} .*got"
    with pytest.raises(error, match=message):
        kind(**({"kernel_size": 2} | {name: size}))


@ANY
@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (1, 2, 4, 4, 1)])
def test_images_have_channels_and_a_batch_axis(layer, shape):
    message = f"{layer} wants x of shape (N, C, H, W), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize("layer", WHOLE, ids=repr)
@pytest.mark.parametrize("size", [(0, 4), (4, 0), (0, 0)])
def test_an_image_has_a_pixel(layer, size):
    with pytest.raises(ValueError, match=r"one pixel or more, got \(2, 3"):
        layer.forward(np.zeros((2, 3, *size)))


@ANY
def test_integers_are_refused(layer):
    with pytest.raises(TypeError, match=r"wants x as an array of floats"):
        layer.forward(np.zeros((1, 1, 4, 4), np.uint8))


@BOTH
@pytest.mark.parametrize("size", [(1, 9), (9, 2), (0, 0)])
def test_an_image_is_no_smaller_than_a_window(kind, size):
    layer = kind((2, 3))
    message = f"{layer} wants images of at least (2, 3) pixels, got {size}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros((1, 2, *size)))


@BOTH
def test_dy_has_the_shape_of_y(kind):
    layer = kind(2)
    with pytest.raises(RuntimeError, match="forward pass before"):
        layer.backward(np.ones((1, 1, 2, 2)))
    layer.forward(np.ones((1, 1, 4, 5)))
    message = f"{layer} wants dy of shape (1, 1, 2, 2), got (1, 1, 2, 1)"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.backward(np.ones((1, 1, 2, 1)))
