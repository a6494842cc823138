"""The first page: what this is, in five seconds, and a convolution to touch.

Its garments are of the data of the build, and its numbers are counted: no
figure of it is typed. Beside it, the page for addresses that lead nowhere,
and, where the book has an address, the card that a link to it is shown with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from address import CARD
from chapters import book_of, duration
from pages import parts
from sphinx.application import Sphinx

SIZE, DOTS = (12.0, 6.3), 100  # of the card: inches, and dots an inch
PAPER = "#fdfcf9"
GARMENTS = {"T-shirt": 0, "trouser": 1, "sneaker": 7, "bag": 8}
# The figures that stand for the parts of the book, one for each.
PICTURES = [
    "fig-training-kernels",
    "fig-optimizers-valley",
    "fig-residual-sizes",
    "fig-saliency-maps",
    "fig-roofline",
    "fig-record",
]
DRAWING = re.compile(r'<svg class="drawing"[^>]*(viewBox="[^"]*")[^>]*>(.*)')
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


def picture(pages: list[Path]) -> str:
    """Return the drawing that stands for some pages, which hold it.

    Raises
    ------
    ValueError
        If none of the pages has a figure of `PICTURES`.
    """
    for path in pages:
        for figure in path.read_text().split("<figure ")[1:]:
            name = figure.partition('id="')[2].partition('"')[0]
            drawing = DRAWING.search(figure.partition("</svg>")[0])
            if name in PICTURES and drawing:
                head = f'<svg class="drawing" aria-hidden="true" {drawing[1]}>'
                return f"{head}{drawing[2]}</svg>"
    raise ValueError(f"No page of {pages} has a picture for its part.")


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
            uris = [app.builder.get_target_uri(c.page) for c in chapters]
            drawn = picture([Path(app.outdir, uri) for uri in uris])
            shown.append((caption, len(chapters), time, uris[0], drawn))
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


def draw_card(path: Path, title: str, image: Any) -> None:
    """Draw an image (1, 1, H, W), and what a kernel makes of it."""
    import matplotlib.pyplot as plt
    import numpy as np
    from figures import KERNEL, show_image, show_signed, write_values

    from scratchcnn import Conv2D

    layer = Conv2D(1, 1, 3, rng=np.random.default_rng(0))
    layer.weight.value[...] = [-1, 0, 1]
    figure, (garment, kernel, answer) = plt.subplots(
        1, 3, figsize=SIZE, dpi=DOTS, width_ratios=(5, 2, 5)
    )
    figure.get_layout_engine().set(w_pad=0.3, h_pad=0.3)  # type: ignore
    figure.suptitle(title, fontsize=40, weight="bold")
    show_image(garment, image[0, 0])
    show_signed(kernel, layer.weight.value[0, 0], limit=9)
    write_values(kernel, layer.weight.value[0, 0])
    for number in kernel.texts:
        number.set_fontsize(20)
    for spine in kernel.spines.values():
        spine.set(color=KERNEL, linewidth=3)
    show_signed(answer, layer.forward(image)[0, 0])
    figure.savefig(path, facecolor=PAPER)
    plt.close(figure)


def write_card(app: Sphinx, error: Exception | None) -> None:
    """Draw the card, of the first T-shirt."""
    if error or app.builder.format != "html" or not app.config.html_baseurl:
        return
    from scratchcnn import fashion_mnist

    images, labels = fashion_mnist.load().train
    shirt = images[labels == 0][:1]
    draw_card(Path(app.outdir, CARD), app.config.html_title, shirt)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the pages and the card."""
    app.connect("html-collect-pages", collect)
    app.connect("build-finished", write_card)
    return {"version": "1", "parallel_read_safe": True}
