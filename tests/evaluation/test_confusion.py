"""Which class is taken for which: counts, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import MeanSquaredError
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.confusion import confusion_matrix
from scratchcnn.layers.reshape import Flatten
from tests.comparing import frozen
from tests.reference import confusion


@st.composite
def guesses(draw):
    """Draw numbers of examples and of classes, labels and guesses."""
    n, classes = draw(st.integers(0, 40)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dtype = draw(st.sampled_from([np.uint8, np.int8, np.int64, np.uint64]))
    pair = rng.integers(0, classes, (2, n)).astype(dtype)
    return frozen(pair[0]), frozen(pair[1]), classes


@pytest.mark.equation("confusion")
@given(guesses())
def test_confusion_matrix(case):
    matrix = confusion_matrix(*case)
    np.testing.assert_array_equal(matrix, confusion(*case))
    assert matrix.dtype == np.int64


@given(guesses())
def test_sums_and_the_transpose(case):
    labels, guessed, classes = case
    matrix = confusion_matrix(labels, guessed, classes)
    counts = np.bincount(labels.astype(int), minlength=classes)
    np.testing.assert_array_equal(matrix.sum(axis=1), counts)
    other = confusion_matrix(guessed, labels, classes)
    np.testing.assert_array_equal(matrix.T, other)


@pytest.mark.equation("confusion-accuracy")
def test_the_share_on_the_diagonal_is_the_accuracy(rng):
    x, labels = rng.standard_normal((60, 4)), rng.integers(0, 4, 60)
    matrix = confusion_matrix(labels, x.argmax(axis=1), 4)
    right = total = 0
    for i in range(4):
        right += matrix[i, i]
        for j in range(4):
            total += matrix[i, j]
    assert accuracy(Flatten(), MeanSquaredError(), x, labels) == right / total


def test_more_classes_than_a_byte_can_multiply():
    many = np.arange(200, dtype=np.uint8)
    matrix = confusion_matrix(many, many[::-1], 200)
    np.testing.assert_array_equal(matrix, np.eye(200, dtype=int)[::-1])


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("name", ["labels", "guesses"])
def test_a_number_that_is_no_class_is_named(name, bad):
    arrays = {"labels": np.array([0, 1]), "guesses": np.array([0, 2])}
    arrays[name][0] = bad
    low, high = arrays[name].min(), arrays[name].max()
    message = f"wants {name} from 0 to 2, got {low} to {high}"
    with pytest.raises(ValueError, match=message):
        confusion_matrix(**arrays, classes=3)


@pytest.mark.parametrize("bad", [np.zeros(2), np.zeros(2, bool), [0, 1], None])
@pytest.mark.parametrize("name", ["labels", "guesses"])
def test_what_holds_no_integers_is_named(name, bad):
    arrays = {"labels": np.array([0, 1]), "guesses": np.array([0, 2])}
    arrays[name] = bad
    with pytest.raises(
        TypeError, match=f"wants {name} as an array of integers, got"
    ):
        confusion_matrix(**arrays, classes=3)


@pytest.mark.parametrize("shape", [(), (1,), (2, 1), (3,)])
def test_there_is_one_guess_for_each_label(shape):
    labels = np.array([0, 1])
    message = re.escape(f"wants guesses of shape (2,), got {shape}")
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, np.zeros(shape, int), 3)


@pytest.mark.parametrize("shape", [(), (2, 1)])
def test_labels_stand_in_a_row(shape):
    labels = np.zeros(shape, int)
    message = re.escape(f"wants labels of shape ({labels.size},), got {shape}")
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, labels, 3)


@pytest.mark.parametrize(
    ("classes", "error"), [(0, ValueError), (2.0, TypeError)]
)
def test_the_number_of_classes_is_a_positive_integer(classes, error):
    labels = np.zeros(2, int)
    with pytest.raises(error, match="confusion_matrix wants classes"):
        confusion_matrix(labels, labels, classes)
