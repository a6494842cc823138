"""One number for each feature map: `GlobalAvgPool2D`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.layer import Layer


class GlobalAvgPool2D(Layer):
    """Replace each channel of each image by the mean of all its pixels.

    ``y[n, c] = mean over p, q of x[n, c, p, q]``, with x of shape
    (N, C, H, W), of any height and width, and y of shape (N, C).

    Raises
    ------
    TypeError, ValueError
        If `x` or `dy` is not a floating-point array of the shape above,
        or if the images have no pixel.

    Notes
    -----
    Chapter *One number for a map*; Lin et al., "Network in network"
    (2014).

    Examples
    --------
    >>> layer = GlobalAvgPool2D()
    >>> layer(np.array([[[[1.0, 2.0]], [[0.0, 4.0]]]]))
    array([[1.5, 2. ]])
    >>> layer.backward(np.array([[1.0, -2.0]]))
    array([[[[ 0.5,  0.5]],
    <BLANKLINE>
            [[-1. , -1. ]]]])
    """

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, C)."""
        check_array(self, "x", x, "N", "C", "H", "W")
        if 0 in x.shape[2:]:
            raise ValueError(
                f"{self!r} wants images of one pixel or more, got {x.shape}"
            )
        self.keep(x.shape)
        return x.mean(axis=(2, 3), dtype=np.float64).astype(x.dtype)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, C) to (N, C, H, W)."""
        n, c, h, w = self.recall()
        check_array(self, "dy", dy, n, c)
        share = dy / (h * w)
        return np.tile(share[:, :, None, None], (h, w))
