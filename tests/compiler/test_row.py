"""Rows: their stages, in what order, in which buffers."""

import numpy as np
import pytest
from hypothesis import given

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.compiler.convolution import BiasStage, ConvStage, MaxPoolStage
from scratchcnn.compiler.row import Row, stages_of
from scratchcnn.compiler.stage import (
    AnyStage,
    BatchNormStage,
    DenseStage,
    DropoutStage,
    ReLUStage,
    ReshapeStage,
)
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.residual import Residual
from tests.comparing import assert_close
from tests.compiler.test_accelerate import Halved, both, lenet, networks
from tests.reference import conv_forward


@pytest.mark.equation("accelerate-swap")
def test_relu_of_bias_and_maximum_may_change_places(rng):
    for z, b in zip(
        rng.standard_normal((50, 4)), rng.standard_normal(50), strict=True
    ):
        late = max(max(*z) + b, 0.0)
        assert late == max(max(q + b, 0.0) for q in z)
    x = rng.standard_normal((2, 1, 12, 12))
    layers = [Conv2D(1, 3, 3, rng=rng), ReLU(), MaxPool2D(2)]
    layers[0].bias.value[...] = rng.standard_normal(3)
    kinds = [kind for kind, _ in stages_of(Network(layers))]
    assert kinds == [ConvStage, MaxPoolStage, BiasStage, ReLUStage]
    fast = accelerate(Network(layers)).forward(x)
    z = conv_forward(x, layers[0].weight.value, np.zeros(3), (1, 1), (0, 0))
    for n, f, i, j in np.ndindex(fast.shape):
        tile = z[n, f, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel()
        wanted = max(max(*tile) + layers[0].bias.value[f], 0.0)
        assert abs(fast[n, f, i, j] - wanted) < 1e-12


@pytest.mark.equation("accelerate-swap-dz")
def test_the_first_of_the_largest_gets_the_gradient_if_it_is_positive(rng):
    layers = [Conv2D(1, 2, 1, rng=rng), ReLU(), MaxPool2D(2)]
    layers[0].weight.value[...] = 1
    layers[0].bias.value[...] = [0.0, -1.0]
    x = rng.integers(-2, 3, (3, 1, 6, 6)).astype(float)
    fast = accelerate(Network(layers), input_gradient=True)
    dy = rng.standard_normal(fast.forward(x).shape)
    dz = np.zeros((3, 2, 6, 6))
    for n, f, i, j in np.ndindex(dy.shape):
        places = [(2 * i + u, 2 * j + v) for u in (0, 1) for v in (0, 1)]
        first = max(places, key=lambda place: x[n, 0][place])
        if x[n, 0][first] + layers[0].bias.value[f] > 0:
            dz[n, f][first] = dy[n, f, i, j]
    assert_close(fast.backward(dy), dz.sum(axis=1, keepdims=True))


def test_only_max_pooling_moves_and_only_before_bias_and_relu(rng):
    kinds = [kind for kind, _ in stages_of(lenet(rng))]
    assert kinds == [
        ConvStage,
        BiasStage,
        BatchNormStage,
        MaxPoolStage,
        ReLUStage,
        ConvStage,
        MaxPoolStage,
        BiasStage,
        ReLUStage,
        ReshapeStage,
        DropoutStage,
        DenseStage,
    ]
    layers = [ReLU(), MaxPool2D(2, stride=1), Halved(3, 2, rng=rng)]
    kinds = [kind for kind, _ in stages_of(Network(layers))]
    assert kinds == [ReLUStage, AnyStage, AnyStage]


def test_a_way_around_is_compiled_with_what_is_inside(rng):
    layers = [Conv2D(1, 2, 3, padding=1, rng=rng), ReLU(), MaxPool2D(2)]
    around = Conv2D(1, 2, 1, stride=2, rng=rng)
    network = Network([Residual(Network(layers), around), ReLU()])
    fast = accelerate(network, input_gradient=True)
    x = rng.standard_normal((3, 1, 6, 4))
    fast.forward(x)
    residual, _ = fast.plan_for(x).row.stages
    kinds = [type(stage) for stage in residual.inside.stages]
    assert kinds == [ConvStage, MaxPoolStage, BiasStage, ReLUStage]
    assert [type(s) for s in residual.around.stages] == [ConvStage, BiasStage]
    both(fast, x)


def buffers(row):
    """Yield the arrays that the stages of a row have made, by name."""
    for stage in row.stages:
        for name, value in vars(stage).items():
            if isinstance(value, Row):
                yield from buffers(value)
            elif isinstance(value, np.ndarray):
                yield name, value


@given(networks())
def test_no_buffer_is_wider_than_what_it_holds(case):
    network, shape = case
    row = Row(network, np.zeros((*shape, 2), np.float32))
    for name, array in buffers(row):
        mask = name in ("mask", "wins")
        assert array.dtype == (bool if mask else np.float32)
