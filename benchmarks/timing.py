"""Time functions side by side, and write down on what machine.

A benchmark begins with `fix_environment()`, before it imports NumPy, times
what it compares with `alternate`, and ends with `write_json`.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

# glibc moves these thresholds while a program runs, so that an array is
# cheap or dear depending on what was freed before it. Fixed, they are the
# same for all: memory stays with the process, and is not cleared anew.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"


def fix_environment(threads: int = 1) -> None:
    """Start this program once more, if it was not started as it should be.

    BLAS reads its number of threads, and malloc its thresholds, when they
    are loaded; so they have to be set before the process begins.
    """
    wanted = MALLOC | dict.fromkeys(THREADS, str(threads))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **wanted})


def alternate(
    functions: Mapping[str, Callable[[], object]],
    repeats: int = 9,
    seconds: float = 0.01,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time each function in turn, `repeats` times over; seconds a call.

    Parameters
    ----------
    functions : mapping of str to callable
        What is compared; each is called without arguments.
    repeats : int
        The rounds. In each, every function gives one sample, so that
        whatever disturbs the machine for a while disturbs all of them.
    seconds : float
        How long a sample should take at least: a quick function is
        called as often as it takes, and the sample is the mean.
    clock : callable
        Returns the time in seconds.

    Returns
    -------
    dict of str to list of float
        For each function its `repeats` samples, by round.
    """

    def sample(function: Callable[[], object], calls: int) -> float:
        start = clock()
        for _ in range(calls):
            function()
        return (clock() - start) / calls

    calls = {}
    for name, function in functions.items():
        once = min(sample(function, 1) for _ in range(2))  # and warm up
        calls[name] = max(1, round(seconds / once)) if once > 0 else 1000
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            samples[name].append(sample(function, calls[name]))
    return samples


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Return the median, the quartiles around it, and the least."""
    if len(samples) == 1:
        samples = [*samples, *samples]
    low, median, high = statistics.quantiles(samples, method="inclusive")
    least = min(samples)
    return {"median": median, "low": low, "high": high, "least": least}


def ratio(samples: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Summarize how many times the base's time it took, round by round."""
    rounds = zip(samples, base, strict=True)
    return summary([one / other for one, other in rounds])


def processor() -> str:
    """Return the processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2] for line in lines if "model name" in line]
    return names[0].strip() if names else platform.machine()


def ask_openblas(question: str, kind: type[Any]) -> Any:
    """Return what NumPy's OpenBLAS answers, or None if it has another BLAS."""
    core = import_module("numpy._core._multiarray_umath")
    numpy = ctypes.CDLL(core.__file__)
    for name in f"scipy_openblas_{question}64_", f"openblas_{question}":
        if function := getattr(numpy, name, None):
            function.restype = kind
            return function()
    return None


def environment() -> dict[str, Any]:
    """Return what a time depends on: versions, BLAS, cores, threads."""
    import numpy as np
    import scipy

    config = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    kernel = ask_openblas("get_corename", ctypes.c_char_p) or b"unknown"
    threads = ask_openblas("get_num_threads", ctypes.c_int)
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "kernel": kernel.decode(),
        "threads": threads or os.environ.get(THREADS[0], "not set"),
        "malloc": {name: os.environ.get(name, "not set") for name in MALLOC},
    }


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write `content` to `path`, whole or not at all, floats in 4 digits."""
    from scratchcnn.files import write_whole

    def short(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: short(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [short(inner) for inner in value]
        return float(f"{value:.4g}") if isinstance(value, float) else value

    write_whole(path, json.dumps(short(content), indent=1).encode() + b"\n")


def recorded(name: str) -> Any:
    """Return what the benchmark of this name has written."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text())
