"""Right or wrong? `predict` and `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.layer import Array, Layer, check_array, check_size

Labels = npt.NDArray[np.integer[Any]]


@contextmanager
def evaluation_mode(network: Layer) -> Iterator[None]:
    """Use a network in evaluation mode; then restore each layer's own."""
    layers = list(network.walk())
    modes = [layer.training for layer in layers]
    network.eval()
    try:
        yield
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.training = mode


def predict(y: Array, threshold: float = 0.5) -> Labels:
    """Return the class that each output stands for.

    Parameters
    ----------
    y : ndarray
        Outputs, (N, K). With K = 1, an output above `threshold` means
        class 1, any other class 0; otherwise the class is that of the
        largest output, of several the first.
    threshold : float
        Halfway between the two targets.

    Returns
    -------
    ndarray
        Classes, integers, (N,).

    Raises
    ------
    TypeError, ValueError
        If y is not a floating-point array of that shape, or has NaN.

    Notes
    -----
    Chapter *Right or wrong?*
    """
    check_array("predict", "y", y, "N", "K")
    if np.isnan(y).any():
        raise ValueError("predict wants outputs, got NaN among them")
    if y.shape[1] == 1:
        return (y[:, 0] > threshold).astype(np.intp)
    guesses: Labels = y.argmax(axis=1)
    return guesses


def evaluate(
    network: Layer,
    x: Array,
    labels: Labels,
    *,
    threshold: float = 0.5,
    batch_size: int = 256,
) -> float:
    """Return the share of examples that a network classifies correctly.

    Parameters
    ----------
    network : Layer
        Maps examples to outputs (N, K); used in evaluation mode.
    x : ndarray
        Examples, (N, ...), at least one.
    labels : ndarray
        Their classes, (N,), integers from 0.
    threshold : float
        For a single output; see `predict`.
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
    Chapter *Right or wrong?*
    """
    check_size("evaluate", "batch_size", batch_size)
    kind = getattr(labels, "dtype", type(labels).__name__)
    if not np.issubdtype(getattr(labels, "dtype", object), np.integer):
        raise TypeError(f"evaluate wants labels as integers, got {kind}")
    if labels.shape != (len(x),) or len(x) == 0:
        raise ValueError(
            f"evaluate wants labels of shape ({len(x) or 'N > 0'},), one "
            f"for each example, got {labels.shape}"
        )
    correct = 0
    with evaluation_mode(network):
        for i in range(0, len(x), batch_size):
            y = network.forward(x[i : i + batch_size])
            guesses = predict(y, threshold)
            correct += int(np.sum(guesses == labels[i : i + batch_size]))
    last = max(y.shape[1], 2) - 1
    if labels.min() < 0 or labels.max() > last:
        raise ValueError(
            f"evaluate wants labels from 0 to {last}, got "
            f"{labels.min()} to {labels.max()}"
        )
    return correct / len(x)
