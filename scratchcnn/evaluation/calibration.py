"""Does it know how sure it is? `reliability`, `fit_temperature`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import (
    Array,
    Labels,
    check_array,
    check_labels,
    check_size,
)
from scratchcnn.layers.logits import below_largest, softmax


class Bins(NamedTuple):
    """What a network says of its guesses, and how many are right.

    Attributes
    ----------
    confidence : ndarray
        The mean probability of the guesses of each bin, (B,); NaN in an
        empty one.
    accuracy : ndarray
        The share of them that are right, (B,); NaN in an empty one.
    examples : ndarray
        How many guesses there are, integers, (B,).

    Notes
    -----
    Chapter *Right, and how sure*.

    Examples
    --------
    >>> Bins(np.array([0.9]), np.array([0.8]), np.array([10])).accuracy
    array([0.8])
    """

    confidence: Array
    accuracy: Array
    examples: npt.NDArray[np.int64]


def check_logits(owner: str, logits: Array, labels: Labels) -> None:
    """Stop anything but finite logits (N, K) and classes, N of 1 or more.

    Raises
    ------
    TypeError, ValueError
        If they are something else.
    """
    check_array(owner, "logits", logits, "N", "K")
    if logits.size == 0 or not np.isfinite(logits).all():
        raise ValueError(
            f"{owner} wants finite logits, one or more, got {logits.shape}"
        )
    check_labels(owner, "labels", labels, *logits.shape)


def reliability(logits: Array, labels: Labels, *, bins: int = 15) -> Bins:
    """Sort guesses by how sure the network is, and count the right ones.

    Parameters
    ----------
    logits : ndarray
        Outputs of a network, (N, K), finite. The guess is the largest,
        and its softmax is the confidence.
    labels : ndarray
        The true classes, integers, (N,).
    bins : int
        B: bin b has the guesses with a confidence above ``b / B``, up
        to ``(b + 1) / B``.

    Returns
    -------
    Bins
        Confidence, accuracy and number of examples of each bin.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Chapter *Right, and how sure*.

    Examples
    --------
    >>> logits = np.log(np.array([[0.9, 0.1], [0.7, 0.3]]))
    >>> reliability(logits, np.array([0, 1]), bins=2)[1:]
    (array([nan, 0.5]), array([0, 2]))
    """
    check_logits("reliability", logits, labels)
    check_size("reliability", "bins", bins)
    p = softmax(logits.astype(np.float64))
    sure = p.max(axis=1)
    right = logits.argmax(axis=1) == labels
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    examples = np.bincount(place, minlength=bins)
    confidence, accuracy = (
        np.divide(
            np.bincount(place, values, minlength=bins),
            examples,
            out=np.full(bins, np.nan),
            where=examples > 0,
        )
        for values in (sure, right)
    )
    return Bins(confidence, accuracy, examples)


def calibration_error(
    logits: Array, labels: Labels, *, bins: int = 15
) -> float:
    """Return by how much confidence and accuracy differ, on average.

    The sum over all bins of ``examples / N * |accuracy - confidence|``,
    the expected calibration error.

    Parameters
    ----------
    logits, labels, bins
        As for `reliability`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    TypeError, ValueError
        As `reliability` does.

    Notes
    -----
    Chapter *Right, and how sure*; Guo et al., "On calibration of modern
    neural networks" (2017).

    Examples
    --------
    >>> logits = np.log(np.array([[0.9, 0.1], [0.7, 0.3]]))
    >>> round(calibration_error(logits, np.array([0, 1]), bins=2), 6)
    0.3
    """
    check_logits("calibration_error", logits, labels)
    confidence, accuracy, examples = reliability(logits, labels, bins=bins)
    gaps = examples * np.abs(accuracy - confidence)
    return float(np.nansum(gaps) / len(labels))


def fit_temperature(logits: Array, labels: Labels) -> float:
    """Return the T for which ``softmax(logits / T)`` surprises least.

    Parameters
    ----------
    logits : ndarray
        Outputs of a network, (N, K), finite, for images that it was not
        trained on.
    labels : ndarray
        Their classes, integers, (N,).

    Returns
    -------
    float
        The temperature of the least cross-entropy, positive.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or if there is no such
        temperature: if no label has another logit above its own, the
        lower the better; if the labels' logits are no more than the
        mean of their rows, on average, the higher the better.

    Notes
    -----
    Chapter *Right, and how sure*. The derivative by ``1 / T`` grows with
    it, so that it has one root, which is looked for by Brent's method.

    Examples
    --------
    >>> logits = np.array([[2.0, 0.0]] * 4)
    >>> round(2 / fit_temperature(logits, np.array([0, 0, 0, 1])), 6)
    1.098612
    """
    from scipy.optimize import brentq  # slow to load

    check_logits("fit_temperature", logits, labels)
    z = below_largest("fit_temperature", logits.astype(np.float64))
    true = z[np.arange(len(z)), labels]

    def slope(beta: float) -> float:
        return float(((softmax(beta * z) * z).sum(axis=1) - true).mean())

    if not true.any() or slope(0.0) >= 0:
        kind = "lower" if not true.any() else "higher"
        raise ValueError(
            "fit_temperature wants logits that are wrong now and then, and "
            f"right more often than by chance: here, the {kind} the better"
        )
    high = -1 / z.min()
    while slope(high) < 0:
        high *= 2
    least = np.finfo(np.float64).tiny
    return float(1 / brentq(slope, 0.0, high, xtol=least))
