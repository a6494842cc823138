"""Slide a small kernel over an image: `Conv2D`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, Pair, brief, check_array, check_size, pair
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.initialization import he_normal


def pad(x: Array, padding: Pair) -> Array:
    """Put rows and columns of zeros around images x, (N, C, H, W)."""
    (ph, pw), (n, c, h, w) = padding, x.shape
    if ph == pw == 0:
        return x
    padded = np.zeros((n, c, h + 2 * ph, w + 2 * pw), x.dtype)
    padded[:, :, ph : ph + h, pw : pw + w] = x
    return padded


def gather(padded: Array, kernel: Pair, stride: Pair) -> Array:
    """Collect for each output all the pixels that it looks at.

    ``columns[n, c, u, v, i, j] = padded[n, c, sh * i + u, sw * j + v]``:
    images (N, C, H, W) become columns (N, C, KH, KW, OH, OW).
    """
    (kh, kw), (sh, sw), (n, c, h, w) = kernel, stride, padded.shape
    oh, ow = (h - kh) // sh + 1, (w - kw) // sw + 1
    columns = np.empty((n, c, kh, kw, oh, ow), padded.dtype)
    for u in range(kh):
        rows = padded[:, :, u : u + sh * oh : sh]
        for v in range(kw):
            columns[:, :, u, v] = rows[..., v : v + sw * ow : sw]
    return columns


def scatter(dcolumns: Array, size: Pair, stride: Pair) -> Array:
    """Add each gradient up at the pixel it came from: `gather`'s adjoint.

    Columns (N, C, KH, KW, OH, OW) become images (N, C, H, W), where
    (H, W) is `size`; a pixel that no window covered gets zero.
    """
    (h, w), (sh, sw), (n, c, kh, kw, oh, ow) = size, stride, dcolumns.shape
    dpadded = np.zeros((n, c, h, w), dcolumns.dtype)
    for u in range(kh):
        rows = dpadded[:, :, u : u + sh * oh : sh]
        for v in range(kw):
            pixels = rows[..., v : v + sw * ow : sw]
            pixels += dcolumns[:, :, u, v]
    return dpadded


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
        Draws the initial kernels; the bias starts at zero.

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
        form = self.kernel_size, self.stride, self.padding
        kernel, stride, padding = map(brief, form)
        return (
            f"Conv2D({self.in_channels}, {self.out_channels}, {kernel}, "
            f"stride={stride}, padding={padding})"
        )

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, F, OH, OW)."""
        check_array(self, "x", x, "N", self.in_channels, "H", "W")
        padded, (kh, kw) = pad(x, self.padding), self.kernel_size
        if padded.shape[2] < kh or padded.shape[3] < kw:
            raise ValueError(
                f"{self!r} wants images of at least {self.kernel_size} "
                f"pixels, got {padded.shape[2:]} with their padding"
            )
        columns = gather(padded, self.kernel_size, self.stride)
        n, c, kh, kw, oh, ow = columns.shape
        self.keep((columns, padded.shape[2:]))
        w, b = self.weight.cast(x.dtype), self.bias.cast(x.dtype)
        w = w.reshape(self.out_channels, c * kh * kw)
        y = w @ columns.reshape(n, c * kh * kw, oh * ow)  # over c, u, v
        y += b[:, None]
        return y.reshape(n, self.out_channels, oh, ow)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, F, OH, OW) to (N, C, H, W)."""
        columns, size = self.recall()
        n, c, kh, kw, oh, ow = columns.shape
        check_array(self, "dy", dy, n, self.out_channels, oh, ow)
        self.bias.grad[...] = dy.sum(axis=(0, 2, 3), dtype=np.float64)
        dy = dy.reshape(n, self.out_channels, oh * ow)
        columns = columns.reshape(n, c * kh * kw, oh * ow)
        dw = dy @ columns.transpose(0, 2, 1)  # over i, j
        dw = dw.sum(axis=0, dtype=np.float64)  # and n
        self.weight.grad[...] = dw.reshape(-1, c, kh, kw)
        w = self.weight.cast(dy.dtype).reshape(-1, c * kh * kw)
        dcolumns = (w.T @ dy).reshape(n, c, kh, kw, oh, ow)  # over f
        dpadded = scatter(dcolumns, size, self.stride)  # over u, v
        (ph, pw), (height, width) = self.padding, size
        return dpadded[:, :, ph : height - ph, pw : width - pw]
