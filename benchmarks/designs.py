"""Two other designs of an accelerated convolution, to compare with ours.

Both copy what `scratchcnn.compiler.convolution` only views. Stride 1 alone.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.arrays import Array
from scratchcnn.compiler.convolution import MaxPoolStage
from scratchcnn.compiler.stage import Stage
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.pooling import MaxPool2D


class PatchStage(Stage[Conv2D]):
    """One product for all: every patch becomes a column.

    With tile = 2 a patch holds all that 2 x 2 outputs look at, and the
    kernels are placed in it at four offsets: fewer copies, more
    multiplications, and y is (4, F, OH / 2, OW / 2, N).
    """

    tile = 1

    def allocate(self) -> None:
        """Make room for patches, kernels and outputs."""
        (kh, kw), (ph, pw) = self.layer.kernel_size, self.layer.padding
        (c, h, w, n), f, t = self.x.shape, self.layer.out_channels, self.tile
        self.padded = np.zeros((c, h + 2 * ph, w + 2 * pw, n), self.x.dtype)
        self.inside = self.padded[:, ph : ph + h, pw : pw + w]
        size = kh + t - 1, kw + t - 1
        view = sliding_window_view(self.padded, size, (1, 2), writeable=True)
        self.patches = view[:, ::t, ::t].transpose(4, 5, 0, 1, 2, 3)
        self.copies = np.empty(self.patches.shape, self.x.dtype)
        self.columns = self.copies.reshape(size[0] * size[1] * c, -1)
        self.bank = np.zeros((t, t, f, *size, c), self.x.dtype)
        self.dbank = np.empty_like(self.bank)
        self.outputs = np.empty((t * t * f, self.columns.shape[1]), np.float32)
        shape = t * t, f, *self.patches.shape[3:]
        self.y = self.outputs.reshape(shape if t > 1 else shape[1:])

    def kernels(self, bank: Array) -> list[Array]:
        """View the kernels of each output of a tile, (F, C, KH, KW)."""
        (kh, kw), t = self.layer.kernel_size, self.tile
        return [
            bank[a, b, :, a : a + kh, b : b + kw].transpose(0, 3, 1, 2)
            for a, b in np.ndindex(t, t)
        ]

    def forward(self) -> None:
        """Copy the patches, and multiply."""
        for w in self.kernels(self.bank):
            w[...] = self.layer.weight.value
        np.copyto(self.inside, self.x)
        np.copyto(self.copies, self.patches)
        flat = self.bank.reshape(len(self.outputs), -1)
        np.dot(flat, self.columns, out=self.outputs)

    def learn(self) -> None:
        """Fill dw."""
        flat = self.dbank.reshape(len(self.outputs), -1)
        np.dot(self.outputs, self.columns.T, out=flat)
        self.layer.weight.grad[...] = sum(self.kernels(self.dbank))

    def backward(self) -> None:
        """Multiply back, and add up where the patches came from."""
        flat = self.bank.reshape(len(self.outputs), -1)
        np.dot(flat.T, self.outputs, out=self.columns)
        self.padded[...] = 0
        for u, v in np.ndindex(self.patches.shape[:2]):
            self.patches[u, v] += self.copies[u, v]
        np.copyto(self.x, self.inside)
        if self.padded.shape != self.x.shape:
            self.padded[...] = 0


class TileStage(PatchStage):
    """Patches for tiles of 2 x 2 outputs."""

    tile = 2


class TilePoolStage(MaxPoolStage):
    """2 x 2 max pooling of tiles, which lie ready one after another."""

    layer: MaxPool2D

    def allocate(self) -> None:
        """View the four outputs of all tiles."""
        self.rest = ()  # type: ignore[assignment]
        self.first, *self.others = self.x
        self.y = np.empty(self.first.shape, self.x.dtype)
        self.wins = np.empty((3, *self.y.shape), bool)
