"""Small habits and what they cost, and two layouts of the same images.

``python -m benchmarks.habits`` writes ``habits.json`` beside itself. The
functions of a pair return the same numbers; the chapter *Batch last* prints
them and checks that.
"""

from __future__ import annotations

from benchmarks.timing import fix_environment

if __name__ == "__main__":
    fix_environment()

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import (
    alternate,
    environment,
    ratio,
    summary,
    write_json,
)

CLOCK = time.process_time  # of one thread; see algorithms.py
Array = np.ndarray


def draw(*shape: int) -> Array:
    """Return random numbers in float32."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape, dtype=np.float32)


def pool_by_reshape(x: Array) -> Array:
    """Make two short axes of each 2 x 2 window, and reduce them."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def pool_by_pairs(x: Array) -> Array:
    """Compare rows with their neighbors, then columns with theirs."""
    rows = np.maximum(x[:, :, ::2], x[:, :, 1::2])
    return np.maximum(rows[..., ::2], rows[..., 1::2])


def pool_last(x: Array) -> Array:
    """Do the same to (C, H, W, N)."""
    rows = np.maximum(x[:, ::2], x[:, 1::2])
    return np.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def mask_by_where(x: Array, dy: Array) -> Array:
    """Choose, number by number, between dy and zero."""
    return np.where(x > 0, dy, np.float32(0))


def mask_by_index(x: Array, dy: Array) -> Array:
    """Copy, and write zeros where x was not positive."""
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


def mask_by_product(x: Array, dy: Array) -> Array:
    """Multiply with the truth values, 1 and 0."""
    return dy * (x > 0)


def relu_by_maximum(x: Array) -> Array:
    """Take the larger of x and zero."""
    return np.maximum(x, 0)


def relu_by_product(x: Array) -> Array:
    """Multiply with the truth values (NaN stays NaN, -1 gives -0)."""
    return x * (x > 0)


def pad_by_numpy(x: Array) -> Array:
    """Ask the function for it."""
    return np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))


def pad_by_slice(x: Array) -> Array:
    """Write the images into zeros."""
    n, c, h, w = x.shape
    padded = np.zeros((n, c, h + 4, w + 4), x.dtype)
    padded[:, :, 2:-2, 2:-2] = x
    return padded


def scale_new(x: Array, out: Array) -> Array:
    """Let each operation make a new array."""
    return 0.5 * x + 1


def scale_in_place(x: Array, out: Array) -> Array:
    """Give each operation the same place to write to."""
    np.multiply(x, 0.5, out=out)
    return np.add(out, 1, out=out)


def outer_by_at(dy: Array, x: Array) -> Array:
    """Find dw of a Dense layer, by the operator."""
    return dy.T @ x


def outer_by_dot(dy: Array, x: Array) -> Array:
    """Do the same by the older function."""
    return np.dot(dy.T, x)


def product(x: Array, w: Array) -> Array:
    """Multiply two matrices, in the precision that they have."""
    return x @ w


def gather_first(x: Array, kh: int, kw: int) -> Array:
    """Copy (N, C, H, W) into columns (N, C, KH, KW, OH, OW)."""
    n, c, h, w = x.shape
    oh, ow = h - kh + 1, w - kw + 1
    columns = np.empty((n, c, kh, kw, oh, ow), x.dtype)
    for u, v in np.ndindex(kh, kw):
        columns[:, :, u, v] = x[:, :, u : u + oh, v : v + ow]
    return columns


def scatter_first(dcolumns: Array, x: Array) -> Array:
    """Add the columns up to images of the shape of x."""
    _, _, kh, kw, oh, ow = dcolumns.shape
    dx = np.zeros_like(x)
    for u, v in np.ndindex(kh, kw):
        dx[:, :, u : u + oh, v : v + ow] += dcolumns[:, :, u, v]
    return dx


def first_forward(x: Array, w: Array) -> tuple[Array, Array]:
    """Convolve batch first: (N, C, H, W), one product an image."""
    columns = gather_first(x, *w.shape[2:])
    n, c, kh, kw, oh, ow = columns.shape
    columns = columns.reshape(n, c * kh * kw, oh * ow)
    y = w.reshape(len(w), -1) @ columns
    return y.reshape(n, len(w), oh, ow), columns


