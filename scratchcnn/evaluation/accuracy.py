"""Right or wrong? `accuracy`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from scratchcnn.arrays import Array, Labels, check_labels, check_size
from scratchcnn.layer import Layer
from scratchcnn.losses.loss import Loss

LOCK = threading.Lock()
IN_USE: dict[int, tuple[bool, int]] = {}  # the mode before, and how often


@contextmanager
def evaluation_mode(network: Layer) -> Iterator[None]:
    """Use a network in evaluation mode; then restore each layer's own.

    Several threads may do so at a time: the last one out restores. What
    is left behind is no forward pass to go back from.
    """
    layers = [layer for _, layer in network.walk()]
    with LOCK:
        for layer in layers:
            mode, times = IN_USE.get(id(layer), (layer.training, 0))
            IN_USE[id(layer)] = mode, times + 1
        network.eval()
    try:
        yield
    finally:
        with LOCK:
            for layer in layers:
                mode, times = IN_USE.pop(id(layer))
                if times > 1:
                    IN_USE[id(layer)] = mode, times - 1
                else:
                    layer.training = mode
                layer.forget()


def accuracy(
    network: Layer,
    loss: Loss,
    x: Array,
    labels: Labels,
    *,
    batch_size: int = 256,
) -> float:
    """Return the share of examples that a network classifies correctly.

    Parameters
    ----------
    network : Layer
        Maps examples to outputs (N, M); used in evaluation mode.
    loss : Loss
        What it was trained with: `Loss.decide` reads the outputs.
    x : ndarray
        Examples, (N, ...), at least one.
    labels : ndarray
        Their classes, (N,), integers from 0.
    batch_size : int
        How many examples go through the network at a time.

    Raises
    ------
    TypeError
        If the labels are not an array of integers.
    ValueError
        If there is not one label for each of one or more examples, or
        if a label is none of the classes of the outputs.

    Notes
    -----
    Chapter *Right or wrong?* Several threads may evaluate one network.
    A backward pass needs a forward pass after this, not before.

    Examples
    --------
    >>> y, labels = np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([1, 1])
    >>> accuracy(Flatten(), SoftmaxCrossEntropy(), y, labels)
    0.5
    """
    check_size("accuracy", "batch_size", batch_size)
    if len(x) == 0:
        raise ValueError("accuracy wants one or more examples, got none")
    correct = 0
    with evaluation_mode(network):
        for i in range(0, len(x), batch_size):
            y = network.forward(x[i : i + batch_size])
            guesses = loss.decide(y)
            if i == 0:
                classes = max(y.shape[1], 2)
                check_labels("accuracy", "labels", labels, len(x), classes)
            correct += int(np.sum(guesses == labels[i : i + batch_size]))
    return correct / len(x)
