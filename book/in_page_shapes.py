"""What a figure in a page is made of, in the colors of `_static/book.css`.

Lengths are in points; a drawing's y grows downward.
"""

from __future__ import annotations

import base64
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

INK, SIZE = "#000000", 10.0  # of what has no other color, of texts
# What a color of a drawing is called in the style sheet.
COLORS = {
    INK: "ink",
    "#ffffff": "paper",
    "#dddddd": "line",
    "#7f7f7f": "baseline",
    "#0072b2": "input",
    "#e69f00": "kernel",
    "#009e73": "output",
    "#d55e00": "gradient",
}
CYCLE = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#7f7f7f"]
NAMED = {"black": INK, "k": INK, "white": "#ffffff", "w": "#ffffff"}
# From the most negative value to the most positive one; zero is the paper.
DARK_SIGNED = ["#45B0FF", "#1F5F96", "#14161A", "#A33322", "#FF5A45"]
DASHES = {"--": (3.7, 1.6), ":": (1, 1.65), "-.": (6.4, 1.6, 1, 1.6)}
MARKERS = {  # in a square from -1 to 1
    ".": "M-1 0A1 1 0 0 0 1 0A1 1 0 0 0-1 0Z",
    "o": "M-1 0A1 1 0 0 0 1 0A1 1 0 0 0-1 0Z",
    "s": "M-1-1H1V1H-1Z",
    "D": "M0-1.4L1.4 0L0 1.4L-1.4 0Z",
    "^": "M0-1L1 1H-1Z",
    "v": "M0 1L1-1H-1Z",
    "x": "M-1-1L1 1M-1 1L1-1",
    "+": "M-1 0H1M0-1V1",
    "|": "M0-1V1",
    "_": "M-1 0H1",
}
LONG = {"c": "color", "lw": "linewidth", "ls": "linestyle", "ms": "markersize"}
LONG |= {"ec": "edgecolor", "fc": "facecolor", "mec": "markeredgecolor"}
LONG |= {"mfc": "markerfacecolor", "mew": "markeredgewidth"}
LONG |= {"fontsize": "size", "horizontalalignment": "ha"}
LONG |= {"verticalalignment": "va"}
KNOWN = {*LONG.values(), "alpha", "boxstyle", "fill", "label", "marker"}
KNOWN |= {"arrowprops", "hatch", "rotation", "transform", "visible", "zorder"}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SIGNS = {
    "times": "\N{MULTIPLICATION SIGN}",
    "pm": "±",
    "cdot": "·",
    "leq": "≤",
    "geq": "≥",
}
UNDRAWN: set[str] = set()  # what a cell has asked for in vain


class Silent:
    """Whatever is asked of it, it does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Silent()

    def more(self, *_: Any, **__: Any) -> Any:
        """Return more silence."""
        return Silent()

    def nothing(self, *_: Any) -> None:
        """Do nothing."""

    def no(self, _: Any) -> bool:
        """Say no."""
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    __call__ = __getitem__ = __enter__ = more
    __add__ = __sub__ = __truediv__ = __abs__ = more
    __setitem__ = __exit__ = nothing
    __lt__ = __gt__ = no


def lacks(name: str) -> Silent:
    """Note what can't be drawn; return what can be asked for more."""
    UNDRAWN.add(name)
    return Silent()


def paint(color: Any, alpha: float | None = None) -> tuple[str, float]:
    """Return a color as the style sheet calls it, and how opaque it is."""
    if isinstance(color, tuple) and len(color) == 2:
        color, alpha = color
    opaque = 1.0 if alpha is None else float(alpha)
    if not isinstance(color, str):
        color = "rgb({} {} {})".format(*(255 * np.array(color[:3], float)))
    elif re.fullmatch(r"C\d", color):
        color = CYCLE[int(color[1]) % len(CYCLE)]
    elif re.fullmatch(r"[01]?\.?\d+", color):
        color = "rgb({0} {0} {0})".format(255 * float(color))
    name = NAMED.get(color, color).lower()
    return f"var(--{COLORS[name]})" if name in COLORS else name, opaque


