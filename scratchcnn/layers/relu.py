"""Keep what is positive: `ReLU`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.layer import Layer


class ReLU(Layer):
    """The rectified linear unit, ``y = max(x, 0)``, number by number.

    x and y have the same shape (N, ...). Where x is exactly zero, the
    gradient is taken to be zero.

    Raises
    ------
    TypeError, ValueError
        If `x` is not a floating-point array with a batch axis, or `dy`
        not one of the shape of y.

    Notes
    -----
    Chapter *ReLU*; Nair and Hinton, "Rectified linear units improve
    restricted Boltzmann machines" (2010).

    Examples
    --------
    >>> layer = ReLU()
    >>> layer(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    >>> layer.backward(np.array([[5.0, 5.0]]))
    array([[0., 5.]])
    """

    def forward(self, x: Array) -> Array:
        """Return ``max(x, 0)``, of the shape of x."""
        check_array(self, "x", x, "N", ...)
        self.keep(x > 0)
        return np.maximum(x, 0)

    def backward(self, dy: Array) -> Array:
        """Return dy where x was positive, and zero elsewhere."""
        mask = self.recall()
        check_array(self, "dy", dy, *mask.shape)
        return dy * mask
