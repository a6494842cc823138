"""One kernel for each channel, as a stage: place by place."""

from __future__ import annotations

import numpy as np

from scratchcnn.compiler.stage import PIXELS, Stage, batch_first, per_channel
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D


class DepthwiseStage(Stage[DepthwiseConv2D]):
    """Cross-correlate each channel, without the bias, batch last.

    From (C, H, W, N) to (C, OH, OW, N), as the layer does: for each
    place in the kernel, all pixels seen there times their weights.
    """

    def allocate(self) -> None:
        """Make buffers for padded images, and for what one place adds."""
        (ph, pw), (c, h, w, n) = self.layer.padding, self.x.shape
        self.padded = self.x
        if ph or pw:
            size = c, h + 2 * ph, w + 2 * pw, n
            self.padded = np.zeros(size, self.x.dtype)
        self.inside = self.padded[:, ph : ph + h, pw : pw + w]
        seen = self.layer.seen(batch_first(self.padded))
        self.seen = np.moveaxis(seen, 2, -1)  # u, v, c, i, j, n
        self.y = np.empty(self.seen.shape[2:], self.x.dtype)
        self.part = np.empty_like(self.y)

    def forward(self) -> None:
        """Add up what each place of the kernel sees."""
        if self.padded is not self.x:
            self.padded[...] = 0
            np.copyto(self.inside, self.x)
        self.y[...] = 0
        for u, v in np.ndindex(self.layer.kernel_size):
            w = per_channel(self.layer.weight.value[:, u, v], self.x)
            self.y += np.multiply(w, self.seen[u, v], out=self.part)

    def learn(self) -> None:
        """Fill dw, place by place."""
        for u, v in np.ndindex(self.layer.kernel_size):
            np.multiply(self.y, self.seen[u, v], out=self.part)
            dw = self.part.sum(axis=PIXELS, dtype=np.float64)
            self.layer.weight.grad[:, u, v] = dw

    def backward(self) -> None:
        """Give each pixel back what it was seen with."""
        self.padded[...] = 0
        for u, v in np.ndindex(self.layer.kernel_size):
            w = per_channel(self.layer.weight.value[:, u, v], self.x)
            self.seen[u, v] += np.multiply(w, self.y, out=self.part)
        if self.padded is not self.x:
            np.copyto(self.x, self.inside)