def look(fill: Any, stroke: Any, width: float, /, **style: Any) -> str:
    """Return how a shape is filled and outlined, as an attribute."""
    (face, full), (edge, thick) = (
        paint(color, style.get("alpha")) for color in (fill, stroke)
    )
    text = f"fill: {face}; fill-opacity: {full:g}; stroke: {edge}; "
    text += f"stroke-opacity: {thick:g}; stroke-width: {width:.4g}"
    if dash := DASHES.get(style.get("linestyle", "-")):
        sizes = " ".join(f"{width * part:.3g}" for part in dash)
        text += f"; stroke-dasharray: {sizes}"
    return f'style="{escape(text)}"'


def plain(text: Any) -> str:
    """Return a text whose formulas are written in signs."""

    def command(found: re.Match[str]) -> str:
        name = f"GREEK SMALL LETTER {found[1]}"
        try:
            return SIGNS.get(found[1]) or unicodedata.lookup(name)
        except KeyError:
            return "" if found[1].isalpha() else " "

    def formula(found: re.Match[str]) -> str:
        text = re.sub(r"\\(\w+|.)", command, found[1])
        for sign, digits in (r"\^", RAISED), ("_", LOWERED):
            for part in re.findall(sign + r"(\{[^}]*\}|.)", text):
                new = part.translate(digits)
                text = re.sub(sign + re.escape(part), new, text, count=1)
        return re.sub("[{}]", "", text)

    return re.sub(r"\$([^$]*)\$", formula, str(text))


def width_of(text: str, size: float = SIZE) -> float:
    """Return about how wide a text is, at most."""
    widths = [
        sum(0.32 if c in "ijl.,:;'|()I " else 0.63 for c in line)
        for line in text.split("\n")
    ]
    return size * max(widths)


