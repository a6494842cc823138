"""Mean squared error: its two equations, its factor, its refusals."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchcnn.losses.loss import Loss
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import assert_loss_measured, torch_gradients
from tests.reference import mse_dy, mse_forward


@st.composite
def examples(draw):
    """Draw outputs y and targets t, of any shape and in any layout."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    return tuple(layout(rng.standard_normal(shape)) for _ in "yt")


@pytest.mark.equation("mse-forward")
@given(examples())
def test_forward(case):
    assert_close(MeanSquaredError().forward(*case), mse_forward(*case))


@pytest.mark.equation("mse-dy")
@given(examples())
def test_dy(case):
    loss = MeanSquaredError()
    loss.forward(*case)
    assert_close(loss.backward(), mse_dy(*case))


@pytest.mark.finite_differences
def test_the_gradient_is_the_one_that_can_be_measured(rng):
    loss, y, t = MeanSquaredError(), *rng.standard_normal((2, 4, 3))
    assert_loss_measured(loss, y, t, rng)


@pytest.mark.pytorch
def test_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    y, t = rng.standard_normal((2, 4, 3))
    mse = torch.nn.functional.mse_loss
    value, (dy, _) = torch_gradients(torch, mse, [y, t])
    loss = MeanSquaredError()
    assert_close(loss.forward(y, t), value)
    assert_all_close([loss.backward()], [dy])


def test_the_mean_is_over_every_number_whatever_the_shape(rng):
    y, t = rng.standard_normal((2, 12))
    losses = [
        MeanSquaredError().forward(y.reshape(shape), t.reshape(shape))
        for shape in [(12,), (12, 1), (1, 12), (3, 2, 2)]
    ]
    assert_close(losses, [losses[0]] * 4)


def test_a_perfect_answer_costs_nothing(rng):
    loss, y = MeanSquaredError(), rng.standard_normal((3, 2))
    assert loss.forward(y, y) == 0
    assert not loss.backward().any()


@pytest.mark.parametrize("t_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("y_dtype", [np.float32, np.float64])
def test_precision_is_that_of_the_outputs(y_dtype, t_dtype, rng):
    y, t = rng.standard_normal((2, 4, 3))
    loss = MeanSquaredError()
    value = loss.forward(y.astype(y_dtype), t.astype(t_dtype))
    dy = loss.backward()
    assert type(value) is float
    assert dy.dtype == y_dtype
    tolerance = 1e-12 if y_dtype == t_dtype == np.float64 else 1e-5
    assert_close(value, mse_forward(y, t), tolerance=tolerance)
    assert_close(dy, mse_dy(y, t), tolerance=tolerance)


def test_a_gradient_may_be_changed_without_harm(rng):
    loss, y, t = MeanSquaredError(), *rng.standard_normal((2, 4, 3))
    loss.forward(y, t)
    loss.backward()[...] = 0
    assert_close(loss.backward(), mse_dy(y, t))


def test_the_last_forward_pass_counts(rng):
    loss, y, t = MeanSquaredError(), *rng.standard_normal((2, 4, 3))
    loss.forward(t, y)
    loss.forward(y[:2], t[:2])
    assert_close(loss.backward(), mse_dy(y[:2], t[:2]))


def test_a_copy_remembers_its_own_forward_pass(rng):
    loss, y, t = MeanSquaredError(), *rng.standard_normal((2, 4, 3))
    loss.forward(t, y)
    twin = copy.deepcopy(loss)
    twin.forward(y, t)
    loss.forward(t, y)
    assert_close(twin.backward(), mse_dy(y, t))


def test_backward_before_forward_names_the_loss():
    with pytest.raises(RuntimeError, match=r"MeanSquaredError\(\).*forward"):
        MeanSquaredError().backward()


@pytest.mark.parametrize(
    ("y", "t"),
    [((3, 1), (3,)), ((3,), (3, 1)), ((3, 2), (1, 2)), ((3, 2), (2, 3))],
)
def test_shapes_that_differ_are_refused_even_if_they_broadcast(y, t):
    lengths = re.escape(", ".join(map(str, y)))
    message = rf"wants t of shape \({lengths},?\), got {re.escape(str(t))}"
    with pytest.raises(ValueError, match=rf"^MeanSquaredError\(\) {message}$"):
        MeanSquaredError().forward(np.zeros(y), np.zeros(t))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_nothing_has_no_mean(shape):
    message = f"MeanSquaredError() has no mean of an empty {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        MeanSquaredError().forward(np.zeros(shape), np.zeros(shape))


def test_one_number_is_no_batch():
    with pytest.raises(ValueError, match=r"wants y of shape \(N, \.\.\.\)"):
        MeanSquaredError().forward(np.zeros(()), np.zeros(()))


@pytest.mark.parametrize("bad", [[1.0, 2.0], np.array([1, 2]), None, 1.0])
def test_outputs_and_targets_are_arrays_of_floats(bad):
    good = np.ones(2)
    for name, pair in ("y", (bad, good)), ("t", (good, bad)):
        with pytest.raises(TypeError, match=f"wants {name} as an array of"):
            MeanSquaredError().forward(*pair)


def test_a_loss_must_define_both_passes():
    with pytest.raises(TypeError, match=r"abstract.*backward.*forward"):
        Loss()


@pytest.mark.parametrize(
    ("dtype", "d"), [(np.float16, 300.0), (np.float32, 1e20)]
)
def test_squares_too_large_for_the_outputs_are_summed(dtype, d):
    loss, y = MeanSquaredError(), np.full((3, 1), d, dtype)
    value = loss.forward(y, np.zeros((3, 1), dtype))
    np.testing.assert_allclose(value, float(y[0, 0]) ** 2, rtol=1e-12)
    np.testing.assert_allclose(loss.backward(), 2 * y / 3, rtol=1e-3)


def test_a_matrix_or_a_masked_array_is_no_target():
    y = np.array([[1.0, 2.0], [3.0, 4.0]])
    for t in (y.view(np.matrix), np.ma.masked_array(y, y > 2)):
        with pytest.raises(TypeError, match="wants t as an array of floats"):
            MeanSquaredError().forward(y, t)
        with pytest.raises(TypeError, match="wants y as an array of floats"):
            MeanSquaredError().forward(t, y)
