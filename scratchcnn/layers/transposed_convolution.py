"""A convolution with its two passes exchanged: `ConvTranspose2D`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, Pair, brief, check_array, check_size, pair
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.convolution import gather, pad, scatter
from scratchcnn.layers.initialization import he_normal


class ConvTranspose2D(Layer):
    """Lay a learned kernel down for each pixel, and add up what overlaps.

    ``y[n, f, p, q] = b[f] + sum of x[n, c, i, j] * w[c, f, u, v] over
    c, and all i, u with sh * i + u = p + ph, and j, v likewise``, with x
    of shape (N, C, H, W), and y of shape (N, F, OH, OW),
    ``OH = stride * (H - 1) + KH - 2 * padding``.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F: the channels of an input, and those of an output.
    kernel_size, stride, padding : int or (int, int)
        In pixels; a pair is (vertical, horizontal). The stride is that
        from kernel to kernel in the output, and the padding a frame of
        the output that is cut off.
    rng : numpy.random.Generator
        Draws the initial kernels; the bias starts at zero.

    Attributes
    ----------
    weight : Parameter
        w, of shape (C, F, KH, KW): that of the `Conv2D` whose passes
        these are, from F channels to C.
    bias : Parameter
        b, of shape (F,).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer (padding may be 0), if `x`
        or `dy` is not a floating-point array of the shape above, if the
        images have no pixel, or if the padding leaves none.

    Notes
    -----
    Chapter *Backward is forward*; Zeiler et al., "Deconvolutional
    networks" (2010).

    Examples
    --------
    >>> layer = ConvTranspose2D(
    ...     1, 1, (1, 2), stride=2, rng=np.random.default_rng(0)
    ... )
    >>> layer.weight.value[...] = [1, 0.5]
    >>> layer(np.array([[[[2.0, 3.0]]]]))
    array([[[[2. , 1. , 3. , 1.5]]]])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        rng: np.random.Generator,
    ) -> None:
        owner = "ConvTranspose2D"
        self.in_channels = check_size(owner, "in_channels", in_channels)
        self.out_channels = check_size(owner, "out_channels", out_channels)
        self.kernel_size = pair(owner, "kernel_size", kernel_size, 1)
        self.stride = pair(owner, "stride", stride, 1)
        self.padding = pair(owner, "padding", padding, 0)
        shape = (self.in_channels, self.out_channels, *self.kernel_size)
        (kh, kw), (sh, sw) = self.kernel_size, self.stride
        overlapping = -(-kh // sh) * -(-kw // sw)  # at most, on one pixel
        fan_in = self.in_channels * overlapping
        self.weight = Parameter(he_normal(shape, fan_in=fan_in, rng=rng))
        self.bias = Parameter(np.zeros(self.out_channels, np.float32))

    def __repr__(self) -> str:
        form = self.kernel_size, self.stride, self.padding
        kernel, stride, padding = map(brief, form)
        return (
            f"ConvTranspose2D({self.in_channels}, {self.out_channels}, "
            f"{kernel}, stride={stride}, padding={padding})"
        )

    def padded_size(self, x: Array) -> Pair:
        """Return the size of an output whose frame is still there."""
        (kh, kw), (sh, sw), (ph, pw) = (
            self.kernel_size,
            self.stride,
            self.padding,
        )
        h, w = x.shape[2:]
        height, width = sh * (h - 1) + kh, sw * (w - 1) + kw
        if min(h, w, height - 2 * ph, width - 2 * pw) < 1:
            raise ValueError(
                f"{self!r} wants images that have a pixel and leave one "
                f"inside the padding, got {x.shape}"
            )
        return height, width

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, F, OH, OW)."""
        check_array(self, "x", x, "N", self.in_channels, "H", "W")
        (n, c, h, w), size = x.shape, self.padded_size(x)
        weight = self.weight.cast(x.dtype).reshape(c, -1)
        columns = weight.T @ x.reshape(n, c, h * w)  # over c
        columns = columns.reshape(
            n, self.out_channels, *self.kernel_size, h, w
        )
        padded = scatter(columns, size, self.stride)  # over u, v
        (ph, pw), (height, width) = self.padding, size
        y = padded[:, :, ph : height - ph, pw : width - pw]
        y += self.bias.cast(x.dtype)[:, None, None]
        self.keep((x, y.shape))
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, F, OH, OW) to (N, C, H, W)."""
        x, shape = self.recall()
        n, c, h, w = x.shape
        check_array(self, "dy", dy, *shape)
        self.bias.grad[...] = dy.sum(axis=(0, 2, 3), dtype=np.float64)
        dcolumns = gather(pad(dy, self.padding), self.kernel_size, self.stride)
        weight = self.weight.cast(dy.dtype).reshape(c, -1)
        dcolumns = dcolumns.reshape(n, weight.shape[1], h * w)
        dw = x.reshape(n, c, h * w) @ dcolumns.transpose(0, 2, 1)  # over i, j
        dw = dw.sum(axis=0, dtype=np.float64)  # and n
        self.weight.grad[...] = dw.reshape(self.weight.grad.shape)
        dx = weight @ dcolumns  # over f, u, v
        return dx.reshape(n, c, h, w)
