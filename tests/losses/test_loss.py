"""What every loss says: which class an output stands for."""

import copy
import pickle

import numpy as np
import pytest

from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.mean_squared_error import MeanSquaredError

LOSSES = MeanSquaredError(), BinaryCrossEntropy(), SoftmaxCrossEntropy()


@pytest.mark.parametrize(
    ("loss", "halfway"), [(LOSSES[0], 0.5), (LOSSES[1], 0.0)], ids=repr
)
def test_a_single_output_is_compared_with_what_lies_halfway(loss, halfway):
    y = halfway + np.array([[0.0], [0.01], [-3.5]])
    classes = loss.decide(y)
    assert classes.tolist() == [0, 1, 0]
    assert classes.dtype.kind == "i"


def test_other_targets_have_another_threshold():
    loss = MeanSquaredError()
    loss.threshold = 0.4
    assert loss.decide(np.array([[0.5], [0.4]])).tolist() == [1, 0]
    assert MeanSquaredError().threshold == 0.5


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_of_several_outputs_the_first_largest_counts(loss):
    classes = loss.decide(np.array([[1.0, 2.0, 2.0], [3.0, 0.0, 1.0]]))
    assert classes.tolist() == [1, 0]
    assert classes.dtype.kind == "i"


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1), ()])
def test_outputs_are_rows(shape):
    message = r"^MeanSquaredError\(\) wants y of shape \(N, M"
    with pytest.raises(ValueError, match=message):
        MeanSquaredError().decide(np.zeros(shape))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_no_number_is_no_answer(loss):
    loss.threshold = np.nan
    with pytest.raises(ValueError, match="wants a threshold, got NaN"):
        loss.decide(np.array([[0.3], [0.5]]))
    del loss.threshold
    with pytest.raises(ValueError, match="wants y to decide on, got NaN"):
        loss.decide(np.array([[0.3], [np.nan]]))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_pickle_does_not_grow_by_a_forward_pass(loss):
    before, y = len(pickle.dumps(loss)), np.ones((300, 2))
    targets = np.zeros(300, int), np.zeros((300, 2))
    loss.forward(y, targets[loss is not LOSSES[2]])
    assert len(pickle.dumps(loss)) <= before + 100
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        copy.deepcopy(loss).backward()
    assert loss.backward().shape == y.shape
