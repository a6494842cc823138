"""A reader who writes what the package has, with or without mistakes."""

from __future__ import annotations

from pathlib import Path

from scratchcnn.doctor.catalog import CAUSES, edited, source
from scratchcnn.workbook.chapters import CHAPTERS


def fill(folder: Path, *names: str) -> None:
    """Write whole files for some chapters, as the package has them."""
    for name in names:
        text = source(CHAPTERS[name].module)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def spoil(folder: Path, name: str, cause: str) -> None:
    """Write a file with a mistake in it."""
    module = CHAPTERS[name].module
    (one, *_) = [c for c in CAUSES if (c.name, c.module) == (cause, module)]
    (folder / f"{name}.py").write_text(edited(one), encoding="utf-8")
