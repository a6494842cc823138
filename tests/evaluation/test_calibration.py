"""How sure, and how often right: bins, their error, the temperature."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.evaluation.calibration import (
    calibration_error,
    fit_temperature,
    reliability,
)
from scratchcnn.layers.logits import softmax
from scratchcnn.losses.cross_entropy import SoftmaxCrossEntropy
from tests import reference
from tests.comparing import LAYOUTS, assert_close, frozen

ALL = calibration_error, fit_temperature, reliability


@st.composite
def guesses(draw):
    """Draw logits (N, K) of any size, their classes, a number of bins."""
    N, K = draw(st.integers(1, 30)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    size = draw(st.sampled_from([0.1, 1.0, 5.0]))
    labels = frozen(rng.integers(0, K, N))
    logits = layout(size * rng.standard_normal((N, K)))
    return logits, labels, draw(st.integers(1, 15))


def uncertain(rng, N=200, K=4, size=3.0):
    """Draw logits, and labels by the probabilities that they mean."""
    logits = size * rng.standard_normal((N, K))
    sums = softmax(logits).cumsum(axis=1)
    labels = (rng.random((N, 1)) > sums[:, :-1]).sum(axis=1)
    return logits, labels


@given(guesses())
def test_bins(case):
    logits, labels, bins = case
    found = reference.bins_of(logits, labels, bins)
    confidence, accuracy, examples = reliability(logits, labels, bins=bins)
    assert examples.dtype.kind == "i"
    assert examples.tolist() == [len(one) for one in found]
    for b, one in enumerate(found):
        if one:
            assert_close(confidence[b], np.mean([p for p, _ in one]))
            assert_close(accuracy[b], np.mean([right for _, right in one]))
        else:
            assert np.isnan(confidence[b])
            assert np.isnan(accuracy[b])


@pytest.mark.equation("calibration-error")
@given(guesses())
def test_error(case):
    logits, labels, bins = case
    wanted = reference.calibration_error(logits, labels, bins)
    assert_close(calibration_error(logits, labels, bins=bins), wanted)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_precision_makes_little_difference(dtype, rng):
    logits, labels = uncertain(rng)
    logits = logits.astype(dtype)
    wide = logits.astype(np.float64)
    found, wanted = (reliability(y, labels) for y in (logits, wide))
    np.testing.assert_array_equal(found, wanted)
    assert fit_temperature(logits, labels) == fit_temperature(wide, labels)


def test_certainty_is_in_the_last_bin_and_a_bound_in_the_lower():
    logits = np.array([[1000.0, 0.0], [0.0, 0.0]])
    _, accuracy, examples = reliability(logits, np.array([1, 0]), bins=2)
    assert examples.tolist() == [1, 1]
    assert accuracy.tolist() == [1, 0]


def test_who_says_what_is_true_has_no_error(rng):
    logits, labels = uncertain(rng, N=200_000, size=1.0)
    assert calibration_error(logits, labels) < 0.005
    assert abs(fit_temperature(logits, labels) - 1) < 0.02
    assert calibration_error(2 * logits, labels) > 0.1
    assert abs(fit_temperature(2 * logits, labels) - 2) < 0.04


@pytest.mark.equation("temperature-slope")
@given(st.integers(0, 99))
def test_at_the_temperature_the_slope_is_zero(seed):
    rng = np.random.default_rng(seed)
    logits, labels = uncertain(rng, N=60)
    loss = SoftmaxCrossEntropy()
    for beta in 0.3, 1.0, 2.0:
        ahead, behind = (
            loss.forward((beta + step) * logits, labels)
            for step in (1e-5, -1e-5)
        )
        slope = reference.temperature_slope(logits, labels, beta)
        assert_close((ahead - behind) / 2e-5, slope, tolerance=1e-8)
    beta = 1 / fit_temperature(logits, labels)
    slope = reference.temperature_slope(logits, labels, beta)
    assert_close(slope, 0.0)


@pytest.mark.equation("temperature-curvature")
@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_the_slope_grows_by_the_variance(beta, rng):
    logits, labels = uncertain(rng, N=60)
    ahead, behind = (
        reference.temperature_slope(logits, labels, beta + step)
        for step in (1e-5, -1e-5)
    )
    curvature = reference.temperature_curvature(logits, beta)
    assert_close((ahead - behind) / 2e-5, curvature, tolerance=1e-8)
    assert curvature > 0


def test_no_other_temperature_surprises_less(rng):
    loss = SoftmaxCrossEntropy()
    logits, labels = uncertain(rng)
    T = fit_temperature(logits, labels)
    least = loss.forward(logits / T, labels)
    for factor in 0.5, 0.9, 0.999, 1.001, 1.1, 2.0:
        assert loss.forward(logits / (T * factor), labels) > least


@pytest.mark.parametrize("size", [1e-30, 1e-3, 7.0, 1e3, 1e30])
def test_temperature_grows_with_the_logits(size, rng):
    logits, labels = uncertain(rng)
    T = fit_temperature(logits, labels)
    np.testing.assert_allclose(
        fit_temperature(size * logits, labels), size * T, 1e-12
    )
    np.testing.assert_allclose(fit_temperature(logits + 100, labels), T, 1e-10)


def test_two_classes_by_hand():
    """Of four guesses by the same logits three are right."""
    logits, labels = np.array([[2.0, 0.0]] * 4), np.array([0, 0, 0, 1])
    assert_close(2 / fit_temperature(logits, labels), np.log(3))
    sure = 1 / (1 + np.exp(-2.0))
    assert_close(calibration_error(logits, labels), sure - 0.75)
    T = fit_temperature(logits, labels)
    assert_close(calibration_error(logits / T, labels), 0.0)


@pytest.mark.parametrize(
    ("logits", "labels", "kind"),
    [
        ([[2.0, 0.0], [0.0, 1.0]], [0, 1], "lower"),
        ([[2.0, 0.0], [1.0, 1.0]], [0, 1], "lower"),
        ([[2.0, 0.0], [0.0, 1.0]], [1, 0], "higher"),
        ([[2.0, 0.0], [2.0, 0.0]], [1, 0], "higher"),
    ],
)
def test_where_there_is_no_temperature_it_is_said(logits, labels, kind):
    message = rf"^fit_temperature wants logits .*here, the {kind} the better$"
    with pytest.raises(ValueError, match=message):
        fit_temperature(np.array(logits), np.array(labels))


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (np.zeros((2, 3), int), np.zeros(2, int), TypeError, "wants logits"),
        (np.zeros(3), np.zeros(3, int), ValueError, "wants logits of shape"),
        (np.zeros((0, 3)), np.zeros(0, int), ValueError, "wants finite logit"),
        (np.zeros((2, 0)), np.zeros(2, int), ValueError, "wants finite logit"),
        (np.full((2, 3), np.nan), [0, 1], ValueError, "wants finite logits"),
        (np.full((2, 3), np.inf), [0, 1], ValueError, "wants finite logits"),
        (np.zeros((2, 3)), np.zeros(2), TypeError, "wants labels as an array"),
        (np.zeros((2, 3)), np.array([0, 3]), ValueError, "wants labels from"),
        (np.zeros((2, 3)), np.zeros(3, int), ValueError, "wants labels of sh"),
    ],
)
def test_bad_input_is_named(function, logits, labels, error, message):
    message = rf"^{re.escape(f'{function.__name__} {message}')}"
    with pytest.raises(error, match=message):
        function(logits, labels)


@pytest.mark.parametrize(
    ("bins", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)]
)
@pytest.mark.parametrize("function", [reliability, calibration_error])
def test_bins_are_a_positive_number(function, bins, error):
    with pytest.raises(error, match=r"wants bins"):
        function(np.zeros((2, 3)), np.zeros(2, int), bins=bins)
