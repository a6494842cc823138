"""Convolution and pooling as stages, row by row."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.arrays import Array
from scratchcnn.compiler.stage import PIXELS, Stage, per_channel
from scratchcnn.layers.blur_pooling import BlurPool2D, blur, blur_backward
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D, window_views

DIRECT = 10**6


def strips(x: Array, width: int, stride: int) -> Array:
    """View each row of images (C, H, W, N) as strips `width` pixels wide.

    ``view[h, v, c, j, n] = x[c, h, stride * j + v, n]``.
    """
    view = sliding_window_view(x, width, axis=2, writeable=True)
    return view[:, :, ::stride].transpose(1, 4, 0, 2, 3)


def matrices(rows: Array, height: int, parts: int) -> Array:
    """View any `height` rows in succession as the rows of a matrix.

    Rows (H, K, W, N) become (H - height + 1, parts, height * K, W * N /
    parts): K rows of a matrix each, cut into `parts` pieces from left
    to right. Successive matrices overlap, and nothing is copied.
    """
    h, k, *_ = rows.shape
    rows = rows.reshape(h, k, parts, -1)
    view = sliding_window_view(rows, height, axis=0, writeable=True)
    view = view.transpose(0, 2, 4, 1, 3)
    return view.reshape(len(view), parts, height * k, -1)


def cuts(width: int, work: int) -> int:
    """Return how many equal parts make products small, or 1 if none do.

    `work` is the number of multiplications in a product `width` pixels
    wide. Where OpenBLAS has kernels for AVX-512, it has a faster way for
    products of up to 10**6 of them.
    """
    parts = (p for p in range(1, width + 1) if width % p == 0)
    return next((p for p in parts if work <= p * DIRECT), 1)


class ConvStage(Stage[Conv2D]):
    """Cross-correlate, without the bias: (C, H, W, N) to (F, OH, OW, N)."""

    def allocate(self) -> None:
        """Make buffers for padded images, strips, and rows of outputs."""
        (kh, kw), (sh, sw) = self.layer.kernel_size, self.layer.stride
        (ph, pw), (c, h, w, n) = self.layer.padding, self.x.shape
        f, dtype = self.layer.out_channels, self.x.dtype
        self.padded = self.x
        if ph or pw:
            self.padded = np.zeros((c, h + 2 * ph, w + 2 * pw, n), dtype)
        self.inside = self.padded[:, ph : ph + h, pw : pw + w]
        self.strips = strips(self.padded, kw, sw)
        self.columns = np.empty(self.strips.shape, dtype)
        h, _, _, ow, _ = self.strips.shape
        # Zeros above, below and between are for the way back.
        wide = np.zeros((h + kh - 1, f, ow, n), dtype)
        rows = wide[kh - 1 : h : sh]
        self.y = rows.swapaxes(0, 1)
        parts = cuts(ow, f * c * kh * kw * ow * n)
        columns = self.columns.reshape(h, kw * c, ow, n)
        self.inputs = matrices(columns, kh, parts)[::sh]
        self.outputs = matrices(rows, 1, parts)
        self.dcolumns = matrices(columns, 1, parts)
        self.doutputs = matrices(wide, kh, parts)

    def forward(self) -> None:
        """Cut strips, and multiply them by the kernels, row by row."""
        if self.padded is not self.x:
            self.padded[...] = 0
            np.copyto(self.inside, self.x)
        np.copyto(self.columns, self.strips)
        w = self.layer.weight.cast(self.x.dtype).transpose(0, 2, 3, 1)
        w = w.reshape(len(w), -1)  # f; u, v, c
        np.matmul(w, self.inputs, out=self.outputs)

    def learn(self) -> None:
        """Fill dw, the sum over all rows and parts."""
        dw = np.matmul(self.inputs, self.outputs.swapaxes(2, 3))
        f, c, kh, kw = self.layer.weight.value.shape
        dw = dw.sum(axis=(0, 1)).reshape(kh, kw, c, f)
        self.layer.weight.grad[...] = dw.transpose(3, 2, 0, 1)

    def backward(self) -> None:
        """Multiply back, and add each strip up where it was cut."""
        w = self.layer.weight.cast(self.x.dtype)[:, :, ::-1]
        kw, c = w.shape[3], w.shape[1]
        w = w.transpose(3, 1, 2, 0).reshape(kw * c, -1)  # v, c; u, f
        np.matmul(w, self.doutputs, out=self.dcolumns)
        self.padded[...] = 0
        for v in range(kw):
            self.strips[:, v] += self.columns[:, v]
        if self.padded is not self.x:
            np.copyto(self.x, self.inside)


class BiasStage(Stage[Conv2D]):
    """Add the bias of a convolution, in the same buffer."""

    def allocate(self) -> None:
        """Make nothing."""
        self.y = self.x

    def forward(self) -> None:
        """Add b to each channel."""
        self.x += per_channel(self.layer.bias.value, self.x)

    def learn(self) -> None:
        """Fill db."""
        self.layer.bias.grad[...] = self.y.sum(axis=PIXELS, dtype=np.float64)

    def backward(self) -> None:
        """Do nothing: a shift changes no gradient."""


class MaxPoolStage(Stage[MaxPool2D]):
    """The largest of each window, for windows that lie side by side."""

    def allocate(self) -> None:
        """View what competes, and make room for who has won."""
        (kh, kw), (_, h, w, _) = self.layer.kernel_size, self.x.shape
        h, w = h - h % kh, w - w % kw
        whole, self.rest = self.x[:, :h, :w], (self.x[:, h:], self.x[:, :, w:])
        self.first, *self.others = [
            whole[:, u::kh, v::kw] for u, v in np.ndindex(kh, kw)
        ]
        self.y = self.first  # which is all there is, in windows of one
        if self.others:
            self.y = np.empty(self.first.shape, self.x.dtype)
        self.wins = np.empty((len(self.others), *self.y.shape), bool)

    def forward(self) -> None:
        """Let each pixel of a window challenge the best before it."""
        best = self.first
        for x, win in zip(self.others, self.wins, strict=True):
            np.greater(x, best, out=win)
            best = np.maximum(x, best, out=self.y)
        self.lost = np.isnan(self.y)

    def backward(self) -> None:
        """Give dy to the last pixel that won its challenge."""
        for rest in self.rest:
            rest[...] = 0
        if self.lost.any():  # where nobody wins
            self.y[self.lost] = 0
        for k in reversed(range(len(self.others))):
            np.multiply(self.y, self.wins[k], out=self.others[k])
            left = self.y if k else self.first
            np.subtract(self.y, self.others[k], out=left)


class AvgPoolStage(Stage[AvgPool2D]):
    """The mean of each window."""

    def allocate(self) -> None:
        """View the pixels of the windows, place by place."""
        x = self.x.transpose(3, 0, 1, 2)
        views = window_views(x, self.layer.kernel_size, self.layer.stride)
        self.views = [view.transpose(1, 2, 3, 0) for view in views]
        self.y = np.empty(self.views[0].shape, self.x.dtype)

    def forward(self) -> None:
        """Add up, and divide."""
        self.y[...] = 0
        for x in self.views:
            self.y += x
        self.y /= len(self.views)

    def backward(self) -> None:
        """Give each pixel of a window an equal share."""
        self.y /= len(self.views)
        self.x[...] = 0
        for x in self.views:
            x += self.y


class GlobalAvgPoolStage(Stage[GlobalAvgPool2D]):
    """The mean of each map: (C, H, W, N) to (C, N)."""

    def allocate(self) -> None:
        """Make room for y, and count the pixels."""
        c, h, w, n = self.x.shape
        self.y, self.pixels = np.empty((c, n), self.x.dtype), h * w

    def forward(self) -> None:
        """Add up in float64, as the layer does, and divide."""
        self.y[...] = self.x.mean(axis=(1, 2), dtype=np.float64)

    def backward(self) -> None:
        """Give each pixel of a map an equal share."""
        self.x[...] = (self.y / self.pixels)[:, None, None]


class BlurPoolStage(Stage[BlurPool2D]):
    """Blur and keep, as the layer does: rows and columns have moved up."""

    def allocate(self) -> None:
        """Make room for y, and remember the size."""
        (c, h, w, n), (sh, sw) = self.x.shape, self.layer.stride
        shape = c, (h - 1) // sh + 1, (w - 1) // sw + 1, n
        self.y, self.size = np.empty(shape, self.x.dtype), (h, w)

    def forward(self) -> None:
        """Blur rows, and what they leave of the columns."""
        sh, sw = self.layer.stride
        self.y[...] = blur(blur(self.x, 1, sh), 2, sw)

    def backward(self) -> None:
        """Hand out in the opposite order."""
        (h, w), (sh, sw) = self.size, self.layer.stride
        dx = blur_backward(self.y, w, 2, sw)
        self.x[...] = blur_backward(dx, h, 1, sh)
