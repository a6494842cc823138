"""Stages: each does what its layer does, with the batch on the last axis."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.stage import (
    AnyStage,
    BatchNormStage,
    DenseStage,
    DropoutStage,
    ReLUStage,
    ReshapeStage,
    batch_first,
    batch_last,
    per_channel,
)
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from tests.comparing import assert_all_close, assert_close
from tests.reference import (
    dense_db,
    dense_dw,
    dense_dx,
    dense_forward,
    relu_dx,
    relu_forward,
)


def run(stage, x, dy):
    """Send x, batch first, forward, and dy back; return y and dx."""
    np.copyto(stage.x, batch_last(x))
    stage.forward()
    y = batch_first(stage.y).copy()
    np.copyto(stage.y, batch_last(dy))
    stage.learn()
    stage.backward()
    return y, batch_first(stage.x).copy()


def buffer(x):
    """Return an empty buffer for x, batch last."""
    return np.full_like(batch_last(x), np.nan, order="C")


def assert_equal_to_layer(kind, layer, x, rng):
    """Compare a stage with its layer, twice, by everything they return."""
    plain, stage = copy.deepcopy(layer), kind(layer, buffer(x))
    for _ in range(2):
        x = rng.standard_normal(x.shape)
        y = plain.forward(x)
        dy = rng.standard_normal(y.shape)
        wanted = [y, plain.backward(dy)]
        actual = run(stage, x, dy)
        for one in plain, layer:
            kept = wanted if one is plain else (actual := list(actual))
            kept += [p.grad for p in one.parameters()]
            kept += one.buffers().values()
        assert_all_close(actual, wanted)


sizes = st.integers(1, 5)
seeds = st.integers(0, 999)


@pytest.mark.equation("stage-dense")
@given(sizes, sizes, sizes, seeds)
def test_dense(n, d, m, seed):
    rng = np.random.default_rng(seed)
    layer = Dense(d, m, rng=rng)
    layer.astype(np.float64)
    layer.bias.value[...] = rng.standard_normal(m)
    x, dy = rng.standard_normal((n, d)), rng.standard_normal((n, m))
    w, b = layer.weight.value, layer.bias.value
    y, dx = run(DenseStage(layer, buffer(x)), x, dy)
    assert_close(y, dense_forward(x, w, b))
    assert_close(dx, dense_dx(w, dy))
    assert_close(layer.weight.grad, dense_dw(x, dy))
    assert_close(layer.bias.grad, dense_db(dy))


def test_relu_works_in_place(rng):
    x, dy = rng.standard_normal((2, 4, 3, 2))
    x[0, 0] = 0
    stage = ReLUStage(ReLU(), buffer(x))
    assert stage.y is stage.x
    y, dx = run(stage, x, dy)
    assert_close(y, relu_forward(x))
    assert_close(dx, relu_dx(x, dy))


@pytest.mark.parametrize(
    "layer", [Flatten(), Reshape((2, -1)), Reshape((12,))]
)
@pytest.mark.parametrize("turned", [False, True])
def test_reshape_views_what_it_can_and_copies_the_rest(layer, turned, rng):
    x = rng.standard_normal((5, 3, 4))
    buffers = np.empty((4, 3, 5)).swapaxes(0, 1) if turned else buffer(x)
    stage = ReshapeStage(layer, buffers)
    assert np.shares_memory(stage.x, stage.y) != turned
    dy = rng.standard_normal(layer.forward(x).shape)
    y, dx = run(stage, x, dy)
    np.testing.assert_array_equal(y, layer.forward(x))
    np.testing.assert_array_equal(dx, layer.backward(dy))


@pytest.mark.equation("stage-norm")
@pytest.mark.parametrize("training", [True, False])
@given(sizes, sizes, st.integers(2, 4), seeds)
def test_batch_norm(training, n, c, w, seed):
    rng = np.random.default_rng(seed)
    layer = BatchNorm2D(c)
    layer.astype(np.float64)
    for array in layer.weight.value, layer.bias.value, layer.running_mean:
        array[...] = rng.standard_normal(c)
    layer.train(training)
    x = np.empty((n, c, 3, w))
    assert_equal_to_layer(BatchNormStage, layer, x, rng)


def test_batch_norm_refuses_a_single_number(rng):
    layer = BatchNorm2D(2)
    stage = BatchNormStage(layer, np.zeros((2, 1, 1, 1)))
    with pytest.raises(ValueError, match=r"more than one number.*1, 2, 1, 1"):
        stage.forward()


@pytest.mark.parametrize("training", [True, False])
def test_dropout_draws_the_layer_s_numbers(training, rng):
    layer = Dropout(0.5, rng=np.random.default_rng(3))
    layer.train(training)
    assert_equal_to_layer(DropoutStage, layer, np.empty((4, 3, 2, 5)), rng)


def test_any_other_layer_is_turned_around(rng):
    layer = Dense(3, 2, rng=rng)
    layer.astype(np.float64)
    assert_equal_to_layer(AnyStage, layer, np.empty((4, 3)), rng)


def test_per_channel_has_the_axes_and_the_precision_of_images():
    v = per_channel(np.ones(3), np.zeros(1, np.float32))
    assert v.shape == (3, 1, 1, 1)
    assert v.dtype == np.float32
