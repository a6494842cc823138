"""How wrong is the network, and what does it say? `Loss`."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from scratchcnn.arrays import Array, Labels, check_array
from scratchcnn.layer import Cached


class Loss(Cached, ABC):
    """One number that says how far outputs are from their targets.

    Attributes
    ----------
    threshold : float
        For a single output: where no ends and yes begins.

    Notes
    -----
    Chapter *Mean squared error*.

    Examples
    --------
    >>> MeanSquaredError().decide(np.array([[0.2], [0.7]]))
    array([0, 1])
    >>> MeanSquaredError().decide(np.array([[1.0, 3.0], [2.0, -1.0]]))
    array([1, 0])
    """

    threshold: float = 0.0

    @abstractmethod
    def forward(self, y: Array, t: Array) -> float:
        """Return the loss of outputs y, (N, ...), against targets t."""

    @abstractmethod
    def backward(self) -> Array:
        """Return dL/dy of the last forward pass, of the shape of y."""

    def decide(self, y: Array) -> Labels:
        """Return the class that each output stands for.

        Parameters
        ----------
        y : ndarray
            Outputs, (N, M). With M = 1, an output above `threshold`
            means class 1, any other class 0; otherwise the class is
            that of the largest output, of several the first.

        Returns
        -------
        ndarray
            Classes, integers, (N,).

        Raises
        ------
        TypeError, ValueError
            If y is not a floating-point array of that shape, or has
            NaN.

        Notes
        -----
        Chapter *Right or wrong?*
        """
        check_array(self, "y", y, "N", "M")
        if np.isnan(y).any():
            raise ValueError(f"{self!r} wants y to decide on, got NaN")
        if np.isnan(self.threshold):
            raise ValueError(f"{self!r} wants a threshold, got NaN")
        if y.shape[1] == 1:
            return (y[:, 0] > self.threshold).astype(np.intp)
        return y.argmax(axis=1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
