"""One step more of a derivation: `Hints`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

from scratchcnn.doctor.catalog import table
from scratchcnn.doctor.kinds import KINDS
from scratchcnn.files import write_whole

HINTS: dict[str, dict[str, list[str]]] = table("workbook", "hints.toml")
MEMORY = ".hints.json"


def steps_of(name: str) -> list[str]:
    """Return all steps of a derivation, such as ``"conv2d.dx"``.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    kind, _, result = name.partition(".")
    if result not in HINTS.get(kind, {}):
        known = [f"{k}.{r}" for k, results in HINTS.items() for r in results]
        near = [one for one in known if one.startswith(f"{kind}.")] or known
        raise ValueError(f"there are hints for {', '.join(near)}")
    return HINTS[kind][result]


def hint(folder: Path, name: str) -> str:
    """Return the steps that were opened before, and one more."""
    steps, path = steps_of(name), folder / MEMORY
    opened = json.loads(path.read_text("utf-8")) if path.exists() else {}
    count = min(opened.get(name, 0) + 1, len(steps))
    write_whole(path, json.dumps({**opened, name: count}).encode())
    lines = [f"{i}. {step}" for i, step in enumerate(steps[:count], 1)]
    if count == len(steps):
        kind, _, result = name.partition(".")
        lines.append(f"The rest is in {KINDS[kind].chapter(result)}.")
    return "\n".join(lines)


def listing(name: str) -> str:
    """Return the package's own text, of ``"dense"`` or ``"dense.forward"``.

    Raises
    ------
    ValueError
        If there is nothing of that name.
    """
    kind, _, method = name.partition(".")
    thing = KINDS[kind].right() if kind in KINDS else None
    thing = getattr(thing, method, None) if method else thing
    if thing is None:
        raise ValueError(f"there is no {name!r} among {', '.join(KINDS)}")
    return inspect.getsource(thing)
