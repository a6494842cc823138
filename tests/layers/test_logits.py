"""Sigmoid, log-sum-exp and softmax: their equations, at any size."""

import re
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchcnn.layers.logits import Sigmoid, log_sum_exp, sigmoid, softmax
from tests import reference
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import (
    assert_measured,
    numerical_gradient,
    torch_gradients,
)

DTYPES = [np.float32, np.float64]
HUGE = [-3e38, -1e38, -1e4, -745, -104, -88, 88, 89, 710, 1e4, 1e38, 3e38]


@st.composite
def arrays(draw, dims=None):
    """Draw numbers around zero, of any shape and in any layout."""
    low, high = (1, 4) if dims is None else (dims, dims)
    shape = draw(hnp.array_shapes(min_dims=low, max_dims=high, max_side=4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    return layout(3 * rng.standard_normal(shape))


def exactly(z, function):
    """Apply a function of exponentials to a row, with 300 digits."""
    with localcontext() as context:
        context.prec = 300
        return function([Decimal(float(number)).exp() for number in z])


@pytest.mark.equation("sigmoid-forward")
@given(arrays())
def test_sigmoid(z):
    assert_close(sigmoid(z), reference.sigmoid_forward(z))


@pytest.mark.equation("sigmoid-stable")
@given(arrays())
def test_the_stable_form_is_the_same_number(z):
    wanted = np.zeros(z.shape)
    for k in np.ndindex(z.shape):
        above = np.exp(min(z[k], 0))
        wanted[k] = above / (1 + np.exp(-abs(z[k])))
    assert_close(sigmoid(z), wanted, tolerance=1e-15)
    assert_close(reference.sigmoid_forward(z), wanted)


@pytest.mark.equation("sigmoid-dx")
@given(arrays(), st.integers(0, 999))
def test_sigmoid_dx(x, seed):
    layer, dy = Sigmoid(), np.random.default_rng(seed).random(x.shape)
    assert_close(layer.forward(x), reference.sigmoid_forward(x))
    assert_close(layer.backward(dy), reference.sigmoid_dx(x, dy))


@pytest.mark.equation("log-sum-exp")
@given(arrays(dims=2))
def test_log_sum_exp(z):
    assert_close(log_sum_exp(z), reference.log_sum_exp(z))


@pytest.mark.equation("log-sum-exp-shift")
@given(arrays(dims=2), st.floats(-1e3, 1e3))
def test_log_sum_exp_moves_along_with_its_numbers(z, c):
    moved = log_sum_exp(z - c)
    assert_close(c + moved, reference.log_sum_exp(z), tolerance=1e-11)
    largest = z.max(axis=1)
    shifted = reference.log_sum_exp(z - largest[:, None])
    assert_close(log_sum_exp(z), largest + shifted)


@pytest.mark.equation("softmax")
@given(arrays(dims=2))
def test_softmax(z):
    assert_close(softmax(z), reference.softmax(z))


@pytest.mark.equation("softmax-jacobian")
@given(arrays(dims=1))
def test_softmax_jacobian(z):
    z = z.copy()
    wanted = reference.softmax_jacobian(z)
    for k in range(len(z)):
        measured = numerical_gradient(lambda k=k: float(softmax(z)[k]), z)
        assert_close(measured, wanted[k], tolerance=1e-8)


def test_softmax_is_the_gradient_of_log_sum_exp(rng):
    z = rng.standard_normal(5)
    measured = numerical_gradient(lambda: float(log_sum_exp(z)), z)
    assert_close(softmax(z), measured, tolerance=1e-8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_digit_is_right_where_a_result_can_be_held(dtype):
    z = np.linspace(-80, 80, 321).astype(dtype)
    wanted = [exactly([v], lambda e: e[0] / (1 + e[0])) for v in z]
    few = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(sigmoid(z), np.array(wanted, float), few)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [1, 10, 40])
def test_rows_against_300_digits(dtype, spread, rng):
    z = (spread * rng.standard_normal((20, 6))).astype(dtype)
    lse = [exactly(row, lambda e: sum(e).ln()) for row in z]
    p = [exactly(row, lambda e: [v / sum(e) for v in e]) for row in z]
    few = 10 * np.finfo(dtype).eps
    np.testing.assert_allclose(log_sum_exp(z), np.array(lse, float), few)
    # A rounded exponent, off by eps |z|, is a relative error of its power.
    few *= spread
    np.testing.assert_allclose(softmax(z), np.array(p, float), few, 1e-37)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("z", HUGE)
def test_huge_logits_give_certainty_and_no_warning(z, dtype):
    z = np.array([z], dtype)
    p, one = sigmoid(z), z > 0
    assert p.dtype == dtype
    assert abs(p[0] - one[0]) < 1e-37
    rows = np.stack([z, -z, z, 0 * z], axis=1)
    wanted = [[0.5, 0, 0.5, 0]] if one[0] else [[0, 1, 0, 0]]
    assert_close(softmax(rows), wanted, tolerance=1e-37)
    top = float(z[0]) + np.log(2) if one[0] else -float(z[0])
    np.testing.assert_allclose(log_sum_exp(rows), [top], np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ends_of_a_precision_cause_no_warning(dtype):
    ends = np.array([np.finfo(dtype).min, np.finfo(dtype).max])
    assert sigmoid(ends).tolist() == [0, 1]
    assert softmax(ends).tolist() == [0, 1]
    assert log_sum_exp(ends) == ends[1]
    layer = Sigmoid()
    layer.forward(ends)
    assert not layer.backward(ends).any()


@given(arrays(dims=2))
def test_probabilities_sum_to_one_and_keep_the_order(z):
    p = softmax(z)
    assert_close(p.sum(axis=1), np.ones(len(z)))
    assert ((p[:, :, None] < p[:, None]) <= (z[:, :, None] < z[:, None])).all()


@given(arrays(dims=2))
def test_log_sum_exp_is_a_smooth_maximum(z):
    above = log_sum_exp(z) - z.max(axis=1)
    assert (above >= 0).all()
    assert (above <= np.log(z.shape[1]) + 1e-12).all()


def test_the_sigmoid_is_the_softmax_of_a_logit_and_zero(rng):
    z = 10 * rng.standard_normal(50)
    pairs = np.stack([z, 0 * z], axis=1)
    assert_close(softmax(pairs)[:, 0], sigmoid(z))


def test_any_axes_may_stand_before_the_last(rng):
    z = rng.standard_normal((2, 3, 4))
    flat = z.reshape(6, 4)
    assert_close(log_sum_exp(z).reshape(6), log_sum_exp(flat), tolerance=0)
    assert_close(softmax(z).reshape(6, 4), softmax(flat), tolerance=0)
    assert log_sum_exp(flat[0]) == log_sum_exp(flat)[0]
    assert softmax(np.full((3, 1), 7.0)).tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("dtype", [np.float16, *DTYPES])
def test_precision_is_kept_and_inputs_are_not_changed(dtype, rng):
    z = rng.standard_normal((4, 3)).astype(dtype)
    before = z.copy()
    for function in sigmoid, softmax, log_sum_exp, Sigmoid().forward:
        y = function(z)
        assert y.dtype == dtype
        assert not np.shares_memory(y, z)
    assert np.array_equal(z, before)


@pytest.mark.parametrize("function", [sigmoid, softmax, log_sum_exp])
def test_a_nan_is_not_hidden(function):
    assert np.isnan(function(np.array([[np.nan, 1.0]]))).any()


@pytest.mark.finite_differences
@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 2, 3, 2)])
def test_gradients_are_those_that_can_be_measured(shape, rng):
    layer, x = Sigmoid(), rng.standard_normal(shape)
    dy = rng.standard_normal(shape)
    assert_measured(layer, x, dy, rng)


