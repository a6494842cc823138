"""Conv2D: its equations in loops, SciPy's form, PyTorch, other layers.

What all kinds of convolution have in common is in `test_convolutions`.
"""

import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layers.convolution import Conv2D, gather, scatter
from scratchcnn.layers.dense import Dense
from tests.cases import case_of, laid_out, pairs
from tests.comparing import assert_all_close, assert_close
from tests.gradients import (
    assert_adjoint,
    assert_as_in_torch,
    assert_measured,
    stated_gradients,
)
from tests.reference import (
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


def example(rng, kernel, stride, padding, size, *, n=2, c=3, f=4):
    layer = Conv2D(c, f, kernel, stride=stride, padding=padding, rng=rng)
    lengths = (
        positions(length + 2 * p, k, s)
        for length, k, s, p in zip(size, kernel, stride, padding, strict=True)
    )
    return case_of(layer, rng, (n, c, *size), (n, f, *lengths))


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
    return laid_out(draw, case)


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
    assert_measured(*example(rng, kernel, stride, padding, size), rng)


@pytest.mark.pytorch
@FORM
def test_agrees_with_pytorch(kernel, stride, padding, size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    conv2d = torch.nn.functional.conv2d
    theirs = partial(conv2d, stride=stride, padding=padding)
    case = example(rng, kernel, stride, padding, size)
    assert_as_in_torch(torch, theirs, *case)


@given(examples())
def test_without_a_bias_backward_is_the_adjoint_of_forward(case):
    case.layer.bias.value[...] = 0
    assert_adjoint(*case)


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
