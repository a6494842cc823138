"""Figures that have a form of their own in the dark.

The drawings of matplotlib are written into the page, so its style sheet can
color them: ink, paper, lines and quantities are variables of `book.css`. A
picture of gray pixels is ink, more or less of it, on paper; one in the signed
colors of `figures` gets a second set of pixels, whose zero is the dark paper
and whose extremes are as saturated as they are in the light.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

# What a color of a drawing is called in the style sheet.
COLORS = {
    "#000000": "ink",
    "#ffffff": "paper",
    "#dddddd": "line",
    "#7f7f7f": "baseline",
    "#0072b2": "input",
    "#e69f00": "kernel",
    "#009e73": "output",
    "#d55e00": "gradient",
}
# From the most negative value to the most positive one; zero is the paper.
DARK_SIGNED = ["#45B0FF", "#1F5F96", "#14161A", "#A33322", "#FF5A45"]
SMALLEST_LABEL = 9.0
PICTURE = re.compile(
    r'<image xlink:href="data:image/png;base64,\s*([^"]*)"([^>]*)/>'
)
HEAD = re.compile(
    r"\A.*?(?=<svg)|<metadata>.*?</metadata>|<style.*?</style>", re.S
)
SIZE = re.compile(r'<svg[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>')
PATH, DIGITS = re.compile(r' d="[^"]*"'), re.compile(r"([.]\d\d)\d+")
LABEL = re.compile(r"scale\(([\d.]+) -[\d.]+\)")


@cache
def palettes() -> tuple[np.ndarray, np.ndarray]:
    """Return the signed colors, as numbers, in the light and in the dark."""
    from figures import SIGNED_MAP
    from matplotlib.colors import LinearSegmentedColormap

    dark = LinearSegmentedColormap.from_list("dark", DARK_SIGNED)
    light, shades = (
        colors(np.arange(256), bytes=True)[:, :3].astype(np.int64)
        for colors in (SIGNED_MAP, dark)
    )
    return light, shades


def codes(colors: np.ndarray) -> np.ndarray:
    """Return one number for each color of three."""
    return colors @ np.array([65536, 256, 1])


def png(pixels: np.ndarray) -> str:
    """Return pixels as the address of a picture that holds them."""
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "png", optimize=True)
    content = base64.b64encode(file.getvalue()).decode()
    return f"data:image/png;base64,{content}"


def both_forms(picture: re.Match[str]) -> str:
    """Return a picture as an element, or as one for each form."""
    data = base64.b64decode(picture[1])
    whole = np.asarray(Image.open(BytesIO(data)).convert("RGBA"), np.int64)
    rest = re.sub(r' id="[^"]*"', "", picture[2])
    alpha = whole[:, :, 3]
    if (alpha % 255).any() or not alpha.any():
        # It lies over another, which is seen through it.
        return f'<image href="{png(whole)}"{rest}/>'
    pixels = whole[:, :, :3]
    if (pixels == pixels[:, :, :1]).all():
        ink = np.zeros_like(pixels[:, :, :2])
        ink[:, :, 1] = 255 - pixels[:, :, 0]
        return f'<image class="ink" href="{png(ink)}"{rest}/>'
    light, dark = palettes()
    place = np.searchsorted(codes(light), codes(pixels), sorter=order())
    place = order()[place.clip(0, 255)]
    if (light[place] != pixels).any():
        return f'<image href="{png(pixels)}"{rest}/>'
    return (
        f'<image class="signed light" href="{png(pixels)}"{rest}/>'
        f'<image class="signed dark" href="{png(dark[place])}"{rest}/>'
    )


@cache
def order() -> np.ndarray:
    """Return the order in which the signed colors' codes grow."""
    return np.argsort(codes(palettes()[0]), kind="stable")


def inline(svg: str, words: str) -> str:
    """Return a drawing of matplotlib as an element of a page."""
    mark = "d" + sha256(f"{svg}{words}".encode()).hexdigest()[:8]
    svg = HEAD.sub("", svg)
    size = SIZE.search(svg)
    assert size is not None
    wide, high = float(size[1]), float(size[2])
    label = min((100 * float(s) for s in LABEL.findall(svg)), default=wide)
    body = svg[size.end() :]
    body = PICTURE.sub(both_forms, body)
    body = re.sub(r' id="([^"]+)"', rf' id="{mark}\1"', body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{mark}", body)
    body = re.sub(
        r"(?<=: )#[0-9a-f]{6}\b",
        lambda m: f"var(--{COLORS[m[0]]})" if m[0] in COLORS else m[0],
        body,
    )
    body = PATH.sub(lambda m: DIGITS.sub(r"\1", m[0]), body)
    body = re.sub(r"\s*\n\s*", " ", body)
    least = wide * min(1.0, SMALLEST_LABEL / label)
    return (
        f'<div class="wide"><svg class="drawing" role="img" '
        f'aria-label="{escape(words)}" viewBox="0 0 {wide:g} {high:g}" '
        f'style="width: {wide * 4 / 3:.0f}px; min-width: {least:.0f}px">'
        f"{body}</div>"
    )


class DrawInPage(SphinxPostTransform):
    """Write the drawings of a page's cells into the page."""

    default_priority = 195
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Replace every image that matplotlib has drawn."""
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, image["uri"])
            if path.suffix == ".svg" and "jupyter_execute" in path.parts:
                drawing = inline(path.read_text(), image.get("alt", ""))
                place = image.parent.index(image)
                raw = nodes.raw("", drawing, format="html")
                image.parent[place] = raw


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step."""
    app.add_post_transform(DrawInPage)
    return {"version": "1", "parallel_read_safe": True}
