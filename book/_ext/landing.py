"""The first page: what this is, in five seconds, and a convolution to touch.

Its garments are of the data of the build, and its numbers are counted: no
figure of it is typed. Beside it, the page for addresses that lead nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chapters import book_of, duration
from pages import parts
from sphinx.application import Sphinx

GARMENTS = {"T-shirt": 0, "trouser": 1, "sneaker": 7, "bag": 8}
EXERCISE = re.compile(r"^`{3,}\{exercise-start\}", re.M)
EQUATION = re.compile(r"^`{3,}\{math\}\n:label:", re.M)


def garments() -> str:
    """Return one image of each of some classes, as text for a script."""
    from scratchcnn import fashion_mnist

    images, labels = fashion_mnist.load(classes=tuple(range(10))).train
    chosen = {
        name: (images[labels == k][0, 0] * 255).round().astype(int)
        for name, k in GARMENTS.items()
    }
    return json.dumps({name: x.ravel().tolist() for name, x in chosen.items()})


def counts(root: Path) -> dict[str, int]:
    """Count what the book promises."""
    code = [path.read_text() for path in (root / "scratchcnn").rglob("*.py")]
    text = [path.read_text() for path in (root / "book").rglob("*.md")]
    bugs = json.loads((root / "book/records/mutants.json").read_text())["bugs"]
    return {
        "lines of code, each printed once": sum(
            bool(line.strip()) for file in code for line in file.split("\n")
        ),
        "numbered equations, each run as a test": sum(
            len(EQUATION.findall(page)) for page in text
        ),
        "exercises with solutions": sum(
            len(EXERCISE.findall(page)) for page in text
        ),
        "planted bugs, each noticed by a test": sum(
            bug["killed"] for bug in bugs
        ),
    }


def collect(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the first page and the one for wrong addresses."""
    root, book = Path(app.srcdir), book_of(app.env)
    shown = []
    for caption, pages in parts(root):
        chapters = [book[page] for page in pages if page in book]
        if chapters:
            time = duration(sum(chapter.reading for chapter in chapters))
            uri = app.builder.get_target_uri(chapters[0].page)
            shown.append((caption, len(chapters), time, uri))
    yield (
        "index",
        {
            "layout_class": "landing",
            "parts": shown,
            "counts": counts(root),
            "garments": garments(),
        },
        "landing.html",
    )
    yield "404", {"title": "No such page"}, "404.html"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the pages."""
    app.connect("html-collect-pages", collect)
    return {"version": "1", "parallel_read_safe": True}
