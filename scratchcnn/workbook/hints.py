"""One step more of a derivation: `hint`."""

from __future__ import annotations

import contextlib
import inspect
import json
from pathlib import Path

from scratchcnn.doctor.catalog import table
from scratchcnn.doctor.kinds import KINDS
from scratchcnn.files import write_whole
from scratchcnn.workbook.chapters import close_to, kinds_of

HINTS: dict[str, dict[str, list[str]]] = table("workbook", "hints.toml")
MEMORY = ".hints.json"


def derivation(name: str) -> tuple[str, str]:
    """Return kind and result, of ``"conv2d.dx"`` or ``"convolution.dx"``.

    A method stands for what it returns, and nothing for the only result.

    Raises
    ------
    ValueError
        If there are no hints of that name, or for two things of it.
    """
    thing, _, result = name.partition(".")
    try:
        kinds = kinds_of(thing)
    except ValueError:
        near = [kind for kind in close_to(thing) if kind in HINTS]
        kinds, result = near or [*HINTS], "nothing"
    fitting = [(k, r) for k in kinds for r in meant(k, result)]
    if len(fitting) != 1:
        fitting = fitting or [(k, r) for k in kinds for r in HINTS[k]]
        names = ", ".join(f"{k}.{r}" for k, r in fitting)
        raise ValueError(f"there are hints for {names}")
    return fitting[0]


def meant(kind: str, result: str) -> list[str]:
    """Return the results of a kind that may be meant by a word."""
    results = [*HINTS[kind]]
    ways = {
        "": results,
        "forward": results[:1],
        "backward": [one for one in results if one.startswith("d")],
    }
    return ways.get(result, [one for one in results if one == result])


def opened(path: Path) -> dict[str, int]:
    """Return how many steps are open; none, if the file can't be read."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found = json.loads(path.read_text("utf-8")).items()
        return {k: n for k, n in found if isinstance(n, int) and n > 0}
    return {}


def hint(folder: Path, name: str) -> str:
    """Return the steps that were opened before, and one more."""
    kind, result = derivation(name)
    name, steps, path = (
        f"{kind}.{result}",
        HINTS[kind][result],
        folder / MEMORY,
    )
    before = opened(path)
    count = min(before.get(name, 0) + 1, len(steps))
    write_whole(path, json.dumps({**before, name: count}).encode())
    lines = [
        f"{i} of {len(steps)}. {step}"
        for i, step in enumerate(steps[:count], 1)
    ]
    if count == len(steps):
        lines.append(f"The rest is in {KINDS[kind].chapter(result)}.")
    return "\n".join(lines)


def listing(name: str) -> str:
    """Return the package's own text, of ``"dense"`` or ``"dense.forward"``.

    Raises
    ------
    ValueError
        If there is nothing of that name.
    """
    thing, _, method = name.partition(".")
    found = [KINDS[kind].right() for kind in kinds_of(thing)]
    if method:
        found = [getattr(one, method, None) for one in found]
    try:
        return "\n\n".join(map(inspect.getsource, found))
    except TypeError as error:  # not written in Python, or no code at all
        raise ValueError(f"there is no {method!r} in {thing}") from error
