"""The drawings of a page against matplotlib's, for the cells of Part I."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import figures
import in_page_figures as ours
import matplotlib
import numpy as np
import pytest
from in_page_figures import UNDRAWN, take
from in_page_shapes import Colors, Rectangle, plain
from matplotlib import patches, pyplot
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from pages import parts

from scratchcnn.data import drawn

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
CELL = re.compile(r"^`{3,}\{code-cell\}.*?\n(.*?)^`{3,}$", re.M | re.S)
HEAD = re.compile(r"\A(---.*?^---\n|(:[\w-]+:[^\n]*\n)*)", re.M | re.S)
FEWER = re.compile(r"\b2000\b(?=[:\]])")  # images than there are
PART_I = dict(parts(ROOT))["Part I: A network by hand"]
NUMBER = str, bytes, int, float, np.number, bool, type(None)


class Both:
    """Matplotlib's object and the page's, of which the same is asked."""

    def __init__(self, theirs: Any, mine: Any):
        self.both = theirs, mine

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return pair(*(getattr(one, name) for one in self.both))

    def __call__(self, *data: Any, **style: Any) -> Any:
        """Call both, each with its own."""
        return pair(
            *(
                one(*side(data, k), **side(style, k))
                for k, one in enumerate(self.both)
            )
        )

    def __iter__(self) -> Iterator[Any]:
        return (pair(*ones) for ones in zip(*self.both, strict=True))

    def __getitem__(self, key: Any) -> Any:
        return pair(*(one[key] for one in self.both))

    def __len__(self) -> int:
        return len(self.both[0])


def pair(theirs: Any, mine: Any) -> Any:
    """Return two results as one; matplotlib's, if it is a plain value."""
    return theirs if isinstance(theirs, NUMBER) else Both(theirs, mine)


def side(value: Any, k: int) -> Any:
    """Return arguments as one of the two gets them."""
    if isinstance(value, Both):
        return value.both[k]
    if isinstance(value, dict):
        return {name: side(one, k) for name, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(side(one, k) for one in value)
    return value


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Draw a wardrobe that suffices for every cell."""
    return drawn.write(tmp_path_factory.mktemp("data"), train=520, test=40)


@pytest.fixture
def space(data, monkeypatch) -> dict[str, Any]:
    """Return names for cells, which draw with both at once."""
    monkeypatch.setenv("SCRATCHCNN_DATA", str(data))
    plt = ModuleType("matplotlib.pyplot")
    for name in "subplots", "figure", "Rectangle":
        both = Both(getattr(pyplot, name), ours.PYPLOT[name])
        monkeypatch.setattr(plt, name, both, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plt)
    monkeypatch.setattr(matplotlib, "pyplot", plt)
    monkeypatch.setattr(figures, "plt", plt)
    monkeypatch.setattr(figures, "Rectangle", plt.Rectangle)
    stops = ["#053061", "#4393C3", "#FFFFFF", "#D6604D", "#67001F"]
    signed = Both(figures.SIGNED_MAP, Colors("signed", stops))
    monkeypatch.setattr(figures, "SIGNED_MAP", signed)
    fancy = Both(patches.FancyBboxPatch, Rectangle)
    monkeypatch.setattr(patches, "FancyBboxPatch", fancy)
    ours.OPEN.clear()
    UNDRAWN.clear()
    yield {"__name__": "__main__"}
    pyplot.close("all")


def cells(page: str) -> Iterator[str]:
    """Yield the cells of a page that draw or compute."""
    text = (ROOT / f"{page}.md").read_text("utf-8")
    for cell in CELL.findall(text):
        head = HEAD.match(cell)[0]
        if not re.search(r"tags: \[.*(claims|answers|raises)", head):
            yield FEWER.sub("40", cell[len(head) :])


@pytest.mark.parametrize("page", PART_I)
def test_a_page_draws_what_matplotlib_draws(page, space):
    drawings = 0
    for cell in cells(page):
        exec(compile(cell, page, "exec", dont_inherit=True), space)
        theirs = [pyplot.figure(n) for n in pyplot.get_fignums()]
        mine = [*ours.OPEN]
        assert len(theirs) == len(mine)
        drawings += len(mine)
        for one, other in zip(theirs, mine, strict=True):
            compare(one, other)
        take()
        assert not UNDRAWN
        pyplot.close("all")
    assert drawings or "plt" not in space


def compare(theirs: Figure, mine: ours.Figure) -> None:
    """Assert that two figures hold the same, and that one is a drawing."""
    theirs.draw_without_rendering()
    whole = ET.fromstring(mine.svg("words & <more>"))
    assert not UNDRAWN
    (svg,) = whole
    assert svg.get("aria-label") == "words & <more>"
    wanted: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    arrows = 0
    for a, b in zip(theirs.axes, mine.axes, strict=True):
        caps = [line for line in a.lines if line.get_marker() in ("|", "_")]
        bars = (c for c in a.collections if isinstance(c, LineCollection))
        wanted["line"] += len(a.lines) - len(caps)
        wanted["line"] += sum(len(c.get_segments()) for c in bars)
        wanted["image"] += len(a.images)
        wanted["area"] += len(a.patches)
        arrows += sum(
            getattr(t, "arrow_patch", None) is not None for t in a.texts
        )
        texts += Counter(map(plain, text_of(a)))
        assert b.x_scale.view() == pytest.approx(a.get_xlim(), 1e-6, 1e-9)
        assert b.y_scale.view() == pytest.approx(a.get_ylim(), 1e-6, 1e-9)
    for kind, number in wanted.items():
        found = svg.findall(f"svg/*[@data-mark='{kind}']")
        assert len(found) == number, kind
    assert len(svg.findall("*[@data-mark='arrow']")) == arrows
    said = Counter(
        "\n".join(line.text for line in text) for text in svg.iter("text")
    )
    assert not texts - said
    inside(svg)


def text_of(axes: Any) -> list[str]:
    """Return all that matplotlib writes into a frame."""
    words = [axes.title, axes._left_title, *axes.texts]
    if axes.axison:
        words += [axes.xaxis.label, axes.yaxis.label]
    if legend := axes.get_legend():
        words += legend.get_texts()
    return [w.get_text() for w in words if w.get_text().strip()]


def inside(svg: ET.Element) -> None:
    """Assert that nothing of a drawing lies outside of its view."""
    left, top, wide, high = map(float, svg.get("viewBox").split())
    for text in svg.iter("text"):
        for line in text:
            assert left <= float(line.get("x")) <= left + wide
            assert top <= float(line.get("y")) <= top + high
    for frame in svg.findall("svg"):
        x, y, w, h = (
            float(frame.get(k)) for k in ("x", "y", "width", "height")
        )
        assert left <= x < x + w <= left + wide
        assert top <= y < y + h <= top + high
    for path in svg.findall("path"):
        for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path.get("d")):
            assert left <= float(x) <= left + wide
            assert top <= float(y) <= top + high
