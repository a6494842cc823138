"""What all kinds of convolution have in common: manners, sums, files."""

import re

import numpy as np
import pytest

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.initialization import he_normal
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from scratchcnn.training.weights import load, save
from tests.comparing import assert_all_close
from tests.gradients import assert_same_passes, stated_gradients

CHANNELS = {
    Conv2D: {"in_channels": 2, "out_channels": 4},
    DepthwiseConv2D: {"channels": 2},
    ConvTranspose2D: {"in_channels": 2, "out_channels": 4},
}
SAME = {"kernel_size": (3, 3), "stride": (1, 1), "padding": (0, 0)}
SETTINGS = dict.fromkeys(CHANNELS, SAME)
SETTINGS[DepthwiseConv2D] = SAME | {"dilation": (1, 1)}
EACH = pytest.mark.parametrize("kind", CHANNELS)


def make(kind, rng, **settings):
    """Return a layer for images of two channels."""
    return kind(**(CHANNELS[kind] | {"kernel_size": 3} | settings), rng=rng)


# Numbers


@EACH
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_flows_through_keeps_its_precision(kind, dtype, rng):
    form = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}
    if kind is DepthwiseConv2D:
        form |= {"padding": (1, 3), "dilation": (2, 3)}
    layer, x = make(kind, rng, **form), rng.standard_normal((2, 2, 6, 5))
    layer.astype(np.float64)
    layer.bias.value[...] = rng.standard_normal(len(layer.bias.value))
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    wanted = [y, *(g.copy() for g in stated_gradients(layer, x, dy))]
    x, dy = x.astype(dtype), dy.astype(dtype)
    y, dx = layer.forward(x), layer.backward(dy)
    assert y.dtype == dx.dtype == dtype
    assert layer.weight.grad.dtype == layer.bias.grad.dtype == np.float64
    found = [y, dx, layer.weight.grad, layer.bias.grad]
    tolerance = 30 * float(np.finfo(dtype).eps)
    assert_all_close(found, wanted, tolerance=tolerance)


@EACH
def test_a_long_batch_keeps_the_digits_of_its_sums(kind, rng):
    layer = kind(**dict.fromkeys(CHANNELS[kind], 1), kernel_size=1, rng=rng)
    x = np.full((200_000, 1, 1, 1), 0.1, np.float32)
    layer.forward(x)
    layer.backward(x)
    tenth = float(np.float32(0.1))
    wanted = 200_000 * np.array([tenth, tenth**2])
    found = layer.bias.grad.item(), layer.weight.grad.item()
    np.testing.assert_allclose(found, wanted, 3 * np.finfo(np.float32).eps)


@pytest.mark.parametrize(
    ("kind", "settings", "factor"),
    [
        (Conv2D, {"padding": 1}, 1),
        (DepthwiseConv2D, {"padding": 2, "dilation": 2}, 1),
        (ConvTranspose2D, {"kernel_size": 4, "stride": 2, "padding": 1}, 2),
    ],
)
def test_images_may_change_their_size_and_number_between_batches(
    kind, settings, factor, rng
):
    layer = make(kind, rng, **settings)
    for n, size in (2, (4, 5)), (2, (2, 7)), (0, (7, 2)), (1, (1, 1)):
        x = np.ones((n, 2, *size))
        y = layer.forward(x)
        height, width = (factor * length for length in size)
        assert y.shape == (n, len(layer.bias.value), height, width)
        assert layer.backward(y).shape == x.shape
    assert not layer.weight.grad[..., 0, :].any()  # in the frame alone
    assert layer.weight.grad.any()


@EACH
def test_no_image_makes_no_gradient(kind, rng):
    layer = make(kind, rng)
    layer.weight.grad[...] = layer.bias.grad[...] = 1
    assert layer.backward(layer.forward(np.ones((0, 2, 3, 3)))).size == 0
    assert not layer.weight.grad.any()
    assert not layer.bias.grad.any()


# In a network


def halved(kind, rng):
    """Return a network with such a layer behind one that halves images."""
    return Network(
        [
            Conv2D(1, 2, 3, stride=2, padding=1, rng=rng),
            ReLU(),
            make(kind, rng, kernel_size=4, stride=2, padding=1),
        ]
    )


@EACH
def test_accelerated_it_is_the_same(kind, rng):
    network, x = halved(kind, rng), rng.standard_normal((3, 1, 6, 8))
    network.astype(np.float64)
    fast = accelerate(network, input_gradient=True)
    assert_same_passes(network, fast, x, rng)


@EACH
def test_it_is_saved_and_loaded(kind, tmp_path, rng):
    one, other = halved(kind, rng), halved(kind, rng)
    x = rng.standard_normal((3, 1, 6, 8))
    assert (one.forward(x) != other.forward(x)).any()
    save(one, tmp_path / "weights.npz")
    load(other, tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.forward(x), one.forward(x))


# Making one


