"""Figures that cells draw in a page, which has no matplotlib.

What the book's cells ask of matplotlib is kept here, and becomes one SVG for
each figure. What can't be drawn is named below it, and never stops a cell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partialmethod, wraps
from html import escape
from typing import Any

import numpy as np
from in_page_shapes import (
    CYCLE,
    INK,
    UNDRAWN,
    Area,
    Arrow,
    Artist,
    Canvas,
    Colors,
    Line,
    Norm,
    Picture,
    Rectangle,
    Silent,
    Words,
    lacks,
    size_of,
    width_of,
)

FORM = re.compile(r"([kw]?)([osDx+^v.]?)(--|-\.|-|:|)([osDx+^v.]?)")
RULE, GAP, PAD, TICK = "#dddddd", 8.0, 3.0, 3.5
MINUS = "\N{MINUS SIGN}"
SMALLEST_LABEL = 9.0  # pixels, on the narrowest screen
OPEN: list[Figure] = []  # what a cell has begun
NEEDLESS = {"set_axisbelow", "autoscale", "set_box_aspect"}
PLACES = [
    "upper right",
    "upper left",
    "lower left",
    "lower right",
    "center right",
    "center left",
    "lower center",
    "upper center",
    "center",
]


def able(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method that fails be one that is lacking."""

    @wraps(method)
    def tried(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except (AttributeError, LookupError, TypeError, ValueError):
            return lacks(method.__name__)

    return tried


class Scale:
    """Where the values of one axis lie."""

    def __init__(self) -> None:
        self.ends: list[float | None] = [None, None]
        self.seen: list[np.ndarray] = []
        self.held: set[float] = set()  # ends without a margin
        self.names: list[str] = []
        self.ticks: Any = None
        self.labels: Any = None
        self.log = self.flipped = False

    def numbers(self, values: Any) -> np.ndarray:
        """Return values as numbers; names get the next ones."""
        values = np.asarray([*values] if isinstance(values, dict) else values)
        if values.dtype.kind in "US":
            new = dict.fromkeys(map(str, values.ravel()))
            self.names += [name for name in new if name not in self.names]
            places = [self.names.index(str(v)) for v in values.ravel()]
            values = np.reshape(places, values.shape)
        return np.asarray(values, float)

    def see(self, values: Any, *held: float) -> None:
        """Let values be in view."""
        self.seen.append(np.ravel(values))
        self.held |= {*held}

    def bent(self, values: Any) -> Any:
        """Return values, or their logarithms."""
        if not self.log:
            return np.asarray(values, float)
        with np.errstate(all="ignore"):
            return np.log10(np.asarray(values, float))

    def view(self) -> tuple[float, float]:
        """Return the first value in view, and the last."""
        values = self.bent(np.concatenate([*self.seen, []]))
        values = values[np.isfinite(values)]
        low, high = (values.min(), values.max()) if len(values) else (0, 1)
        if low == high:
            wide = 0.05 * abs(low) or 0.05
            low, high = low - wide, high + wide
        margin, held = 0.05 * (high - low), self.bent([*self.held])
        low -= margin * bool(len(values) and not np.isclose(held, low).any())
        high += margin * bool(len(values) and not np.isclose(held, high).any())
        if self.ticks is not None and len(self.ticks):
            ticks = self.bent(self.ticks)
            low, high = min(low, ticks.min()), max(high, ticks.max())
        found = [
            float(10**auto if self.log else auto) if end is None else end
            for end, auto in zip(self.ends, (low, high), strict=True)
        ]
        first, last = found[::-1] if self.flipped else found
        return first, last

    def place(self, values: Any) -> Any:
        """Return where values lie, from 0 to 1."""
        first, last = self.bent(self.view())
        return (self.bent(values) - first) / ((last - first) or 1)

    def marks(self, room: float) -> list[tuple[float, str]]:
        """Return the ticks in view and their labels, as many as fit."""
        low, high = sorted(self.view())
        if self.ticks is not None:
            values = np.asarray(self.ticks, float)
        elif self.names:
            values = np.arange(len(self.names), dtype=float)
        elif self.log:
            first, last = (
                math.floor(self.bent(low)),
                math.ceil(self.bent(high)),
            )
            step = max(1, math.ceil((last - first) / max(room, 1)))
            values = 10.0 ** np.arange(first, last + 1, step)
        else:
            raw = (high - low) / min(max(int(room), 1), 9)
            power = 10.0 ** math.floor(math.log10(raw))
            nice = (k * power for k in (1, 2, 2.5, 5, 10))
            step = next(s for s in nice if s > raw * (1 - 1e-9))
            places = np.arange(
                math.ceil(low / step), math.floor(high / step) + 1
            )
            values = places * step
        texts = self.labels if self.labels is not None else self.names
        texts = [*map(str, texts)] or self.written(values)
        slack = 1e-9 * (high - low)
        return [
            (value, text)
            for value, text in zip(values, texts, strict=False)
            if low - slack <= value <= high + slack
        ]

    def written(self, values: np.ndarray) -> list[str]:
        """Return numbers as text, all with as many decimals."""
        if self.log:
            return [f"$10^{{{round(float(self.bent(v)))}}}$" for v in values]
        if np.abs(values).max(initial=0) >= 1e6:
            return [f"{value:.3g}".replace("-", MINUS) for value in values]
        close = (
            d
            for d in range(12)
            if np.allclose(values.round(d), values, 1e-9, 0)
        )
        decimals = next(close, 12)
        return [f"{v:.{decimals}f}".replace("-", MINUS) for v in values + 0.0]


class Spines(dict[str, Artist]):
    """The four sides of the frame."""

    def __init__(self) -> None:
        for side in "left", "bottom", "right", "top":
            self[side] = Artist(visible=side in ("left", "bottom"))

    def __getitem__(self, sides: Any) -> Any:
        if isinstance(sides, str):
            return super().__getitem__(sides)
        chosen = (
            [*self.values()]
            if isinstance(sides, slice)
            else map(self.get, sides)
        )
        each = [*chosen]
        every = Artist()
        every.set = lambda **style: [s.set(**style) for s in each]  # type: ignore
        return every


class Axes(Artist):
    """A frame with scales, and what is drawn into it."""

    def __init__(self, figure: Figure, slot: Any, x: Scale, y: Scale):
        super().__init__()
        self.figure, self.slot, self.x_scale, self.y_scale = figure, slot, x, y
        self.spines, self.drawn = Spines(), list[Artist]()
        self.title, self.x_label, self.y_label = (
            Words(0, 0) for _ in range(3)
        )
        self.title_at, self.colors, self.aspect = 0.5, 0, "auto"
        self.on, self.rules = True, {"x", "y"}
        self.shown = {"left": True, "bottom": True, "labelleft": True}
        self.shown["labelbottom"] = True
        self.key: list[tuple[Any, str]] = []
        self.key_style: dict[str, Any] = {}
        self.box = 0.0, 0.0, *(72 * np.array(figure.size))

    def __getattr__(self, name: str) -> Any:
        kinds = {"lines": Line, "images": Picture, "texts": Words}
        kinds["patches"] = Area
        if name == "transAxes":  # both x and y are shares of the frame
            return True, True
        if name in kinds:
            return [a for a in self.drawn if isinstance(a, kinds[name])]
        if name.startswith("__"):
            raise AttributeError(name)
        return Silent() if name in NEEDLESS else lacks(name)

    def set(self, **options: Any) -> None:
        """Call a method for each option."""
        for name, value in options.items():
            getattr(self, f"set_{name}")(value)

    def add(self, artist: Any) -> Any:
        """Draw something; let its points be in view."""
        if not isinstance(artist, Artist):
            return lacks("a patch")
        artist.axes = self
        self.drawn.append(artist)
        if isinstance(artist, (Line, Area)):
            across = artist.style.get("transform") or (False, False)
            if not across[0]:
                self.x_scale.see(artist.x)
            if not across[1]:
                self.y_scale.see(artist.y)
        return artist

    add_patch = add_artist = add_line = add

    def next_color(self) -> str:
        """Return the color of what has no other."""
        self.colors += 1
        return CYCLE[(self.colors - 1) % len(CYCLE)]

    def limit(
        self, which: str, low: Any = None, high: Any = None, **ends: Any
    ) -> None:
        """Set the ends of a scale."""
        low, high = low if np.ndim(low) else (low, high)
        low = ends.get("left", ends.get("bottom", low))
        high = ends.get("right", ends.get("top", high))
        scale = getattr(self, f"{which}_scale")
        new = (None if v is None else float(v) for v in (low, high))
        scale.ends = [
            b if a is None else a for a, b in zip(new, scale.ends, strict=True)
        ]

    def tick(
        self, which: str, ticks: Any, labels: Any = None, **style: Any
    ) -> None:
        """Set the ticks of a scale, and their labels."""
        scale = getattr(self, f"{which}_scale")
        scale.ticks, self.style[which] = scale.numbers(ticks), style
        scale.labels = None if labels is None else [*labels]

    def label(self, which: str, text: Any, **style: Any) -> None:
        """Name an axis."""
        words = Words(0, 0, text, ha="center", va="top")
        words.set(**({"va": "bottom", "rotation": 90} if which == "y" else {}))
        words.set(**style)
        setattr(self, f"{which}_label", words)

    def bend(self, which: str, kind: str) -> None:
        """Let a scale be linear or logarithmic."""
        getattr(self, f"{which}_scale").log = kind == "log"
        if kind not in ("log", "linear"):
            lacks(f"the scale {kind}")

    set_xlim, set_ylim = partialmethod(limit, "x"), partialmethod(limit, "y")
    set_xticks, set_yticks = partialmethod(tick, "x"), partialmethod(tick, "y")
    set_xlabel = partialmethod(label, "x")
    set_ylabel = partialmethod(label, "y")
    set_xscale, set_yscale = partialmethod(bend, "x"), partialmethod(bend, "y")

    def set_title(self, text: Any, loc: str = "center", **style: Any) -> None:
        """Set the line above the frame."""
        self.title_at = {"left": 0.0, "right": 1.0}.get(loc, 0.5)
        self.title = Words(0, 0, text, ha=loc, va="bottom")
        self.title.set(**style)

    def set_aspect(self, aspect: Any, **_: Any) -> None:
        """Let the units of both axes be as long, or not."""
        self.aspect = aspect

    def axis(self, kind: Any) -> None:
        """Leave the frame away, or let units be as long."""
        self.on = self.on and kind != "off"
        self.aspect = "equal" if kind == "equal" else self.aspect

    def grid(self, visible: Any = True, axis: str = "both", **_: Any) -> None:
        """Say which rules are drawn."""
        chosen = {"x", "y"} if axis == "both" else {axis}
        self.rules = self.rules | chosen if visible else self.rules - chosen

    def tick_params(self, **options: Any) -> None:
        """Say which ticks and labels are shown."""
        self.shown |= {k: v for k, v in options.items() if k in self.shown}

    def invert_yaxis(self) -> None:
        """Let the last value be below."""
        self.y_scale.flipped = not self.y_scale.flipped

    @able
    def plot(self, *data: Any, **style: Any) -> list[Line]:
        """Draw lines: x, y and a form, once or more often."""
        rest, lines = [*data], []
        while rest:
            y = rest.pop(0)
            x = None
            if rest and not isinstance(rest[0], str):
                x, y = y, rest.pop(0)
            form = FORM.fullmatch(rest.pop(0) if rest else "")
            y = np.atleast_1d(self.y_scale.numbers(y))
            x = np.arange(len(y)) if x is None else self.x_scale.numbers(x)
            ink, marker, dash, after = form.groups() if form else [""] * 4
            look: dict[str, Any] = {"color": ink} if ink else {}
            if marker or after:
                look |= {"marker": marker or after}
            if marker or after or dash:
                look |= {"linestyle": dash}
            x, y = (v if v.ndim > 1 else np.ravel(v)[:, None] for v in (x, y))
            if len(x) != len(y):
                raise ValueError(f"{len(x)} x, but {len(y)} y")
            for k in range(max(x.shape[1], y.shape[1])):
                line = Line(x[:, k % x.shape[1]], y[:, k % y.shape[1]], **look)
                line.set(**style)
                if "color" not in line.style:
                    line.set(color=self.next_color())
                lines.append(self.add(line))
        return lines

    def bent_plot(self, x: str, y: str, *data: Any, **style: Any) -> Any:
        """Draw lines on scales of these kinds."""
        self.bend("x", x)
        self.bend("y", y)
        return self.plot(*data, **style)

    semilogx = partialmethod(bent_plot, "log", "linear")
    semilogy = partialmethod(bent_plot, "linear", "log")
    loglog = partialmethod(bent_plot, "log", "log")

    @able
    def scatter(self, x: Any, y: Any, s: Any = 36, **style: Any) -> Line:
        """Draw a marker at each point."""
        for part in "face", "edge":
            if f"{part}color" in style:
                style[f"marker{part}color"] = style.pop(f"{part}color")
        style = {"marker": "o", "color": self.next_color(), **style}
        size = np.sqrt(np.asarray(s, float))
        x, y = self.x_scale.numbers(x), self.y_scale.numbers(y)
        return self.add(Line(x, y, linestyle="", markersize=size, **style))

    def across(self, lying: bool, at: float, **style: Any) -> Line:
        """Draw a line through the whole frame."""
        x, y = ([0, 1], [at, at]) if lying else ([at, at], [0, 1])
        style = {"color": CYCLE[0], **style}
        return self.add(Line(x, y, transform=(lying, not lying), **style))

    axhline = partialmethod(across, True)
    axvline = partialmethod(across, False)

    @able
    def stairs(self, counts: Any, edges: Any, **style: Any) -> Line:
        """Draw a line of steps."""
        x, y = np.repeat(edges, 2), np.repeat(np.pad(counts, 1), 2)[1:-1]
        return self.add(Line(x, y, **{"color": self.next_color(), **style}))

    @able
    def fill_between(
        self, x: Any, low: Any, high: Any = 0, **style: Any
    ) -> Area:
        """Fill what is between two lines."""
        x, low, high = np.broadcast_arrays(x, low, high)
        ends = np.r_[x, x[::-1]], np.r_[low, high[::-1]]
        return self.add(Area(*ends, **style))

    @able
    def bar(self, at: Any, long: Any, *rest: Any, **style: Any) -> list[Any]:
        """Draw bars at places, as long as these numbers."""
        lying = style.pop("lying", False)
        names = ("height", "left") if lying else ("width", "bottom")
        wide, start = (
            style.pop(name, rest[k] if k < len(rest) else (0.8, 0)[k])
            for k, name in enumerate(names)
        )
        style = {"color": self.next_color(), **style}
        across, along = self.x_scale, self.y_scale
        if lying:
            across, along = along, across
        bars = []
        every = np.broadcast_arrays(across.numbers(at), long, wide, start)
        for a, b, w, s in zip(*map(np.ravel, every), strict=True):
            pairs = (a - w / 2, s), (w, b)
            corner, size = (p[::-1] if lying else p for p in pairs)
            bars.append(self.add(Rectangle(corner, *size, **style)))
            style.pop("label", None)
            along.held.add(float(s))
        return bars

    barh = partialmethod(bar, lying=True)

    @able
    def hist(
        self, values: Any, bins: Any = 10, log: bool = False, **style: Any
    ) -> Any:
        """Draw how many values lie in each bin."""
        counts, edges = np.histogram(values, bins)
        wide = np.diff(edges)
        self.y_scale.log |= log
        return self.bar(edges[:-1] + wide / 2, counts, wide, **style)

    @able
    def errorbar(
        self, x: Any, y: Any, yerr: Any = 0, xerr: Any = 0, **style: Any
    ) -> Line:
        """Draw points with a line for the doubt about each."""
        form, cap = style.pop("fmt", "-"), style.pop("capsize", 0)
        (line,) = self.plot(x, y, form, **style)
        for err, part, mark in (xerr, (1, 0), "|"), (yerr, (0, 1), "_"):
            both = np.broadcast_to(err, (2, len(line.x))).T * [-1, 1]
            for a, b, ends in zip(line.x, line.y, both, strict=True):
                if ends.any():
                    spots = a + part[0] * ends, b + part[1] * ends
                    bar = Line(*spots, color=line.color(), markersize=2 * cap)
                    bar.set(marker=mark if cap else None)
                    self.add(bar)
        return line

    @able
    def imshow(
        self, image: Any, cmap: Any = "viridis", **style: Any
    ) -> Picture:
        """Draw the pixels of an array (H, W) or (H, W, 3)."""
        pixels = np.asarray(image)
        high, wide = pixels.shape[:2]
        low, top = style.get("vmin"), style.get("vmax")
        norm = Norm(
            float(pixels.min()) if low is None else low,
            float(pixels.max()) if top is None else top,
        )
        sides = -0.5, wide - 0.5, high - 0.5, -0.5
        sides = style.get("extent", sides)
        self.limit("x", *sides[:2])
        self.limit("y", *sides[2:])
        self.aspect = style.get("aspect", "equal")
        return self.add(Picture(pixels, cmap, norm, sides))

    @able
    def text(self, x: Any, y: Any, text: Any, **style: Any) -> Words:
        """Write a text."""
        x, y = self.x_scale.numbers(x), self.y_scale.numbers(y)
        return self.add(Words(x, y, text, **style))

    @able
    def annotate(
        self, text: Any, xy: Any, xytext: Any = None, **style: Any
    ) -> Words:
        """Write a text, with an arrow from it to a point."""
        start = xy if xytext is None else xytext
        if arrow := style.pop("arrowprops", None):
            self.add(Arrow(*zip(start, xy, strict=True), arrowprops=arrow))
        return self.text(*start, text, **style)

    def legend(self, *given: Any, **style: Any) -> None:
        """Say what has which label."""
        handles, labels = self.get_legend_handles_labels()
        handles = style.pop("handles", handles)
        if len(given) == 2:
            handles, labels = given
        elif given:
            labels = given[0]
        self.key, self.key_style = [*zip(handles, labels, strict=False)], style

    def get_legend_handles_labels(self) -> tuple[list[Artist], list[str]]:
        """Return what has a label, and the labels."""
        found = [a for a in self.drawn if a.style.get("label") is not None]
        return found, [str(a.style["label"]) for a in found]

    def fitted(self, box: Any) -> Any:
        """Return a box in which units are as long as they shall be."""
        if self.aspect == "auto":
            return tuple(box)
        left, top, wide, high = box
        x, y = (
            abs(np.subtract(*s.view())) for s in (self.x_scale, self.y_scale)
        )
        unit = 1.0 if self.aspect == "equal" else float(self.aspect)
        scale = min(wide / x, high / (y * unit))
        new = scale * x, scale * y * unit
        return left + (wide - new[0]) / 2, top + (high - new[1]) / 2, *new

    def spot(self, x: Any, y: Any, across: Any = (False, False)) -> Any:
        """Return where values lie in the drawing."""
        left, top, wide, high = self.box
        x = x if across[0] else self.x_scale.place(x)
        y = y if across[1] else self.y_scale.place(y)
        return left + wide * x, top + high * (1 - y)

    def ticks(self, which: str) -> list[tuple[float, Words]]:
        """Return where the ticks of a scale are, and their labels."""
        left, top, wide, high = self.box
        if which == "x":
            scale, room, side = self.x_scale, wide / 30, "bottom"
            look_ = {"ha": "center", "va": "top"}
        else:
            scale, room, side = self.y_scale, high / 20, "left"
            look_ = {"ha": "right", "va": "center"}
        look_ |= self.style.get(which, {})
        shown = self.shown[f"label{side}"]
        return [
            (
                float(scale.place(value) * (wide if which == "x" else -high))
                + (left if which == "x" else top + high),
                Words(0, 0, text if shown else "", **look_),
            )
            for value, text in (scale.marks(room) if self.on else [])
        ]

    def needs(self) -> np.ndarray:
        """Return how much it needs on its left, top, right and below it."""
        need = np.full(4, PAD)
        for which, k, side in ("y", 0, 0), ("x", 3, 1):
            words = [word for _, word in self.ticks(which)]
            need[k] += max((w.extent()[side] for w in words), default=0.0)
            need[k] += (TICK + PAD) * bool(words)
            name = getattr(self, f"{which}_label")
            need[k] += name.extent()[side] + PAD * bool(name.text)
        need[1] += self.title.extent()[1]
        return need

    def draw(self, canvas: Canvas) -> None:
        """Add the frame and all that is in it."""
        left, top, wide, high = self.box
        right, bottom = left + wide, top + high
        inside, ticks = Canvas(), {which: self.ticks(which) for which in "xy"}
        for at, _ in ticks["x"] if "x" in self.rules else ():
            inside.stroke(RULE, 0.6, (at, top), (at, bottom))
        for at, _ in ticks["y"] if "y" in self.rules else ():
            inside.stroke(RULE, 0.6, (left, at), (right, at))
        shown = [a for a in self.drawn if a.style.get("visible", True)]
        for artist in sorted(shown, key=Artist.depth):
            if artist.layer < Words.layer:
                able(artist.draw)(inside)
        place = f'x="{left:.2f}" y="{top:.2f}"'
        size = f'width="{wide:.2f}" height="{high:.2f}"'
        view = f'viewBox="{left:.2f} {top:.2f} {wide:.2f} {high:.2f}"'
        body = f"<svg {place} {size} {view}>{''.join(inside.parts)}</svg>"
        canvas.add(body, (left, top), (right, bottom))
        corners = [(left, top), (left, bottom), (right, bottom), (right, top)]
        for k, side in enumerate(self.spines if self.on else ()):
            style = self.spines[side].style
            if style.get("visible"):
                width, color = style.get("linewidth", 0.8), style.get("color")
                ends = corners[k], corners[(k + 1) % 4]
                canvas.stroke(color or INK, width, *ends)
        before, _, _, below = self.needs() - PAD
        for at, words in ticks["x"]:
            if self.shown["bottom"]:
                canvas.stroke(INK, 0.8, (at, bottom), (at, bottom + TICK))
            words.put(canvas, at, bottom + TICK + PAD)
        for at, words in ticks["y"]:
            if self.shown["left"]:
                canvas.stroke(INK, 0.8, (left - TICK, at), (left, at))
            words.put(canvas, left - TICK - PAD, at)
        if self.on:
            at = bottom + below - self.x_label.extent()[1]
            self.x_label.put(canvas, left + wide / 2, at)
            at = left - before + self.y_label.extent()[0]
            self.y_label.put(canvas, at, top + high / 2)
        self.title.put(canvas, left + wide * self.title_at, top - PAD)
        for artist in sorted(shown, key=Artist.depth):
            if artist.layer >= Words.layer:
                able(artist.draw)(canvas)
        able(self.draw_key)(canvas)

    def draw_key(self, canvas: Canvas) -> None:
        """Add what says which label is whose."""
        if not self.key:
            return
        style, size = self.key_style, size_of(self.key_style)
        columns = min(style.get("ncols", 1), len(self.key))
        rows = -(-len(self.key) // columns)
        widths = [
            max(width_of(label, size) for _, label in self.key[k : k + rows])
            for k in range(0, len(self.key), rows)
        ]
        line, long = 1.35 * size, 2 * size
        title = Words(0, 0, style.get("title") or "", size=size)
        lines = rows + bool(title.text)
        extent = np.array(
            [sum(widths) + len(widths) * (long + 2 * PAD) + GAP, lines * line]
        )
        x, y = self.key_corner(extent + 2 * PAD) + PAD
        if title.text:
            title.put(canvas, x, y + line - 0.25 * size)
            y += line
        for n, (artist, label) in enumerate(self.key):
            column, row = divmod(n, rows)
            at = x + sum(widths[:column]) + column * (long + 2 * PAD + GAP)
            middle = y + line * (row + 0.5)
            artist.sample(canvas, (at, middle), (at + long, middle))
            words = Words(0, 0, label, size=size, va="center")
            words.put(canvas, at + long + 2 * PAD, middle)

    def key_corner(self, size: np.ndarray) -> np.ndarray:
        """Return where labels lie: as told, or where least is drawn."""
        left, top, wide, high = self.box
        place = self.key_style.get("loc", "best")
        around = np.array([left, top]), np.array([wide, high])
        if anchor := self.key_style.get("bbox_to_anchor"):
            x, y = anchor[0], 1 - anchor[1]
            around = around[0] + around[1] * (x, y), np.zeros(2)

        def corner(place: str) -> np.ndarray:
            share = np.array(["left" not in place, "upper" not in place]) / 1.0
            share[0] -= 0.5 * ("left" not in place and "right" not in place)
            share[1] -= 0.5 * ("upper" not in place and "lower" not in place)
            return around[0] + share * (around[1] - size)

        def covered(place: str) -> int:
            low = corner(place)
            return int(
                ((low < spots) & (spots < low + size)).all(axis=1).sum()
            )

        if place in PLACES:
            return corner(place)
        spots = np.zeros((0, 2))
        for artist in self.lines + self.patches:
            across = artist.style.get("transform") or (False, False)
            points = np.stack(self.spot(artist.x, artist.y, across), axis=-1)
            between = np.linspace(points[:-1], points[1:], 9)
            spots = np.concatenate([spots, points, between.reshape(-1, 2)])
        return corner(min(PLACES, key=covered))


class Grid:
    """Places for frames, in rows and columns.

    Parameters
    ----------
    rows, columns : int
        How many.
    heights, widths : sequence of float, optional
        How they share the room.
    """

    def __init__(
        self, rows: int, columns: int, heights: Any = None, widths: Any = None
    ):
        self.shape = rows, columns
        self.shares = [
            np.array(given or [1] * number, float)
            for given, number in zip(
                (heights, widths), self.shape, strict=True
            )
        ]

    def __getitem__(self, places: Any) -> tuple[Grid, list[range]]:
        spans = []
        for place, number in zip(places, self.shape, strict=True):
            chosen = range(number)[place]
            one = isinstance(chosen, int)
            spans.append(range(chosen, chosen + 1) if one else chosen)
        return self, spans


class Figure(Artist):
    """Frames beside and below each other.

    Parameters
    ----------
    figsize : pair of float
        How wide and high it is, in inches.
    """

    def __init__(self, figsize: Any = None, **_: Any):
        super().__init__()
        self.size: Any = figsize or (6.0, 3.2)
        self.axes: list[Axes] = []
        OPEN.append(self)

    def set_size_inches(self, *size: float) -> None:
        """Set how wide and high it is."""
        self.size = size

    def add_gridspec(
        self, rows: int = 1, columns: int = 1, **style: Any
    ) -> Grid:
        """Return places for frames."""
        shares = (style.get(f"{name}_ratios") for name in ("height", "width"))
        return Grid(rows, columns, *shares)

    def add_subplot(self, *place: Any) -> Axes:
        """Add a frame at a place of a grid, or at the n-th of new ones."""
        if len(place) != 1:
            rows, columns, n = place or (1, 1, 1)
            place = (Grid(rows, columns)[divmod(n - 1, columns)],)
        self.axes.append(Axes(self, place[0], Scale(), Scale()))
        return self.axes[-1]

    def subplots(self, rows: int = 1, columns: int = 1, **style: Any) -> Any:
        """Add frames at all places of a grid."""
        style |= style.get("gridspec_kw") or {}
        grid = self.add_gridspec(rows, columns, **style)
        made = np.empty((rows, columns), object)
        for i, j in np.ndindex(made.shape):
            made[i, j] = axes = self.add_subplot(grid[i, j])
            for which, side, inner in (
                ("x", "labelbottom", i < rows - 1),
                ("y", "labelleft", j > 0),
            ):
                share = style.get(f"share{which}") or "none"
                share = "all" if share is True else share
                first = {"all": (0, 0), "row": (i, 0), "col": (0, j)}.get(
                    share
                )
                if first:
                    scale = getattr(made[first], f"{which}_scale")
                    setattr(axes, f"{which}_scale", scale)
                    apart = "row" if which == "x" else "col"
                    axes.shown[side] = not inner or share == apart
        if not style.get("squeeze", True):
            return made
        return made.squeeze() if made.size > 1 else made.item()

    def arrange(self) -> None:
        """Give each frame its box."""
        for _ in range(2):  # the room decides on the ticks, and they on it
            needs = {axes: axes.needs() for axes in self.axes}
            for axes in self.axes:
                grid, spans = axes.slot
                box = [0.0] * 4
                for k, (span, whole) in enumerate(
                    zip(spans[::-1], 72 * np.array(self.size), strict=True)
                ):
                    before, after = self.edges(grid, 1 - k, needs)
                    shares = grid.shares[1 - k]
                    room = before.sum() + after.sum() + GAP * (len(shares) - 1)
                    sizes = shares / shares.sum() * max(whole - room, GAP)
                    starts = np.cumsum(before + sizes + after + GAP)
                    starts += before - (before + sizes + after + GAP)
                    box[k] = starts[span[0]]
                    box[k + 2] = starts[span[-1]] + sizes[span[-1]] - box[k]
                axes.box = axes.fitted(box)

    @staticmethod
    def edges(grid: Grid, k: int, needs: dict[Any, Any]) -> Any:
        """Return what frames need before and after each row or column."""
        before, after = np.zeros((2, grid.shape[k]))
        for axes, need in needs.items():
            if axes.slot[0] is grid:
                first, last = axes.slot[1][k][0], axes.slot[1][k][-1]
                before[first] = max(before[first], need[1 - k])
                after[last] = max(after[last], need[3 - k])
        return before, after

    def svg(self, words: str = "") -> str:
        """Return the figure as an element, under a name."""
        self.arrange()
        canvas = Canvas()
        for axes in self.axes:
            axes.draw(canvas)
        (left, top), (wide, high) = (
            canvas.low - 2,
            np.ptp([canvas.low, canvas.high], axis=0) + 4,
        )
        least = wide * min(1.0, SMALLEST_LABEL / canvas.smallest)
        return (
            f'<div class="wide"><svg class="drawing" role="img" '
            f'aria-label="{escape(words or self.told())}" '
            f'viewBox="{left:.2f} {top:.2f} {wide:.2f} {high:.2f}" '
            f'style="width: {wide * 4 / 3:.0f}px; min-width: {least:.0f}px">'
            f"{''.join(canvas.parts)}</svg></div>"
        )

    def told(self) -> str:
        """Return what is written in the figure, as its name."""
        texts = [
            words.text.replace("\n", " ")
            for a in self.axes
            for words in (a.title, a.x_label, a.y_label, *a.texts)
            if words.text
        ]
        return "Drawn by this cell: " + (
            ", ".join(dict.fromkeys(texts)) or "a figure"
        )


def subplots(nrows: int = 1, ncols: int = 1, **options: Any) -> Any:
    """Return a new figure and its frames."""
    figure = Figure(options.pop("figsize", None))
    return figure, figure.subplots(nrows, ncols, **options)


def current() -> Axes:
    """Return the frame that was made last."""
    figure = OPEN[-1] if OPEN else Figure()
    return figure.axes[-1] if figure.axes else figure.add_subplot()


def on_current(name: str) -> Callable[..., Any]:
    """Return what calls a method of the frame that was made last."""
    return lambda *data, **style: getattr(current(), name)(*data, **style)


def take(words: str = "") -> str:
    """Return what cells have drawn since the last call, and what they lack."""
    body = ""
    for figure in OPEN:
        body += able(figure.svg)(words) or ""
    if UNDRAWN:
        names = escape(", ".join(sorted(UNDRAWN)))
        body += f"<p>Not drawn: {names}.</p>"
    OPEN.clear()
    UNDRAWN.clear()
    return body


PYPLOT: dict[str, Any] = {
    "Rectangle": Rectangle,
    "figure": Figure,
    "gca": current,
    "subplots": subplots,
}
DRAW = (
    "axhline axis axvline bar barh grid hist imshow legend plot scatter text"
)
PYPLOT |= {name: on_current(name) for name in DRAW.split()}
NAME = "title xlabel xlim xticks ylabel ylim yticks"
PYPLOT |= {name: on_current(f"set_{name}") for name in NAME.split()}
MATPLOTLIB: dict[str, dict[str, Any]] = {
    "matplotlib.colors": {"LinearSegmentedColormap": Colors},
    "matplotlib.patches": {
        "FancyBboxPatch": Rectangle,
        "Rectangle": Rectangle,
    },
    "matplotlib.pyplot": PYPLOT,
}
