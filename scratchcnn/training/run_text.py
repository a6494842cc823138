"""What a checkpoint holds besides arrays: `RunText`, and what is wrong."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.data.idx import DataError
from scratchcnn.training.loop import History

PARTS = ("fixed", "learning rate", "history", "generators")
LAST = {"pos": 624, "buffer_pos": 4}  # NumPy takes more, and reads beyond


@dataclass
class RunText:
    """A training run in words, but for its arrays.

    Attributes
    ----------
    fixed : dict
        What must be the same when the run is resumed.
    learning_rate : float
        The optimizer's own.
    history : History
        The epochs that are done.
    generators : dict
        The state of each generator, by name.
    """

    fixed: dict[str, Any]
    learning_rate: float
    history: History
    generators: dict[str, Any]

    def write(self) -> str:
        """Return it as JSON."""
        parts = dict(zip(PARTS, vars(self).values(), strict=True))
        parts["history"] = vars(self.history)
        return json.dumps(parts, default=methodcaller("tolist"))


def is_number(value: Any) -> bool:
    """Say whether JSON has given a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= 2**53 or not isinstance(value, int)


def check_parts(parts: Any) -> None:
    """Stop what is none of a checkpoint's texts.

    Raises
    ------
    ValueError
        If a part is missing, extra, or not what it should be.
    """
    if not isinstance(parts, dict) or parts.keys() != set(PARTS):
        raise ValueError(f"its text should have the parts {PARTS}")
    if not is_number(parts["learning rate"]):
        raise ValueError("its learning rate is no number")
    lists = parts["history"]
    if not isinstance(lists, dict) or lists.keys() != vars(History()).keys():
        raise ValueError(f"its history should be {History()}")
    for name, numbers in lists.items():
        if not isinstance(numbers, list) or not all(map(is_number, numbers)):
            raise ValueError(f"its {name} are no numbers")
        if len(numbers) > len(lists["losses"]):
            raise ValueError(f"its {name} are more than its losses")
    for name in "fixed", "generators":
        if not isinstance(parts[name], dict):
            raise ValueError(f"its {name} have no names")


def read_run(
    path: str | os.PathLike[str], text: npt.NDArray[Any] | None
) -> RunText:
    """Return what `RunText.write` has written.

    Raises
    ------
    DataError
        If it is anything else.
    """
    try:
        if text is None or text.shape != () or text.dtype.kind != "U":
            raise ValueError("it holds no text")
        parts = json.loads(str(text))
        check_parts(parts)
    except (RecursionError, ValueError) as error:
        raise damaged(path, error) from None
    parts["history"] = History(**parts["history"])
    return RunText(*(parts[name] for name in PARTS))


def damaged(path: str | os.PathLike[str], why: object) -> DataError:
    """Return the error that says what is wrong with a checkpoint."""
    return DataError(
        f"{path} should hold a training run, but is damaged ({why}). Take "
        "another copy."
    )


def rehearse(generator: np.random.Generator, state: Any) -> None:
    """Put a state into a copy of a generator, and read it back.

    Raises
    ------
    ValueError
        If it is no state of such a generator.
    """
    twin = copy.deepcopy(generator.bit_generator)
    try:
        twin.state = state
    except Exception as error:  # whatever NumPy makes of it
        raise ValueError(f"{type(error).__name__}: {error}") from None
    read = json.dumps(twin.state, default=methodcaller("tolist"))
    if read != json.dumps(state):
        raise ValueError("it reads back as another")
    for name, place in {**state, **state["state"]}.items():
        if name in LAST and not 0 <= place <= LAST[name]:
            raise ValueError(f"{name} is {place}")


def differences(wanted: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Name what is another, or only in one; as JSON, NaN is like NaN."""
    faults = []
    for name in {**wanted, **got}:
        want, have = (d.get(name, "missing") for d in (wanted, got))
        same = json.dumps(want) == json.dumps(have)
        if not same or (name in wanted) != (name in got):
            faults.append(f"{name} is {have}, not {want}")
    return faults


def description(thing: object, settings: dict[str, Any]) -> str:
    """Return a text such as ``"Dropout(p=0.5)"``."""
    words = ", ".join(f"{name}={value}" for name, value in settings.items())
    return f"{type(thing).__name__}({words})"
