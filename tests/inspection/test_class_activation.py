"""Class activation maps and Grad-CAM: loops, PyTorch, and each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.class_activation import (
    class_activation_map,
    grad_cam,
)
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.layers.residual import Residual
from scratchcnn.models.lenet import lenet
from tests.comparing import LAYOUTS, assert_close, assert_untouched, frozen
from tests.gradients import numerical_gradient
from tests.inspection.test_saliency import small_network
from tests.reference import (
    class_map,
    conv_forward,
    dense_dx,
    grad_cam_map,
    grad_cam_weights,
    relu_forward,
)

NUMBERS = st.integers(0, 99)
AWKWARD = st.sampled_from(sorted(LAYOUTS))


def pooled_network(rng, channels=3, classes=4):
    """Return a network with one number for each map, in float64."""
    network = Network(
        [
            Conv2D(1, channels, 3, rng=rng),
            ReLU(),
            GlobalAvgPool2D(),
            Dense(channels, classes, rng=rng),
        ]
    )
    network.astype(np.float64)
    for p in network.parameters():
        p.value[...] = rng.standard_normal(p.value.shape)
    return network


# The equations


@given(NUMBERS, AWKWARD)
def test_class_activation_maps_are_those_of_the_loops(seed, layout):
    rng = np.random.default_rng(seed)
    network = pooled_network(rng)
    x = LAYOUTS[layout](rng.standard_normal((2, 1, 6, 5)))
    w, b, v, a = (p.value for p in network.parameters())
    maps = relu_forward(conv_forward(x, w, b, (1, 1), (0, 0)))
    found = class_activation_map(network, x)
    for k in range(4):
        assert_close(found[:, k], class_map(maps, v, k))
    assert_close(found.mean(axis=(2, 3)) + a, network.forward(x))


@pytest.mark.equation("grad-cam-weights")
@pytest.mark.equation("grad-cam")
@given(NUMBERS, AWKWARD)
def test_grad_cam_is_that_of_the_loops(seed, layout):
    rng = np.random.default_rng(seed)
    network, (w, b, v, _) = small_network(rng)
    x = LAYOUTS[layout](rng.standard_normal((3, 1, 6, 5)))
    classes = frozen(rng.integers(0, 4, 3))
    maps = relu_forward(conv_forward(x, w, b, (1, 1), (0, 0)))
    dmaps = dense_dx(v, np.eye(4)[classes]).reshape(maps.shape)
    wanted = grad_cam_map(maps, grad_cam_weights(dmaps))
    assert_close(grad_cam(network, x, classes, layer=1), wanted)


@pytest.mark.equation("grad-cam-raised")
def test_the_weight_of_a_map_says_what_it_does_to_raise_it(rng):
    network, _ = small_network(rng)
    end, size = Network(network.layers[2:]), 4 * 3
    maps, k = rng.standard_normal((1, 2, 4, 3)), 2
    raised = np.zeros(2)

    def logit():
        return float(end.forward(maps + raised[:, None, None])[0, k])

    measured = numerical_gradient(logit, raised)
    dmaps = dense_dx(network.parameters()[2].value, np.eye(4)[[k]])
    weights = grad_cam_weights(dmaps.reshape(maps.shape))
    assert_close(measured, size * weights[0], tolerance=1e-8)


@pytest.mark.equation("grad-cam-class-map")
@given(NUMBERS)
def test_with_one_number_a_map_it_is_the_class_activation_map(seed):
    rng = np.random.default_rng(seed)
    network = pooled_network(rng)
    x, classes = rng.standard_normal((3, 1, 6, 5)), np.array([3, 0, 1])
    found = grad_cam(network, x, classes, layer=1)
    maps = network.layers[1].forward(network.layers[0].forward(x))
    v = network.layers[3].weight.value
    for n, k in enumerate(classes):
        wanted = class_map(maps, v, k)[n]
        for place in np.ndindex(wanted.shape):
            positive = max(wanted[place], 0.0) / wanted.size
            assert abs(found[n][place] - positive) < 1e-12


@pytest.mark.pytorch
@pytest.mark.parametrize("layer", [1, 2, 4, 5])
def test_grad_cam_is_that_of_pytorch_with_hooks(layer, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn, network = torch.nn, lenet(rng=rng)
    network.astype(np.float64)
    theirs = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ).double()
    with torch.no_grad():
        for p, q in zip(
            network.parameters(), theirs.parameters(), strict=True
        ):
            q.copy_(torch.from_numpy(p.value))
    seen = {}

    def on_the_way_there(module, inputs, output):
        seen["maps"] = output
        output.register_hook(lambda slope: seen.update(slopes=slope))

    theirs[layer].register_forward_hook(on_the_way_there)
    x, classes = rng.uniform(0, 1, (3, 1, 28, 28)), np.array([9, 0, 4])
    theirs(torch.from_numpy(x))[range(3), classes].sum().backward()
    weights = seen["slopes"].mean(dim=(2, 3), keepdim=True)
    wanted = (weights * seen["maps"]).sum(dim=1).relu().detach().numpy()
    assert_close(grad_cam(network, x, classes, layer), wanted)
    assert wanted.max() > 0


# Nothing else is touched


def noisy_network(rng):
    return Network(
        [
            Residual(Network([BatchNorm2D(2), ReLU()])),
            Dropout(0.5, rng=rng),
            GlobalAvgPool2D(),
            Dense(2, 3, rng=rng),
        ]
    )


@pytest.mark.parametrize("training", [True, False])
def test_nothing_of_the_network_changes(training, rng):
    network = noisy_network(rng)
    network.train(training)
    x = rng.standard_normal((4, 2, 3, 3)).astype(np.float32)
    with assert_untouched(network, x, rng):
        classes = frozen(np.arange(4) % 3)
        found = grad_cam(network, frozen(x), classes, layer=0)
        maps = class_activation_map(network, x)
    assert (found.dtype, maps.dtype) == (np.float32, np.float32)
    assert (found.shape, maps.shape) == ((4, 3, 3), (4, 3, 3, 3))


def test_accelerated_or_not(rng):
    network = noisy_network(rng)
    x = rng.standard_normal((4, 2, 3, 3)).astype(np.float32)
    classes = np.array([0, 1, 2, 0])
    for fast in (
        accelerate(network),
        accelerate(network, input_gradient=True),
    ):
        assert_close(
            grad_cam(fast, x, classes, layer=0),
            grad_cam(network, x, classes, layer=0),
            tolerance=1e-6,
        )
        assert_close(
            class_activation_map(fast, x),
            class_activation_map(network, x),
            tolerance=1e-6,
        )
    closed = Network([Conv2D(2, 2, 1, rng=rng), accelerate(network)])
    with pytest.raises(ValueError, match="needs input_gradient=True"):
        grad_cam(closed, x, classes, layer=0)


def test_without_layers_in_front_the_maps_are_the_images(rng):
    network = Network([GlobalAvgPool2D(), Dense(2, 3, rng=rng)])
    x = rng.standard_normal((2, 2, 4, 3))
    found = class_activation_map(network, x)
    bias = network.layers[1].bias.value
    assert_close(found.mean(axis=(2, 3)) + bias, network.forward(x))


# What they can't use


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": np.array([0, 4])}, "classes from 0 to 3, got 0 to 4"),
        ({"classes": np.array([0])}, r"classes of shape \(2,\)"),
        ({"classes": np.zeros(2)}, "classes as an array of integers"),
        ({"layer": 3}, "grad_cam wants layer <= 2, got 3"),
        ({"layer": -1}, "grad_cam wants layer >= 0, got -1"),
        ({"layer": 1.0}, "grad_cam wants layer as an integer"),
        ({"layer": 2}, r"the layer's output of shape \(2, C, H, W\)"),
        ({"x": np.zeros((2, 2, 6, 5))}, "Conv2D"),
        ({"network": ReLU()}, "wants a Network, got ReLU"),
    ],
)
def test_what_grad_cam_can_not_use_is_named(rng, change, message):
    network, _ = small_network(rng)
    asked = {"network": network, "x": np.zeros((2, 1, 6, 5))}
    asked |= {"classes": np.array([0, 1]), "layer": 1, **change}
    with pytest.raises((TypeError, ValueError), match=message):
        grad_cam(**asked)


@pytest.mark.parametrize(
    "build",
    [
        lambda rng: small_network(rng)[0],
        lambda rng: Network([GlobalAvgPool2D(), Dense(1, 4, rng=rng), ReLU()]),
        lambda rng: Network([Flatten(), Dense(30, 4, rng=rng)]),
        lambda rng: Network([ReLU()]),
    ],
)
def test_another_end_has_no_class_activation_map(build, rng):
    with pytest.raises(ValueError, match="ends with GlobalAvgPool2D and"):
        class_activation_map(build(rng), np.zeros((2, 1, 6, 5)))
    with pytest.raises(TypeError, match="wants a Network"):
        class_activation_map(ReLU(), np.zeros((2, 1, 6, 5)))
    with pytest.raises(TypeError, match="wants a Network"):
        class_activation_map([ReLU()], np.zeros((2, 1, 6, 5)))
