"""The network of Part I: its layers, its numbers, its weights."""

import numpy as np
import pytest

from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.models.two_class import two_class
from tests.comparing import assert_all_close, assert_close
from tests.gradients import stated_gradients, torch_gradients


@pytest.mark.pytorch
def test_the_two_class_network_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = two_class(rng=rng)
    network.astype(np.float64)
    x, dy = rng.uniform(0, 1, (3, 1, 28, 28)), rng.standard_normal((3, 1))

    def theirs(x, w1, b1, w2, b2, w3, b3):
        F = torch.nn.functional
        y = F.relu(F.conv2d(x, w1, b1)).flatten(1)
        return F.linear(F.relu(F.linear(y, w2, b2)), w3, b3)

    arrays = [x, *(p.value for p in network.parameters())]
    y, wanted = torch_gradients(torch, theirs, arrays, dy)
    assert_close(network.forward(x), y)
    assert_all_close(stated_gradients(network, x, dy), wanted)


def test_the_two_class_network_has_the_shapes_of_part_one(rng):
    network = two_class(rng=rng)
    shapes = [p.value.shape for p in network.parameters()]
    conv = [(4, 1, 3, 3), (4,)]
    assert shapes == [*conv, (32, 2704), (32,), (1, 32), (1,)]
    y = network.forward(np.zeros((5, 1, 28, 28), np.float32))
    assert y.shape == (5, 1)
    assert y.dtype == np.float32


def test_its_weights_are_drawn_in_the_order_of_the_layers():
    network = two_class(rng=np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for layer in (
        Conv2D(1, 4, 3, rng=rng),
        Dense(2704, 32, rng=rng),
        Dense(32, 1, rng=rng),
    ):
        same = [
            other.weight.value
            for other in network.layers
            if repr(other) == repr(layer)
        ]
        np.testing.assert_array_equal(same, [layer.weight.value])


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match=r"wants rng as a numpy\.random"):
        two_class(rng=0)
