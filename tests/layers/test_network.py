"""Network: layers by hand, inside each other, and their summary."""

import copy
import re

import numpy as np
import pytest

from scratchcnn.layer import Layer
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.models.two_class import two_class
from tests.comparing import assert_all_close, assert_close
from tests.gradients import assert_measured, stated_gradients
from tests.reference import (
    conv_db,
    conv_dw,
    conv_dx,
    conv_forward,
    dense_db,
    dense_dw,
    dense_dx,
    dense_forward,
    relu_dx,
    relu_forward,
)


@pytest.fixture
def network(rng):
    """Return the network of Part I for images of 6 x 5, in float64."""
    network = Network(
        [
            Conv2D(1, 2, 3, rng=rng),
            ReLU(),
            Reshape((24,)),
            Dense(24, 4, rng=rng),
            ReLU(),
            Dense(4, 1, rng=rng),
        ]
    )
    network.astype(np.float64)
    for p in network.parameters():
        p.value += 0.1 * rng.standard_normal(p.value.shape)
    return network


@pytest.fixture
def x(rng):
    """Return images that fit."""
    return rng.standard_normal((3, 1, 6, 5))


@pytest.mark.equation("network-forward")
def test_forward_is_the_composition(network, x):
    w1, b1, w2, b2, w3, b3 = (p.value for p in network.parameters())
    y = relu_forward(conv_forward(x, w1, b1, (1, 1), (0, 0)))
    y = relu_forward(dense_forward(y.reshape(3, 24), w2, b2))
    assert_close(network.forward(x), dense_forward(y, w3, b3))


@pytest.mark.equation("network-backward")
def test_backward_is_the_composition_reversed(network, x, rng):
    dy = rng.standard_normal((3, 1))
    w1, b1, w2, b2, w3, _ = (p.value for p in network.parameters())
    z1 = conv_forward(x, w1, b1, (1, 1), (0, 0))
    y1 = relu_forward(z1).reshape(3, 24)
    z2 = dense_forward(y1, w2, b2)
    dz2 = relu_dx(z2, dense_dx(w3, dy))
    dz1 = relu_dx(z1, dense_dx(w2, dz2).reshape(z1.shape))
    wanted = [
        conv_dx(w1, dz1, (6, 5), (1, 1), (0, 0)),
        conv_dw(x, dz1, (3, 3), (1, 1), (0, 0)),
        conv_db(dz1),
        dense_dw(y1, dz2),
        dense_db(dz2),
        dense_dw(relu_forward(z2), dy),
        dense_db(dy),
    ]
    assert_all_close(stated_gradients(network, x, dy), wanted)


@pytest.mark.finite_differences
def test_gradients_are_those_that_can_be_measured(network, x, rng):
    dy = rng.standard_normal((3, 1))
    assert_measured(network, x, dy, rng)


def test_networks_stand_inside_networks(network, x, rng):
    dy = rng.standard_normal((3, 1))
    layers = copy.deepcopy(network.layers)
    inner = Network([Network(layers[2:3]), *layers[3:5]])
    nested = Network([*layers[:2], inner, layers[5]])
    assert_close(nested.forward(x), network.forward(x), tolerance=0)
    wanted = stated_gradients(network, x, dy)
    assert_all_close(stated_gradients(nested, x, dy), wanted, tolerance=0)


def test_parameters_are_listed_in_the_order_of_the_layers(rng):
    first, second, third = (Dense(1, 1, rng=rng) for _ in range(3))
    network = Network([first, Network([ReLU(), second]), third])
    wanted = [p for d in (first, second, third) for p in (d.weight, d.bias)]
    assert network.parameters() == wanted
    assert network.children() == network.layers


def test_modes_reach_the_innermost_layer():
    inner = ReLU()
    network = Network([Network([Network([inner])]), ReLU()])
    network.eval()
    assert not inner.training
    network.train()
    assert inner.training


def test_astype_reaches_the_innermost_layer(rng):
    inner = Dense(2, 2, rng=rng)
    Network([Network([inner])]).astype(np.float64)
    for p in inner.parameters():
        assert p.value.dtype == p.grad.dtype == np.float64


