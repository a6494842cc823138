"""One look for every figure of the book.

Images are ink on paper: zero is the paper's white. Signed arrays use one
diverging map, centered on zero: red is positive, blue negative. A quantity
has the same color in every chapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib_inline.backend_inline import set_matplotlib_formats

INPUT = "#0072B2"
KERNEL = "#E69F00"
OUTPUT = "#009E73"
GRADIENT = "#D55E00"
BASELINE = "#7F7F7F"
CLASSES = ("#56B4E9", "#CC79A7")

IMAGE_MAP = "gray_r"
SIGNED_MAP = LinearSegmentedColormap.from_list(
    "signed", ["#053061", "#4393C3", "#FFFFFF", "#D6604D", "#67001F"]
)

mpl.rcParams.update(
    {
        "axes.prop_cycle": cycler(
            color=[INPUT, GRADIENT, OUTPUT, KERNEL, "#CC79A7", BASELINE]
        ),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.grid": True,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "figure.constrained_layout.use": True,
        "figure.figsize": (6.0, 3.2),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "font.size": 10,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.6,
        "image.interpolation": "none",
        "image.composite_image": False,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "savefig.facecolor": "none",
        "svg.hashsalt": "scratchcnn",
    }
)
set_matplotlib_formats("svg", metadata={"Date": None})


def bare(axes: Axes) -> None:
    """Leave only the picture: no ticks, no grid, a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5, color=BASELINE)


def show_image(axes: Axes, image: np.ndarray, title: str = "") -> Any:
    """Draw one image (H, W) of values from 0 (white) to 1 (black)."""
    bare(axes)
    axes.set_title(title)
    return axes.imshow(image, cmap=IMAGE_MAP, vmin=0, vmax=1)


def show_signed(
    axes: Axes, array: np.ndarray, title: str = "", limit: float | None = None
) -> Any:
    """Draw a signed array (H, W), white at zero, colors out to +-limit."""
    bare(axes)
    axes.set_title(title)
    limit = limit or float(np.abs(array).max()) or 1.0
    return axes.imshow(array, cmap=SIGNED_MAP, vmin=-limit, vmax=limit)


def write_values(axes: Axes, array: np.ndarray, form: str = "{:g}") -> None:
    """Write its number into each cell of a small array (H, W) on show."""
    norm: Any = axes.images[-1].norm
    for (i, j), value in np.ndenumerate(array):
        dark = (
            abs(norm(value) - 0.5) > 0.35
            if norm.vmin < 0
            else norm(value) > 0.5
        )
        axes.text(
            j,
            i,
            form.format(value).replace("-", "\N{MINUS SIGN}"),
            ha="center",
            va="center",
            color="white" if dark else "black",
        )


def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    *,
    signed: bool = False,
    width: float = 6.0,
) -> Figure:
    """Draw images (H, W) side by side; signed ones share their colors."""
    figure, row = plt.subplots(1, len(images), squeeze=False)
    figure.set_size_inches(width, width / len(images) + 0.3 * bool(titles))
    limit = max(float(np.abs(image).max()) for image in images)
    for axes, image, title in zip(
        row[0], images, titles or [""] * len(images), strict=True
    ):
        if signed:
            show_signed(axes, image, title, limit)
        else:
            show_image(axes, image, title)
    return figure


def board(width: float, height: float) -> Axes:
    """Open a figure that is measured in cells, (0, 0) in the upper left."""
    _, axes = plt.subplots(figsize=(0.42 * width, 0.42 * height))
    axes.set(xlim=(-0.05, width + 0.05), ylim=(height + 0.05, 0))
    axes.set_aspect("equal")
    axes.axis("off")
    return axes


def numbers(
    axes: Axes,
    array: np.ndarray,
    color: str,
    title: str = "",
    at: tuple[float, float] = (0, 1),
    marked: Iterable[tuple[int, ...]] = (),
) -> None:
    """Draw a small array as cells with numbers, some of them marked."""
    (left, top), chosen = at, set(marked)
    for (i, j), value in np.ndenumerate(array):
        face = color, 0.55 if (i, j) in chosen else 0.12
        cell = Rectangle((left + j, top + i), 1, 1)
        axes.add_patch(cell)
        cell.set(facecolor=face, edgecolor=color, linewidth=0.8)
        text = f"{value:g}".replace("-", "\N{MINUS SIGN}")
        x, y = left + j + 0.5, top + i + 0.52
        axes.text(x, y, text, ha="center", va="center")
    middle = left + array.shape[1] / 2
    axes.text(middle, top - 0.3, title, ha="center", va="bottom")


def heads(
    axes: Axes,
    at: tuple[float, float],
    rows: Iterable[tuple[int, ...]],
    columns: Iterable[tuple[int, ...]],
) -> None:
    """Write the indices of an array's rows and columns beside its cells."""
    left, top = at
    for k, place in enumerate(rows):
        text, y = ", ".join(map(str, place)), top + k + 0.5
        axes.text(left - 0.2, y, text, ha="right", va="center", color=BASELINE)
    for k, place in enumerate(columns):
        text, x = ", ".join(map(str, place)), left + k + 0.5
        axes.text(x, top - 0.2, text, ha="center", color=BASELINE)