def first_backward(
    dy: Array, columns: Array, x: Array, w: Array
) -> tuple[Array, Array]:
    """Return dx and dw, batch first."""
    (f, c, kh, kw), (n, _, oh, ow) = w.shape, dy.shape
    dy = dy.reshape(n, f, oh * ow)
    dw = (dy @ columns.transpose(0, 2, 1)).sum(axis=0)
    dcolumns = w.reshape(f, -1).T @ dy
    dcolumns = dcolumns.reshape(n, c, kh, kw, oh, ow)
    return scatter_first(dcolumns, x), dw.reshape(w.shape)


def weights_only(dy: Array, columns: Array, w: Array) -> Array:
    """Return dw alone, for a layer that has only the data before it."""
    dy = dy.reshape(*dy.shape[:2], -1)
    dw = (dy @ columns.transpose(0, 2, 1)).sum(axis=0)
    return dw.reshape(w.shape)


def gather_last(x: Array, kh: int, kw: int) -> Array:
    """Copy (C, H, W, N) into columns (C, KH, KW, OH, OW, N)."""
    c, h, w, n = x.shape
    oh, ow = h - kh + 1, w - kw + 1
    columns = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for u, v in np.ndindex(kh, kw):
        columns[:, u, v] = x[:, u : u + oh, v : v + ow]
    return columns


def scatter_last(dcolumns: Array, x: Array) -> Array:
    """Add the columns up to images of the shape of x."""
    _, kh, kw, oh, ow, _ = dcolumns.shape
    dx = np.zeros_like(x)
    for u, v in np.ndindex(kh, kw):
        dx[:, u : u + oh, v : v + ow] += dcolumns[:, u, v]
    return dx


def last_forward(x: Array, w: Array) -> tuple[Array, Array]:
    """Convolve batch last: (C, H, W, N), one product for all images."""
    columns = gather_last(x, *w.shape[2:])
    c, kh, kw, oh, ow, n = columns.shape
    columns = columns.reshape(c * kh * kw, oh * ow * n)
    y = w.reshape(len(w), -1) @ columns
    return y.reshape(len(w), oh, ow, n), columns


def last_backward(
    dy: Array, columns: Array, x: Array, w: Array
) -> tuple[Array, Array]:
    """Return dx and dw, batch last."""
    (f, c, kh, kw), (_, oh, ow, n) = w.shape, dy.shape
    dy = dy.reshape(f, oh * ow * n)
    dw = dy @ columns.T
    dcolumns = w.reshape(f, -1).T @ dy
    dcolumns = dcolumns.reshape(c, kh, kw, oh, ow, n)
    return scatter_last(dcolumns, x), dw.reshape(w.shape)


def last(x: Array) -> Array:
    """Move the batch to the end: (N, C, H, W) to (C, H, W, N)."""
    return np.ascontiguousarray(np.moveaxis(x, 0, -1))


Pair = tuple[str, Callable[..., Any], tuple[Any, ...]]


def habits() -> dict[str, list[Pair]]:
    """Return, by habit, what is compared; the last is the good one."""
    x, dy = draw(64, 4, 28, 28), draw(64, 4, 28, 28)[::-1].copy()
    out = np.empty_like(x)
    one, complaint = draw(1, 676), draw(1, 32)
    x0, w0 = draw(64, 1, 28, 28), draw(4, 1, 3, 3)
    y, columns = first_forward(x0, w0)
    a, b = draw(256, 256), draw(256, 256)
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    return {
        "pool": [
            ("reshape, max", pool_by_reshape, (x,)),
            ("pairs", pool_by_pairs, (x,)),
            ("pairs, batch last", pool_last, (last(x),)),
        ],
        "mask": [
            ("where", mask_by_where, (x, dy)),
            ("index", mask_by_index, (x, dy)),
            ("product", mask_by_product, (x, dy)),
        ],
        "relu": [
            ("product", relu_by_product, (x,)),
            ("maximum", relu_by_maximum, (x,)),
        ],
        "pad": [
            ("np.pad", pad_by_numpy, (x,)),
            ("slice", pad_by_slice, (x,)),
        ],
        "pad one": [
            ("np.pad", pad_by_numpy, (x[:1],)),
            ("slice", pad_by_slice, (x[:1],)),
        ],
        "scale": [
            ("new arrays", scale_new, (x, out)),
            ("in place", scale_in_place, (x, out)),
        ],
        "batch of one": [
            ("@", outer_by_at, (complaint, one)),
            ("np.dot", outer_by_dot, (complaint, one)),
        ],
        "first layer": [
            ("dx and dw", first_backward, (y, columns, x0, w0)),
            ("dw alone", weights_only, (y, columns, w0)),
        ],
        "precision": [
            ("float64", product, (a64, b64)),
            ("float32", product, (a, b)),
        ],
    }


