"""Conv2D: its equations in loops, SciPy's form, PyTorch, its refusals."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradient_check import check_layer
from scratchcnn.layers.convolution import Conv2D, gather, scatter
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.initialization import he_normal
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import (
    measured_gradients,
    stated_gradients,
    torch_gradients,
)
from tests.reference import (
    Array,
    conv2d_scipy,
    conv2d_scipy_backward,
    conv_db,
    conv_dw,
    conv_dx,
    conv_forward,
    positions,
    zero_padded,
)

# Kernel, stride, padding and image, with rows that no window covers,
# windows that skip rows, and windows that lie in the padding alone.
FORMS = [
    ((3, 3), (1, 1), (0, 0), (5, 6)),
    ((3, 2), (2, 1), (0, 2), (6, 3)),
    ((2, 3), (3, 2), (1, 1), (7, 8)),
    ((1, 1), (1, 1), (0, 0), (3, 4)),
    ((1, 1), (2, 3), (2, 1), (4, 4)),
    ((5, 4), (1, 1), (0, 0), (5, 4)),
]
FORM = pytest.mark.parametrize(("kernel", "stride", "padding", "size"), FORMS)


class Case(NamedTuple):
    """A layer in float64, with x and dy for it."""

    layer: Conv2D
    x: Array
    dy: Array


def example(rng, kernel, stride, padding, size, *, n=2, c=3, f=4):
    layer = Conv2D(c, f, kernel, stride=stride, padding=padding, rng=rng)
    layer.astype(np.float64)
    layer.bias.value[...] = rng.standard_normal(f)
    x = rng.standard_normal((n, c, *size))
    lengths = (
        positions(length + 2 * p, k, s)
        for length, k, s, p in zip(size, kernel, stride, padding, strict=True)
    )
    return Case(layer, x, rng.standard_normal((n, f, *lengths)))


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def examples(draw, most_stride=3, most_padding=2):
    """Draw a case of any form and size, in any layout in memory."""
    n, c, f = draw(st.tuples(*[st.integers(1, 3)] * 3))
    kernel, stride = draw(pairs(1, 4)), draw(pairs(1, most_stride))
    padding, extra = draw(pairs(0, most_padding)), draw(pairs(0, 4))
    size = [
        max(1, k - 2 * p + e)
        for k, p, e in zip(kernel, padding, extra, strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    case = example(rng, kernel, stride, padding, size, n=n, c=c, f=f)
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    case.layer.weight.value = layout(case.layer.weight.value)
    return Case(case.layer, layout(case.x), layout(case.dy))


# The equations


@pytest.mark.equation("conv-forward")
@given(examples())
def test_forward(case):
    layer, x, _ = case
    w, b = layer.weight.value, layer.bias.value
    wanted = conv_forward(x, w, b, layer.stride, layer.padding)
    assert_close(layer.forward(x), wanted)


@pytest.mark.equation("conv-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    layer.forward(x)
    size, w = x.shape[2:], layer.weight.value
    wanted = conv_dx(w, dy, size, layer.stride, layer.padding)
    assert_close(layer.backward(dy), wanted)


@pytest.mark.equation("conv-dw")
@given(examples())
def test_dw(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    form = layer.kernel_size, layer.stride, layer.padding
    assert_close(layer.weight.grad, conv_dw(x, dy, *form))


@pytest.mark.equation("conv-db")
@given(examples())
def test_db(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    assert_close(layer.bias.grad, conv_db(dy))


@pytest.mark.equation("conv-output-size")
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_the_output_has_a_pixel_for_each_place_of_the_kernel(
    kernel, padding, stride, rng
):
    layer = Conv2D(1, 1, kernel, stride=stride, padding=padding, rng=rng)
    for length in range(max(1, kernel - 2 * padding), 12):
        y = layer.forward(np.ones((1, 1, length, 11)))
        for size, got in zip((length, 11), y.shape[2:], strict=True):
            assert got == (size + 2 * padding - kernel) // stride + 1
            assert got == positions(size + 2 * padding, kernel, stride)


@pytest.mark.equation("conv-gather")
@FORM
def test_gather(kernel, stride, padding, size, rng):
    x = zero_padded(rng.standard_normal((2, 3, *size)), padding)
    columns = gather(x, kernel, stride)
    oh, ow = map(positions, x.shape[2:], kernel, stride)
    assert columns.shape == (2, 3, *kernel, oh, ow)
    for n, c, u, v, i, j in np.ndindex(columns.shape):
        pixel = x[n, c, stride[0] * i + u, stride[1] * j + v]
        assert columns[n, c, u, v, i, j] == pixel


@pytest.mark.equation("conv-scatter")
@FORM
def test_scatter(kernel, stride, padding, size, rng):
    size = tuple(s + 2 * p for s, p in zip(size, padding, strict=True))
    oh, ow = map(positions, size, kernel, stride)
    dcolumns = rng.standard_normal((2, 3, *kernel, oh, ow))
    wanted = np.zeros((2, 3, *size))
    for n, c, u, v, i, j in np.ndindex(dcolumns.shape):
        p, q = stride[0] * i + u, stride[1] * j + v
        wanted[n, c, p, q] += dcolumns[n, c, u, v, i, j]
    assert_close(scatter(dcolumns, size, stride), wanted)


@pytest.mark.equation("conv-dcolumns")
@pytest.mark.parametrize("kernel", [(2, 2), (3, 2), (1, 4)])
def test_dcolumns(kernel, rng):
    # With windows side by side, each pixel belongs to one place of one
    # window, so that the columns can be read off dx.
    layer, x, dy = example(rng, kernel, kernel, (0, 0), (6, 8))
    layer.forward(x)
    columns = gather(layer.backward(dy), kernel, kernel)
    wanted = np.zeros(columns.shape)
    for n, c, u, v, i, j in np.ndindex(columns.shape):
        for f in range(layer.out_channels):
            w = layer.weight.value[f, c, u, v]
            wanted[n, c, u, v, i, j] += w * dy[n, f, i, j]
    assert_close(columns, wanted)


# The same numbers by other ways


@given(examples(most_stride=1, most_padding=0))
def test_agrees_with_one_image_at_a_time_by_scipy(case):
    layer, x, dy = case
    w, b = layer.weight.value, layer.bias.value
    assert_close(layer.forward(x), conv2d_scipy(x, w, b))
    wanted = conv2d_scipy_backward(x, w, dy)
    assert_all_close(stated_gradients(layer, x, dy), wanted)


@pytest.mark.finite_differences
@FORM
def test_gradients_are_those_that_can_be_measured(
    kernel, stride, padding, size, rng
):
    layer, x, dy = example(rng, kernel, stride, padding, size)
    wanted = measured_gradients(layer, x, dy)
    stated = stated_gradients(layer, x, dy)
    assert_all_close(stated, wanted, tolerance=1e-8)
    assert check_layer(layer, x, rng=rng) < 1e-7


@pytest.mark.pytorch
@FORM
def test_agrees_with_pytorch(kernel, stride, padding, size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer, x, dy = example(rng, kernel, stride, padding, size)

    def theirs(x, w, b):
        conv2d = torch.nn.functional.conv2d
        return conv2d(x, w, b, stride=stride, padding=padding)

    arrays = x, layer.weight.value, layer.bias.value
    y, wanted = torch_gradients(torch, theirs, arrays, dy)
    assert_close(layer.forward(x), y)
    assert_all_close(stated_gradients(layer, x, dy), wanted)


@given(examples())
def test_without_a_bias_backward_is_the_adjoint_of_forward(case):
    layer, x, dy = case
    layer.bias.value[...] = 0
    y = layer.forward(x)
    assert_close(np.vdot(y, dy), np.vdot(x, layer.backward(dy)))


@FORM
def test_scatter_is_the_adjoint_of_gather(kernel, stride, padding, size, rng):
    x = zero_padded(rng.standard_normal((2, 3, *size)), padding)
    columns = gather(x, kernel, stride)
    other = rng.standard_normal(columns.shape)
    back = scatter(other, x.shape[2:], stride)
    assert_close(np.vdot(columns, other), np.vdot(x, back))


def test_a_pixel_that_no_window_covers_gets_no_gradient(rng):
    layer, x, dy = example(rng, (2, 2), (3, 3), (0, 0), (6, 7))
    layer.forward(x)
    covered = layer.backward(dy)[0, 0] != 0
    assert (
        covered.tolist()
        == np.outer([1, 1, 0, 1, 1, 0], [1, 1, 0, 1, 1, 0, 0])
        .astype(bool)
        .tolist()
    )


def test_a_kernel_of_one_pixel_is_a_dense_layer_at_each_pixel(rng):
    layer, x, dy = example(rng, (1, 1), (1, 1), (0, 0), (4, 5))
    dense = Dense(3, 4, rng=rng)
    dense.astype(np.float64)
    dense.weight.value = layer.weight.value.reshape(4, 3)
    dense.bias.value = layer.bias.value

    def by_pixels(images):
        return images.transpose(0, 2, 3, 1).reshape(40, -1)

    y = by_pixels(layer.forward(x))
    assert_close(y, dense.forward(by_pixels(x)))
    dx, dw, db = stated_gradients(layer, x, dy)
    wanted = stated_gradients(dense, by_pixels(x), by_pixels(dy))
    assert_all_close([by_pixels(dx), dw.reshape(4, 3), db], wanted)


def test_a_kernel_as_large_as_the_image_is_one_dense_layer(rng):
    layer, x, dy = example(rng, (4, 5), (1, 1), (0, 0), (4, 5))
    dense = Dense(60, 4, rng=rng)
    dense.astype(np.float64)
    dense.weight.value = layer.weight.value.reshape(4, 60)
    dense.bias.value = layer.bias.value
    assert_close(layer.forward(x)[:, :, 0, 0], dense.forward(x.reshape(2, 60)))
    dx = dense.backward(dy.reshape(2, 4))
    assert_close(layer.backward(dy), dx.reshape(x.shape))


def test_an_image_may_change_its_size_between_batches(rng):
    layer = Conv2D(1, 2, 3, padding=1, rng=rng)
    for size in (4, 5), (2, 7), (1, 1):
        x = np.ones((2, 1, *size))
        y = layer.forward(x)
        assert y.shape == (2, 2, *size)
        assert layer.backward(y).shape == x.shape


def test_a_long_batch_keeps_the_digits_of_its_sums(rng):
    layer = Conv2D(1, 1, 1, rng=rng)
    x = np.full((200_000, 1, 1, 1), 0.1, np.float32)
    layer.forward(x)
    layer.backward(x)
    tenth = float(np.float32(0.1))
    wanted = 200_000 * np.array([tenth, tenth**2])
    found = layer.bias.grad.item(), layer.weight.grad.item()
    np.testing.assert_allclose(found, wanted, 3 * np.finfo(np.float32).eps)


# Making one


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({}, "Conv2D(2, 4, (3, 2), stride=1, padding=0)"),
        (
            {"stride": 2, "padding": 1},
            "Conv2D(2, 4, (3, 2), stride=2, padding=1)",
        ),
        (
            {"stride": (2, 1), "padding": (0, 3)},
            "Conv2D(2, 4, (3, 2), stride=(2, 1), padding=(0, 3))",
        ),
        ({"kernel_size": (5, 5)}, "Conv2D(2, 4, 5, stride=1, padding=0)"),
    ],
)
def test_its_name_tells_its_form(arguments, name, rng):
    arguments = {"kernel_size": (3, 2), "rng": rng} | arguments
    assert repr(Conv2D(2, 4, **arguments)) == name


def test_weights_are_he_s_and_biases_zero():
    layer = Conv2D(2, 5, (3, 4), rng=np.random.default_rng(2))
    shape = 5, 2, 3, 4
    wanted = he_normal(shape, fan_in=24, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(layer.weight.value, wanted)
    np.testing.assert_array_equal(layer.bias.value, np.zeros(5, np.float32))
    assert layer.bias.value.dtype == np.float32
    assert layer.parameters() == [layer.weight, layer.bias]


@pytest.mark.parametrize(
    ("name", "size", "error"),
    [
        ("in_channels", 0, ValueError),
        ("in_channels", True, TypeError),
        ("in_channels", (2, 2), TypeError),
        ("out_channels", -1, ValueError),
        ("out_channels", 4.0, TypeError),
        ("kernel_size", 0, ValueError),
        ("kernel_size", (3, 0), ValueError),
        ("kernel_size", (0, 3), ValueError),
        ("kernel_size", (3,), ValueError),
        ("kernel_size", (3, 3, 3), ValueError),
        ("kernel_size", (), ValueError),
        ("kernel_size", "3", TypeError),
        ("kernel_size", (3, True), TypeError),
        ("stride", 0, ValueError),
        ("stride", (1, 0), ValueError),
        ("stride", 1.0, TypeError),
        ("stride", (1, 1, 1), ValueError),
        ("padding", -1, ValueError),
        ("padding", (0, -1), ValueError),
        ("padding", False, TypeError),
        ("padding", "same", TypeError),
    ],
)
def test_sizes_are_integers_and_not_too_small(name, size, error, rng):
    sizes = {"in_channels": 2, "out_channels": 4, "kernel_size": 3}
    with pytest.raises(error, match=rf"^Conv2D wants {name} .*got"):
        Conv2D(**(sizes | {name: size}), rng=rng)


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match=r"wants rng as a numpy\.random"):
        Conv2D(2, 4, 3, rng=0)


# Refusing images


@pytest.mark.parametrize(
    "shape", [(5, 5), (2, 5, 5), (1, 3, 5, 5), (1, 5, 5, 2), (1, 2, 5, 5, 1)]
)
def test_images_have_channels_and_a_batch_axis(shape, rng):
    layer = Conv2D(2, 4, 3, rng=rng)
    message = f"{layer} wants x of shape (N, 2, H, W), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize(
    ("size", "padding", "padded"),
    [
        ((2, 9), 0, (2, 9)),
        ((9, 1), 0, (9, 1)),
        ((0, 9), 0, (0, 9)),
        ((1, 0), (0, 1), (1, 2)),
    ],
)
def test_an_image_is_no_smaller_than_the_kernel(size, padding, padded, rng):
    layer = Conv2D(2, 4, (3, 2), padding=padding, rng=rng)
    message = f"{layer} wants images of at least (3, 2) pixels, got {padded}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros((1, 2, *size)))
