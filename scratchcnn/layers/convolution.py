"""Slide a small kernel over an image: `Conv2D`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, Pair, check_array, check_size, pair
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.initialization import he_normal


def pad(x: Array, padding: Pair) -> Array:
    """Put rows and columns of zeros around images x, (N, C, H, W)."""
    (ph, pw), (n, c, h, w) = padding, x.shape
    if ph == pw == 0:
        return x
    padded = np.zeros((h + 2 * ph, c, w + 2 * pw, n), x.dtype)
    padded = padded.transpose(3, 1, 0, 2)  # (N, C, H, W)
    padded[:, :, ph : ph + h, pw : pw + w] = x
    return padded


def gather(x: Array, kernel: Pair, stride: Pair) -> Array:
    """Collect for each output all the pixels that it looks at.

    ``columns[i, c, u, v, j, n] = x[n, c, sh * i + u, sw * j + v]``:
    images (N, C, H, W) become columns (OH, C, KH, KW, OW, N).
    """
    (kh, kw), (sh, sw), (n, c, h, w) = kernel, stride, x.shape
    oh, ow = (h - kh) // sh + 1, (w - kw) // sw + 1
    x = np.ascontiguousarray(x.transpose(2, 1, 3, 0))  # (H, C, W, N)
    columns = np.empty((oh, c, kh, kw, ow, n), x.dtype)
    for u in range(kh):
        rows = x[u : u + sh * oh : sh]
        for v in range(kw):
            columns[:, :, u, v] = rows[:, :, v : v + sw * ow : sw]
    return columns


def scatter(dcolumns: Array, size: Pair, stride: Pair) -> Array:
    """Add each gradient up at the pixel it came from: `gather`'s adjoint.

    Columns (OH, C, KH, KW, OW, N) become images (N, C, H, W), where
    (H, W) is `size`; a pixel that no window covered gets zero.
    """
    (h, w), (sh, sw), (oh, c, kh, kw, ow, n) = size, stride, dcolumns.shape
    dx = np.zeros((h, c, w, n), dcolumns.dtype)
    for u in range(kh):
        rows = dx[u : u + sh * oh : sh]
        for v in range(kw):
            pixels = rows[:, :, v : v + sw * ow : sw]
            pixels += dcolumns[:, :, u, v]
    return dx.transpose(3, 1, 0, 2)


class Conv2D(Layer):
    """Cross-correlate images with learned kernels, and add a bias.

    ``y[n, f, i, j] = b[f] + sum over c, u, v of
    x[n, c, sh * i + u, sw * j + v] * w[f, c, u, v]``,
    with x of shape (N, C, H, W), padded by zeros first, and y of shape
    (N, F, OH, OW), ``OH = (H + 2 * padding - KH) // stride + 1``.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F: the channels of an input, and the number of kernels.
    kernel_size, stride, padding : int or (int, int)
        In pixels; a pair is (vertical, horizontal).
    rng : numpy.random.Generator
        Draws the initial kernels (He); the bias starts at zero.

    Attributes
    ----------
    weight : Parameter
        w, of shape (F, C, KH, KW).
    bias : Parameter
        b, of shape (F,).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer (padding may be 0), if `x`
        or `dy` is not a floating-point array of the shape above, or if
        the kernel is larger than the padded image.

    Notes
    -----
    Chapters *Convolution, forward* and *Convolution, backward*;
    LeCun et al., "Backpropagation applied to handwritten zip code
    recognition" (1989).

    Examples
    --------
    >>> layer = Conv2D(1, 1, (1, 2), rng=np.random.default_rng(0))
    >>> layer.weight.value[...] = [-1, 1]  # the pixel on the right, less this
    >>> layer(np.array([[[[0.0, 3.0, 3.0], [1.0, 1.0, 0.0]]]]))
    array([[[[ 3.,  0.],
             [ 0., -1.]]]])
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
        self.in_channels = check_size("Conv2D", "in_channels", in_channels)
        self.out_channels = check_size("Conv2D", "out_channels", out_channels)
        self.kernel_size = pair("Conv2D", "kernel_size", kernel_size, 1)
        self.stride = pair("Conv2D", "stride", stride, 1)
        self.padding = pair("Conv2D", "padding", padding, 0)
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        fan_in = int(np.prod(shape[1:]))
        self.weight = Parameter(he_normal(shape, fan_in=fan_in, rng=rng))
        self.bias = Parameter(np.zeros(self.out_channels, np.float32))

    def __repr__(self) -> str:
        kernel, stride, padding = (
            str(y) if y == x else f"({y}, {x})"
            for y, x in (self.kernel_size, self.stride, self.padding)
        )
        return (
            f"Conv2D({self.in_channels}, {self.out_channels}, {kernel}, "
            f"stride={stride}, padding={padding})"
        )

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, F, OH, OW)."""
        check_array(self, "x", x, "N", self.in_channels, "H", "W")
        x, (kh, kw) = pad(x, self.padding), self.kernel_size
        if x.shape[2] < kh or x.shape[3] < kw:
            raise ValueError(
                f"{self!r} wants images of at least {self.kernel_size} "
                f"pixels, got {x.shape[2:]} with their padding"
            )
        columns = gather(x, self.kernel_size, self.stride)
        self.keep((columns, x.shape[2:]))
        oh, c, kh, kw, ow, n = columns.shape
        w, b = self.weight.cast(x.dtype), self.bias.cast(x.dtype)
        w = w.reshape(self.out_channels, c * kh * kw)
        y = w @ columns.reshape(oh, c * kh * kw, ow * n)  # over c, u, v
        y += b[:, None]
        return y.reshape(oh, self.out_channels, ow, n).transpose(3, 1, 0, 2)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, F, OH, OW) to (N, C, H, W)."""
        columns, size = self.recall()
        oh, c, kh, kw, ow, n = columns.shape
        check_array(self, "dy", dy, n, self.out_channels, oh, ow)
        dy = dy.transpose(2, 1, 3, 0).reshape(oh, self.out_channels, ow * n)
        columns = columns.reshape(oh, c * kh * kw, ow * n)
        dw = columns @ dy.transpose(0, 2, 1)  # the sum over j, n
        dw = dw.sum(axis=0, dtype=np.float64).T  # and over i
        self.weight.grad[...] = dw.reshape(-1, c, kh, kw)
        self.bias.grad[...] = dy.sum(axis=(0, 2), dtype=np.float64)
        w = self.weight.cast(dy.dtype).reshape(-1, c * kh * kw)
        dcolumns = (w.T @ dy).reshape(oh, c, kh, kw, ow, n)  # over f
        dx = scatter(dcolumns, size, self.stride)  # over u, v
        (ph, pw), (height, width) = self.padding, size
        return dx[:, :, ph : height - ph, pw : width - pw]
