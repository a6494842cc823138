"""One convolution, five algorithms: loops, SciPy, FFT, Toeplitz, im2col."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.signal import correlate2d
from scipy.sparse import csr_array

from scratchcnn.arrays import Array, Pair, check_array, pair
from scratchcnn.layers.convolution import gather, pad


def enter(
    x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> tuple[Array, Array, Pair, Pair]:
    """Check what came; return x padded, w cast, y's size, and the stride.

    Parameters
    ----------
    x, w : ndarray
        Images (N, C, H, W), and kernels (F, C, KH, KW); these take on
        the precision of the images.
    stride, padding : int or (int, int)
        In pixels; a pair is (vertical, horizontal).

    Raises
    ------
    TypeError, ValueError
        If an array has another shape or no floating-point numbers, a
        stride is below 1, or a kernel is larger than the padded image.

    Notes
    -----
    Chapter *One convolution, five algorithms*.
    """
    check_array("convolution", "x", x, "N", "C", "H", "W")
    check_array("convolution", "w", w, "F", x.shape[1], "KH", "KW")
    sh, sw = pair("convolution", "stride", stride, 1)
    x = pad(x, pair("convolution", "padding", padding, 0))
    (h, width), (kh, kw) = x.shape[2:], w.shape[2:]
    if not (1 <= kh <= h and 1 <= kw <= width):
        raise ValueError(
            f"convolution wants kernels of (1, 1) to {(h, width)} pixels, the "
            f"size of a padded image, got {(kh, kw)}"
        )
    size = (h - kh) // sh + 1, (width - kw) // sw + 1
    return x, w.astype(x.dtype, copy=False), size, (sh, sw)


def by_loops(
    x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Array:
    """Return y (N, F, OH, OW): the sum as it stands, one term at a time.

    Examples
    --------
    >>> x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.ones((1, 1, 2, 2))
    >>> by_loops(x, w, (1, 1), (0, 0))
    array([[[[ 8., 12.]]]])
    """
    x, w, size, (sh, sw) = enter(x, w, stride, padding)
    y = np.zeros((len(x), len(w), *size), x.dtype)
    for n, f, i, j in np.ndindex(y.shape):
        for c, u, v in np.ndindex(w.shape[1:]):
            y[n, f, i, j] += x[n, c, sh * i + u, sw * j + v] * w[f, c, u, v]
    return y


def wide(a: Array) -> Array:
    """Return an array in a precision that SciPy knows: float32, or more."""
    return a.astype(np.promote_types(a.dtype, np.float32), copy=False)


def by_scipy(
    x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Array:
    """Return y (N, F, OH, OW): one image, channel and kernel at a time.

    Examples
    --------
    >>> x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.ones((1, 1, 2, 2))
    >>> by_scipy(x, w, (1, 1), (0, 0))
    array([[[[ 8., 12.]]]])
    """
    x, w, size, (sh, sw) = enter(x, w, stride, padding)
    dtype, x, w = x.dtype, wide(x), wide(w)
    y = np.zeros((len(x), len(w), *size), x.dtype)
    for n, f, c in np.ndindex(len(x), *w.shape[:2]):
        y[n, f] += correlate2d(x[n, c], w[f, c], "valid")[::sh, ::sw]
    return y.astype(dtype, copy=False)


def fast_size(x: Array) -> Pair:
    """Return the next size of images (N, C, H, W) with a quick FFT."""
    h, w = (next_fast_len(length, real=True) for length in x.shape[2:])
    return h, w


def spectra(a: Array, size: Pair) -> Any:
    """Transform images a, (A, B, H, W), to frequencies (P, Q, A, B)."""
    return rfft2(a, s=size).transpose(2, 3, 0, 1)


def images(spectrum: Any, size: Pair) -> Array:
    """Transform back: (P, Q, A, B) to real images (A, B, H, W)."""
    return irfft2(spectrum.transpose(2, 3, 0, 1), s=size)


def by_fft(
    x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Array:
    """Return y (N, F, OH, OW): a product for each frequency.

    Examples
    --------
    >>> x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.ones((1, 1, 2, 2))
    >>> by_fft(x, w, (1, 1), (0, 0)).round(6)
    array([[[[ 8., 12.]]]])
    """
    x, w, (oh, ow), (sh, sw) = enter(x, w, stride, padding)
    size = fast_size(x)
    kernels = spectra(w, size).conj().swapaxes(2, 3)  # (P, Q, C, F)
    y = images(spectra(x, size) @ kernels, size)  # the sum over c
    y = y[:, :, : sh * oh : sh, : sw * ow : sw]
    return y.astype(x.dtype, copy=False)


def pixels_read(x: Array, kernel: Pair, stride: Pair) -> Any:
    """Return the number of the pixel that each (c, u, v, i, j) reads."""
    numbered: Any = np.arange(prod(x.shape[1:]), dtype=np.int32)
    return gather(numbered.reshape(1, *x.shape[1:]), kernel, stride)[0]


def one_a_column(x: Array) -> Array:
    """Write each image as one column: (N, C, H, W) to (C*H*W, N)."""
    return x.reshape(len(x), prod(x.shape[1:])).T


def toeplitz(weights: Array, read: Any, pixels: int) -> csr_array:
    """Write a convolution as one matrix (F*OH*OW, pixels), mostly zeros.

    Row (f, i, j) holds weights[f, c, u, v] in column read[i, j, c, u, v],
    the number of the pixel that output (i, j) reads through (c, u, v).
    """
    shape = len(weights), *read.shape
    values = np.broadcast_to(weights[:, None, None], shape)
    columns = np.broadcast_to(read, shape)
    rows = prod(shape[:3])
    starts = np.arange(rows + 1, dtype=read.dtype) * prod(shape[3:])
    entries = values.ravel(), columns.ravel(), starts
    return csr_array(entries, shape=(rows, pixels))


def by_toeplitz(
    x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Array:
    """Return y (N, F, OH, OW): a sparse matrix times each image.

    Examples
    --------
    >>> x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.ones((1, 1, 2, 2))
    >>> by_toeplitz(x, w, (1, 1), (0, 0))
    array([[[[ 8., 12.]]]])
    """
    x, w, size, stride = enter(x, w, stride, padding)
    read = pixels_read(x, w.shape[2:], stride).transpose(3, 4, 0, 1, 2)
    flat = one_a_column(wide(x))
    y = toeplitz(wide(w), read, len(flat)) @ flat
    return y.T.reshape(len(x), len(w), *size).astype(x.dtype, copy=False)


def unroll(x: Array, kernel: Pair, stride: Pair) -> Array:
    """Put every window in a column: (N, C, H, W) to (C*KH*KW, N*OH*OW)."""
    windows = sliding_window_view(x, kernel, axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1]]
    columns = windows.transpose(1, 4, 5, 0, 2, 3)
    return columns.reshape(prod(columns.shape[:3]), prod(columns.shape[3:]))


def by_im2col(
    x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Array:
    """Return y (N, F, OH, OW): all windows in one matrix product.

    Examples
    --------
    >>> x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.ones((1, 1, 2, 2))
    >>> by_im2col(x, w, (1, 1), (0, 0))
    array([[[[ 8., 12.]]]])
    """
    x, w, size, stride = enter(x, w, stride, padding)
    rows = w.reshape(len(w), prod(w.shape[1:]))
    y = rows @ unroll(x, w.shape[2:], stride)  # over c, u, v
    return y.reshape(len(w), len(x), *size).swapaxes(0, 1)
