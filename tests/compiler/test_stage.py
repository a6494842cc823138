"""Stages: each does what its layer does, with the batch on the last axis."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
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
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.network import Network
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


def test_batch_norm_measures_two_numbers_once(rng):
    x = rng.standard_normal((2, 3, 1, 1))
    assert_equal_to_layer(BatchNormStage, BatchNorm2D(3), x, rng)


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


def test_a_mask_is_as_narrow_as_the_numbers(rng):
    x = rng.standard_normal((4, 3, 2, 5)).astype(np.float32)
    plain, fast = (
        Dropout(0.3, rng=np.random.default_rng(3)) for _ in range(2)
    )
    stage = DropoutStage(fast, x.copy())
    stage.forward()
    wanted = plain.forward(x.transpose(3, 0, 1, 2))
    np.testing.assert_array_equal(stage.y, wanted.transpose(1, 2, 3, 0))


def test_planning_changes_no_mode_of_what_is_inside(rng):
    class Pair(Layer):
        """Holds another layer."""

        def __init__(self):
            self.inside = ReLU()

        def forward(self, x):
            """Let the other do it."""
            return self.inside.forward(x)

        def backward(self, dy):
            """Let the other do it."""
            return self.inside.backward(dy)

    pair = Pair()
    AnyStage(pair, buffer(rng.standard_normal((3, 4))))
    assert pair.inside.training


def test_per_channel_has_the_axes_and_the_precision_of_images():
    v = per_channel(np.ones(3), np.zeros(1, np.float32))
    assert v.shape == (3, 1, 1, 1)
    assert v.dtype == np.float32


# Sums in float64


def norms():
    """Return a plain and an accelerated batch normalization."""
    norm = BatchNorm2D(2)
    network = Network([copy.deepcopy(norm)])
    return norm, accelerate(network, input_gradient=True), network.layers[0]


def test_a_constant_channel_becomes_zero_exactly():
    for dtype, value in [(np.float32, 100.3), (np.float16, 5)]:
        x = np.full((128, 2, 28, 28), value, dtype)
        for one in norms()[:2]:
            np.testing.assert_array_equal(one(x), np.zeros_like(x))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_small_deviation_from_a_large_mean_is_measured(dtype, rng):
    mean, deviation = (100.3, 1e-3) if dtype == np.float32 else (5, 0.1)
    x = mean + deviation * rng.standard_normal((128, 2, 28, 28))
    x = x.astype(dtype)
    exact = BatchNorm2D(2)
    y = exact(x.astype(np.float64))
    dy = rng.standard_normal(x.shape).astype(dtype)
    gradients = [exact.backward(dy.astype(np.float64))]
    gradients += [p.grad for p in exact.parameters()]
    plain, fast, inside = norms()
    eps, scale = np.finfo(dtype).eps, np.abs(gradients[0]).max()
    # The mean is rounded to the precision of x before it is subtracted.
    shift = eps * mean / x.astype(np.float64).std()
    for one, layer in (plain, plain), (fast, inside):
        np.testing.assert_allclose(
            one(x), y, rtol=4 * eps, atol=shift + 8 * eps
        )
        actual = [one.backward(dy), *(p.grad for p in layer.parameters())]
        np.testing.assert_allclose(
            actual[0], gradients[0], rtol=0, atol=(shift + 16 * eps) * scale
        )
        np.testing.assert_allclose(
            layer.running_mean, exact.running_mean, rtol=1e-12
        )
        np.testing.assert_allclose(
            layer.running_variance, exact.running_variance, rtol=shift
        )


def test_numbers_of_1e30_have_a_variance(rng):
    x = (1e30 * rng.standard_normal((8, 2, 5, 5))).astype(np.float32)
    exact = BatchNorm2D(2)
    wanted = exact(x.astype(np.float64))
    plain, fast, inside = norms()
    for one, layer in (plain, plain), (fast, inside):
        np.testing.assert_allclose(one(x), wanted, atol=1e-5)
        np.testing.assert_allclose(
            layer.running_variance, exact.running_variance, rtol=1e-5
        )


def test_a_gradient_is_that_of_today_s_gamma(rng):
    x, dy = rng.standard_normal((2, 4, 2, 3, 3))
    plain, fast, inside = norms()
    gradients = []
    for one, layer in (plain, plain), (fast, inside):
        one(x)
        layer.weight.value[...] = 2
        gradients.append(one.backward(dy))
    np.testing.assert_allclose(*gradients, rtol=1e-10, atol=1e-12)
