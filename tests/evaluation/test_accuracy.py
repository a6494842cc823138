"""Right or wrong: predictions and their accuracy."""

import re
import threading

import numpy as np
import pytest

from scratchcnn.evaluation.accuracy import accuracy, evaluation_mode
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.losses.cross_entropy import BinaryCrossEntropy
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from tests.showing import Showing

MSE = MeanSquaredError()


@pytest.mark.equation("accuracy")
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_accuracy_of_the_largest_output(classes, rng):
    layer = Dense(4, classes, rng=rng)
    x, labels = rng.standard_normal((50, 4)), rng.integers(0, classes, 50)
    y, right = layer.forward(x), 0
    for n in range(50):
        guess = 0
        for k in range(classes):
            if y[n, k] > y[n, guess]:
                guess = k
        right += guess == labels[n]
    assert accuracy(layer, MSE, x, labels) == right / 50


@pytest.mark.equation("accuracy")
@pytest.mark.parametrize("threshold", [0.5, 0.0, -1.0])
def test_accuracy_of_one_output_and_a_threshold(threshold, rng):
    layer = Dense(4, 1, rng=rng)
    x, labels = rng.standard_normal((50, 4)), rng.integers(0, 2, 50)
    y, right = layer.forward(x), 0
    for n in range(50):
        guess = 1 if y[n, 0] > threshold else 0
        right += guess == labels[n]
    loss = MeanSquaredError()
    loss.threshold = threshold
    assert accuracy(layer, loss, x, labels) == right / 50
    for loss in MSE, BinaryCrossEntropy():
        if threshold == loss.threshold:
            assert accuracy(layer, loss, x, labels) == right / 50


@pytest.mark.parametrize(
    ("answer", "class_"),
    [((0.5,), 0), ((0.51,), 1), ((2.0, 1.0), 0), ((1.0, 1.0, 3.0), 2)],
)
def test_ties_and_simple_answers(answer, class_):
    labels = np.array([class_, class_, 1 - class_ % 2])
    assert accuracy(Showing(answer), MSE, np.ones((3, 1)), labels) == 2 / 3


@pytest.mark.parametrize("batch_size", [1, 7, 49, 50, 51, 1000])
def test_the_size_of_batches_does_not_matter(batch_size, rng):
    layer = Dense(4, 3, rng=rng)
    x, labels = rng.standard_normal((50, 4)), rng.integers(0, 3, 50)
    wanted = accuracy(layer, MSE, x, labels)
    assert accuracy(layer, MSE, x, labels, batch_size=batch_size) == wanted


def test_examples_pass_in_batches_and_in_order():
    layer, x = Showing(), np.arange(10.0)[:, None]
    accuracy(layer, MSE, x, np.zeros(10, int), batch_size=4)
    assert [len(seen) for seen in layer.seen] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(layer.seen), x)
    assert layer.modes == [False] * 3


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_restored(training):
    inner = Showing()
    network = Network([Network([inner])])
    network.train(training)
    accuracy(network, MSE, np.ones((3, 1)), np.zeros(3, int))
    assert inner.modes == [False]
    assert inner.training == network.training == training


@pytest.mark.parametrize("dtype", [np.float64, np.bool_, object])
def test_labels_are_integers(dtype):
    message = "^accuracy wants labels as an array of integers, got "
    message += f"{np.dtype(dtype)}$"
    with pytest.raises(TypeError, match=message):
        accuracy(Showing(), MSE, np.ones((3, 1)), np.zeros(3, dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_any_integers_are_labels(dtype):
    assert accuracy(Showing(), MSE, np.ones((3, 1)), np.zeros(3, dtype)) == 1


@pytest.mark.parametrize("shape", [(4,), (2,), (3, 1), (), (0,)])
def test_there_is_one_label_for_each_example(shape):
    message = f"accuracy wants labels of shape (3,), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        accuracy(
            Showing(),
            MSE,
            np.ones((3, 1)),
            np.zeros(shape, int),
        )


def test_there_is_an_example():
    with pytest.raises(
        ValueError, match=r"^accuracy wants one or more examples"
    ):
        accuracy(Showing(), MSE, np.ones((0, 1)), np.zeros(0, int))


def test_a_list_of_labels_is_refused_in_words():
    with pytest.raises(TypeError, match=r"^accuracy wants .*labels.*list"):
        accuracy(Showing(), MSE, np.ones((3, 1)), [0, 0, 0])


@pytest.mark.parametrize(
    ("size", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError)]
)
def test_batches_of_nothing_are_refused(size, error):
    labels = np.zeros(3, int)
    with pytest.raises(error, match=r"^accuracy wants batch_size"):
        accuracy(
            Showing(),
            MSE,
            np.ones((3, 1)),
            labels,
            batch_size=size,
        )


@pytest.mark.parametrize(
    ("answer", "label"), [((0.0,), 2), ((0.0,), -1), ((0.0, 1.0, 2.0), 3)]
)
def test_labels_out_of_range_are_refused(answer, label):
    labels = np.array([0, 1, label])
    with pytest.raises(ValueError, match=r"^accuracy wants labels .*got"):
        accuracy(Showing(answer), MSE, np.ones((3, 1)), labels)


@pytest.mark.parametrize("answer", [0.0, ((0.0,),), ((0.0, 1.0),)])
def test_outputs_are_rows(answer):
    with pytest.raises(ValueError, match=r"wants y of shape \(N, M\)"):
        accuracy(
            Showing(answer),
            MSE,
            np.ones((3, 1)),
            np.zeros(3, int),
        )


def test_the_mode_is_restored_after_an_error_too(rng):
    layer = Dense(4, 1, rng=rng)
    with pytest.raises(ValueError, match="wants x of shape"):
        accuracy(layer, MSE, np.ones((3, 5)), np.zeros(3, int))
    assert layer.training


def test_each_layer_gets_its_own_mode_back():
    frozen_one, other = Showing(), ReLU()
    network = Network([frozen_one, other])
    frozen_one.eval()
    accuracy(network, MSE, np.ones((3, 1)), np.zeros(3, int))
    assert (frozen_one.training, other.training) == (False, True)


def test_overlapping_evaluations_leave_every_mode_as_it_was(rng):
    network = Network([Dense(2, 1, rng=rng), ReLU()])
    network.layers[1].eval()
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def first():
        with evaluation_mode(network):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with evaluation_mode(network):
        leave.set()
        thread.join()
        seen += [layer.training for _, layer in network.walk()]
    assert seen == [False] * 3
    modes = [layer.training for _, layer in network.walk()]
    assert modes == [True, True, False]


def test_an_evaluation_in_an_evaluation_ends_with_the_outer_one(rng):
    network = Network([Dense(2, 1, rng=rng)])
    with evaluation_mode(network):
        with evaluation_mode(network):
            pass
        assert not network.training
    assert network.training


def test_a_threshold_that_is_no_number_decides_nothing(rng):
    loss, x = MeanSquaredError(), rng.standard_normal((3, 2))
    loss.threshold = float("nan")
    with pytest.raises(ValueError, match="wants a threshold, got NaN"):
        accuracy(Dense(2, 1, rng=rng), loss, x, np.array([0, 1, 1]))
