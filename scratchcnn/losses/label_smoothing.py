"""Right, and how sure? `SmoothedCrossEntropy`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, Labels, check_number
from scratchcnn.layers.logits import below_largest
from scratchcnn.losses.cross_entropy import SoftmaxCrossEntropy


class SmoothedCrossEntropy(SoftmaxCrossEntropy):
    """The mean surprise, in nats, if no answer is wanted with certainty.

    Cross-entropy against ``(1 - s) one_hot(t) + s / K`` instead of
    ``one_hot(t)``, averaged over the batch; logits y and classes t are
    those of a `SoftmaxCrossEntropy`, and without smoothing it is one.

    Parameters
    ----------
    smoothing : float
        s, the share of the target that all K classes have alike, in
        [0, 1).

    Raises
    ------
    TypeError, ValueError
        If `smoothing` is not a number in its range, and as the loss
        that it is derived from.

    Notes
    -----
    Chapter *Right, and how sure*; Szegedy et al., "Rethinking the
    Inception architecture for computer vision" (2016).

    Examples
    --------
    >>> loss = SmoothedCrossEntropy(0.2)
    >>> round(loss.forward(np.array([[0.0, 0.0]]), np.array([1])), 4)
    0.6931
    >>> loss.backward()
    array([[ 0.4, -0.4]])
    """

    def __init__(self, smoothing: float) -> None:
        name = "SmoothedCrossEntropy"
        self.smoothing = check_number(name, "smoothing", smoothing, below=1)

    def __repr__(self) -> str:
        return f"SmoothedCrossEntropy({self.smoothing:g})"

    def forward(self, y: Array, t: Labels | Array) -> float:
        """Return the mean of ``surprise + s * (y[n, t[n]] - y.mean())``."""
        surprise = super().forward(y, t)
        s, true = self.smoothing, (np.arange(len(y)), t)
        difference = self.recall()
        difference[true] += s
        difference -= s / y.shape[1]
        z = below_largest("SmoothedCrossEntropy", y.astype(np.float64))
        return surprise + s * float(z[true].mean() - z.mean())
