"""Both cross-entropies: equations, extremes, PyTorch, refusals."""

import copy
import functools
import re
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchcnn.layers.logits import sigmoid, softmax
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from tests import reference
from tests.comparing import LAYOUTS, assert_all_close, assert_close, frozen
from tests.gradients import assert_loss_measured, torch_gradients

DTYPES = [np.float32, np.float64]
LOSSES = [BinaryCrossEntropy, SoftmaxCrossEntropy]


@st.composite
def binary(draw):
    """Draw logits and targets from 0 to 1, of any shape, in any layout."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    t = rng.random(shape) if draw(st.booleans()) else rng.integers(0, 2, shape)
    return layout(3 * rng.standard_normal(shape)), layout(1.0 * t)


@st.composite
def classes(draw):
    """Draw logits (N, K) and classes (N,), in any layout and type."""
    N, K = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    kind = draw(st.sampled_from([np.uint8, np.int16, np.int64, np.intp]))
    t = frozen(rng.integers(0, K, N).astype(kind))
    return layout(3 * rng.standard_normal((N, K))), t


def case_of(loss, rng, N=6):
    """Make logits and targets that a loss takes."""
    if loss is BinaryCrossEntropy:
        return rng.standard_normal((N, 1)), rng.random((N, 1))
    return rng.standard_normal((N, 4)), rng.integers(0, 4, N)


@pytest.mark.equation("bce-probability")
@given(binary())
def test_binary_loss_of_probabilities(case):
    y, t = case
    wanted = reference.bce_of_probabilities(sigmoid(y), t)
    assert_close(BinaryCrossEntropy().forward(y, t), wanted)


@pytest.mark.equation("bce-forward")
@given(binary())
def test_binary_loss(case):
    wanted = reference.bce_forward(*case)
    assert_close(BinaryCrossEntropy().forward(*case), wanted)


@pytest.mark.equation("bce-dy")
@given(binary())
def test_binary_dy(case):
    loss = BinaryCrossEntropy()
    loss.forward(*case)
    assert_close(loss.backward(), reference.bce_dy(*case))


@pytest.mark.equation("ce-probability")
@given(classes())
def test_loss_of_the_true_classes_probability(case):
    y, t = case
    wanted = reference.ce_of_probabilities(softmax(y), t)
    assert_close(SoftmaxCrossEntropy().forward(y, t), wanted)


@pytest.mark.equation("ce-forward")
@given(classes())
def test_loss_of_classes(case):
    wanted = reference.ce_forward(*case)
    assert_close(SoftmaxCrossEntropy().forward(*case), wanted)


@pytest.mark.equation("ce-dy")
@given(classes())
def test_dy_of_classes(case):
    loss = SoftmaxCrossEntropy()
    loss.forward(*case)
    assert_close(loss.backward(), reference.ce_dy(*case))


@pytest.mark.finite_differences
@pytest.mark.parametrize("kind", LOSSES)
def test_the_gradient_is_the_one_that_can_be_measured(kind, rng):
    loss, (y, t) = kind(), case_of(kind, rng)
    assert_loss_measured(loss, y, t, rng)


@pytest.mark.pytorch
@pytest.mark.parametrize("scale", [1, 30, 1e4, 1e38])
def test_binary_agrees_with_pytorch(scale, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    y, loss = scale * rng.standard_normal((8, 3)), BinaryCrossEntropy()
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    for t in rng.random((8, 3)), 1.0 * rng.integers(0, 2, (8, 3)):
        wanted = functools.partial(bce, target=torch.tensor(t))
        value, (dy,) = torch_gradients(torch, wanted, [y])
        np.testing.assert_allclose(loss.forward(y, t), value, 1e-10)
        assert_all_close([loss.backward()], [dy], tolerance=1e-15)


@pytest.mark.pytorch
@pytest.mark.parametrize("scale", [1, 30, 1e4, 1e38])
def test_classes_agree_with_pytorch(scale, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    y, t = scale * rng.standard_normal((8, 5)), rng.integers(0, 5, 8)
    ce = torch.nn.functional.cross_entropy
    wanted = functools.partial(ce, target=torch.tensor(t))
    value, (dy,) = torch_gradients(torch, wanted, [y])
    loss = SoftmaxCrossEntropy()
    np.testing.assert_allclose(loss.forward(y, t), value, 1e-10)
    assert_all_close([loss.backward()], [dy], tolerance=1e-15)


EXTREMES = [0.0, 1.0, 88.8, 104.0, 710.0, 1e4, 1e38, 3e38]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", EXTREMES)
def test_binary_loss_at_any_size(size, dtype):
    y = np.array([[size, -size, size, -size]], dtype).T
    t = np.array([[1, 0, 0, 1]], dtype).T
    size, loss = float(y[0, 0]), BinaryCrossEntropy()
    small = np.log1p(np.exp(-size))
    np.testing.assert_allclose(loss.forward(y[:2], t[:2]), small, 1e-14)
    np.testing.assert_allclose(loss.forward(y[2:], t[2:]), size + small, 1e-14)
    np.testing.assert_allclose(loss.forward(y, t), size / 2 + small, 1e-14)
    p, dy = 1 / (1 + np.exp(-size)), loss.backward()
    assert dy.dtype == dtype
    few = np.finfo(dtype).eps
    np.testing.assert_allclose(
        dy[:, 0], np.array([p - 1, 1 - p, p, -p]) / 4, few, few
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", EXTREMES)
def test_loss_of_classes_at_any_size(size, dtype):
    y = np.array([[size, -size]] * 2 + [[size, size]], dtype)
    t, size, loss = np.array([0, 1, 1]), float(y[0, 0]), SoftmaxCrossEntropy()
    with np.errstate(over="ignore"):
        small = np.log1p(np.exp(-2 * size))
        q = 1 / (1 + np.exp(2 * size))
    for n, wanted in enumerate([small, 2 * size + small, np.log(2)]):
        value = loss.forward(y[n : n + 1], t[n : n + 1])
        np.testing.assert_allclose(value, wanted, 1e-14, 1e-15)
    loss.forward(y, t)
    dy, few = loss.backward(), np.finfo(dtype).eps
    assert dy.dtype == dtype
    wanted = np.array([[-q, q], [1 - q, q - 1], [0.5, -0.5]]) / 3
    np.testing.assert_allclose(dy, wanted, few, few)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mean_of_extremes_does_not_overflow(dtype):
    y = np.full((1000, 1), 3e38, dtype)
    np.testing.assert_allclose(
        BinaryCrossEntropy().forward(y, np.zeros_like(y)), float(y[0, 0])
    )
    pairs = np.hstack([y, -y])
    labels = np.ones(1000, int)
    value = SoftmaxCrossEntropy().forward(pairs, labels)
    np.testing.assert_allclose(value, 2 * float(y[0, 0]))


def test_a_small_surprise_keeps_its_digits():
    for size in 1.0, 17.0, 40.0, 200.0:
        y, t = np.array([[size]]), np.array([[1.0]])
        with localcontext() as context:
            context.prec = 300
            wanted = float((1 + Decimal(-size).exp()).ln())
        value = BinaryCrossEntropy().forward(y, t)
        np.testing.assert_allclose(value, wanted, 1e-14)


def test_a_common_shift_of_all_logits_changes_nothing(rng):
    loss, (y, t) = SoftmaxCrossEntropy(), case_of(SoftmaxCrossEntropy, rng)
    value = loss.forward(y, t)
    np.testing.assert_allclose(loss.forward(y + 1e4, t), value, 1e-11)


def test_two_classes_are_one_logit(rng):
    z, t = 5 * rng.standard_normal((9, 1)), rng.integers(0, 2, 9)
    one, two = BinaryCrossEntropy(), SoftmaxCrossEntropy()
    pairs = np.hstack([np.zeros_like(z), z])
    assert_close(one.forward(z, 1.0 * t[:, None]), two.forward(pairs, t))
    assert_close(one.backward(), two.backward()[:, 1:])


@pytest.mark.parametrize("K", [2, 3, 10])
def test_knowing_nothing_costs_the_logarithm_of_the_classes(K):
    t = np.arange(K)
    value = SoftmaxCrossEntropy().forward(np.zeros((K, K)), t)
    assert_close(value, np.log(K))
    half = np.zeros((5, 1)), np.ones((5, 1))
    assert_close(BinaryCrossEntropy().forward(*half), np.log(2))


def test_each_row_of_the_gradient_sums_to_zero(rng):
    loss, (y, t) = SoftmaxCrossEntropy(), case_of(SoftmaxCrossEntropy, rng)
    loss.forward(y, t)
    assert_close(loss.backward().sum(axis=1), np.zeros(len(y)))


def test_the_mean_is_over_every_number_of_a_binary_loss(rng):
    y, t = rng.standard_normal(12), rng.random(12)
    losses = [
        BinaryCrossEntropy().forward(y.reshape(shape), t.reshape(shape))
        for shape in [(12,), (12, 1), (1, 12), (3, 2, 2)]
    ]
    assert_close(losses, [losses[0]] * 4)


@pytest.mark.parametrize("dtype", [np.float16, *DTYPES])
@pytest.mark.parametrize("kind", LOSSES)
def test_precision_is_that_of_the_outputs(kind, dtype, rng):
    y, t = case_of(kind, rng)
    y, loss = y.astype(dtype), kind()
    value = loss.forward(y, t)
    dy = loss.backward()
    assert type(value) is float
    assert dy.dtype == dtype
    exact = kind()
    assert value == exact.forward(y.astype(np.float64), t)
    tolerance = np.finfo(dtype).eps
    assert_close(dy, exact.backward(), tolerance=tolerance)


@pytest.mark.parametrize("kind", LOSSES)
def test_gradient_and_targets_may_be_changed_without_harm(kind, rng):
    loss, (y, t) = kind(), case_of(kind, rng)
    loss.forward(y, t)
    dy = loss.backward()
    kept = dy.copy()
    dy[...], t[...], y[...] = 0, 0, 0
    assert np.array_equal(loss.backward(), kept)


@pytest.mark.parametrize("kind", LOSSES)
def test_the_last_forward_pass_counts(kind, rng):
    loss, (y, t) = kind(), case_of(kind, rng)
    loss.forward(y[:2], t[:2])
    wanted = loss.backward()
    loss.forward(y, t)
    twin = copy.deepcopy(loss)
    twin.forward(y, t)
    loss.forward(y[:2], t[:2])
    assert np.array_equal(loss.backward(), wanted)
    assert twin.backward().shape == y.shape


@pytest.mark.parametrize("kind", LOSSES)
def test_a_nan_is_not_hidden(kind, rng):
    y, t = case_of(kind, rng)
    y[0, 0] = np.nan
    assert np.isnan(kind().forward(y, t))


@pytest.mark.parametrize("kind", LOSSES)
def test_backward_before_forward_names_the_loss(kind):
    with pytest.raises(RuntimeError, match=rf"{kind.__name__}\(\).*forward"):
        kind().backward()


def refused(kind, error, y, t, message):
    message = f"^{re.escape(f'{kind.__name__}() {message}')}"
    with pytest.raises(error, match=message):
        kind().forward(y, t)


@pytest.mark.parametrize("shape", [(0,), (0, 1), (3, 0)])
def test_nothing_has_no_mean(shape):
    nothing = np.zeros(shape)
    message = f"has no mean of an empty {shape}"
    refused(BinaryCrossEntropy, ValueError, nothing, nothing, message)


def test_no_examples_have_no_mean():
    y, t = np.zeros((0, 3)), np.zeros(0, int)
    message = "has no mean of an empty (0, 3)"
    refused(SoftmaxCrossEntropy, ValueError, y, t, message)


@pytest.mark.parametrize(
    ("y", "t"), [((3, 1), (3,)), ((3,), (3, 1)), ((3, 1), (2, 1))]
)
def test_binary_shapes_that_differ_are_refused(y, t):
    message = f"wants t of shape {y}, got {t}"
    y, t = np.zeros(y), np.zeros(t)
    refused(BinaryCrossEntropy, ValueError, y, t, message)


@pytest.mark.parametrize("bad", [-0.1, 1.1, 2.0, -np.inf, np.nan])
def test_binary_targets_are_probabilities(bad):
    y, t = np.zeros((2, 1)), np.array([[0.5], [bad]])
    message = "wants t from 0 to 1, got "
    refused(BinaryCrossEntropy, ValueError, y, t, message)


@pytest.mark.parametrize("dtype", [bool, int, np.uint8, object])
def test_binary_targets_are_floats(dtype):
    y, t = np.zeros((2, 1)), np.ones((2, 1), dtype)
    message = f"wants t as an array of floats, got {t.dtype}"
    refused(BinaryCrossEntropy, TypeError, y, t, message)


@pytest.mark.parametrize("bad", [[1.0, 2.0], np.array([[1, 2]]), None, 1.0])
@pytest.mark.parametrize("kind", LOSSES)
def test_outputs_are_arrays_of_floats(kind, bad):
    message = "wants y as an array of floats, got "
    refused(kind, TypeError, bad, np.zeros(1), message)


def test_one_number_is_no_batch():
    message = "wants y of shape (N, ...), got ()"
    number = np.zeros(())
    refused(BinaryCrossEntropy, ValueError, number, number, message)


@pytest.mark.parametrize("shape", [(3,), (3, 2, 2), ()])
def test_classes_want_a_row_of_logits_for_each_example(shape):
    y, t = np.zeros(shape), np.zeros(3, int)
    message = f"wants y of shape (N, K), got {shape}"
    refused(SoftmaxCrossEntropy, ValueError, y, t, message)


@pytest.mark.parametrize("K", [0, 1])
def test_one_class_is_no_choice(K):
    y, t = np.zeros((3, K)), np.zeros(3, int)
    message = f"wants y of shape (N, K), K >= 2, got (3, {K})"
    refused(SoftmaxCrossEntropy, ValueError, y, t, message)


@pytest.mark.parametrize("dtype", [bool, float, np.float32, object])
def test_classes_are_integers(dtype):
    y, t = np.zeros((3, 2)), np.ones(3, dtype)
    message = f"wants t as an array of integers, got {t.dtype}"
    refused(SoftmaxCrossEntropy, TypeError, y, t, message)


@pytest.mark.parametrize("bad", [[0, 1, 1], None, 1])
def test_classes_are_an_array(bad):
    message = f"wants t as an array of integers, got {type(bad).__name__}"
    refused(SoftmaxCrossEntropy, TypeError, np.zeros((3, 2)), bad, message)


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), (3, 2), (1, 3), ()])
def test_there_is_one_class_for_each_example(shape):
    y, t = np.zeros((3, 2)), np.zeros(shape, int)
    message = f"wants t of shape (3,), got {shape}"
    refused(SoftmaxCrossEntropy, ValueError, y, t, message)


@pytest.mark.parametrize("t", [[-1, 0, 1], [0, 1, 2], [0, 0, 99], [-5, 7, 0]])
def test_classes_out_of_range_are_named(t):
    message = f"wants t from 0 to 1, got {min(t)} to {max(t)}"
    y = np.zeros((3, 2))
    refused(SoftmaxCrossEntropy, ValueError, y, np.array(t), message)
