"""What is healthy, ill, or not yet written: `check` and its board."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from scratchcnn.doctor.kinds import KINDS
from scratchcnn.workbook.chapters import CHAPTERS
from scratchcnn.workbook.child import ask

SECONDS = 60.0


def check(folder: Path, names: list[str]) -> list[dict[str, Any]]:
    """Examine files, each in a process of its own."""
    rows = []
    for name in names:
        told = ask("examine", folder, SECONDS, name=name)
        stopped = [
            {"kind": kind, "state": "ill", "text": f"{kind}: {told.error}"}
            for kind in CHAPTERS[name].kinds
        ]
        for row in told.found or stopped:
            rows.append({"chapter": name, **row, "printed": told.printed})
    return rows


def board(rows: list[dict[str, Any]]) -> str:
    """Return the board, and what the doctor says of those who are ill."""
    lines, part = [], ""
    for row in rows:
        chapter = CHAPTERS[row["chapter"]]
        if chapter.part != part:
            part = chapter.part
            lines.append(part)
        name = KINDS[row["kind"]].name
        lines.append(f"  {row['chapter']:20} {name:20} {row['state']}")
    ill = [row["text"] for row in rows if row["state"] == "ill"]
    said = {row["chapter"]: row["printed"] for row in rows}
    heard = [overheard(f"{name}.py", said[name]) for name in said]
    return "\n\n".join(["\n".join(lines), *ill, *filter(None, heard)])


def overheard(whose: str, printed: str) -> str:
    """Return what a reader's code has printed, if anything."""
    if not printed.strip():
        return ""
    text = indent(printed.rstrip(), "   ")
    return f"{whose} printed:\n{text}"


def curves(found: dict[str, Any]) -> str:
    """Return both curves side by side, and whose layers have run."""
    (mine, right), (ours, best) = found["mine"], found["ours"]
    own = ", ".join(found["own"]) or "nothing yet: all of it is ours"
    lines = [f"Yours: {own}", "Data, network and all else: as in Part I"]
    for name, why in found["ill"].items():
        lines.append(f"Ill: {name} ({why}); see `check {name}`")
    lines += ["", "epoch  your loss  our loss"]
    for number, pair in enumerate(zip(mine, ours, strict=True), 1):
        lines.append(f"{number:5} {pair[0]:10.4f} {pair[1]:9.4f}")
    lines += ["", "Accuracy on the test images:"]
    lines += [f"  yours  {right:.4f}", f"  ours   {best:.4f}"]
    return "\n".join(lines)
