"""Arrays, and the checks at every door."""

from __future__ import annotations

import math
from contextlib import suppress
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating[Any]]
Labels: TypeAlias = npt.NDArray[np.integer[Any]]
Pair: TypeAlias = tuple[int, int]
Dim: TypeAlias = "int | str | EllipsisType"


ARRAYS = np.ndarray, np.memmap  # no matrix or masked array: these differ


def kind(array: object) -> str:
    """Say what this is: the type of its numbers, or its own."""
    own = type(array).__name__
    return str(getattr(array, "dtype", own)) if own == "ndarray" else own


def check_array(owner: object, name: str, array: Array, *wanted: Dim) -> None:
    """Stop anything but a floating-point array of the wanted shape.

    Parameters
    ----------
    owner : object
        Who asks; its name opens the message.
    name : str
        What the array is called in the formulas, such as ``"x"``.
    array : ndarray
        What came.
    *wanted : int, str or ...
        One entry an axis: a length that must be met, or a letter for an
        axis of any length. A last ``...`` allows any further axes.

    Raises
    ------
    TypeError, ValueError
        If `array` holds no floating-point numbers, or has another shape.

    Notes
    -----
    Chapter *Dense*.
    """
    if type(array) not in ARRAYS or array.dtype.kind != "f":
        raise TypeError(
            f"{owner} wants {name} as an array of floats, got {kind(array)}"
        )
    axes = wanted[:-1] if wanted and wanted[-1] is ... else wanted
    shape = array.shape[: len(axes)] if axes != wanted else array.shape
    fits = len(shape) == len(axes) and all(
        isinstance(want, str) or want == got
        for want, got in zip(axes, shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("..." if w is ... else str(w) for w in wanted)
        sizes += "," if len(wanted) == 1 else ""
        raise ValueError(
            f"{owner} wants {name} of shape ({sizes}), got {array.shape}"
        )


def check_size(owner: object, name: str, size: int, least: int = 1) -> int:
    """Return `size` as an int of at least `least`, or raise.

    Raises
    ------
    TypeError, ValueError
        If `size` is not an integer, or smaller than `least`.

    Notes
    -----
    Chapter *Dense*.
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"{owner} wants {name} as an integer, got {size!r}")
    if size < least:
        raise ValueError(f"{owner} wants {name} >= {least}, got {size}")
    return int(size)


def check_generator(owner: str, rng: np.random.Generator) -> None:
    """Stop anything but a generator, a mere seed for example.

    Raises
    ------
    TypeError
        If `rng` is not a numpy.random.Generator.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{owner} wants rng as a numpy.random.Generator, such as "
            f"np.random.default_rng(0), got {rng!r}"
        )


def pair(owner: str, name: str, size: int | Pair, least: int) -> Pair:
    """Return `size` as (vertical, horizontal); one number means both."""
    if not isinstance(size, (int, np.integer, tuple)):
        raise TypeError(
            f"{owner} wants {name} as an integer, or as a tuple (y, x), got "
            f"{size!r}"
        )
    both = size if isinstance(size, tuple) else (size, size)
    if len(both) != 2:
        raise ValueError(f"{owner} wants {name} as (y, x), got {size}")
    y, x = (check_size(owner, name, s, least) for s in both)
    return y, x


def brief(size: Pair) -> str:
    """Write a size as it may have been given: (3, 3) is 3."""
    y, x = size
    return str(y if y == x else size)


def check_number(
    owner: str,
    name: str,
    value: float,
    *,
    below: float = math.inf,
    positive: bool = False,
) -> float:
    """Return `value` as a float, from 0 on and below `below`, or raise.

    Raises
    ------
    TypeError, ValueError
        If `value` is not a real number, or outside of that range, or
        zero where it shall be `positive`.
    """
    kinds = int, float, np.integer, np.floating
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{owner} wants {name} as a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf
    if not 0 <= number < below or (positive and number == 0):
        least = "0 <" if positive else "0 <="
        raise ValueError(
            f"{owner} wants {least} {name} < {below:g}, got {value}"
        )
    return number


def check_share(owner: str, name: str, share: float) -> float:
    """Return `share` as a float from 0 to 1, or raise.

    Raises
    ------
    TypeError, ValueError
        If `share` is not a real number, or outside of that range.
    """
    with suppress(ValueError):
        number = check_number(owner, name, share)
        if number <= 1:
            return number
    raise ValueError(f"{owner} wants {name} from 0 to 1, got {share}")


def check_labels(
    owner: object, name: str, labels: Labels | Array, count: int, classes: int
) -> None:
    """Stop anything but `count` integers from 0 to `classes` - 1.

    Raises
    ------
    TypeError, ValueError
        If `labels` is not an array of integers, or has another shape,
        or if one of them is no class.

    Notes
    -----
    Chapter *Right or wrong?*
    """
    if type(labels) not in ARRAYS or labels.dtype.kind not in "iu":
        raise TypeError(
            f"{owner} wants {name} as an array of integers, got {kind(labels)}"
        )
    if labels.shape != (count,):
        raise ValueError(
            f"{owner} wants {name} of shape ({count},), got {labels.shape}"
        )
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"{owner} wants {name} from 0 to {classes - 1}, got "
            f"{labels.min()} to {labels.max()}"
        )
