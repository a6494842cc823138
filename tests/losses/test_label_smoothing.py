"""Smoothed cross-entropy: equations, PyTorch, extremes, refusals."""

import copy
import functools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.losses.cross_entropy import SoftmaxCrossEntropy
from scratchcnn.losses.label_smoothing import SmoothedCrossEntropy
from tests import reference
from tests.comparing import assert_all_close, assert_close
from tests.gradients import assert_loss_measured, torch_gradients
from tests.losses.test_cross_entropy import EXTREMES, classes

SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9])


@pytest.mark.equation("smoothing-target")
@given(st.integers(2, 6), SHARES)
def test_the_gradient_is_zero_where_the_target_is_what_is_said(K, s):
    t = np.arange(K)
    q = reference.smoothed_target(t, K, s)
    with np.errstate(divide="ignore"):
        y = np.maximum(np.log(q), -800)  # of 0: as good as minus infinity
    loss = SmoothedCrossEntropy(s)
    loss.forward(y, t)
    assert_close(loss.backward(), np.zeros((K, K)))
    assert_close(q.sum(axis=1), np.ones(K))


@pytest.mark.equation("smoothing-loss")
@given(classes(), SHARES)
def test_loss(case, s):
    y, t = case
    q = reference.smoothed_target(t, y.shape[1], s)
    wanted = reference.smoothed_forward(y, q)
    assert_close(SmoothedCrossEntropy(s).forward(y, t), wanted)


@pytest.mark.equation("smoothing-dy")
@given(classes(), SHARES)
def test_dy(case, s):
    y, t = case
    q = reference.smoothed_target(t, y.shape[1], s)
    loss = SmoothedCrossEntropy(s)
    loss.forward(y, t)
    assert_close(loss.backward(), reference.smoothed_dy(y, q))


@pytest.mark.equation("smoothing-gap")
@pytest.mark.parametrize("K", [2, 3, 10])
@pytest.mark.parametrize("s", [0.01, 0.1, 0.5])
def test_the_best_logits_are_finite(K, s):
    loss, t = SmoothedCrossEntropy(s), np.array([1])
    y = np.zeros((1, K))
    for _ in range(20_000):
        loss.forward(y, t)
        y -= 2 * loss.backward()
    gap = np.log(1 + K * (1 - s) / s)
    assert_close(y[0, 1] - np.delete(y[0], 1), np.full(K - 1, gap))
    least = 0.0
    for q in reference.smoothed_target(t, K, s)[0]:
        least -= q * np.log(q)
    assert_close(loss.forward(y, t), least)


@pytest.mark.finite_differences
@pytest.mark.parametrize("s", [0.0, 0.2, 0.9])
def test_the_gradient_is_the_one_that_can_be_measured(s, rng):
    loss = SmoothedCrossEntropy(s)
    y, t = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    assert_loss_measured(loss, y, t, rng)


@pytest.mark.pytorch
@pytest.mark.parametrize("scale", [1, 30, 1e4, 1e38])
@pytest.mark.parametrize("s", [0.0, 0.1, 0.75])
def test_it_agrees_with_pytorch(scale, s, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    y, t = scale * rng.standard_normal((8, 5)), rng.integers(0, 5, 8)
    ce = torch.nn.functional.cross_entropy
    wanted = functools.partial(ce, target=torch.tensor(t), label_smoothing=s)
    value, (dy,) = torch_gradients(torch, wanted, [y])
    loss = SmoothedCrossEntropy(s)
    np.testing.assert_allclose(loss.forward(y, t), value, 1e-10)
    assert_all_close([loss.backward()], [dy], tolerance=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_without_smoothing_it_is_cross_entropy_to_the_bit(dtype, rng):
    y, t = rng.standard_normal((6, 4)).astype(dtype), rng.integers(0, 4, 6)
    one, other = SmoothedCrossEntropy(0), SoftmaxCrossEntropy()
    assert one.forward(y, t) == other.forward(y, t)
    assert one.backward().tobytes() == other.backward().tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("s", [0.1, 0.7])
def test_precision_is_that_of_the_outputs(dtype, s, rng):
    y, t = rng.standard_normal((6, 4)).astype(dtype), rng.integers(0, 4, 6)
    one, exact = SmoothedCrossEntropy(s), SmoothedCrossEntropy(s)
    value = one.forward(y, t)
    assert type(value) is float
    assert value == exact.forward(y.astype(np.float64), t)
    dy = one.backward()
    assert dy.dtype == dtype
    assert_close(dy, exact.backward(), tolerance=np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", EXTREMES)
def test_at_any_size_of_the_logits(size, dtype):
    y = np.array([[size, -size], [size, -size], [size, size]], dtype)
    s, size = 0.2, float(y[0, 0])
    small = np.log1p(np.exp(-2 * size))
    for n, wanted in enumerate([s * size, (2 - s) * size, np.log(2)]):
        value = SmoothedCrossEntropy(s).forward(
            y[n : n + 1], np.array([min(n, 1)])
        )
        wanted += small if n < 2 else 0
        np.testing.assert_allclose(value, wanted, 1e-14)


def test_each_row_of_the_gradient_sums_to_zero(rng):
    loss = SmoothedCrossEntropy(0.3)
    loss.forward(rng.standard_normal((6, 4)), rng.integers(0, 4, 6))
    assert_close(loss.backward().sum(axis=1), np.zeros(6))


def test_the_last_forward_pass_counts_and_a_copy_has_its_own(rng):
    y, t = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    loss = SmoothedCrossEntropy(0.1)
    loss.forward(y[:2], t[:2])
    wanted = loss.backward()
    assert np.array_equal(loss.backward(), wanted)
    twin = copy.deepcopy(loss)
    with pytest.raises(RuntimeError, match=r"SmoothedCrossEntropy\(0\.1\)"):
        twin.backward()
    loss.forward(y, t)
    loss.forward(y[:2], t[:2])
    wanted, y[...], t[...] = wanted.copy(), 0, 0
    assert np.array_equal(loss.backward(), wanted)


def test_it_decides_as_cross_entropy_does(rng):
    y = rng.standard_normal((9, 3))
    one, other = SmoothedCrossEntropy(0.1), SoftmaxCrossEntropy()
    assert np.array_equal(one.decide(y), other.decide(y))


def test_a_nan_is_not_hidden():
    y, t = np.array([[np.nan, 0], [0, 0]]), np.array([0, 1])
    assert np.isnan(SmoothedCrossEntropy(0.1).forward(y, t))


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        *((bad, ValueError) for bad in (-0.1, 1, 1.5, np.nan, np.inf)),
        *((bad, TypeError) for bad in (None, "0.1", True, [0.1])),
    ],
)
def test_smoothing_is_a_share(bad, error):
    with pytest.raises(error, match=r"^SmoothedCrossEntropy wants .*smooth"):
        SmoothedCrossEntropy(bad)


@pytest.mark.parametrize(
    ("y", "t", "error", "message"),
    [
        (np.zeros((3, 2)), np.zeros(3), TypeError, "wants t as an array of"),
        (np.zeros((3, 2)), np.full(3, 2), ValueError, "wants t from 0 to 1"),
        (np.zeros((3, 1)), np.zeros(3, int), ValueError, "wants y of shape"),
        (np.zeros((0, 3)), np.zeros(0, int), ValueError, "has no mean of"),
    ],
)
def test_what_cross_entropy_refuses_is_refused(y, t, error, message):
    message = f"^{re.escape(f'SmoothedCrossEntropy(0.1) {message}')}"
    with pytest.raises(error, match=message):
        SmoothedCrossEntropy(0.1).forward(y, t)
