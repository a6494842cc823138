"""What a patient has done in every probe: `Chart`."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Value: TypeAlias = "npt.NDArray[Any] | str"
TOLERANCE = 1e-5
STATISTICS = {"spread": 0.06, "share": 0.05}


class BrokenError(Exception):
    """The patient has failed in a way that ends this probe."""


class OutOfTime(BaseException):
    """The patient has used up its time."""


def words(error: BaseException) -> str:
    """Return an exception in one line, even if it can't say what it is."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "which can't be printed"
    return f"{type(error).__name__}: {text[:200]}"


def line(error: BaseException, folder: Path | None) -> str:
    """Return the last line of a folder's files that an exception left."""
    found = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.parent == folder:
            found = f"{path.name}, line {number}"
    return found


def numbers(thing: Any) -> Value:
    """Return a copy of an array of numbers; of anything else, its type."""
    try:
        array = np.array(thing)
    except Exception as error:
        return words(error)
    if array.dtype.kind not in "biuf":
        return f"{type(thing).__name__}: no array of numbers"
    return array


class Chart(dict[tuple[str, str], Value]):
    """Values by probe and result; a text stands for an exception.

    Attributes
    ----------
    folder : Path or None
        Where the patient's own files are.
    lines : dict
        Which line of them an exception has left, by probe and result.

    Notes
    -----
    Chapter *The probes*.
    """

    probe = ""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.lines: dict[tuple[str, str], str] = {}

    def write(self, result: str, value: Any) -> None:
        """Write down a value, as it is now."""
        self[self.probe, result] = numbers(value)

    def fail(self, result: str, error: BaseException) -> None:
        """Write down an exception, and where it came from."""
        self[self.probe, result] = words(error)
        self.lines[self.probe, result] = line(error, self.folder)

    def error(self, probe: str, result: str) -> str:
        """Return an exception that was written down, after its line."""
        line = self.lines.get((probe, result))
        return (
            f"{line}: {self[probe, result]}"
            if line
            else str(self[probe, result])
        )

    def note(self, result: str, action: Callable[[], Any]) -> Any:
        """Write down what an action returns, and return it.

        Raises
        ------
        BrokenError
            If the action fails, or returns no numbers.
        """
        try:
            value = action()
        except OutOfTime:
            raise
        except BaseException as error:
            self.fail(result, error)
            raise BrokenError from error
        self.write(result, value)
        if isinstance(self[self.probe, result], str):
            raise BrokenError
        return value


def close(mine: Value | None, right: Value, result: str) -> Any:
    """Say number by number what is equal, up to rounding.

    One truth value where the two can't be compared; two failures count
    as equal, whatever each has said.
    """
    if isinstance(mine, str) or isinstance(right, str) or mine is None:
        return isinstance(mine, str) and isinstance(right, str)
    if mine.shape != right.shape:
        return False
    finite = np.abs(right[np.isfinite(right)].astype(float))
    scale = max(0.1, float(finite.max(initial=0)))
    share = STATISTICS.get(result.partition(" ")[0], TOLERANCE)
    return np.isclose(mine, right, 0, share * scale, equal_nan=True)


def same(mine: Value | None, right: Value | None, result: str) -> bool:
    """Say whether two values are equal up to rounding."""
    if right is None:
        return mine is None
    return bool(np.all(close(mine, right, result)))
