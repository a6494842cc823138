"""The bugs that are planted to examine the tests: `BUGS`.

Those of the doctor's catalog that name the test which must notice them. The
tests are asked of each whether they do (`tools.mutants`), and the chapter on
the bug gallery shows what a reader would have seen.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from scratchcnn.doctor.catalog import CAUSES, Cause, edited

ROOT = Path(__file__).parents[1]
BUGS = [cause for cause in CAUSES if cause.killer]


def plant(bug: Cause, folder: Path, root: Path = ROOT) -> None:
    """Copy the package and its tests to a folder, with the bug in it."""
    path = Path("scratchcnn", f"{bug.module}.py")
    text = edited(bug, (root / path).read_text())
    ignore = shutil.ignore_patterns("__pycache__")
    for name in "scratchcnn", "tests", "tools", "book":
        shutil.copytree(root / name, folder / name, ignore=ignore)
    shutil.copy(root / "pyproject.toml", folder)
    (folder / path).write_text(text)