@pytest.mark.pytorch
def test_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    z, dy = 5 * rng.standard_normal((2, 6, 4))
    layer = Sigmoid()
    y, wanted = torch_gradients(torch, torch.sigmoid, [z], dy)
    assert_close(layer.forward(z), y)
    assert_all_close([layer.backward(dy)], wanted)
    z = np.append(z, 1e4 * z, axis=0)
    tensor = torch.tensor(z)
    assert_close(softmax(z), tensor.softmax(1).numpy())
    assert_close(log_sum_exp(z), tensor.logsumexp(1).numpy())


def test_the_output_may_be_changed_without_harm(rng):
    layer, x = Sigmoid(), rng.standard_normal((2, 3))
    dy = np.ones((2, 3))
    layer.forward(x)[...] = 0
    assert_close(layer.backward(dy), reference.sigmoid_dx(x, dy))
    assert dy.all()


def test_its_name_and_its_lack_of_parameters():
    assert repr(Sigmoid()) == "Sigmoid()"
    assert Sigmoid().parameters() == []


def test_backward_before_forward_names_the_layer():
    with pytest.raises(RuntimeError, match=r"Sigmoid\(\).*forward"):
        Sigmoid().backward(np.ones((2, 3)))


def test_dy_that_would_broadcast_is_refused():
    layer = Sigmoid()
    layer.forward(np.ones((2, 3)))
    message = "Sigmoid() wants dy of shape (2, 3), got (1, 3)"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.backward(np.ones((1, 3)))


@pytest.mark.parametrize("bad", [[1.0], np.array([1]), np.array([True]), 1.0])
@pytest.mark.parametrize("function", [sigmoid, softmax, log_sum_exp])
def test_only_arrays_of_floats_are_taken(function, bad):
    name = function.__name__
    with pytest.raises(TypeError, match=f"^{name} wants z as an array of fl"):
        function(bad)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
@pytest.mark.parametrize("function", [softmax, log_sum_exp])
def test_a_row_has_at_least_one_number(function, shape):
    message = f"{function.__name__} wants z of shape (..., K) with K >= 1, got"
    with pytest.raises(ValueError, match=re.escape(f"{message} {shape}")):
        function(np.zeros(shape))


def test_one_number_is_no_batch():
    with pytest.raises(ValueError, match=r"wants x of shape \(N, \.\.\.\)"):
        Sigmoid().forward(np.zeros(()))


def test_no_rows_are_no_trouble():
    assert softmax(np.zeros((0, 3))).shape == (0, 3)
    assert log_sum_exp(np.zeros((0, 3))).shape == (0,)
    assert Sigmoid().forward(np.zeros((0, 3))).shape == (0, 3)
