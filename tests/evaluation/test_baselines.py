"""The baselines: nothing beats least squares, and majority is a count."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest

from scratchcnn.evaluation.baselines import (
    constant_loss,
    least_squares,
    majority_accuracy,
)
from scratchcnn.layers.dense import Dense
from scratchcnn.losses.cross_entropy import SoftmaxCrossEntropy
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from tests.comparing import assert_all_close, assert_close, frozen


@pytest.fixture
def data(rng):
    """Return vectors and targets that no linear layer fits exactly."""
    x, t = rng.standard_normal((30, 4)) + 1, rng.standard_normal((30, 2))
    return frozen(x), frozen(t)


def total_squared_error(w, b, x, t):
    total = 0.0
    for n, m in np.ndindex(t.shape):
        y = sum(w[m, d] * x[n, d] for d in range(x.shape[1])) + b[m]
        total += (y - t[n, m]) ** 2
    return total


@pytest.mark.equation("least-squares")
def test_any_other_layer_has_a_larger_squared_error(data, rng):
    x, t = data
    layer = least_squares(x, t)
    w, b = layer.weight.value, layer.bias.value
    least = total_squared_error(w, b, x, t)
    mean = MeanSquaredError().forward(layer.forward(x), t)
    assert_close(mean * t.size, least)
    for size in 1e-3, 1.0, 10.0:
        dw = size * rng.standard_normal(w.shape)
        db = size * rng.standard_normal(b.shape)
        # At the minimum of a square, a step adds its own square.
        added = total_squared_error(dw, db, x, 0 * t)
        assert added > 0
        total = total_squared_error(w + dw, b + db, x, t)
        assert_close(total, least + added)


@pytest.mark.equation("normal-equations")
def test_the_solution_satisfies_the_normal_equations(data):
    x, t = data
    layer = least_squares(x, t)
    W = np.vstack([layer.weight.value.T, layer.bias.value])
    A = np.array([[*row, 1.0] for row in x])
    left, right = np.zeros((5, 2)), np.zeros((5, 2))
    for d, m, n in np.ndindex(5, 2, 30):
        right[d, m] += A[n, d] * t[n, m]
        for e in range(5):
            left[d, m] += A[n, d] * A[n, e] * W[e, m]
    assert_close(left, right)


def test_a_linear_law_is_found_again(rng):
    law = Dense(4, 2, rng=rng)
    law.astype(np.float64)
    law.bias.value += [3.0, -2.0]
    x = rng.standard_normal((30, 4))
    found = least_squares(x, law.forward(x))
    assert repr(found) == "Dense(4, 2)"
    assert_all_close(
        [p.value for p in found.parameters()],
        [p.value for p in law.parameters()],
    )


@pytest.mark.parametrize("n", [3, 30])
def test_of_many_solutions_the_smallest_is_taken(n, rng):
    x, t = rng.standard_normal((n, 4)), rng.standard_normal((n, 2))
    twice = np.hstack([x, x])
    layer = least_squares(twice, t)
    wanted = np.linalg.pinv(np.hstack([twice, np.ones((n, 1))])) @ t
    assert_close(layer.weight.value, wanted[:-1].T)
    assert_close(layer.bias.value, wanted[-1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_layer_has_the_precision_of_x(data, dtype):
    x, t = data
    layer = least_squares(x.astype(dtype), t)
    for p in layer.parameters():
        assert p.value.dtype == p.grad.dtype == dtype
    exact = least_squares(x, t)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert_close(layer.weight.value, exact.weight.value, tolerance=tolerance)


@pytest.mark.parametrize(
    ("x", "t", "wanted", "got"),
    [
        ((30, 2, 2), (30, 1), "x of shape (N, D)", (30, 2, 2)),
        ((30,), (30, 1), "x of shape (N, D)", (30,)),
        ((30, 4), (30,), "t of shape (30, M)", (30,)),
        ((30, 4), (29, 2), "t of shape (30, M)", (29, 2)),
    ],
)
def test_examples_and_targets_are_rows(x, t, wanted, got):
    message = f"least_squares wants {wanted}, got {got}"
    with pytest.raises(ValueError, match=re.escape(message)):
        least_squares(np.ones(x), np.ones(t))


def test_class_numbers_are_no_targets(data):
    x, _ = data
    with pytest.raises(TypeError, match="wants t as an array of floats"):
        least_squares(x, np.zeros((30, 1), int))
    with pytest.raises(TypeError, match="wants x as an array of floats"):
        least_squares(x.tolist(), np.zeros((30, 1)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_fits_no_layer(data, bad):
    for k, name in enumerate("xt"):
        arrays = [array.copy() for array in data]
        arrays[k][3, 1] = bad
        message = f"least_squares wants {name} finite, got NaN or inf"
        with pytest.raises(ValueError, match=message):
            least_squares(*arrays)


@pytest.mark.parametrize(
    ("train", "test", "wanted"),
    [
        ([0, 1, 1], [0, 1, 0, 0], Fraction(1, 4)),
        ([0, 0, 1], [0, 1, 0, 0], Fraction(3, 4)),
        ([7, 3, 7, 5], [7, 7, 3], Fraction(2, 3)),
        ([4, 4], [1, 2], 0),
        ([2], [2, 2], 1),
        ([1, 0], [0, 0, 1], Fraction(2, 3)),
    ],
)
def test_majority_is_counted_in_training_and_scored_in_the_test(
    train, test, wanted
):
    score = majority_accuracy(np.array(train), np.array(test))
    assert type(score) is float
    assert score == float(wanted)


@pytest.mark.parametrize(("train", "test"), [(0, 3), (3, 0), (0, 0)])
def test_no_labels_have_no_majority(train, test):
    name = "test_labels" if train else "train_labels"
    message = rf"majority_accuracy wants {name} of shape .*, got \(0,\)"
    with pytest.raises(ValueError, match=message):
        majority_accuracy(np.zeros(train, int), np.zeros(test, int))


@pytest.mark.equation("constant-loss")
@pytest.mark.parametrize("counts", [(1, 1), (3, 1), (5, 0), (4, 0, 2, 1)])
def test_no_constant_answer_has_a_smaller_loss(counts, rng):
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    wanted = 0.0
    for count in counts:
        if count:
            wanted -= count / len(labels) * math.log(count / len(labels))
    least = constant_loss(labels)
    assert_close(least, wanted)
    loss = SoftmaxCrossEntropy()
    for _ in range(50):
        answer = np.tile(
            3 * rng.standard_normal(len(counts)), (len(labels), 1)
        )
        assert loss.forward(answer, labels) >= least - 1e-12
    p = np.maximum(counts, 1e-300) / len(labels)
    best = np.tile(np.log(p), (len(labels), 1))
    assert_close(loss.forward(best, labels), least)


def test_without_labels_there_is_no_constant_guess():
    with pytest.raises(ValueError, match=r"constant_loss wants .* got \(0,\)"):
        constant_loss(np.array([], int))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0, 1], "as an array of integers, got list"),
        (np.array([0.5, np.nan]), "as an array of integers, got float64"),
        (np.eye(2, dtype=int), r"of shape \(N,\), N >= 1, got \(2, 2\)"),
    ],
)
def test_labels_are_integers_in_a_row(bad, message):
    good, error = np.array([0, 1]), (TypeError, ValueError)
    with pytest.raises(error, match=f"^constant_loss wants labels {message}"):
        constant_loss(bad)
    pairs = {"train_labels": (bad, good), "test_labels": (good, bad)}
    for name, pair in pairs.items():
        with pytest.raises(error, match=f"^majority_.* {name} {message}"):
            majority_accuracy(*pair)
