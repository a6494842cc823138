"""How wrong is the network? `MeanSquaredError`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.losses.loss import Loss


class MeanSquaredError(Loss):
    """The mean of ``(y - t)**2`` over the batch and all outputs.

    Outputs y and targets t have the same shape (N, ...).

    Raises
    ------
    TypeError, ValueError
        If `y` or `t` is not a floating-point array, if their shapes
        differ, or if they are empty.

    Notes
    -----
    Chapter *Mean squared error*. The mean is over every number, as in
    PyTorch's default, so the gradient carries one factor 1/size. A
    single output is read as yes above one half, which is right between
    the targets 0 and 1: for others, set `threshold`.

    Examples
    --------
    >>> loss = MeanSquaredError()
    >>> loss.forward(np.array([[3.0], [1.0]]), np.array([[1.0], [1.0]]))
    2.0
    >>> loss.backward()
    array([[2.],
           [0.]])
    """

    threshold = 0.5

    def forward(self, y: Array, t: Array) -> float:
        """Return ``mean((y - t)**2)``."""
        check_array(self, "y", y, "N", ...)
        check_array(self, "t", t, *y.shape)
        if y.size == 0:
            raise ValueError(f"{self!r} has no mean of an empty {y.shape}")
        difference = y - t.astype(y.dtype, copy=False)
        self.keep(difference)
        return float(np.mean(np.square(difference, dtype=np.float64)))

    def backward(self) -> Array:
        """Return dL/dy, ``2 (y - t) / size``."""
        difference = self.recall()
        return difference * (2 / difference.size)
