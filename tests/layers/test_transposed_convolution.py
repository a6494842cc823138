"""ConvTranspose2D: loops, the passes of Conv2D exchanged, PyTorch.

What all kinds of convolution have in common is in `test_convolutions`.
"""

import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from tests.cases import case_of, laid_out, pairs
from tests.comparing import assert_close
from tests.gradients import (
    assert_as_in_torch,
    assert_measured,
    stated_gradients,
)
from tests.reference import (
    conv_db,
    conv_transpose_dw,
    conv_transpose_dx,
    conv_transpose_forward,
    conv_transpose_size,
    kernels_on_row,
)

# Kernel, stride, padding and image: with kernels that overlap, that lie
# side by side, with gaps between, and with frames cut off.
FORMS = [
    ((3, 3), (1, 1), (0, 0), (4, 3)),
    ((3, 2), (2, 1), (0, 0), (3, 4)),
    ((2, 2), (2, 2), (0, 0), (3, 2)),
    ((4, 3), (2, 2), (1, 1), (3, 4)),
    ((1, 2), (3, 3), (0, 0), (2, 3)),
    ((3, 5), (1, 2), (1, 2), (2, 2)),
    ((1, 1), (1, 1), (0, 0), (1, 1)),
]
FORM = pytest.mark.parametrize(("kernel", "stride", "padding", "size"), FORMS)


def example(rng, kernel, stride, padding, size, *, n=2, c=3, f=4):
    layer = ConvTranspose2D(
        c, f, kernel, stride=stride, padding=padding, rng=rng
    )
    output = map(conv_transpose_size, size, kernel, stride, padding)
    return case_of(layer, rng, (n, c, *size), (n, f, *output))


