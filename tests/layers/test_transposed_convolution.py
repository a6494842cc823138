"""ConvTranspose2D: loops, the passes of Conv2D exchanged, PyTorch."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.gradient_check import check_layer
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.initialization import he_normal
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from scratchcnn.training.weights import load, save
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import (
    measured_gradients,
    stated_gradients,
    torch_gradients,
)
from tests.reference import (
    Array,
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


class Case(NamedTuple):
    """A layer in float64, with x and dy for it."""

    layer: ConvTranspose2D
    x: Array
    dy: Array


def example(rng, kernel, stride, padding, size, *, n=2, c=3, f=4):
    layer = ConvTranspose2D(
        c, f, kernel, stride=stride, padding=padding, rng=rng
    )
    layer.astype(np.float64)
    layer.bias.value[...] = rng.standard_normal(f)
    output = map(conv_transpose_size, size, kernel, stride, padding)
    x = rng.standard_normal((n, c, *size))
    return Case(layer, x, rng.standard_normal((n, f, *output)))


@st.composite
def examples(draw):
    """Draw a case of any form and size, in any layout in memory."""
    n, c, f = draw(st.tuples(*[st.integers(1, 3)] * 3))
    kernel, stride = (draw(st.tuples(*[st.integers(1, 3)] * 2)) for _ in "ks")
    size = draw(st.tuples(*[st.integers(1, 4)] * 2))
    forms = zip(size, kernel, stride, strict=True)
    whole = [s * (length - 1) + k for length, k, s in forms]
    padding = tuple(draw(st.integers(0, min(2, (w - 1) // 2))) for w in whole)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    case = example(rng, kernel, stride, padding, size, n=n, c=c, f=f)
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    case.layer.weight.value = layout(case.layer.weight.value)
    return Case(case.layer, layout(case.x), layout(case.dy))


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
        function = torch.nn.functional.conv_transpose2d
        return function(x, w, b, stride=stride, padding=padding)

    arrays = x, layer.weight.value, layer.bias.value
    y, wanted = torch_gradients(torch, theirs, arrays, dy)
    assert_close(layer.forward(x), y)
    assert_all_close(stated_gradients(layer, x, dy), wanted)
    module = torch.nn.ConvTranspose2d(3, 4, kernel, stride, padding)
    assert tuple(module.weight.shape) == layer.weight.value.shape


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_precision_is_that_of_the_images(dtype, rng):
    layer, x, dy = example(rng, (3, 2), (2, 1), (1, 0), (4, 3))
    wanted = [layer.forward(x), layer.backward(dy)]
    y = layer.forward(x.astype(dtype))
    dx = layer.backward(dy.astype(dtype))
    assert y.dtype == dx.dtype == dtype
    tolerance = 50 * np.finfo(dtype).eps
    assert_all_close([y, dx], wanted, tolerance=tolerance)


def test_between_kernels_with_gaps_there_is_the_bias_alone(rng):
    layer, x, _ = example(rng, (1, 2), (3, 3), (0, 0), (2, 3))
    y = layer.forward(x)
    assert y.shape == (2, 4, 4, 8)
    bias = np.broadcast_to(layer.bias.value[:, None, None], y.shape[1:])
    for n in range(2):
        np.testing.assert_array_equal(y[n, :, 1:3], bias[:, 1:3])
        np.testing.assert_array_equal(y[n, :, :, 2::3], bias[:, :, 2::3])


def test_an_image_may_change_its_size_between_batches(rng):
    layer = ConvTranspose2D(1, 2, 4, stride=2, padding=1, rng=rng)
    for n, size in (2, (4, 5)), (0, (2, 7)), (1, (1, 1)):
        x = np.ones((n, 1, *size))
        y = layer.forward(x)
        assert y.shape == (n, 2, 2 * size[0], 2 * size[1])
        assert layer.backward(y).shape == x.shape


def test_a_long_batch_keeps_the_digits_of_its_sums(rng):
    layer = ConvTranspose2D(1, 1, 1, rng=rng)
    x = np.full((200_000, 1, 1, 1), 0.1, np.float32)
    layer.forward(x)
    layer.backward(x)
    tenth = float(np.float32(0.1))
    wanted = 200_000 * np.array([tenth, tenth**2])
    found = layer.bias.grad.item(), layer.weight.grad.item()
    np.testing.assert_allclose(found, wanted, 3 * np.finfo(np.float32).eps)


# In a network


def small_and_large_again(rng):
    """Return a network that halves images and doubles them again."""
    return Network(
        [
            Conv2D(1, 3, 3, stride=2, padding=1, rng=rng),
            ReLU(),
            ConvTranspose2D(3, 1, 4, stride=2, padding=1, rng=rng),
        ]
    )


def test_accelerated_it_is_the_same(rng):
    network, x = small_and_large_again(rng), rng.standard_normal((3, 1, 6, 8))
    network.astype(np.float64)
    wanted = network.forward(x)
    dy = rng.standard_normal(wanted.shape)
    gradients = [a.copy() for a in stated_gradients(network, x, dy)]
    fast = accelerate(network, input_gradient=True)
    assert_close(fast.forward(x), wanted)
    assert_all_close(stated_gradients(fast, x, dy), gradients)


def test_it_is_saved_and_loaded(tmp_path, rng):
    network, x = small_and_large_again(rng), rng.standard_normal((3, 1, 6, 8))
    save(network, tmp_path / "weights.npz")
    other = small_and_large_again(np.random.default_rng(9))
    load(other, tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.forward(x), network.forward(x))


# Making one


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({}, "ConvTranspose2D(2, 4, (3, 2), stride=1, padding=0)"),
        (
            {"stride": (2, 1), "padding": (0, 3), "kernel_size": (5, 5)},
            "ConvTranspose2D(2, 4, 5, stride=(2, 1), padding=(0, 3))",
        ),
    ],
)
def test_its_name_tells_its_form(arguments, name, rng):
    arguments = {"kernel_size": (3, 2), "rng": rng} | arguments
    assert repr(ConvTranspose2D(2, 4, **arguments)) == name


@pytest.mark.parametrize(
    ("stride", "fan_in"), [(1, 24), (2, 8), ((1, 2), 12), ((3, 5), 2)]
)
def test_weights_are_he_s_for_what_overlaps_and_biases_zero(stride, fan_in):
    layer = ConvTranspose2D(
        2, 5, (3, 4), stride=stride, rng=np.random.default_rng(2)
    )
    shape = 2, 5, 3, 4
    wanted = he_normal(shape, fan_in=fan_in, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(layer.weight.value, wanted)
    np.testing.assert_array_equal(layer.bias.value, np.zeros(5, np.float32))
    assert layer.bias.value.dtype == np.float32
    assert layer.parameters() == [layer.weight, layer.bias]


@pytest.mark.parametrize(
    ("name", "size", "error"),
    [
        ("in_channels", 0, ValueError),
        ("in_channels", True, TypeError),
        ("out_channels", -1, ValueError),
        ("out_channels", 4.0, TypeError),
        ("kernel_size", (3, 0), ValueError),
        ("kernel_size", (3, 3, 3), ValueError),
        ("kernel_size", "3", TypeError),
        ("stride", 0, ValueError),
        ("stride", 1.0, TypeError),
        ("padding", -1, ValueError),
        ("padding", "same", TypeError),
    ],
)
def test_sizes_are_integers_and_not_too_small(name, size, error, rng):
    sizes = {"in_channels": 2, "out_channels": 4, "kernel_size": 3}
    with pytest.raises(error, match=rf"^ConvTranspose2D wants {name} .*got"):
        ConvTranspose2D(**(sizes | {name: size}), rng=rng)


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match=r"wants rng as a numpy\.random"):
        ConvTranspose2D(2, 4, 3, rng=0)


# Refusing images


@pytest.mark.parametrize(
    "shape", [(5, 5), (2, 5, 5), (1, 3, 5, 5), (1, 5, 5, 2), (1, 2, 5, 5, 1)]
)
def test_images_have_channels_and_a_batch_axis(shape, rng):
    layer = ConvTranspose2D(2, 4, 3, rng=rng)
    message = f"{layer} wants x of shape (N, 2, H, W), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros(shape))


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
