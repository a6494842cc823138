"""One kernel for each channel: `DepthwiseConv2D`."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.arrays import Array, Pair, brief, check_array, check_size, pair
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.convolution import pad
from scratchcnn.layers.initialization import he_normal


def extent(kernel: Pair, dilation: Pair) -> Pair:
    """Return how many rows and columns a dilated kernel reaches over."""
    (kh, kw), (dh, dw) = kernel, dilation
    return dh * (kh - 1) + 1, dw * (kw - 1) + 1


def pixels_seen(
    padded: Array, kernel: Pair, stride: Pair, dilation: Pair
) -> Array:
    """View for each place of the kernel the pixels that are seen there.

    ``seen[u, v, n, c, i, j]`` is ``padded[n, c, sh * i + dh * u, sw * j +
    dw * v]``: of images (N, C, H, W) a view (KH, KW, N, C, OH, OW).
    """
    (sh, sw), (dh, dw) = stride, dilation
    reach = extent(kernel, dilation)
    view = sliding_window_view(padded, reach, axis=(2, 3), writeable=True)
    return view[:, :, ::sh, ::sw, ::dh, ::dw].transpose(4, 5, 0, 1, 2, 3)


class DepthwiseConv2D(Layer):
    """Cross-correlate each channel with a kernel of its own, add a bias.

    ``y[n, c, i, j] = b[c] + sum over u, v of
    x[n, c, sh * i + dh * u, sw * j + dw * v] * w[c, u, v]``,
    with x of shape (N, C, H, W), padded by zeros first, and y of shape
    (N, C, OH, OW),
    ``OH = (H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1``.

    Parameters
    ----------
    channels : int
        C: the channels of an input, the kernels, the channels of y.
    kernel_size, stride, padding : int or (int, int)
        In pixels; a pair is (vertical, horizontal).
    dilation : int or (int, int)
        From one pixel that a kernel looks at to the next; 1 leaves no
        holes between them.
    rng : numpy.random.Generator
        Draws the initial kernels; the bias starts at zero.

    Attributes
    ----------
    weight : Parameter
        w, of shape (C, KH, KW).
    bias : Parameter
        b, of shape (C,).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer (padding may be 0), if `x`
        or `dy` is not a floating-point array of the shape above, or if
        the kernel reaches over more than the padded image.

    Notes
    -----
    Chapters *Each channel for itself* and *Looking further*; Howard et
    al., "MobileNets: efficient convolutional neural networks for mobile
    vision applications" (2017). Where there is no padding, x is kept,
    not copied, for the backward pass.

    Examples
    --------
    >>> layer = DepthwiseConv2D(2, (1, 2), rng=np.random.default_rng(0))
    >>> layer.weight.value[...] = [[[-1, 1]], [[1, 1]]]  # change, and sum
    >>> layer(np.array([[[[0.0, 3.0, 3.0]], [[1.0, 1.0, 0.0]]]]))
    array([[[[3., 0.]],
    <BLANKLINE>
            [[2., 1.]]]])
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        rng: np.random.Generator,
    ) -> None:
        owner = "DepthwiseConv2D"
        self.channels = check_size(owner, "channels", channels)
        self.kernel_size = pair(owner, "kernel_size", kernel_size, 1)
        self.stride = pair(owner, "stride", stride, 1)
        self.padding = pair(owner, "padding", padding, 0)
        self.dilation = pair(owner, "dilation", dilation, 1)
        shape = (self.channels, *self.kernel_size)
        fan_in = int(np.prod(self.kernel_size))  # one channel
        self.weight = Parameter(he_normal(shape, fan_in=fan_in, rng=rng))
        self.bias = Parameter(np.zeros(self.channels, np.float32))

    def __repr__(self) -> str:
        form = self.kernel_size, self.stride, self.padding, self.dilation
        kernel, stride, padding, dilation = map(brief, form)
        return (
            f"DepthwiseConv2D({self.channels}, {kernel}, stride={stride}, "
            f"padding={padding}, dilation={dilation})"
        )

    def seen(self, padded: Array) -> Array:
        """View what the kernels see of padded images, (N, C, H, W)."""
        height, width = extent(self.kernel_size, self.dilation)
        if padded.shape[2] < height or padded.shape[3] < width:
            raise ValueError(
                f"{self!r} wants images of at least {(height, width)} "
                f"pixels, got {padded.shape[2:]} with their padding"
            )
        form = self.kernel_size, self.stride, self.dilation
        return pixels_seen(padded, *form)

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, C, OH, OW)."""
        check_array(self, "x", x, "N", self.channels, "H", "W")
        padded = pad(x, self.padding)
        seen = self.seen(padded)
        self.keep((seen, padded.shape[2:]))
        w, b = self.weight.cast(x.dtype), self.bias.cast(x.dtype)
        y = np.zeros(seen.shape[2:], x.dtype) + b[:, None, None]
        for u, v in np.ndindex(self.kernel_size):
            y += w[:, u, v, None, None] * seen[u, v]
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, C, OH, OW) to (N, C, H, W)."""
        seen, size = self.recall()
        n, c, oh, ow = seen.shape[2:]
        check_array(self, "dy", dy, n, c, oh, ow)
        self.bias.grad[...] = dy.sum(axis=(0, 2, 3), dtype=np.float64)
        dpadded = np.zeros((n, c, *size), dy.dtype)
        dseen, w = self.seen(dpadded), self.weight.cast(dy.dtype)
        for u, v in np.ndindex(self.kernel_size):
            dw = (dy * seen[u, v]).sum(axis=(0, 2, 3), dtype=np.float64)
            self.weight.grad[:, u, v] = dw
            dseen[u, v] += w[:, u, v, None, None] * dy
        (ph, pw), (height, width) = self.padding, size
        return dpadded[:, :, ph : height - ph, pw : width - pw]
