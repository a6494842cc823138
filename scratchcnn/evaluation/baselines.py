"""Compared with what? `majority_accuracy`, `least_squares` and others."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import ARRAYS, Array, Labels, check_array, kind
from scratchcnn.layers.dense import Dense


def check_class_numbers(owner: str, name: str, labels: Labels) -> None:
    """Stop anything but integers in a row, one or more."""
    if type(labels) not in ARRAYS or labels.dtype.kind not in "iu":
        raise TypeError(
            f"{owner} wants {name} as an array of integers, got {kind(labels)}"
        )
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(
            f"{owner} wants {name} of shape (N,), N >= 1, got {labels.shape}"
        )


def majority_accuracy(train_labels: Labels, test_labels: Labels) -> float:
    """Score the guess that looks at no image at all.

    It always names the class that is the most frequent in training.

    Parameters
    ----------
    train_labels, test_labels : ndarray
        Classes, integers, (N,) and (M,), neither empty.

    Returns
    -------
    float
        The share of `test_labels` that are of that class.

    Raises
    ------
    TypeError, ValueError
        If the labels are not integers, of that shape, or there are none.

    Notes
    -----
    Chapter *Compared with what?*

    Examples
    --------
    >>> majority_accuracy(np.array([0, 1, 1]), np.array([1, 0]))
    0.5
    """
    check_class_numbers("majority_accuracy", "train_labels", train_labels)
    check_class_numbers("majority_accuracy", "test_labels", test_labels)
    classes, counts = np.unique(train_labels, return_counts=True)
    return float(np.mean(test_labels == classes[counts.argmax()]))


def constant_loss(labels: Labels) -> float:
    """Return the least cross-entropy of an answer that is always the same.

    Parameters
    ----------
    labels : ndarray
        Classes, integers, (N,), at least one.

    Returns
    -------
    float
        The entropy of their frequencies p, ``-sum(p * log(p))``: the loss
        of a network that answers with these and looks at no example.

    Raises
    ------
    TypeError, ValueError
        If the labels are not integers, of that shape, or there are none.

    Notes
    -----
    Chapter *Cross-entropy*.

    Examples
    --------
    >>> round(constant_loss(np.arange(10)), 4)
    2.3026
    """
    check_class_numbers("constant_loss", "labels", labels)
    counts = np.unique(labels, return_counts=True)[1]
    p = counts / labels.size
    return float(-np.sum(p * np.log(p)))


def least_squares(x: Array, t: Array) -> Dense:
    """Solve for the one Dense layer with the smallest squared error.

    Parameters
    ----------
    x : ndarray
        Examples as vectors, (N, D).
    t : ndarray
        Targets, (N, M).

    Returns
    -------
    Dense
        Of D inputs and M outputs, in the precision of x. Where many
        solutions fit equally well, the one of the smallest norm.

    Raises
    ------
    TypeError, ValueError
        If x or t is not a floating-point array of the shape above, or
        not finite.

    Notes
    -----
    Chapter *Compared with what?*

    Examples
    --------
    >>> x, t = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])
    >>> layer = least_squares(x, t)
    >>> layer.weight.value.round(6), layer.bias.value.round(6)
    (array([[2.]]), array([1.]))
    """
    check_array("least_squares", "x", x, "N", "D")
    check_array("least_squares", "t", t, len(x), "M")
    for name, array in ("x", x), ("t", t):
        if not np.isfinite(array).all():
            raise ValueError(
                f"least_squares wants {name} finite, got NaN or inf"
            )
    ones = np.ones((len(x), 1))
    columns = np.hstack([x.astype(np.float64), ones])
    solution = np.linalg.lstsq(columns, t.astype(np.float64))[0]
    layer = Dense(x.shape[1], t.shape[1], rng=np.random.default_rng(0))
    layer.astype(x.dtype)
    layer.weight.value[...] = solution[:-1].T
    layer.bias.value[...] = solution[-1]
    return layer
