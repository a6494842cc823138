"""Make images smaller, window by window: `MaxPool2D` and `AvgPool2D`."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from scratchcnn.arrays import Array, Pair, brief, check_array, pair
from scratchcnn.layer import Layer


def slices(x: Array, axis: int, size: int, stride: int) -> list[Array]:
    """List, for k = 0 to size - 1, what is k-th in every window.

    Windows of `size` lines stand `stride` lines apart along `axis`, as
    many as fit. The slices are views of x, and all of one shape.
    """
    many = (x.shape[axis] - size) // stride + 1
    before = (slice(None),) * axis
    return [
        x[(*before, slice(k, k + stride * many, stride))] for k in range(size)
    ]


def window_views(x: Array, kernel: Pair, stride: Pair) -> list[Array]:
    """List, for each place (u, v), the pixels of all windows there.

    ``window_views(x)[u * KW + v][n, c, i, j]`` is
    ``x[n, c, sh * i + u, sw * j + v]``: views of images (N, C, H, W), each
    of shape (N, C, OH, OW).
    """
    return [
        pixels
        for rows in slices(x, 2, kernel[0], stride[0])
        for pixels in slices(rows, 3, kernel[1], stride[1])
    ]


def combine(
    operation: Callable[[Array, Array], Array],
    x: Array,
    kernel: Pair,
    stride: Pair,
) -> Array:
    """Combine the pixels of each window: its rows, then what they left.

    Images (N, C, H, W) become (N, C, OH, OW).
    """
    rows = reduce(operation, slices(x, 2, kernel[0], stride[0]))
    return reduce(operation, slices(rows, 3, kernel[1], stride[1]))


class Pooling(Layer):
    """What both kinds have in common: windows, and the check at the door.

    Notes
    -----
    Chapter *Pooling*.
    """

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None
    ) -> None:
        owner = type(self).__name__
        self.kernel_size = pair(owner, "kernel_size", kernel_size, 1)
        stride = self.kernel_size if stride is None else stride
        self.stride = pair(owner, "stride", stride, 1)

    def __repr__(self) -> str:
        kernel, stride = brief(self.kernel_size), brief(self.stride)
        form = kernel if stride == kernel else f"{kernel}, stride={stride}"
        return f"{type(self).__name__}({form})"

    def check_images(self, x: Array) -> None:
        """Stop what is no batch of images, or has no room for a window."""
        check_array(self, "x", x, "N", "C", "H", "W")
        kh, kw = self.kernel_size
        if x.shape[2] < kh or x.shape[3] < kw:
            raise ValueError(
                f"{self!r} wants images of at least {self.kernel_size} "
                f"pixels, got {x.shape[2:]}"
            )


class MaxPool2D(Pooling):
    """Keep of each window of each channel the largest pixel.

    ``y[n, c, i, j] = max over u, v of x[n, c, sh * i + u, sw * j + v]``,
    with x of shape (N, C, H, W), and y of shape (N, C, OH, OW),
    ``OH = (H - KH) // stride + 1``. Rows and columns that are left over
    at the end belong to no window.

    Parameters
    ----------
    kernel_size : int or (int, int)
        KH and KW, the size of a window in pixels.
    stride : int or (int, int), optional
        From one window to the next; by default `kernel_size`, so that
        the windows lie side by side.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, if `x` or `dy` is not a
        floating-point array of the shape above, or if a window is
        larger than the image.

    Notes
    -----
    Chapter *Pooling*. If several pixels of a window are the largest,
    the first of them in reading order gets the gradient. A window that
    holds NaN has the maximum NaN, and passes a finite gradient to none
    of its pixels. x and y are kept, not copied, for the backward pass;
    with a window of one pixel, y is a view of x.

    Examples
    --------
    >>> layer = MaxPool2D(2)
    >>> layer(np.array([[[[1.0, 2.0, 0.0, 5.0], [4.0, 3.0, 0.0, 1.0]]]]))
    array([[[[4., 5.]]]])
    """

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, C, OH, OW)."""
        self.check_images(x)
        y = combine(np.maximum, x, self.kernel_size, self.stride)
        self.keep((x, y))
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, C, OH, OW) to (N, C, H, W)."""
        x, y = self.recall()
        check_array(self, "dy", dy, *y.shape)
        dx = np.zeros_like(x, dy.dtype)
        form = (kh, kw), (sh, sw) = self.kernel_size, self.stride
        apart = kh <= sh and kw <= sw  # no pixel is in two windows
        free = np.ones_like(y, bool)  # windows without a winner so far
        for pixels, dpixels in zip(
            window_views(x, *form), window_views(dx, *form), strict=True
        ):
            won = pixels == y
            won &= free
            free ^= won
            if apart:
                np.multiply(dy, won, out=dpixels)
            else:
                dpixels += dy * won
        return dx


class AvgPool2D(Pooling):
    """Replace each window of each channel by the mean of its pixels.

    ``y[n, c, i, j] = mean over u, v of x[n, c, sh * i + u, sw * j + v]``,
    with x of shape (N, C, H, W), and y of shape (N, C, OH, OW),
    ``OH = (H - KH) // stride + 1``. Rows and columns that are left over
    at the end belong to no window.

    Parameters
    ----------
    kernel_size, stride
        As for `MaxPool2D`.

    Raises
    ------
    TypeError, ValueError
        As for `MaxPool2D`.

    Notes
    -----
    Chapter *Pooling*. The sum of a window, of the precision of x, may
    overflow where the mean would not; in practice only in float16.

    Examples
    --------
    >>> layer = AvgPool2D(2)
    >>> layer(np.array([[[[1.0, 2.0, 0.0, 5.0], [4.0, 3.0, 0.0, 1.0]]]]))
    array([[[[2.5, 1.5]]]])
    """

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, C, OH, OW)."""
        self.check_images(x)
        kh, kw = self.kernel_size
        y = combine(np.add, x, self.kernel_size, self.stride) / (kh * kw)
        self.keep((x.shape, y.shape))
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, C, OH, OW) to (N, C, H, W)."""
        x_shape, y_shape = self.recall()
        check_array(self, "dy", dy, *y_shape)
        kh, kw = self.kernel_size
        dx, share = np.zeros(x_shape, dy.dtype), dy / (kh * kw)
        for dpixels in window_views(dx, self.kernel_size, self.stride):
            dpixels += share
        return dx
