"""One step more of a derivation: `Hints`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

from scratchcnn.doctor.catalog import table
from scratchcnn.doctor.kinds import KINDS
from scratchcnn.files import write_whole
from scratchcnn.workbook.chapters import kinds_of

HINTS: dict[str, dict[str, list[str]]] = table("workbook", "hints.toml")
MEMORY = ".hints.json"


def derivation(name: str) -> tuple[str, str]:
    """Return kind and result, of ``"conv2d.dx"`` or ``"convolution.dx"``.

    Raises
    ------
    ValueError
        If there are no hints of that name, or for two things of it.
    """
    thing, _, result = name.partition(".")
    try:
        kinds = [kind for kind in kinds_of(thing) if kind in HINTS]
    except ValueError:
        kinds = []
    fitting = [kind for kind in kinds if result in HINTS[kind]]
    if len(fitting) != 1:
        near = [f"{k}.{r}" for k in kinds or HINTS for r in HINTS[k]]
        raise ValueError(f"there are hints for {', '.join(near)}")
    return fitting[0], result


def hint(folder: Path, name: str) -> str:
    """Return the steps that were opened before, and one more."""
    kind, result = derivation(name)
    name, steps, path = (
        f"{kind}.{result}",
        HINTS[kind][result],
        folder / MEMORY,
    )
    opened = json.loads(path.read_text("utf-8")) if path.exists() else {}
    count = min(opened.get(name, 0) + 1, len(steps))
    write_whole(path, json.dumps({**opened, name: count}).encode())
    lines = [f"{i}. {step}" for i, step in enumerate(steps[:count], 1)]
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
    if None in found:
        raise ValueError(f"there is no {method!r} in {thing}")
    return "\n\n".join(map(inspect.getsource, found))
