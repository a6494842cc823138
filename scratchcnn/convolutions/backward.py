"""The five algorithms of a convolution, transposed: dx and dw."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.signal import convolve2d, correlate2d

from scratchcnn.arrays import Array, Pair, check_array, pair
from scratchcnn.convolutions.forward import (
    by_fft,
    by_im2col,
    by_loops,
    by_scipy,
    by_toeplitz,
    enter,
    fast_size,
    images,
    one_a_column,
    pixels_read,
    spectra,
    toeplitz,
    unroll,
    wide,
)

Gradients: TypeAlias = tuple[Array, Array]


def enter_back(
    dy: Array, x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> tuple[Array, Array, Array, Pair, Pair]:
    """Check what came; return dy, x padded, w, and stride and padding.

    All arrays take on the precision of x.

    Raises
    ------
    TypeError, ValueError
        As the forward algorithms do, or if dy has another shape than y.

    Notes
    -----
    Chapter *Five algorithms, transposed*.
    """
    x, w, size, stride = enter(x, w, stride, padding)
    check_array("convolution", "dy", dy, len(x), len(w), *size)
    padding = pair("convolution", "padding", padding, 0)
    return dy.astype(x.dtype, copy=False), x, w, stride, padding


def cut(dx: Array, padding: Pair) -> Array:
    """Take the padding off again: the transpose of `pad`."""
    (ph, pw), (h, w) = padding, dx.shape[2:]
    return dx[:, :, ph : h - ph, pw : w - pw]


def cast(dx: Array, dw: Array, dtype: npt.DTypeLike) -> Gradients:
    """Return both in the precision that the images came in."""
    return dx.astype(dtype, copy=False), dw.astype(dtype, copy=False)


def dilate(dy: Array, x: Array, w: Array, stride: Pair) -> Array:
    """Put zeros between the outputs, as if the stride had been 1."""
    (h, width), (kh, kw) = x.shape[2:], w.shape[2:]
    spaced = np.zeros((*dy.shape[:2], h - kh + 1, width - kw + 1), dy.dtype)
    spaced[:, :, :: stride[0], :: stride[1]] = dy
    return spaced


def back_by_loops(
    dy: Array, x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Gradients:
    """Return dx (N, C, H, W) and dw (F, C, KH, KW), term by term."""
    dy, x, w, stride, padding = enter_back(dy, x, w, stride, padding)
    (sh, sw), dx, dw = stride, np.zeros_like(x), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dy.shape):
        for c, u, v in np.ndindex(w.shape[1:]):
            p, q = sh * i + u, sw * j + v
            dx[n, c, p, q] += dy[n, f, i, j] * w[f, c, u, v]
            dw[f, c, u, v] += dy[n, f, i, j] * x[n, c, p, q]
    return cut(dx, padding), dw


def back_by_scipy(
    dy: Array, x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Gradients:
    """Return dx and dw: a convolution, and a correlation, at a time."""
    dy, x, w, stride, padding = enter_back(dy, x, w, stride, padding)
    dtype, dy, x, w = x.dtype, wide(dy), wide(x), wide(w)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    dy = dilate(dy, x, w, stride)
    for n, f, c in np.ndindex(len(x), *w.shape[:2]):
        dx[n, c] += convolve2d(dy[n, f], w[f, c], "full")
        dw[f, c] += correlate2d(x[n, c], dy[n, f], "valid")
    return cast(cut(dx, padding), dw, dtype)


def back_by_fft(
    dy: Array, x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Gradients:
    """Return dx and dw: two products for each frequency."""
    dy, x, w, stride, padding = enter_back(dy, x, w, stride, padding)
    (h, width), (kh, kw), size = x.shape[2:], w.shape[2:], fast_size(x)
    dys = spectra(dilate(dy, x, w, stride), size)  # (P, Q, N, F)
    dx = images(dys @ spectra(w, size), size)  # over f
    dw = images(dys.conj().swapaxes(2, 3) @ spectra(x, size), size)  # n
    dx = cut(dx[:, :, :h, :width], padding)
    return cast(dx, dw[:, :, :kh, :kw], x.dtype)


def back_by_toeplitz(
    dy: Array, x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Gradients:
    """Return dx and dw: the transposed matrix, and the matrix of dy."""
    dy, x, w, stride, padding = enter_back(dy, x, w, stride, padding)
    dtype, dy, x, w = x.dtype, wide(dy), wide(x), wide(w)
    c, (f, _, kh, kw) = x.shape[1], w.shape
    read = pixels_read(x, (kh, kw), stride).transpose(3, 4, 0, 1, 2)
    matrix = toeplitz(w, read, prod(x.shape[1:]))
    dx = (matrix.T @ one_a_column(dy)).T.reshape(x.shape)

    x, dy = x.swapaxes(0, 1), dy.swapaxes(0, 1)  # now n is summed over
    read = pixels_read(x, (kh, kw), stride).transpose(1, 2, 0, 3, 4)
    flat = one_a_column(x)
    dw = toeplitz(dy, read, len(flat)) @ flat
    dw = dw.reshape(f, kh, kw, c).transpose(0, 3, 1, 2)
    return cast(cut(dx, padding), dw, dtype)


def roll_up(dcolumns: Array, shape: tuple[int, ...], stride: Pair) -> Array:
    """Add columns (C, KH, KW, N, OH, OW) up to images: `unroll`'s adjoint."""
    (sh, sw), (_, kh, kw, _, oh, ow) = stride, dcolumns.shape
    dx = np.zeros(shape, dcolumns.dtype)
    for u, v in np.ndindex(kh, kw):
        rows = dx[:, :, u : u + sh * oh : sh]
        pixels = rows[..., v : v + sw * ow : sw]
        pixels += dcolumns[:, u, v].swapaxes(0, 1)
    return dx


def back_by_im2col(
    dy: Array, x: Array, w: Array, stride: int | Pair, padding: int | Pair
) -> Gradients:
    """Return dx and dw: two matrix products, and `roll_up`."""
    dy, x, w, stride, padding = enter_back(dy, x, w, stride, padding)
    (f, c, kh, kw), (n, _, oh, ow) = w.shape, dy.shape
    dy = dy.swapaxes(0, 1).reshape(f, n * oh * ow)
    dw = dy @ unroll(x, (kh, kw), stride).T  # over n, i, j
    dcolumns = w.reshape(f, c * kh * kw).T @ dy  # over f
    dcolumns = dcolumns.reshape(c, kh, kw, n, oh, ow)
    dx = roll_up(dcolumns, x.shape, stride)  # over u, v
    return cut(dx, padding), dw.reshape(w.shape)


class Algorithm(NamedTuple):
    """One way to convolve, and its transpose."""

    forward: Callable[[Array, Array, int | Pair, int | Pair], Array]
    backward: Callable[
        [Array, Array, Array, int | Pair, int | Pair], Gradients
    ]


ALGORITHMS = {
    "loops": Algorithm(by_loops, back_by_loops),
    "SciPy": Algorithm(by_scipy, back_by_scipy),
    "FFT": Algorithm(by_fft, back_by_fft),
    "Toeplitz": Algorithm(by_toeplitz, back_by_toeplitz),
    "im2col": Algorithm(by_im2col, back_by_im2col),
}
