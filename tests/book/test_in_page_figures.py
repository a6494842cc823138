"""The drawings of a page against matplotlib's, for the cells of Part I."""

from __future__ import annotations

import base64
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import drawings
import figures
import in_page_figures as ours
import in_page_shapes
import matplotlib
import numpy as np
import pytest
from in_page_figures import UNDRAWN, Scale, take
from in_page_shapes import Colors, Norm, Picture, Rectangle, paint, plain, png
from matplotlib import patches, pyplot
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from pages import parts
from PIL import Image

from scratchcnn.data import drawn

ROOT = Path(__file__).parents[2]
CELL = re.compile(r"^`{3,}\{code-cell\}.*?\n(.*?)^`{3,}$", re.M | re.S)
HEAD = re.compile(r"\A(---.*?^---\n|(:[\w-]+:[^\n]*\n)*)", re.M | re.S)
FEWER = re.compile(r"(?<=:)2000\b|\b2000(?=:)")  # images than there are
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


@pytest.mark.parametrize(
    ("log", "data", "view", "labels"),
    [
        (False, [0, 5], (-0.25, 5.25), "0 1 2 3 4 5"),
        (False, [-20, 20], (-22, 22), "-20 -10 0 10 20"),
        (False, [0, 0.1], (-0.005, 0.105), "0.00 0.02 0.04 0.06 0.08 0.10"),
        (False, [], (0, 1), "0.0 0.2 0.4 0.6 0.8 1.0"),
        (True, [1, 100], (10**-0.1, 10**2.1), "$10^{0}$ $10^{1}$ $10^{2}$"),
    ],
)
def test_a_scale_has_a_margin_and_round_ticks(log, data, view, labels):
    scale = Scale()
    scale.log = log
    scale.see(np.array(data, float))
    assert scale.view() == pytest.approx(view)
    assert scale.place(np.array(view)) == pytest.approx([0, 1])
    texts = " ".join(text for _, text in scale.marks(6))
    assert texts == labels.replace("-", "\N{MINUS SIGN}")


def test_names_are_places_of_a_scale():
    scale = Scale()
    assert scale.numbers(["b", "a", "b"]).tolist() == [0, 1, 0]
    scale.see([0, 1])
    assert scale.marks(9) == [(0, "b"), (1, "a")]


@pytest.mark.parametrize("parts", [2, 3])
def test_a_picture_holds_its_pixels(parts, rng):
    pixels = rng.integers(256, size=(3, 5, parts))
    data = base64.b64decode(png(pixels).partition(",")[2])
    assert np.array_equal(np.asarray(Image.open(BytesIO(data))), pixels)


def test_signed_pixels_have_a_form_for_the_dark():
    signed = Colors("signed", ["#053061", "#FFFFFF", "#67001F"])
    picture = Picture(np.array([[-1, 0, 1]]), signed, Norm(-1, 1), range(4))
    (light, day), (dark, night) = picture.forms()
    assert (light, dark) == ("signed light", "signed dark")
    assert day[0, 1].tolist() == [255, 255, 255]
    assert night[0, 1].tolist() == [0x14, 0x16, 0x1A]
    ink = Picture(np.array([[0, 0.5]]), "gray_r", Norm(0, 1), range(4))
    ((_, form),) = ink.forms()
    assert form[0].tolist() == [[0, 0], [0, 128]]


def test_colors_are_those_of_built_drawings():
    assert in_page_shapes.COLORS == drawings.COLORS
    assert in_page_shapes.DARK_SIGNED == drawings.DARK_SIGNED
    assert paint("#0072B2") == ("var(--input)", 1)
    assert paint(("black", 0.5)) == ("var(--ink)", 0.5)
    assert paint("C1") == ("var(--gradient)", 1)


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        (r"$\mathrm{d}x_1$", "dx₁"),
        (r"$\eta$ = 1", "η = 1"),
        ("$10^{-12}$", "10⁻¹²"),
        ("x_1 costs 2", "x_1 costs 2"),
    ],
)
def test_formulas_are_written_in_signs(text, signs):
    assert plain(text) == signs


def test_texts_are_escaped_and_failures_stop_nothing():
    _, axes = ours.subplots()
    axes.set(title="<b>&", xlabel='"')
    axes.plot([1, 2], [1, 2, 3])
    axes.contour(np.eye(2))
    axes.plot([1, 2], marker="<")
    axes.text(0, 0, "<script>", color="red;</svg>")
    body = take('"<i>')
    assert "&lt;script&gt;" in body
    assert "<script" not in body
    assert "<b>" not in body
    assert body.count("</svg>") == 2
    assert body.endswith("<p>Not drawn: contour, plot, the marker &lt;.</p>")
    assert 'aria-label="&quot;&lt;i&gt;"' in body
    assert take() == ""


@pytest.mark.parametrize("page", PART_I)
def test_a_page_draws_what_matplotlib_draws(page, space):
    drawings = 0
    for cell in cells(page):
        try:
            exec(compile(cell, page, "exec", dont_inherit=True), space)
        except AssertionError:  # what a cell asserts of all images
            assert not ours.OPEN
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
