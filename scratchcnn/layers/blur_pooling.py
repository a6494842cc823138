"""Make images smaller without aliasing: `BlurPool2D`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, Pair, brief, check_array, pair
from scratchcnn.layer import Layer
from scratchcnn.layers.pooling import slices

KERNEL = 0.25, 0.5, 0.25


def blur(x: Array, axis: int, stride: int) -> Array:
    """Mix every `stride`-th line with its neighbors, 1 : 2 : 1.

    The lines lie along `axis`, and those at both ends are repeated once.
    """
    framed = np.concatenate([x.take([0], axis), x, x.take([-1], axis)], axis)
    before, here, after = slices(framed, axis, 3, stride)
    return KERNEL[0] * before + KERNEL[1] * here + KERNEL[2] * after


def blur_backward(dy: Array, size: int, axis: int, stride: int) -> Array:
    """Hand out each gradient to the lines it came from: `blur`'s adjoint.

    There are `size` lines; those at both ends get their repetition's too.
    """
    shape = [*dy.shape]
    shape[axis] = size + 2
    framed = np.zeros(shape, dy.dtype)
    for part, lines in zip(
        KERNEL, slices(framed, axis, 3, stride), strict=True
    ):
        lines += part * dy
    lines = framed.swapaxes(0, axis)
    lines[1] += lines[0]
    lines[-2] += lines[-1]
    return lines[1:-1].swapaxes(0, axis)


class BlurPool2D(Layer):
    """Blur each channel of each image, and keep some of its pixels.

    ``y[n, c, i, j] = sum over u, v from -1 to 1 of
    k[u] * k[v] * x[n, c, sh * i + u, sw * j + v]``, with k = (1, 2, 1) / 4,
    x of shape (N, C, H, W), beyond whose border its pixels are repeated,
    and y of shape (N, C, OH, OW), ``OH = (H - 1) // stride + 1``.

    Parameters
    ----------
    stride : int or (int, int)
        From one pixel that is kept to the next.

    Raises
    ------
    TypeError, ValueError
        If the stride is not a positive integer, if `x` or `dy` is not a
        floating-point array of the shape above, or if the images have
        no pixel.

    Notes
    -----
    Chapter *Equivariance and its loss*; Zhang, "Making convolutional
    networks shift-invariant again" (2019).

    Examples
    --------
    >>> layer = BlurPool2D((1, 2))
    >>> layer(np.array([[[[4.0, 0.0, 0.0, 8.0]]]]))
    array([[[[3., 2.]]]])
    """

    kernel_size, padding = (3, 3), (1, 1)  # as those of a convolution

    def __init__(self, stride: int | Pair = 2) -> None:
        self.stride = pair("BlurPool2D", "stride", stride, 1)

    def __repr__(self) -> str:
        return f"BlurPool2D({brief(self.stride)})"

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, C, OH, OW)."""
        check_array(self, "x", x, "N", "C", "H", "W")
        if 0 in x.shape[2:]:
            raise ValueError(
                f"{self!r} wants images of one pixel or more, got {x.shape}"
            )
        sh, sw = self.stride
        y = blur(blur(x, 2, sh), 3, sw)
        self.keep((x.shape[2:], y.shape))
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, C, OH, OW) to (N, C, H, W)."""
        (h, w), shape = self.recall()
        check_array(self, "dy", dy, *shape)
        sh, sw = self.stride
        return blur_backward(blur_backward(dy, w, 3, sw), h, 2, sh)