@pytest.mark.parametrize(
    ("kind", "arguments", "name"),
    [
        (Conv2D, {}, "Conv2D(2, 4, (3, 2), stride=1, padding=0)"),
        (
            Conv2D,
            {"stride": 2, "padding": 1},
            "Conv2D(2, 4, (3, 2), stride=2, padding=1)",
        ),
        (
            Conv2D,
            {"stride": (2, 1), "padding": (0, 3)},
            "Conv2D(2, 4, (3, 2), stride=(2, 1), padding=(0, 3))",
        ),
        (
            Conv2D,
            {"kernel_size": (5, 5)},
            "Conv2D(2, 4, 5, stride=1, padding=0)",
        ),
        (
            DepthwiseConv2D,
            {},
            "DepthwiseConv2D(2, (3, 2), stride=1, padding=0, dilation=1)",
        ),
        (
            DepthwiseConv2D,
            {"stride": (2, 1), "padding": (0, 3), "dilation": (1, 2)},
            "DepthwiseConv2D(2, (3, 2), stride=(2, 1), padding=(0, 3), "
            "dilation=(1, 2))",
        ),
        (
            DepthwiseConv2D,
            {"kernel_size": (5, 5), "stride": 2, "padding": 1, "dilation": 3},
            "DepthwiseConv2D(2, 5, stride=2, padding=1, dilation=3)",
        ),
        (
            ConvTranspose2D,
            {},
            "ConvTranspose2D(2, 4, (3, 2), stride=1, padding=0)",
        ),
        (
            ConvTranspose2D,
            {"kernel_size": (5, 5), "stride": (2, 1), "padding": (0, 3)},
            "ConvTranspose2D(2, 4, 5, stride=(2, 1), padding=(0, 3))",
        ),
    ],
)
def test_its_name_tells_its_form(kind, arguments, name, rng):
    arguments = {"kernel_size": (3, 2)} | arguments
    assert repr(make(kind, rng, **arguments)) == name


@EACH
def test_its_settings_are_channels_and_pairs(kind, rng):
    assert make(kind, rng).settings() == CHANNELS[kind] | SETTINGS[kind]


@pytest.mark.parametrize(
    ("kind", "stride", "shape", "fan_in"),
    [
        (Conv2D, 1, (4, 2, 3, 4), 24),
        (DepthwiseConv2D, 1, (2, 3, 4), 12),
        (ConvTranspose2D, 1, (2, 4, 3, 4), 24),
        (ConvTranspose2D, 2, (2, 4, 3, 4), 8),
        (ConvTranspose2D, (1, 2), (2, 4, 3, 4), 12),
        (ConvTranspose2D, (3, 5), (2, 4, 3, 4), 2),
    ],
)
def test_weights_are_he_s_and_biases_zero(kind, stride, shape, fan_in):
    one, other = np.random.default_rng(2), np.random.default_rng(2)
    layer = make(kind, one, kernel_size=(3, 4), stride=stride)
    wanted = he_normal(shape, fan_in=fan_in, rng=other)
    np.testing.assert_array_equal(layer.weight.value, wanted)
    count = 2 if kind is DepthwiseConv2D else 4
    zeros = np.zeros(count, np.float32)
    np.testing.assert_array_equal(layer.bias.value, zeros)
    assert layer.bias.value.dtype == np.float32
    assert layer.parameters() == [layer.weight, layer.bias]


COUNTS = {ValueError: [0, -1], TypeError: [4.0, True, (2, 2)]}
SIZES = {
    ValueError: [0, (3, 0), (0, 3), (), (3,), (3, 3, 3)],
    TypeError: [1.0, 1.5, "3", True, (3, True)],
}
FRAMES = {
    ValueError: [-1, (0, -1), (1, 1, 1)],
    TypeError: [1.0, False, "same"],
}


def wrong_sizes():
    """Yield what no layer is made with, and the error that says so."""
    for kind, channels in CHANNELS.items():
        lists = dict.fromkeys(channels, COUNTS)
        lists |= dict.fromkeys(SETTINGS[kind], SIZES) | {"padding": FRAMES}
        for name, errors in lists.items():
            for error, sizes in errors.items():
                yield from ((kind, name, size, error) for size in sizes)


@pytest.mark.parametrize(("kind", "name", "size", "error"), [*wrong_sizes()])
def test_sizes_are_integers_and_not_too_small(kind, name, size, error, rng):
    with pytest.raises(error, match=rf"^{kind.__name__} wants {name} .*got"):
        make(kind, rng, **{name: size})


@EACH
def test_a_seed_is_no_generator(kind):
    with pytest.raises(TypeError, match=r"wants rng as a numpy\.random"):
        make(kind, 0)


# Refusing images


@EACH
@pytest.mark.parametrize(
    "shape", [(5, 5), (2, 5, 5), (1, 3, 5, 5), (1, 5, 5, 2), (1, 2, 5, 5, 1)]
)
def test_images_have_channels_and_a_batch_axis(kind, shape, rng):
    layer = make(kind, rng)
    message = f"{layer} wants x of shape (N, 2, H, W), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros(shape))


@EACH
def test_dy_has_the_shape_of_y(kind, rng):
    layer = make(kind, rng, stride=2)
    dy = np.zeros_like(layer.forward(np.zeros((2, 2, 6, 5))))
    for wrong in dy[:1], dy[:, :1], dy[..., 1:]:
        with pytest.raises(ValueError, match="wants dy of shape"):
            layer.backward(wrong)
