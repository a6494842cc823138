"""Probabilities from numbers of any size: `sigmoid` and `softmax`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.layer import Layer


def sigmoid(z: Array) -> Array:
    """Turn each logit into the probability of a yes.

    ``1 / (1 + exp(-z))``, written so that no exponent is positive:
    nothing overflows, and a tiny probability keeps its digits, all of
    them as far down as normal numbers of the precision go.

    Parameters
    ----------
    z : ndarray
        Logits, of any shape.

    Returns
    -------
    ndarray
        Probabilities from 0 to 1, of the shape and precision of z.

    Raises
    ------
    TypeError
        If z is not a floating-point array.

    Notes
    -----
    Chapter *Logits*.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    check_array("sigmoid", "z", z, ...)
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def below_largest(owner: str, z: Array) -> Array:
    """Measure logits from the largest of their row, which becomes 0.

    Where a difference exceeds the range of its precision, it is minus
    infinity, without a warning: its exponential is 0 either way.
    """
    check_array(owner, "z", z, ...)
    if z.ndim == 0 or z.shape[-1] == 0:
        raise ValueError(
            f"{owner} wants z of shape (..., K) with K >= 1, got {z.shape}"
        )
    with np.errstate(over="ignore"):
        return z - z.max(axis=-1, keepdims=True)


def log_sum_exp(z: Array) -> Array:
    """Return ``log(sum(exp(z)))`` over the last axis, at any size of z.

    Parameters
    ----------
    z : ndarray
        Finite numbers, (..., K), with K >= 1.

    Returns
    -------
    ndarray
        A smooth maximum, (...), in the precision of z: at least the
        largest of K numbers, at most log K more.

    Raises
    ------
    TypeError, ValueError
        If z is not a floating-point array of that shape.

    Notes
    -----
    Chapter *Logits*.

    Examples
    --------
    >>> log_sum_exp(np.array([0.0, 1000.0]))
    np.float64(1000.0)
    """
    s = below_largest("log_sum_exp", z)
    return z.max(axis=-1) + np.log(np.exp(s).sum(axis=-1))


def softmax(z: Array) -> Array:
    """Turn each row of logits into the probabilities of its classes.

    ``exp(z) / sum(exp(z))`` over the last axis, at any size of z.

    Parameters
    ----------
    z : ndarray
        Finite logits, (..., K), with K >= 1.

    Returns
    -------
    ndarray
        Probabilities, (..., K), in the precision of z; each row sums
        to 1.

    Raises
    ------
    TypeError, ValueError
        If z is not a floating-point array of that shape.

    Notes
    -----
    Chapter *Logits*.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    e = np.exp(below_largest("softmax", z))
    return e / e.sum(axis=-1, keepdims=True)


class Sigmoid(Layer):
    """The logistic function, ``y = 1 / (1 + exp(-x))``, number by number.

    x and y have the same shape (N, ...). Not meant for the end of a
    network that is trained: `BinaryCrossEntropy` wants its logits.

    Raises
    ------
    TypeError, ValueError
        If `x` is not a floating-point array with a batch axis, or `dy`
        not one of the shape of y.

    Notes
    -----
    Chapter *Logits*.

    Examples
    --------
    >>> layer = Sigmoid()
    >>> layer(np.array([[0.0]])), layer.backward(np.array([[1.0]]))
    (array([[0.5]]), array([[0.25]]))
    """

    def forward(self, x: Array) -> Array:
        """Return ``sigmoid(x)``, of the shape of x."""
        check_array(self, "x", x, "N", ...)
        y = sigmoid(x)
        self.keep(y)
        return y.copy()

    def backward(self, dy: Array) -> Array:
        """Return ``dy * y * (1 - y)``."""
        y = self.recall()
        check_array(self, "dy", dy, *y.shape)
        return dy * y * (1 - y)
