"""Accelerated networks equal the plain ones, whatever they are made of."""

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.accelerate import PLANS, accelerate
from scratchcnn.batch_normalization import BatchNorm2D
from scratchcnn.convolution import Conv2D
from scratchcnn.dense import Dense
from scratchcnn.dropout import Dropout
from scratchcnn.gradient_check import check_layer
from scratchcnn.layer import Layer
from scratchcnn.mean_squared_error import MeanSquaredError
from scratchcnn.network import Network, two_class_network
from scratchcnn.pooling import AvgPool2D, MaxPool2D
from scratchcnn.relu import ReLU
from scratchcnn.reshape import Flatten, Reshape
from scratchcnn.training import gradient_step
from tests.reference import LAYOUTS, assert_all_close, assert_close


class Square(Layer):
    """A layer that the compiler does not know."""

    def forward(self, x):
        self._cache = x
        return x**2

    def backward(self, dy):
        return 2 * dy * self.recall()


class Halved(Dense):
    """A kind of Dense that is not what it seems."""

    def forward(self, x):
        return super().forward(x / 2)

    def backward(self, dy):
        return super().backward(dy) / 2


def pairs(least, most):
    """Draw one number for both axes, or one for each."""
    sizes = st.integers(least, most)
    return sizes | st.tuples(sizes, sizes)


@st.composite
def image_layers(draw, channels, size, rng):
    """Draw layers for images, and return what they make of one."""
    layers, x = [], np.zeros((1, channels, *size))
    kinds = st.sampled_from("conv conv relu max max avg norm drop any".split())
    for kind in draw(st.lists(kinds, max_size=7)):
        c, *size = x.shape[1:]
        window = draw(pairs(1, 3) | st.just(2))
        stride = draw(st.none() | pairs(1, 3))
        if kind == "conv":
            layer = Conv2D(
                c,
                draw(st.integers(1, 3)),
                window,
                stride=draw(st.just(1) | pairs(1, 3)),
                padding=draw(pairs(0, 2)),
                rng=rng,
            )
        elif kind in ("max", "avg"):
            layer = {"max": MaxPool2D, "avg": AvgPool2D}[kind](window, stride)
        else:
            layer = {
                "relu": ReLU(),
                "norm": BatchNorm2D(c),
                "drop": Dropout(0.4, rng=rng),
                "any": Square(),
            }[kind]
        try:
            trial = copy.deepcopy(layer)
            trial.eval()
            x = trial.forward(x)
        except ValueError:
            continue  # it doesn't fit on what is left of the image
        layers.append(layer)
    return layers, x.shape[1:]


@st.composite
def networks(draw):
    """Draw a network, perhaps of networks, and the shape of its inputs."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    channels, size = (
        draw(st.integers(1, 3)),
        draw(st.tuples(*[st.integers(3, 9)] * 2)),
    )
    layers, shape = draw(image_layers(channels, size, rng))
    if layers and draw(st.booleans()):
        layers = [Network(layers)]
    if not layers or draw(st.booleans()):
        d = int(np.prod(shape))
        flatten = draw(st.sampled_from([Flatten(), Reshape((d,))]))
        kind = draw(st.sampled_from([Dense, Halved]))
        layers += [flatten, kind(d, 3, rng=rng), ReLU(), Dense(3, 2, rng=rng)]
    for p in Network(layers).parameters():
        p.value[...] = rng.standard_normal(p.value.shape) / 2
    return Network(layers), (channels, *size)


def both(network, x, dy_seed=0):
    """Return output and all gradients of a network, and its arrays."""
    y = network.forward(x)
    dy = np.random.default_rng(dy_seed).standard_normal(y.shape)
    dx = network.backward(dy.astype(y.dtype))
    gradients = [p.grad for p in network.parameters()]
    kept = [a for layer in network.walk() for a in layer.buffers().values()]
    return [y, dx, *gradients, *kept]


def draw_batch(data, shape, rng):
    """Draw a batch of any size, in any layout, and one of the modes."""
    n, training = data.draw(st.integers(2, 5)), data.draw(st.booleans())
    layout = LAYOUTS[data.draw(st.sampled_from([*LAYOUTS]))]
    return layout(rng.standard_normal((n, *shape))), training


def results(network, batch):
    """Return output, all gradients, and all buffers after a batch."""
    x, training = batch
    network.train(training)
    y = network.forward(x)
    dy = np.random.default_rng(7).standard_normal(y.shape)
    dx = network.backward(dy.astype(y.dtype))
    gradients = [p.grad for p in network.parameters()]
    kept = [a for layer in network.walk() for a in layer.buffers().values()]
    return [array.copy() for array in (y, dx, *gradients, *kept)]


@given(networks(), st.data())
def test_in_float64_all_results_are_those_of_the_plain_network(case, data):
    (network, shape), rng = case, np.random.default_rng(1)
    network.astype(np.float64)
    fast = accelerate(copy.deepcopy(network), input_gradient=True)
    for _ in range(3):
        batch = draw_batch(data, shape, rng)
        wanted, actual = results(network, batch), results(fast, batch)
        assert_all_close(actual, wanted, tolerance=1e-10)


@given(networks(), st.data())
def test_in_float32_all_results_are_as_exact_as_the_plain_network_s(
    case, data
):
    (network, shape), rng = case, np.random.default_rng(1)
    exact = copy.deepcopy(network)
    exact.astype(np.float64)
    fast = accelerate(copy.deepcopy(network), input_gradient=True)
    x, training = draw_batch(data, shape, rng)
    narrow = x.astype(np.float32), training
    truth = results(exact, (narrow[0].astype(np.float64), training))
    plain, actual = results(network, narrow), results(fast, narrow)
    scale = max(float(np.abs(one).max(initial=1)) for one in truth)
    rounding = max(
        float(np.abs(one - true).max(initial=0))
        for one, true in zip(plain, truth, strict=True)
    )
    for one, other, true in zip(actual, plain, truth, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, true, 0, 1e-5 * scale + 4 * rounding)
