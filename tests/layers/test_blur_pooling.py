"""BlurPool2D: loops, waves and what moves with the image, PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.training.weights import load, save
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import (
    assert_adjoint,
    assert_as_in_torch,
    assert_measured,
    assert_same_passes,
)
from tests.reference import (
    blur_pool_dx,
    blur_pool_forward,
    conv_forward,
    positions,
)

FORM = pytest.mark.parametrize(
    ("stride", "size"),
    [
        ((1, 1), (4, 3)),
        ((2, 2), (6, 5)),
        ((2, 1), (5, 4)),
        ((3, 2), (7, 8)),
        ((2, 2), (1, 1)),
        ((5, 4), (3, 9)),
    ],
)


@st.composite
def examples(draw):
    """Draw a layer, and x and dy of any shape, in any layout."""
    n, c = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    size, stride = (draw(st.tuples(*[st.integers(1, 7)] * 2)) for _ in "ab")
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x = rng.standard_normal((n, c, *size))
    both = zip(size, stride, strict=True)
    output = (positions(length, 1, s) for length, s in both)
    dy = rng.standard_normal((n, c, *output))
    return BlurPool2D(stride), layout(x), layout(dy)


# The equations


@pytest.mark.equation("blur-pool-forward")
@given(examples())
def test_forward(case):
    layer, x, _ = case
    assert_close(layer.forward(x), blur_pool_forward(x, layer.stride))


@pytest.mark.equation("blur-pool-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    layer.forward(x)
    wanted = blur_pool_dx(dy, x.shape[2:], layer.stride)
    assert_close(layer.backward(dy), wanted)


@pytest.mark.equation("equivariance-convolution")
@pytest.mark.parametrize("down", [-2, 0, 1, 2])
@pytest.mark.parametrize("right", [-1, 0, 2])
def test_a_convolution_moves_along_with_its_image(down, right, rng):
    x = np.zeros((1, 2, 10, 9))
    x[:, :, 3:7, 3:6] = rng.standard_normal((2, 4, 3))
    w, b = rng.standard_normal((3, 2, 3, 2)), rng.standard_normal(3)
    y = conv_forward(x, w, b, (1, 1), (0, 0))
    way = {"shift": (down, right), "axis": (2, 3)}
    moved = conv_forward(np.roll(x, **way), w, b, (1, 1), (0, 0))
    for n, f, i, j in np.ndindex(y.shape):
        if 0 <= i - down < 8 and 0 <= j - right < 8:
            assert_close(moved[n, f, i, j], y[n, f, i - down, j - right])
    layer = Conv2D(2, 3, (3, 2), rng=rng)
    layer.astype(np.float64)
    layer.weight.value[...], layer.bias.value[...] = w, b
    assert_close(layer.forward(np.roll(x, **way)), moved)


@pytest.mark.equation("equivariance-stride")
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("down", range(5))
def test_behind_a_stride_only_whole_strides_are_moves(stride, down, rng):
    x = np.zeros((1, 1, 24, 30))
    x[:, :, 6:12] = rng.standard_normal((1, 1, 6, 30))
    for layer in (
        Conv2D(1, 2, 3, stride=stride, rng=rng),
        MaxPool2D(3, stride=stride),
        BlurPool2D(stride),
    ):
        layer.astype(np.float64)
        y, moved = layer.forward(x), layer.forward(np.roll(x, down, axis=2))
        rows, steps = y.shape[2], down // stride
        here, there = moved[:, :, steps:], y[:, :, : rows - steps]
        assert np.allclose(here, there) == (down % stride == 0)


@pytest.mark.equation("aliasing")
@pytest.mark.parametrize("stride", [2, 3, 5])
@pytest.mark.parametrize("frequency", [0.05, 0.2, 0.4, 0.5])
def test_two_waves_have_the_same_samples(stride, frequency):
    places = range(40)
    one, other = (
        [np.cos(2 * np.pi * f * stride * i) for i in places]
        for f in (frequency, 1 / stride - frequency)
    )
    assert_close(one, other)


@pytest.mark.equation("blur-response")
@given(st.floats(0, 0.5), st.floats(0, 6))
def test_a_wave_is_made_lower_by_its_frequency_alone(frequency, phase):
    p = np.arange(20)
    wave = np.cos(2 * np.pi * frequency * p + phase)
    y = BlurPool2D((1, 1)).forward(wave[None, None, None])[0, 0, 0]
    factor = np.cos(np.pi * frequency) ** 2
    assert_close(y[1:-1], factor * wave[1:-1])


# The same numbers by other ways


@pytest.mark.finite_differences
@FORM
def test_gradients_are_those_that_can_be_measured(stride, size, rng):
    layer, x = BlurPool2D(stride), rng.standard_normal((2, 3, *size))
    dy = rng.standard_normal(layer.forward(x).shape)
    assert_measured(layer, x, dy, rng, most=1e-8)


@pytest.mark.pytorch
@FORM
def test_agrees_with_pytorch(stride, size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    line = torch.tensor([1.0, 2, 1], dtype=torch.float64) / 4
    kernel = torch.outer(line, line).expand(3, 1, 3, 3)

    def theirs(x):
        f = torch.nn.functional
        framed = f.pad(x, (1, 1, 1, 1), mode="replicate")
        return f.conv2d(framed, kernel, stride=stride, groups=3)

    layer, x = BlurPool2D(stride), rng.standard_normal((2, 3, *size))
    dy = rng.standard_normal(layer.forward(x).shape)
    assert_as_in_torch(torch, theirs, layer, x, dy)


@given(examples())
def test_backward_is_the_adjoint_of_forward(case):
    assert_adjoint(*case)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_precision_is_that_of_the_images(dtype, rng):
    layer, x = BlurPool2D(2), rng.standard_normal((2, 3, 5, 6))
    wanted = layer.forward(x)
    dy = rng.standard_normal(wanted.shape)
    dx = layer.backward(dy)
    found = [layer.forward(x.astype(dtype)), layer.backward(dy.astype(dtype))]
    assert {one.dtype for one in found} == {np.dtype(dtype)}
    tolerance = 20 * np.finfo(dtype).eps
    assert_all_close(found, [wanted, dx], tolerance=tolerance)


def test_what_is_level_stays_level_up_to_the_border():
    x = np.full((1, 2, 5, 4), np.finfo(np.float16).max, np.float16)
    for stride in 1, 2, 3:
        assert (BlurPool2D(stride).forward(x) == x.max()).all()


def test_images_may_change_their_size_between_batches():
    layer = BlurPool2D(2)
    for n, size in (3, (4, 5)), (0, (7, 2)), (1, (1, 1)):
        y = layer.forward(np.ones((n, 2, *size)))
        half = [(length + 1) // 2 for length in size]
        assert y.shape == (n, 2, *half)
        assert layer.backward(y).shape == (n, 2, *size)


# In a network


def blurred(rng):
    """Return a network with blurred max pooling."""
    conv = Conv2D(1, 3, 3, padding=1, rng=rng)
    return Network([conv, MaxPool2D(2, stride=1), BlurPool2D()])


def test_accelerated_it_is_the_same(rng):
    network, x = blurred(rng), rng.standard_normal((3, 1, 7, 8))
    network.astype(np.float64)
    fast = accelerate(network, input_gradient=True)
    assert_same_passes(network, fast, x, rng)


def test_weights_beside_it_are_saved_and_loaded(tmp_path, rng):
    network, x = blurred(rng), rng.standard_normal((3, 1, 7, 8))
    save(network, tmp_path / "weights.npz")
    other = blurred(np.random.default_rng(9))
    load(other, tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.forward(x), network.forward(x))


# Making one, and refusing


def test_its_name_tells_its_form():
    assert repr(BlurPool2D()) == "BlurPool2D(2)"
    assert repr(BlurPool2D((2, 1))) == "BlurPool2D((2, 1))"


@pytest.mark.parametrize(
    ("stride", "error"),
    [
        (0, ValueError),
        ((1, 0), ValueError),
        ((1, 1, 1), ValueError),
        (1.0, TypeError),
        (True, TypeError),
        ("2", TypeError),
    ],
)
def test_a_stride_is_a_positive_integer(stride, error):
    with pytest.raises(error, match=r"^BlurPool2D wants stride .*got"):
        BlurPool2D(stride)