LAYERS = {
    "two-class": (1, 28, 4, 3),
    "LeNet-like, first": (1, 32, 8, 5),
    "LeNet-like, second": (8, 14, 16, 5),
    "wide": (32, 14, 32, 3),
}


def layouts(c: int, size: int, f: int, k: int, n: int) -> dict[str, Any]:
    """Time a convolution, forward and backward, in both layouts."""
    x, w = draw(n, c, size, size), draw(f, c, k, k)
    y, columns = first_forward(x, w)
    x_last, y_last = last(x), last(y)
    _, columns_last = last_forward(x_last, w)
    times = alternate(
        {
            "first, forward": lambda: first_forward(x, w),
            "last, forward": lambda: last_forward(x_last, w),
            "first, backward": lambda: first_backward(y, columns, x, w),
            "last, backward": lambda: last_backward(
                y_last, columns_last, x_last, w
            ),
        },
        9,
        clock=CLOCK,
    )
    both = {
        layout: [
            one + two
            for one, two in zip(
                times[f"{layout}, forward"],
                times[f"{layout}, backward"],
                strict=True,
            )
        ]
        for layout in ("first", "last")
    }
    return {
        "seconds": {k: summary(s) for k, s in (times | both).items()},
        "first to last": ratio(both["first"], both["last"]),
    }


def parts(c: int, size: int, f: int, k: int, n: int = 32) -> dict[str, Any]:
    """Time the parts of a convolution: copies and products."""
    x, w = draw(n, c, size, size), draw(f, c, k, k)
    x_last, rows, o = last(x), w.reshape(f, c * k * k), size - k + 1
    y, cols = first_forward(x, w)
    y_last, cols_last = last_forward(x_last, w)
    dy, dy_last = y.reshape(n, f, o * o), y_last.reshape(f, o * o * n)
    dcols = (rows.T @ dy).reshape(n, c, k, k, o, o)
    dcols_last = (rows.T @ dy_last).reshape(c, k, k, o, o, n)
    times = alternate(
        {
            "first, gather": lambda: gather_first(x, k, k),
            "last, gather": lambda: gather_last(x_last, k, k),
            "first, y": lambda: rows @ cols,
            "last, y": lambda: rows @ cols_last,
            "first, dw": lambda: (dy @ cols.transpose(0, 2, 1)).sum(axis=0),
            "last, dw": lambda: dy_last @ cols_last.T,
            "first, dcolumns": lambda: rows.T @ dy,
            "last, dcolumns": lambda: rows.T @ dy_last,
            "first, scatter": lambda: scatter_first(dcols, x),
            "last, scatter": lambda: scatter_last(dcols_last, x_last),
        },
        9,
        0.005,
        clock=CLOCK,
    )
    return {name: summary(samples) for name, samples in times.items()}


def runs() -> list[dict[str, Any]]:
    """Time a copy of 2^16 numbers in runs of a length, with gaps."""
    lengths, total = [1 << k for k in range(1, 13)], 1 << 16
    copies = {}
    for length in lengths:
        source = draw(total // length, 2 * length)[:, :length]
        target = np.empty_like(source, order="C")
        copies[str(length)] = lambda a=target, b=source: np.copyto(a, b)
    times = alternate(copies, 9, 0.004, clock=CLOCK)
    return [
        {
            "length": length,
            "nanoseconds a number": summary(
                [1e9 * second / total for second in times[str(length)]]
            ),
        }
        for length in lengths
    ]


def main() -> None:
    """Run everything, and write the results."""
    small = {}
    for habit, pairs in habits().items():
        times = alternate(
            {
                name: partial(function, *arguments)
                for name, function, arguments in pairs
            },
            11,
            0.004,
            clock=CLOCK,
        )
        small[habit] = {
            name: {
                "seconds": summary(samples),
                "to the last": ratio(samples, times[pairs[-1][0]]),
            }
            for name, samples in times.items()
        }
    results = {
        "environment": environment(),
        "habits": small,
        "layouts": {
            name: {str(n): layouts(*layer, n) for n in (1, 32, 256)}
            for name, layer in LAYERS.items()
        },
        "parts": {name: parts(*layer) for name, layer in LAYERS.items()},
        "runs": runs(),
    }
    write_json(Path(__file__).with_suffix(".json"), results)


if __name__ == "__main__":
    main()
