"""How surprised are we? `BinaryCrossEntropy`, `SoftmaxCrossEntropy`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, Labels, check_array, check_labels
from scratchcnn.layers.logits import below_largest, sigmoid
from scratchcnn.losses.loss import Loss


class BinaryCrossEntropy(Loss):
    """The mean surprise at the answers to yes-or-no questions, in nats.

    ``-t log p - (1 - t) log(1 - p)`` with ``p = sigmoid(y)``, averaged
    over the batch and all outputs. Logits y and targets t have the same
    shape (N, ...), usually (N, 1); each target is a probability: 1 for
    yes, 0 for no, or anything between.

    Raises
    ------
    TypeError, ValueError
        If `y` or `t` is not a floating-point array, if their shapes
        differ or are empty, or if a target is not from 0 to 1.

    Warnings
    --------
    y are logits, of any size and sign, not probabilities: no `Sigmoid`
    goes before. Nothing can tell a probability of 0.9 from a logit of
    0.9, so there would be no error, only bad training. A logit means
    yes above 0, which is the `threshold` of this loss.

    Notes
    -----
    Chapter *Cross-entropy*. Works in float64 inside, so that the loss
    is right for every finite float32 logit. The gradient has the
    precision of y: in float16 it is zero where the mean is over 65520
    terms or more.

    Examples
    --------
    >>> loss = BinaryCrossEntropy()
    >>> round(loss.forward(np.array([[0.0]]), np.array([[1.0]])), 4)
    0.6931
    >>> loss.backward()
    array([[-0.5]])
    """

    def forward(self, y: Array, t: Array) -> float:
        """Return ``mean(log(1 + exp(y)) - t * y)``."""
        check_array(self, "y", y, "N", ...)
        check_array(self, "t", t, *y.shape)
        if y.size == 0:
            raise ValueError(f"{self!r} has no mean of an empty {y.shape}")
        if not np.all((t >= 0) & (t <= 1)):
            raise ValueError(
                f"{self!r} wants t from 0 to 1, got {t.min()} to {t.max()}"
            )
        z, t = y.astype(np.float64), t.astype(np.float64)
        self.keep((sigmoid(z) - t).astype(y.dtype))
        losses = np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z)))
        return float(np.mean(losses))

    def backward(self) -> Array:
        """Return dL/dy, ``(sigmoid(y) - t) / size``."""
        difference = self.recall()
        return difference / difference.size


class SoftmaxCrossEntropy(Loss):
    """The mean surprise at the true class of each example, in nats.

    ``-log p[n, t[n]]`` with ``p = softmax(y)``, averaged over the batch.
    Logits y have shape (N, K), for K >= 2 classes; the targets t are
    classes, integers from 0 to K - 1, of shape (N,).

    Raises
    ------
    TypeError
        If `y` is not a floating-point array, or `t` not one of integers.
    ValueError
        If a shape is another or empty, or if a target is no class.

    Warnings
    --------
    y are logits, of any size and sign, not probabilities: nothing can
    tell the two apart, so a softmax before this loss would cause no
    error, only bad training.

    Notes
    -----
    Chapter *Cross-entropy*. Works in float64 inside, so that the loss
    is right for every finite float32 logit. The gradient has the
    precision of y: in float16 it is zero where the mean is over 65520
    terms or more.

    Examples
    --------
    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss.forward(np.array([[0.0, 0.0]]), np.array([1])), 4)
    0.6931
    >>> loss.backward()
    array([[ 0.5, -0.5]])
    """

    def forward(self, y: Array, t: Labels | Array) -> float:
        """Return ``mean(log_sum_exp(y) - y[n, t[n]])``."""
        check_array(self, "y", y, "N", "K")
        if y.shape[1] < 2:
            raise ValueError(
                f"{self!r} wants y of shape (N, K), K >= 2, got {y.shape}"
            )
        if len(y) == 0:
            raise ValueError(f"{self!r} has no mean of an empty {y.shape}")
        check_labels(self, "t", t, *y.shape)
        z = below_largest("SoftmaxCrossEntropy", y.astype(np.float64))
        e, true = np.exp(z), (np.arange(len(y)), t)
        total = e.sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - z[true]
        p = e / total
        p[true] -= 1
        self.keep(p.astype(y.dtype))
        return float(losses.mean())

    def backward(self) -> Array:
        """Return dL/dy, ``(softmax(y) - one_hot(t)) / N``."""
        difference = self.recall()
        return difference / len(difference)
