"""The form of many first notebooks: one image at a time, by SciPy.

The yardstick of `benchmarks.training`: layers with the same interface, the
same parameters and the same numbers as the package's.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import convolve2d, correlate2d

from scratchcnn.arrays import Array
from scratchcnn.layers.convolution import Conv2D, pad
from scratchcnn.layers.pooling import MaxPool2D


class OneByOneConv2D(Conv2D):
    """A convolution of stride 1: each image, kernel and channel apart."""

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, F, OH, OW)."""
        x = pad(x, self.padding)
        self.keep(x)
        w, b = self.weight.value, self.bias.value
        return np.array(
            [
                [
                    sum(
                        correlate2d(channel, one, mode="valid")
                        for channel, one in zip(image, kernel, strict=True)
                    )
                    + bias
                    for kernel, bias in zip(w, b, strict=True)
                ]
                for image in x
            ]
        )

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, F, OH, OW) to (N, C, H, W)."""
        x, w = self.recall(), self.weight.value
        dx = np.zeros_like(x)
        self.weight.grad[...] = 0
        for n in range(len(x)):
            for f, c in np.ndindex(w.shape[:2]):
                dw = correlate2d(x[n, c], dy[n, f], mode="valid")
                self.weight.grad[f, c] += dw
                dx[n, c] += convolve2d(dy[n, f], w[f, c], mode="full")
        self.bias.grad[...] = dy.sum(axis=(0, 2, 3))
        (ph, pw), (h, width) = self.padding, x.shape[2:]
        return dx[:, :, ph : h - ph, pw : width - pw]


class LoopedMaxPool2D(MaxPool2D):
    """Max pooling, window after window."""

    def forward(self, x: Array) -> Array:
        """Return y: (N, C, H, W) to (N, C, OH, OW)."""
        self.keep(x)
        kh, kw = self.kernel_size
        y = np.empty((*x.shape[:2], x.shape[2] // kh, x.shape[3] // kw))
        y = y.astype(x.dtype)
        for n, c, i, j in np.ndindex(y.shape):
            window = x[n, c, kh * i : kh * i + kh, kw * j : kw * j + kw]
            y[n, c, i, j] = window.max()
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: (N, C, OH, OW) to (N, C, H, W)."""
        x, (kh, kw) = self.recall(), self.kernel_size
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dy.shape):
            window = x[n, c, kh * i : kh * i + kh, kw * j : kw * j + kw]
            u, v = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, kh * i + u, kw * j + v] = dy[n, c, i, j]
        return dx