def png(pixels: np.ndarray) -> str:
    """Return pixels (H, W, 2 or 3) as the address of a picture."""
    high, wide, parts = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(np.uint8))
    kind = {2: 4, 3: 2}[parts]
    file = b"\x89PNG\r\n\x1a\n"
    for name, data in (
        (b"IHDR", struct.pack(">2I5B", wide, high, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ):
        check = struct.pack(">I", zlib.crc32(name + data))
        file += struct.pack(">I", len(data)) + name + data + check
    return f"data:image/png;base64,{base64.b64encode(file).decode()}"


class Colors:
    """A map from 0 to 1 to colors.

    Parameters
    ----------
    name : str
        What it is called.
    stops : sequence of str
        Colors at equal distances, with six digits each.
    """

    def __init__(self, name: str, stops: Sequence[str]):
        self.name = name
        self.stops = np.array([[*bytes.fromhex(stop[1:])] for stop in stops])

    @classmethod
    def from_list(cls, *given: Any) -> Colors:
        """Return the map that matplotlib makes of these."""
        return cls(*given)

    def __call__(self, share: np.ndarray) -> np.ndarray:
        """Return colors (..., 3), from 0 to 255."""
        at = np.linspace(0, 1, len(self.stops))
        parts = [np.interp(share, at, part) for part in self.stops.T]
        return np.stack(parts, axis=-1).round()


class Norm:
    """What brings values to between 0 and 1.

    Parameters
    ----------
    vmin, vmax : float
        What becomes 0, and 1.
    """

    def __init__(self, vmin: float, vmax: float):
        self.vmin, self.vmax = vmin, vmax

    def __call__(self, value: Any) -> Any:
        """Return where values lie."""
        return (value - self.vmin) / ((self.vmax - self.vmin) or 1)


class Canvas:
    """The elements of a drawing, and how far they reach."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.low, self.high = np.full(2, np.inf), np.full(2, -np.inf)
        self.smallest = SIZE

    def add(self, markup: str, *points: Any) -> None:
        """Add an element that reaches to some points."""
        self.parts.append(markup)
        for point in points:
            self.low = np.minimum(self.low, point)
            self.high = np.maximum(self.high, point)

    def stroke(self, color: Any, width: float, start: Any, end: Any) -> None:
        """Add a straight line."""
        (a, b), (c, d) = start, end
        way = f"M{a:.2f} {b:.2f}L{c:.2f} {d:.2f}"
        pen = look("none", color, width)
        self.add(f'<path d="{way}" {pen}/>', start, end)


class Artist:
    """Something that is drawn, with its style.

    Parameters
    ----------
    x, y : array
        Where it is, in the data's coordinates.
    """

    layer = 2.0
    axes: Any = None

    def __init__(self, x: Any = (), y: Any = (), **style: Any):
        self.x, self.y = np.asarray(x, float), np.asarray(y, float)
        self.style: dict[str, Any] = {}
        self.set(**style)

    def set(self, **style: Any) -> None:
        """Change the style."""
        style = {LONG.get(name, name): style[name] for name in style}
        UNDRAWN.update(style.keys() - KNOWN)
        self.style |= {k: v for k, v in style.items() if v is not None}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.startswith("set_"):
            return lambda value: self.set(**{name[4:]: value})
        if name.startswith("get_"):
            return lambda: self.style.get(name[4:])
        return lacks(name)

    def color(self, name: str = "color", default: Any = INK) -> Any:
        """Return one of its colors."""
        return self.style.get(name, self.style.get("color", default))

    def depth(self) -> float:
        """Return what it lies above of: all that is less deep."""
        return float(self.style.get("zorder", self.layer))

    def draw(self, canvas: Canvas) -> None:
        """Add it to a drawing."""
        across = self.style.get("transform") or (False, False)
        self.put(canvas, *self.axes.spot(self.x, self.y, across))

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add it at points of the drawing."""

    def sample(self, canvas: Canvas, start: Any, end: Any) -> None:
        """Add what stands for it beside its label."""
        self.put(canvas, *np.transpose([start, end]))


class Line(Artist):
    """Points, with a line through them or a marker at each."""

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add the line and its markers."""
        d, body, color = "", "", self.color()
        points = np.stack(np.broadcast_arrays(x, y), -1).reshape(-1, 2)
        joined = False
        for a, b in points.clip(-1e4, 1e4):
            fine = np.isfinite(a + b)
            d += f"{'ML'[joined]}{a:.2f} {b:.2f}" if fine else ""
            joined = bool(fine)
        style = {k: v for k, v in self.style.items() if k != "linestyle"}
        if self.style.get("linestyle", "-") not in ("", "none", "None"):
            width = style.get("linewidth", 1.6)
            pen = look("none", color, width, **self.style)
            body = f'<path d="{d}" {pen}/>'
        if marker := style.get("marker"):
            shape = MARKERS.get(marker, "")
            if not shape:
                lacks(f"the marker {marker}")
            size = style.get("markersize", 6) / (4 if marker == "." else 2)
            face, edge = (
                self.color(f"marker{part}color") for part in ("face", "edge")
            )
            thick = style.get("markeredgewidth", 1)
            sizes = np.broadcast_to(size, len(points))
            for (a, b), r in zip(points, sizes, strict=True):
                if np.isfinite(a + b):
                    pen = look(face, edge, thick / r, **style)
                    place = f"translate({a:.2f} {b:.2f}) scale({r:.3g})"
                    body += f'<path d="{shape}" transform="{place}" {pen}/>'
        canvas.add(f'<g data-mark="line">{body}</g>')

    def sample(self, canvas: Canvas, start: Any, end: Any) -> None:
        """Add what stands for it beside its label."""
        spots = np.linspace(start, end, 3).T
        line, one = Line(), Line()
        line.set(**{**self.style, "marker": None})
        line.style.pop("marker", None)
        line.put(canvas, *spots)
        one.set(**{**self.style, "linestyle": ""})
        one.put(canvas, *spots[:, 1:2])


class Area(Artist):
    """A shape with corners."""

    layer = 1.0

    def looks(self) -> str:
        """Return how it is filled and outlined."""
        fill, outlined = (
            self.style.get("fill", True),
            "edgecolor" in self.style,
        )
        face = self.color("facecolor", CYCLE[0]) if fill else "none"
        edge = self.color("edgecolor") if outlined or not fill else "none"
        return look(face, edge, self.style.get("linewidth", 1), **self.style)

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add the shape."""
        pairs = zip(x.clip(-1e4, 1e4), y.clip(-1e4, 1e4), strict=True)
        d = "L".join(f"{a:.2f} {b:.2f}" for a, b in pairs)
        canvas.add(f'<path data-mark="area" d="M{d}Z" {self.looks()}/>')

    def sample(self, canvas: Canvas, start: Any, end: Any) -> None:
        """Add what stands for it beside its label."""
        (left, y), (right, _) = start, end
        x = np.array([left, right, right, left])
        Area.put(self, canvas, x, y + np.array([-3.5, -3.5, 3.5, 3.5]))


class Rectangle(Area):
    """A rectangle, whose corners may be round."""

    def __init__(self, at: Any, width: float, height: float, **style: Any):
        (x, y), (w, h) = at, (width, height)
        super().__init__([x, x + w, x + w, x], [y, y, y + h, y + h], **style)
        round_ = re.search(
            r"rounding_size=([\d.]+)", style.get("boxstyle", "")
        )
        self.radius = float(round_[1]) if round_ else 0.0

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add the rectangle."""
        x, y = x.clip(-1e4, 1e4), y.clip(-1e4, 1e4)
        wide, high = np.ptp(x), np.ptp(y)
        r = self.radius * wide / (np.ptp(self.x) or 1)
        size = f'width="{wide:.2f}" height="{high:.2f}" rx="{r:.2f}"'
        place = f'x="{x.min():.2f}" y="{y.min():.2f}"'
        canvas.add(f'<rect data-mark="area" {place} {size} {self.looks()}/>')
        if self.style.get("hatch"):
            left, low, color = x.min(), y.max(), self.color("edgecolor")
            for c in np.arange(4, wide + high, 6):
                start = left + max(c - high, 0), low - min(c, high)
                end = left + min(c, wide), low - max(c - wide, 0)
                canvas.stroke(color, 0.8, start, end)


class Picture(Artist):
    """Pixels between the corners of a rectangle."""

    layer = 0.0

    def __init__(self, pixels: Any, colors: Any, norm: Norm, corners: Any):
        super().__init__(corners[:2], corners[2:])
        self.pixels, self.colors, self.norm = pixels, colors, norm

    def forms(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield pixels, and when they are shown."""
        if self.pixels.ndim == 3:
            whole = self.pixels.dtype.kind in "iu"
            yield "", self.pixels[..., :3] * (1 if whole else 255)
            return
        share = np.nan_to_num(self.norm(self.pixels)).clip(0, 1)
        if isinstance(self.colors, Colors):
            yield "signed light", self.colors(share)
            yield "signed dark", Colors("dark", DARK_SIGNED)(share)
            return
        if self.colors not in ("gray", "gray_r"):
            lacks(f"the colors of {self.colors}")
        ink = 1 - share if self.colors == "gray" else share
        yield "ink", np.stack([0 * ink, (255 * ink).round()], axis=-1)

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add the picture, in one form or in two."""
        place = f'x="{x.min():.2f}" y="{y.min():.2f}" '
        place += f'width="{np.ptp(x):.2f}" height="{np.ptp(y):.2f}"'
        body = "".join(
            f'<image class="{kind}" {place} preserveAspectRatio="none" '
            f'style="image-rendering: pixelated" href="{png(pixels)}"/>'
            for kind, pixels in self.forms()
        )
        canvas.add(f'<g data-mark="image">{body}</g>')


class Words(Artist):
    """A text of one line or more."""

    layer = 3.0

    def __init__(self, x: Any, y: Any, text: Any = "", **style: Any):
        super().__init__(x, y, **style)
        self.text = plain(text) if str(text).strip() else ""

    def block(self) -> np.ndarray:
        """Return two corners of the text, seen from its place."""
        if not self.text:
            return np.zeros((2, 2))
        size, style = size_of(self.style), self.style
        wide, high = width_of(self.text, size), 1.2 * size * self.lines()
        shares = {"top": 0, "center": 0.5, "bottom": 1, "left": 0, "right": 1}
        before = shares[style.get("ha", "left")]
        above = shares.get(style.get("va", ""), 1 - 0.2 * size / high)
        corner = np.array([-wide * before, -high * above])
        return np.array([corner, corner + np.array([wide, high])])

    def lines(self) -> int:
        """Return how many lines it has."""
        return self.text.count("\n") + 1

    def turned(self) -> bool:
        """Say whether it is read from below."""
        return self.style.get("rotation") in (90, "vertical")

    def extent(self) -> np.ndarray:
        """Return how wide and high it is."""
        size = np.ptp(self.block(), axis=0)
        return size[::-1] if self.turned() else size

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add the text."""
        if not self.text:
            return
        ends, size, turn = self.block(), size_of(self.style), ""
        first = y + ends[0, 1] + 0.93 * size
        anchor = {"center": "middle", "right": "end"}
        color, opaque = paint(self.color(), self.style.get("alpha"))
        body = "".join(
            f'<tspan x="{x:.2f}" y="{first + 1.2 * size * k:.2f}">'
            f"{escape(line)}</tspan>"
            for k, line in enumerate(self.text.split("\n"))
        )
        if self.turned():
            turn = f' transform="rotate(-90 {x:.2f} {y:.2f})"'
            ends = ends[:, ::-1] * (1, -1)
        where = anchor.get(self.style.get("ha", ""), "start")
        canvas.smallest = min(canvas.smallest, size)
        canvas.add(
            f'<text font-size="{size:g}" text-anchor="{where}"{turn} '
            f'style="fill: {escape(color)}; fill-opacity: {opaque:g}">'
            f"{body}</text>",
            *(ends + np.array([x, y])),
        )


def size_of(style: dict[str, Any]) -> float:
    """Return the size of a text."""
    names = {"small": 8.3, "x-small": 6.9, "large": 12.0}
    size = style.get("size", style.get("fontsize", SIZE))
    return float(names.get(size, SIZE) if isinstance(size, str) else size)


class Arrow(Artist):
    """An arrow from a point to another."""

    layer = 3.0

    def put(self, canvas: Canvas, x: Any, y: Any) -> None:
        """Add the arrow."""
        given = self.style["arrowprops"]
        props = {LONG.get(name, name): given[name] for name in given}
        color, width = props.get("color", INK), props.get("linewidth", 1)
        start, tip = np.transpose([x, y])
        way = (tip - start) / (np.hypot(*(tip - start)) or 1)
        head = 0.4 * props.get("mutation_scale", 10)
        aside = np.array([-way[1], way[0]]) * head / 2
        ends = [tip - way * head + aside, tip, tip - way * head - aside]
        form, pen = props.get("arrowstyle", "->"), look("none", color, width)
        solid = "|" in form
        stop = tip - way * head if solid else tip
        line = look("none", color, width, **{"linestyle": "-", **props})
        d = "L".join(f"{a:.2f} {b:.2f}" for a, b in (start, stop))
        body = f'<path d="M{d}" {line}/>'
        if ">" in form:
            d = "L".join(f"{a:.2f} {b:.2f}" for a, b in ends)
            pen = look(color, color, 0) if solid else pen
            body += f'<path d="M{d}{"Z" * solid}" {pen}/>'
        canvas.add(f'<g data-mark="arrow">{body}</g>', start, *ends)
