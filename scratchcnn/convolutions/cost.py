"""What the five algorithms cost: operations, bytes, and the least time."""

from __future__ import annotations

from collections.abc import Callable
from math import log2
from typing import NamedTuple

from scipy.fft import next_fast_len

from scratchcnn.arrays import Pair, pair


class Sizes(NamedTuple):
    """The sizes of one convolution; h and w count their padding."""

    n: int
    c: int
    f: int
    h: int
    w: int
    kh: int
    kw: int
    oh: int
    ow: int


def sizes_of(
    x: tuple[int, int, int, int],
    w: tuple[int, int, int, int],
    stride: int | Pair = 1,
    padding: int | Pair = 0,
) -> Sizes:
    """Collect the sizes from the shapes of images x and of kernels w.

    Raises
    ------
    TypeError, ValueError
        If a stride is below 1, the channels of x and w differ, or a
        kernel is larger than the padded image.
    """
    (n, c, h, width), (f, channels, kh, kw) = x, w
    sh, sw = pair("sizes_of", "stride", stride, 1)
    ph, pw = pair("sizes_of", "padding", padding, 0)
    h, width = h + 2 * ph, width + 2 * pw
    if channels != c or not (1 <= kh <= h and 1 <= kw <= width):
        raise ValueError(
            f"sizes_of wants kernels of {c} channels and of (1, 1) to "
            f"{(h, width)} pixels, the size of a padded image, got {w}"
        )
    oh, ow = (h - kh) // sh + 1, (width - kw) // sw + 1
    return Sizes(n, c, f, h, width, kh, kw, oh, ow)


def direct_flops(s: Sizes) -> float:
    """Count one multiplication and one addition for each term of y."""
    return 2 * (s.n * s.f * s.oh * s.ow) * (s.c * s.kh * s.kw)


def scipy_flops(s: Sizes) -> float:
    """Count as for stride 1: the other outputs are thrown away."""
    return direct_flops(s._replace(oh=s.h - s.kh + 1, ow=s.w - s.kw + 1))


def spectrum(s: Sizes) -> tuple[int, int, int]:
    """Return (P, Q) of the transforms, and how many there are."""
    p, q = (next_fast_len(length, real=True) for length in (s.h, s.w))
    return p, q, s.n * s.c + s.f * s.c + s.n * s.f


def fft_flops(s: Sizes) -> float:
    """Count the transforms, and 8 for each complex term of a product."""
    p, q, transforms = spectrum(s)
    products = s.n * s.f * s.c * p * (q // 2 + 1)
    return transforms * 2.5 * p * q * log2(p * q) + 8 * products


def least_bytes(s: Sizes, item: int) -> int:
    """Read x and w once, and write y once, `item` bytes a number."""
    read = s.n * s.c * s.h * s.w + s.f * s.c * s.kh * s.kw
    return item * (read + s.n * s.f * s.oh * s.ow)


def im2col_bytes(s: Sizes, item: int) -> int:
    """Write all columns, and read them again."""
    columns = s.c * s.kh * s.kw * s.n * s.oh * s.ow
    return least_bytes(s, item) + 2 * item * columns


def toeplitz_bytes(s: Sizes, item: int) -> int:
    """Write the matrix, and read it: a number and 4 bytes of index."""
    entries = s.f * s.oh * s.ow * s.c * s.kh * s.kw
    return least_bytes(s, item) + 2 * (item + 4) * entries


def fft_bytes(s: Sizes, item: int) -> int:
    """Write all spectra, two numbers a frequency, and read them."""
    p, q, transforms = spectrum(s)
    numbers = 2 * p * (q // 2 + 1) * transforms
    return least_bytes(s, item) + 2 * item * numbers


class Cost(NamedTuple):
    """How to count an algorithm's operations, and the bytes it moves."""

    flops: Callable[[Sizes], float]
    bytes: Callable[[Sizes, int], int]


COSTS = {
    "loops": Cost(direct_flops, least_bytes),
    "SciPy": Cost(scipy_flops, least_bytes),
    "FFT": Cost(fft_flops, fft_bytes),
    "Toeplitz": Cost(direct_flops, toeplitz_bytes),
    "im2col": Cost(direct_flops, im2col_bytes),
}


def least_time(
    flops: float, moved: float, *, peak: float, bandwidth: float
) -> float:
    """Return the seconds that no algorithm can undercut: the roofline.

    Parameters
    ----------
    flops, moved : float
        Operations to do, and bytes to move.
    peak, bandwidth : float
        The most that the machine does in a second, of either.

    Notes
    -----
    Chapter *The roofline*; Williams, Waterman and Patterson, "Roofline:
    an insightful visual performance model for multicore architectures"
    (2009).
    """
    return max(flops / peak, moved / bandwidth)
