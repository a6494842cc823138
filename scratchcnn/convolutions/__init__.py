"""Five ways to compute one convolution, and what they cost."""

from scratchcnn.convolutions.backward import ALGORITHMS
from scratchcnn.convolutions.forward import (
    by_fft,
    by_im2col,
    by_loops,
    by_scipy,
    by_toeplitz,
)

__all__ = [
    "ALGORITHMS",
    "by_fft",
    "by_im2col",
    "by_loops",
    "by_scipy",
    "by_toeplitz",
]
