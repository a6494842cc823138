"""Convolution and pooling, batch last, fused on tiles of outputs."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.convolution import Conv2D, Pair
from scratchcnn.layer import Array
from scratchcnn.pooling import AvgPool2D, MaxPool2D
from scratchcnn.steps import Step


def windows(x: Array, size: Pair, stride: Pair) -> Array:
    """View images (C, H, W, N) as all their windows, without a copy.

    ``view[u, v, c, i, j, n] = x[c, sh * i + u, sw * j + v, n]``.
    """
    view = sliding_window_view(x, size, axis=(1, 2), writeable=True)
    return view[:, :: stride[0], :: stride[1]].transpose(4, 5, 0, 1, 2, 3)


class ConvStep(Step[Conv2D]):
    """Convolve images (C, H, W, N) to outputs (F, OH, OW, N)."""

    tile = 1

    def plan(self) -> None:
        """Make room for padded images, patches, kernels and outputs."""
        (ph, pw), (c, h, w, n) = self.layer.padding, self.x.shape
        (kh, kw), (sh, sw) = self.layer.kernel_size, self.layer.stride
        t, f, dtype = self.tile, self.layer.out_channels, self.x.dtype
        self.inside = np.s_[:, ph : ph + h, pw : pw + w]
        self.padded = np.zeros((c, h + 2 * ph, w + 2 * pw, n), dtype)
        self.size = kh + (t - 1) * sh, kw + (t - 1) * sw
        self.stride = t * sh, t * sw
        self.patches = windows(self.padded, self.size, self.stride)
        *window, oh, ow, _ = self.patches.shape
        self.columns = np.ones((int(np.prod(window)) + 1, oh * ow * n), dtype)
        self.inputs = self.columns[:-1].reshape(self.patches.shape)
        self.bank = np.zeros((t * t * f, len(self.columns)), dtype)
        self.dbank = np.zeros_like(self.bank)
        self.outputs = np.empty((t * t * f, oh * ow * n), dtype)
        self.y = self.outputs.reshape((t * t, f, oh, ow, n)[t == 1 :])

    def kernels(self, bank: Array) -> list[tuple[Array, Array]]:
        """View for each output of a tile its kernel w and bias b."""
        t, f, c = self.tile, self.layer.out_channels, self.layer.in_channels
        (kh, kw), (sh, sw) = self.layer.kernel_size, self.layer.stride
        w = bank[:, :-1].reshape(t, t, f, *self.size, c)
        b = bank[:, -1].reshape(t, t, f)
        return [
            (
                w[i, j, :, i * sh :, j * sw :][:, :kh, :kw].transpose(
                    0, 3, 1, 2
                ),
                b[i, j],
            )
            for i, j in np.ndindex(t, t)
        ]

    @cached_property
    def dpadded(self) -> Array:
        """Room for the gradient by the padded images."""
        return np.empty_like(self.padded)

    @cached_property
    def dcolumns(self) -> Array:
        """Room for the gradient by one row of each patch."""
        return np.empty(self.inputs.shape[1:], self.x.dtype)

    def forward(self) -> None:
        """Copy the patches, and multiply them by the kernels."""
        for w, b in self.kernels(self.bank):
            w[...], b[...] = self.layer.weight.value, self.layer.bias.value
        self.padded[self.inside] = self.x
        np.copyto(self.inputs, self.patches)
        np.dot(self.bank, self.columns, out=self.outputs)

    def learn(self, dy: Array) -> None:
        """Fill dw and db, each the sum over the outputs of a tile."""
        np.dot(dy.reshape(self.outputs.shape), self.columns.T, out=self.dbank)
        dw, db = zip(*self.kernels(self.dbank), strict=True)
        self.layer.weight.grad[...] = sum(dw)
        self.layer.bias.grad[...] = sum(db)

    def backward(self, dy: Array) -> Array:
        """Return dx, to which each row of a patch adds its share."""
        dy = dy.reshape(self.outputs.shape)
        rows = self.bank[:, :-1].reshape(len(dy), self.size[0], -1)
        dpatches = windows(self.dpadded, self.size, self.stride)
        flat = self.dcolumns.reshape(-1, dy.shape[1])
        self.dpadded[...] = 0
        for u, v in np.ndindex(self.size):
            if v == 0:
                np.dot(rows[:, u].T, dy, out=flat)
            dpatches[u, v] += self.dcolumns[v]
        return self.dpadded[self.inside]


class TiledConvStep(ConvStep):
    """Convolve to 2 x 2 tiles of outputs, (4, F, OH / 2, OW / 2, N).

    ``y[2 * a + b, f, i, j, n]`` is the output in row ``2 * i + a`` and
    column ``2 * j + b``. All four come from one patch of the image, by
    kernels placed in it at four offsets.
    """

    tile = 2


class MaxPoolStep(Step[MaxPool2D]):
    """Let the numbers of a window compete, one after the other.

    x is (C, H, W, N), or tiles (4, C, OH, OW, N) with the numbers of
    each window on the first axis. Windows must not overlap.
    """

    def candidates(self, x: Array) -> list[Array]:
        """View the first number of every window, the second, and so on."""
        if x.ndim == 5:
            return list(x)
        size = self.layer.kernel_size
        view = windows(x, size, self.layer.stride)
        return [view[uv] for uv in np.ndindex(size)]

    def plan(self) -> None:
        """Make room for the winners and for who has won when."""
        first, *others = self.candidates(self.x)
        self.y = np.empty(first.shape, first.dtype)
        self.wins = np.empty((len(others), *first.shape), bool)

    @cached_property
    def dx(self) -> Array:
        """Room for dL/dx; zero between the windows."""
        return np.zeros_like(self.x)

    def forward(self) -> None:
        """Let each candidate meet the largest before it; it must exceed it."""
        first, *others = self.candidates(self.x)
        np.copyto(self.y, first)
        for x, win in zip(others, self.wins, strict=True):
            np.greater(x, self.y, out=win)
            np.maximum(x, self.y, out=self.y)

    def backward(self, dy: Array) -> Array:
        """Give dy to the last who has won."""
        first, *others = self.candidates(self.dx)
        for dx, win in zip(reversed(others), reversed(self.wins), strict=True):
            np.multiply(dy, win, out=dx)
            dy -= dx
        np.copyto(first, dy)
        return self.dx


class AvgPoolStep(Step[AvgPool2D]):
    """The mean of each window, (C, H, W, N) to (C, OH, OW, N)."""

    def plan(self) -> None:
        """Make room for the means."""
        *size, c, oh, ow, n = self.windows(self.x).shape
        self.y = np.empty((c, oh, ow, n), self.x.dtype)
        self.share = 1 / int(np.prod(size))

    def windows(self, x: Array) -> Array:
        """View all windows of x."""
        return windows(x, self.layer.kernel_size, self.layer.stride)

    @cached_property
    def dx(self) -> Array:
        """Room for dL/dx."""
        return np.empty_like(self.x)

    def forward(self) -> None:
        """Add up, and divide."""
        self.y[...] = 0
        for uv in np.ndindex(self.layer.kernel_size):
            self.y += self.windows(self.x)[uv]
        self.y *= self.share

    def backward(self, dy: Array) -> Array:
        """Give every number of a window its share."""
        dy *= self.share
        self.dx[...] = 0
        for uv in np.ndindex(self.layer.kernel_size):
            self.windows(self.dx)[uv] += dy
        return self.dx
