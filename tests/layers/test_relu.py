"""ReLU: its two equations, and what happens at and around zero."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchcnn.layers.relu import ReLU
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import assert_measured, torch_gradients
from tests.reference import relu_dx, relu_forward


@st.composite
def examples(draw):
    """Draw x, with many zeros, and dy, of any shape and in any layout."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x = rng.standard_normal(shape) * rng.integers(0, 2, shape)
    return layout(x), layout(rng.standard_normal(shape))


def away_from_zero(rng, shape):
    z = rng.standard_normal(shape)
    return z + np.sign(z)


@pytest.mark.equation("relu-forward")
@given(examples())
def test_forward(case):
    x, _ = case
    assert_close(ReLU().forward(x), relu_forward(x), tolerance=0)


@pytest.mark.equation("relu-dx")
@given(examples())
def test_dx(case):
    x, dy = case
    layer = ReLU()
    layer.forward(x)
    assert_close(layer.backward(dy), relu_dx(x, dy), tolerance=0)


@pytest.mark.finite_differences
@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 2, 3, 2)])
def test_gradients_are_those_that_can_be_measured(shape, rng):
    layer, x = ReLU(), away_from_zero(rng, shape)
    dy = rng.standard_normal(shape)
    assert_measured(layer, x, dy, rng)


@pytest.mark.pytorch
def test_agrees_with_pytorch_at_zero_too(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.append(rng.standard_normal(20), [0.0, -0.0, np.inf, -np.inf])
    dy = rng.standard_normal(24)
    y, wanted = torch_gradients(torch, torch.relu, [x], dy)
    layer = ReLU()
    assert_close(layer.forward(x[:-2]), y[:-2])
    np.testing.assert_array_equal(layer.forward(x), y)
    assert_all_close([layer.backward(dy)], wanted)


def test_zero_lets_no_gradient_through():
    layer = ReLU()
    assert layer.forward(np.array([0.0, -0.0])).tolist() == [0, 0]
    assert layer.backward(np.array([3.0, 4.0])).tolist() == [0, 0]


def test_the_smallest_positive_number_lets_all_through():
    layer = ReLU()
    tiny = np.array([np.nextafter(0, 1), np.nextafter(0, -1)])
    assert layer.forward(tiny).tolist() == [tiny[0], 0]
    assert layer.backward(np.array([3.0, 4.0])).tolist() == [3, 0]


def test_a_nan_is_not_hidden():
    assert np.isnan(ReLU().forward(np.array([np.nan])))


def test_its_name_and_its_lack_of_parameters():
    assert repr(ReLU()) == "ReLU()"
    assert ReLU().parameters() == []


def test_dy_that_would_broadcast_is_refused():
    layer = ReLU()
    layer.forward(np.ones((2, 3)))
    message = "ReLU() wants dy of shape (2, 3), got (1, 3)"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.backward(np.ones((1, 3)))
