"""Dense: the four equations, and three ways to check its gradients."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layers.dense import Dense
from scratchcnn.layers.initialization import he_normal
from tests.cases import case_of, laid_out
from tests.comparing import assert_close
from tests.gradients import (
    assert_adjoint,
    assert_as_in_torch,
    assert_measured,
    stated_gradients,
)
from tests.reference import dense_db, dense_dw, dense_dx, dense_forward


def example(rng, n=4, d=5, m=3):
    """Return a layer in float64, with x and dy for it."""
    layer = Dense(d, m, rng=rng)
    return case_of(layer, rng, (n, d), (n, m))


@st.composite
def examples(draw):
    """Draw the same, of any size, and in any layout in memory."""
    sizes = draw(st.tuples(*[st.integers(1, 6)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return laid_out(draw, example(rng, *sizes))


@pytest.mark.equation("dense-forward")
@given(examples())
def test_forward(case):
    layer, x, _ = case
    wanted = dense_forward(x, layer.weight.value, layer.bias.value)
    assert_close(layer.forward(x), wanted)


@pytest.mark.equation("dense-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    layer.forward(x)
    assert_close(layer.backward(dy), dense_dx(layer.weight.value, dy))


@pytest.mark.equation("dense-dw")
@given(examples())
def test_dw(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    assert_close(layer.weight.grad, dense_dw(x, dy))


@pytest.mark.equation("dense-db")
@given(examples())
def test_db(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    assert_close(layer.bias.grad, dense_db(dy))


@pytest.mark.finite_differences
def test_gradients_are_those_that_can_be_measured(rng):
    assert_measured(*example(rng), rng)


@pytest.mark.pytorch
def test_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    assert_as_in_torch(torch, torch.nn.functional.linear, *example(rng))


@given(examples())
def test_without_a_bias_backward_is_the_adjoint_of_forward(case):
    case.layer.bias.value[...] = 0
    assert_adjoint(*case)


def test_weights_are_he_s_and_biases_zero():
    layer = Dense(5, 3, rng=np.random.default_rng(2))
    wanted = he_normal((3, 5), fan_in=5, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(layer.weight.value, wanted)
    np.testing.assert_array_equal(layer.bias.value, np.zeros(3, np.float32))
    assert layer.bias.value.dtype == np.float32
    assert layer.parameters() == [layer.weight, layer.bias]


def test_its_name_tells_its_sizes(rng):
    layer = Dense(np.int64(5), 3, rng=rng)
    assert (layer.in_features, layer.out_features) == (5, 3)
    assert repr(layer) == "Dense(5, 3)"


@pytest.mark.parametrize("shape", [(5,), (4, 6), (4, 5, 1), (5, 4)])
def test_x_of_another_shape_is_refused(shape, rng):
    message = f"Dense(5, 3) wants x of shape (N, 5), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        Dense(5, 3, rng=rng).forward(np.zeros(shape))


@pytest.mark.parametrize(
    ("size", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (2.0, TypeError),
        (True, TypeError),
        ("3", TypeError),
        (None, TypeError),
    ],
)
def test_sizes_are_positive_integers(size, error, rng):
    with pytest.raises(error, match=r"Dense wants in_features .*got"):
        Dense(size, 3, rng=rng)
    with pytest.raises(error, match=r"Dense wants out_features .*got"):
        Dense(3, size, rng=rng)


@pytest.mark.parametrize("rng", [0, None])
def test_a_seed_is_no_generator(rng):
    with pytest.raises(TypeError, match=r"wants rng as a numpy\.random"):
        Dense(5, 3, rng=rng)


def test_the_generator_must_be_named(rng):
    with pytest.raises(TypeError, match="positional"):
        Dense(5, 3, rng)