def test_one_layer_alone_is_a_network(rng):
    layer, x = Dense(3, 2, rng=rng), rng.standard_normal((4, 3))
    assert_close(Network([layer]).forward(x), layer.forward(x), tolerance=0)


def test_the_list_of_layers_is_copied():
    layers: list[Layer] = [ReLU()]
    network = Network(layers)
    layers.append(Flatten())
    assert repr(network) == "Network([ReLU()])"
    assert len(Network((ReLU(), Flatten())).layers) == 2


def test_a_layer_may_stand_there_once():
    layer = ReLU()
    with pytest.raises(ValueError, match=r"distinct layers, got \[ReLU"):
        Network([layer, Flatten(), layer])
    assert len(Network([ReLU(), ReLU()]).layers) == 2


def test_a_layer_may_stand_there_once_at_any_depth():
    layer = ReLU()
    with pytest.raises(ValueError, match="distinct layers"):
        Network([layer, Network([layer])])


def test_a_network_has_layers():
    with pytest.raises(ValueError, match=r"one or more distinct layers.*\[\]"):
        Network([])


@pytest.mark.parametrize("stranger", [ReLU, None, "ReLU", np.tanh])
def test_a_network_is_made_of_layers(stranger):
    message = f"Network wants layers, got {stranger!r}"
    with pytest.raises(TypeError, match=re.escape(message)):
        Network([ReLU(), stranger])


def test_the_layer_that_can_not_go_on_speaks(rng):
    network = Network([Dense(2, 3, rng=rng), Dense(4, 1, rng=rng)])
    message = "Dense(4, 1) wants x of shape (N, 4), got (5, 3)"
    with pytest.raises(ValueError, match=re.escape(message)):
        network.forward(np.zeros((5, 2)))


# The network of Part I


# Its summary


def words(text):
    """Split a text into words, line by line."""
    return [line.split() for line in text.strip().split("\n")]


def test_the_summary_tracks_shapes_and_counts_parameters(rng):
    summary = two_class(rng=rng).summary((1, 28, 28))
    # 26 = 28 - 3 + 1, 40 = 4 * (3 * 3 + 1), 2704 = 4 * 26 * 26,
    # 86560 = 32 * (2704 + 1), 33 = 32 + 1
    wanted = """
      layer                                 output           parameters
      input                                 (N, 1, 28, 28)            0
    0 Conv2D(1, 4, 3, stride=1, padding=0)  (N, 4, 26, 26)           40
    1 ReLU()                                (N, 4, 26, 26)            0
    2 Reshape((2704,))                      (N, 2704)                 0
    3 Dense(2704, 32)                       (N, 32)              86,560
    4 ReLU()                                (N, 32)                   0
    5 Dense(32, 1)                          (N, 1)                   33
      total                                                      86,633
    """
    assert words(summary) == words(wanted)


def test_the_columns_of_a_summary_are_aligned(rng):
    lines = two_class(rng=rng).summary((1, 28, 28)).split("\n")
    assert len({len(line) for line in lines}) == 1
    assert len({line.index("(N") for line in lines[1:-1]}) == 1


def test_a_summary_leaves_the_network_alone(network, x):
    network.forward(x)
    wanted = network.backward(np.ones((3, 1)))
    network.summary((1, 6, 5))
    assert network.training
    assert_close(network.backward(np.ones((3, 1))), wanted, tolerance=0)


def test_a_summary_is_made_in_evaluation_mode():
    class Untrained(ReLU):
        """A layer that would learn something from a training batch."""

        def forward(self, x):
            """Return y, but never in training mode."""
            assert not self.training
            return super().forward(x)

    assert "Untrained()" in Network([Untrained()]).summary((3,))


def test_a_summary_counts_nested_layers_as_one(network):
    nested = Network([Network(network.layers[:3]), *network.layers[3:]])
    rows = nested.summary((1, 6, 5)).split("\n")
    assert rows[2].split()[-2:] == ["24)", "20"]
    assert rows[-1].split() == ["total", "125"]


def test_a_summary_says_which_layer_an_image_does_not_fit(network):
    with pytest.raises(ValueError, match=r"Reshape\(\(24,\)\) can't hold"):
        network.summary((1, 7, 7))
