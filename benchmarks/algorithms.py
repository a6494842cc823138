"""Time the five algorithms over kernel sizes, channels and batches.

``python -m benchmarks.algorithms`` writes ``algorithms.json`` beside itself.
"""

from __future__ import annotations

from benchmarks.timing import fix_environment

if __name__ == "__main__":
    fix_environment()

import time
from collections.abc import Iterator
from math import prod
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
from scratchcnn.convolutions.backward import ALGORITHMS, roll_up
from scratchcnn.convolutions.forward import (
    one_a_column,
    pixels_read,
    toeplitz,
    unroll,
)

# With one thread, what the processor spent on us is the time that we took;
# what it spent on others in between does not count.
CLOCK = time.process_time
FORM = (1, 1), (0, 0)
LOOPED = 100_000  # terms that we are ready to wait for
Shape = tuple[int, int, int, int]


def draw(shape: tuple[int, ...]) -> np.ndarray:
    """Return random numbers in float32."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape, dtype=np.float32)


def half_a_page_apart(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays whose places in memory do not hinder a copy.

    A processor that tells addresses apart by their last twelve bits takes
    a store just before a load for one that it has to wait for: where malloc
    happens to put the arrays so, a copy is ten times as slow.
    """
    page = 4096 // 4
    block = draw((2 * size + 2 * page,))
    block = block[-block.ctypes.data % 4096 // 4 :]
    return block[:size], block[size + page // 2 :][:size]


def machine() -> dict[str, Any]:
    """Measure how fast this machine multiplies matrices, and copies."""
    a, b, c = (draw((1024, 1024)) for _ in range(3))
    near, there = half_a_page_apart(1 << 15)  # 128 kB
    far, yonder = half_a_page_apart(24 << 20)  # 96 MB
    times = alternate(
        {
            "sgemm": lambda: np.matmul(a, b, out=c),
            "cache": lambda: np.copyto(there, near),
            "memory": lambda: np.copyto(yonder, far),
        },
        11,
        clock=CLOCK,
    )
    work = {
        "sgemm": 2 * 1024**3,
        "cache": 2 * near.nbytes,
        "memory": 2 * far.nbytes,
    }
    rates = {
        name: summary([work[name] / second for second in samples])
        for name, samples in times.items()
    }
    return {
        "peak": rates["sgemm"],
        "cache": rates["cache"],
        "memory": rates["memory"],
    }


def terms(x: Shape, w: Shape) -> int:
    """Count the products in the sums of a convolution."""
    (n, _, h, width), (_, _, kh, kw) = x, w
    return n * (h - kh + 1) * (width - kw + 1) * prod(w)


def compare(x: Shape, w: Shape, backward: bool = False) -> dict[str, Any]:
    """Time all algorithms on one problem; loops only if they can end."""
    images, kernels = draw(x), draw(w)
    dy = ALGORITHMS["im2col"].forward(images, kernels, *FORM)
    runs = {}
    for name, algorithm in ALGORITHMS.items():
        if name == "loops" and terms(x, w) > LOOPED:
            continue
        if backward:
            runs[name] = lambda a=algorithm: a.backward(
                dy, images, kernels, *FORM
            )
        else:
            runs[name] = lambda a=algorithm: a.forward(images, kernels, *FORM)
    times = alternate(runs, 7, clock=CLOCK)
    return {
        "x": x,
        "w": w,
        "seconds": {name: summary(s) for name, s in times.items()},
        "to im2col": {
            name: ratio(s, times["im2col"]) for name, s in times.items()
        },
    }


def parts(x: Shape, w: Shape) -> dict[str, Any]:
    """Time apart what Toeplitz and im2col do, one part after another."""
    images, kernels, swapped = draw(x), draw(w), draw(x).swapaxes(0, 1)
    dy = ALGORITHMS["im2col"].forward(images, kernels, *FORM)
    read = pixels_read(images, w[2:], FORM[0]).transpose(3, 4, 0, 1, 2)
    back = pixels_read(swapped, w[2:], FORM[0]).transpose(1, 2, 0, 3, 4)
    flat, flat_dy, sums = map(one_a_column, (images, dy, swapped))
    dy_swapped = dy.swapaxes(0, 1)
    t = toeplitz(kernels, read, len(flat))
    d = toeplitz(dy_swapped, back, len(sums))

    columns = unroll(images, w[2:], FORM[0])
    rows, outputs = kernels.reshape(len(kernels), -1), dy_swapped
    outputs = outputs.reshape(len(kernels), -1)
    dcolumns = (rows.T @ outputs).reshape(*w[1:], x[0], *dy.shape[2:])
    times = alternate(
        {
            "write T": lambda: toeplitz(kernels, read, len(flat)),
            "T x": lambda: t @ flat,
            "T' dy": lambda: t.T @ flat_dy,
            "write D": lambda: toeplitz(dy_swapped, back, len(sums)),
            "D x": lambda: d @ sums,
            "unroll": lambda: unroll(images, w[2:], FORM[0]),
            "w columns": lambda: rows @ columns,
            "dy columns'": lambda: outputs @ columns.T,
            "w' dy": lambda: rows.T @ outputs,
            "roll up": lambda: roll_up(dcolumns, x, FORM[0]),
        },
        7,
        clock=CLOCK,
    )
    return {name: summary(samples) for name, samples in times.items()}


def studies() -> Iterator[tuple[str, list[tuple[Shape, Shape]]]]:
    """Yield the name of each study, and its shapes of x and w."""
    yield (
        "kernel",
        [((8, 8, 28, 28), (8, 8, k, k)) for k in (1, 3, 5, 7, 9, 11, 15)],
    )
    yield (
        "channels",
        [((16, c, 14, 14), (c, c, 3, 3)) for c in (1, 2, 4, 8, 16, 32)],
    )
    yield (
        "batch",
        [((n, 8, 14, 14), (8, 8, 3, 3)) for n in (1, 4, 16, 64, 256)],
    )


def main() -> None:
    """Run everything, and write the results."""
    small = (4, 4, 14, 14), (4, 4, 3, 3)
    layer = (32, 8, 14, 14), (16, 8, 5, 5)
    results = {
        "environment": environment(),
        "machine": machine(),
        "studies": {
            name: [compare(*shapes) for shapes in cases]
            for name, cases in studies()
        },
        "small": {
            "forward": compare(*small),
            "backward": compare(*small, backward=True),
        },
        "layer": {
            "forward": compare(*layer),
            "backward": compare(*layer, backward=True),
            "parts": parts(*layer),
        },
    }
    write_json(Path(__file__).with_suffix(".json"), results)


if __name__ == "__main__":
    main()