@st.composite
def examples(draw):
    """Draw a case of any form and size, in any layout in memory."""
    n, c, f = draw(st.tuples(*[st.integers(1, 3)] * 3))
    kernel, stride = draw(pairs(1, 3)), draw(pairs(1, 3))
    size = draw(pairs(1, 4))
    forms = zip(size, kernel, stride, strict=True)
    whole = [s * (length - 1) + k for length, k, s in forms]
    padding = tuple(draw(st.integers(0, min(2, (w - 1) // 2))) for w in whole)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    case = example(rng, kernel, stride, padding, size, n=n, c=c, f=f)
    return laid_out(draw, case)


def twin(layer):
    """Return the convolution whose passes these are, without a bias."""
    form = {"stride": layer.stride, "padding": layer.padding}
    channels = layer.out_channels, layer.in_channels
    rng = np.random.default_rng(0)
    conv = Conv2D(*channels, layer.kernel_size, **form, rng=rng)
    conv.astype(np.float64)
    conv.weight.value = layer.weight.value
    return conv


# The equations


@pytest.mark.equation("conv-transpose-forward")
@given(examples())
def test_forward(case):
    layer, x, _ = case
    w, b = layer.weight.value, layer.bias.value
    wanted = conv_transpose_forward(x, w, b, layer.stride, layer.padding)
    assert_close(layer.forward(x), wanted)


@pytest.mark.equation("conv-transpose-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    layer.forward(x)
    w, size = layer.weight.value, x.shape[2:]
    wanted = conv_transpose_dx(w, dy, size, layer.stride, layer.padding)
    assert_close(layer.backward(dy), wanted)


@pytest.mark.equation("conv-transpose-dw")
@given(examples())
def test_dw(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    form = layer.kernel_size, layer.stride, layer.padding
    assert_close(layer.weight.grad, conv_transpose_dw(x, dy, *form))


@pytest.mark.equation("conv-transpose-db")
@given(examples())
def test_db(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    assert_close(layer.bias.grad, conv_db(dy))


@pytest.mark.equation("conv-transpose-size")
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_the_output_reaches_as_far_as_its_kernels(
    kernel, padding, stride, rng
):
    form = {"stride": stride, "padding": padding}
    layer = ConvTranspose2D(1, 1, kernel, **form, rng=rng)
    for size in range(1, 6):
        wanted = conv_transpose_size(size, kernel, stride, padding)
        x = np.ones((1, 1, size, 5))
        if min(wanted, stride * 4 + kernel - 2 * padding) < 1:
            with pytest.raises(ValueError, match="inside the padding"):
                layer.forward(x)
        else:
            y = layer.forward(x)
            assert y.shape[2] == wanted
            assert wanted == stride * (size - 1) + kernel - 2 * padding


@pytest.mark.equation("conv-transpose-adjoint")
@given(examples())
def test_it_is_the_adjoint_of_a_convolution(case):
    layer, x, dy = case
    layer.bias.value[...] = 0
    conv = twin(layer)
    back = conv.forward(dy)
    assert back.shape == x.shape
    assert_close(np.vdot(back, x), np.vdot(dy, layer.forward(x)))


@pytest.mark.equation("conv-transpose-overlap")
@pytest.mark.parametrize("kernel", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 5))
def test_where_the_stride_divides_the_kernel_all_rows_have_as_many(
    kernel, stride, rng
):
    layer = ConvTranspose2D(1, 1, (kernel, 1), stride=(stride, 1), rng=rng)
    layer.weight.value[...] = 1
    y = layer.forward(np.ones((1, 1, 12, 1)))[0, 0, :, 0]
    counts = [kernels_on_row(p, 12, kernel, stride) for p in range(len(y))]
    assert y.tolist() == counts
    inside = range(kernel - 1, stride * 11)  # what no border is near
    for p in inside:
        extra = p % stride < kernel % stride
        assert counts[p] == kernel // stride + extra
    levels = {counts[p] for p in inside}
    assert (len(levels) == 1) == (kernel % stride == 0)


# The same numbers by other ways


@given(examples())
def test_its_passes_are_those_of_a_convolution_to_the_last_digit(case):
    layer, x, dy = case
    layer.bias.value[...] = 0
    conv = twin(layer)
    forth = conv.forward(dy)
    np.testing.assert_array_equal(layer.forward(x), conv.backward(x))
    np.testing.assert_array_equal(layer.backward(dy), forth)
    np.testing.assert_array_equal(layer.weight.grad, conv.weight.grad)


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
    function = torch.nn.functional.conv_transpose2d
    theirs = partial(function, stride=stride, padding=padding)
    case = example(rng, kernel, stride, padding, size)
    assert_as_in_torch(torch, theirs, *case)
    module = torch.nn.ConvTranspose2d(3, 4, kernel, stride, padding)
    assert tuple(module.weight.shape) == case.layer.weight.value.shape


def test_between_kernels_with_gaps_there_is_the_bias_alone(rng):
    layer, x, _ = example(rng, (1, 2), (3, 3), (0, 0), (2, 3))
    y = layer.forward(x)
    assert y.shape == (2, 4, 4, 8)
    bias = np.broadcast_to(layer.bias.value[:, None, None], y.shape[1:])
    for n in range(2):
        np.testing.assert_array_equal(y[n, :, 1:3], bias[:, 1:3])
        np.testing.assert_array_equal(y[n, :, :, 2::3], bias[:, :, 2::3])


def test_sums_of_halves_may_be_larger_than_a_half(rng):
    layer = ConvTranspose2D(1, 1, 1, rng=rng)
    x = np.full((10_000, 1, 1, 1), 10, np.float16)
    layer.forward(x)
    layer.backward(x)
    found = layer.bias.grad.item(), layer.weight.grad.item()
    assert found == (100_000, 1_000_000)


@pytest.mark.parametrize(
    ("size", "padding"),
    [((0, 4), 0), ((4, 0), 0), ((1, 4), (1, 0)), ((4, 1), (0, 2))],
)
def test_an_output_has_a_pixel(size, padding, rng):
    layer = ConvTranspose2D(2, 4, 2, padding=padding, rng=rng)
    x = np.zeros((1, 2, *size))
    message = f"leave one inside the padding, got {x.shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(x)
