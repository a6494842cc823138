"""A layer that shows what comes by."""

from collections.abc import Sequence

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.layer import Layer


class Showing(Layer):
    """Show the batches that come by, and always answer `answer`."""

    def __init__(self, answer: Sequence[float] = (0.0,)) -> None:
        self.answer = np.array([answer])
        self.seen: list[Array] = []
        self.modes: list[bool] = []

    def forward(self, x: Array) -> Array:
        """Return the answer for each example."""
        self.seen.append(x)
        self.modes.append(self.training)
        return np.repeat(self.answer, len(x), axis=0)

    def backward(self, dy: Array) -> Array:
        """Return nothing of interest."""
        return dy
