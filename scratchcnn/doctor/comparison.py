"""In what do two results differ? `contrast`, `places`, `circumstances`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.doctor.chart import Value, close, same
from scratchcnn.doctor.experiments import Probe

WORDS = {"n": "example", "c": "channel", "f": "kernel", "k": "class"}
WORDS |= {"i": "row", "p": "row", "u": "row", "m": "output", "d": "input"}
WORDS |= {"j": "column", "q": "column", "v": "column"}
SLIPS = (
    "AttributeError",
    "ImportError",
    "ModuleNotFoundError",
    "NameError",
    "NoneType",
    "NotImplementedError",
    "RuntimeError",
    "SyntaxError",
    "SystemExit",
    "UnboundLocalError",
)
ADVICE = {
    "needs a forward pass before": "Your forward pass does not keep what the "
    "backward pass needs: is self.keep missing?",
    "^NoneType: no array": "Your code returned nothing: is a return missing?",
}
TURNED: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda a: a.swapaxes(0, 1),
    "with rows and columns backwards": lambda a: a[..., ::-1, ::-1],
    "mirrored": lambda a: a[..., ::-1],
}


def contrast(mine: Value, right: Value, result: str) -> str:
    """Say in words how a wrong result compares with the right one."""
    if isinstance(mine, str):
        return f"stopped: {mine}"
    if isinstance(right, str):
        return "goes on where the right one refuses"
    if mine.shape != right.shape:
        return f"has shape {mine.shape}, not {right.shape}"
    if result.startswith("the precision"):
        return f"is float{mine}, and should be float{right}"
    if mine.size < 2 or bool in (mine.dtype, right.dtype):
        return ""
    if not np.isfinite(mine).all():
        return "has numbers that are not finite"
    if not mine.any():
        return "is zero everywhere"
    if np.ptp(right) and not np.ptp(mine):
        whole = same(
            mine.ravel()[:1], right.sum(keepdims=True).ravel(), result
        )
        words = "the sum of the right ones" if whole else "one number"
        return f"has {words} everywhere"
    if mine.ndim > 1:
        for words, turn in TURNED.items():
            if same(mine, turn(right), result):
                return f"is the right one {words}"
    if same(np.sort(mine, None), np.sort(right, None), result):
        return "has the right numbers in another order"
    return proportion(mine.astype(float), right.astype(float), result)


def advice(mine: Value) -> str:
    """Return what may be missing where a program has stopped."""
    said = mine if isinstance(mine, str) else ""
    found = (ADVICE[words] for words in ADVICE if re.search(words, said))
    return next(found, "")


def proportion(
    mine: npt.NDArray[Any], right: npt.NDArray[Any], result: str
) -> str:
    """Say whether all numbers are too large, or too small, by one factor."""
    square = float(np.vdot(right, right)) if np.ptp(right) else 0.0
    factor = float(np.vdot(right, mine)) / square if square else 0.0
    if factor and same(mine, factor * right, result):
        root = round(factor, 4) if simple(factor * factor) else None
        if said := simple(factor) or root:
            return f"is {said} times the right one"
    return ""


def simple(factor: float) -> Fraction | None:
    """Return a factor as a ratio, if it is one that says something.

    One of its numbers is small, or they are neighbors, as N and N - 1.
    """
    if not abs(factor) < 1e15:  # infinity is no ratio, and digits say little
        return None
    near = Fraction(factor).limit_denominator(60)
    top, low = abs(near.numerator), near.denominator
    exact = abs(near - factor) < 1e-4 * abs(factor)
    telling = min(top, low) <= 12 or abs(top - low) == 1
    return near if exact and telling else None


def places(mine: Value, right: Value, result: str, axes: str) -> str:
    """Say in which rows, channels and so on two arrays differ."""
    ill = ~np.atleast_1d(close(mine, right, result))
    if ill.ndim != len(axes) or ill.all():
        return ""
    said = []
    for axis, letter in enumerate(axes):
        others = tuple(a for a in range(ill.ndim) if a != axis)
        lines = np.flatnonzero(ill.any(axis=others))
        if len(lines) < ill.shape[axis]:
            many = "s" if len(lines) > 1 else ""
            run = len(lines) > 2 and np.ptp(lines) < len(lines)
            numbers = f"{lines[0]} to {lines[-1]}" if run else listed(lines)
            said.append(f"{plural(WORDS[letter], many)} {numbers}")
    return f"only in {', '.join(said)}" if said else ""


def first_place(mine: Value, right: Value, result: str) -> tuple[int, ...]:
    """Return where the first matrix is that differs, in a larger array."""
    if np.shape(mine) != np.shape(right):
        alike = np.ndim(mine) == np.ndim(right) and np.size(mine)
        return (0,) * (np.ndim(mine) - 2) if alike else ()
    ill = ~np.atleast_1d(close(mine, right, result))
    if ill.ndim < 3:
        return ()
    return tuple(int(axis[0]) for axis in np.nonzero(ill)[:-2])


def plural(word: str, many: str) -> str:
    """Return a word for one or several."""
    return "classes" if word == "class" and many else word + many


def listed(things: Iterable[Any]) -> str:
    """Return "a, b and c"."""
    *first, last = map(str, things)
    return f"{', '.join(first)} and {last}" if first else last


def circumstances(ill: set[str], probes: list[Probe]) -> str:
    """Say what the probes have in common in which something is wrong."""
    names = [probe.name for probe in probes]
    if not names:
        return "as a whole"
    if len(ill) == len(names):
        return (
            "in every probe"
            if len(names) > 1
            else "in the only probe that asks for it"
        )
    traits = sorted({t for probe in probes for t in probe.all_traits()})
    ways = [
        (ill, "with {}, and only there"),
        ({*names} - ill, "in every probe but those with {}"),
    ]
    for size in 1, 2:
        for group, words in ways:
            for some in combinations(traits, size):
                those = {p.name for p in probes if p.all_traits() & {*some}}
                if those == group:
                    return words.format(either(some))
    group, words = min(ways, key=lambda way: len(way[0]))
    return words.format(either(name for name in names if name in group))


def either(names: Iterable[str]) -> str:
    """Return "a, or with b"."""
    return ", or with ".join(names)
