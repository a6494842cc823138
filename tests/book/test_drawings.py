"""Drawings in a page, in the light and in the dark."""

from __future__ import annotations

import base64
import colorsys
import re
from io import BytesIO, StringIO
from pathlib import Path

import figures
import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml
from chapters import directives
from drawings import inline, palettes
from PIL import Image

BOOK = Path(__file__).parents[2] / "book"
# The hues, in degrees, of what the text calls the colors of quantities.
YELLOW, ORANGE, RED, GREEN, BLUE = 40, 22, 0, 162, 205
HUES = {
    "input": BLUE,
    "kernel": YELLOW,
    "output": GREEN,
    "gradient": ORANGE,
    "positive": RED,
    "negative": BLUE,
}
# What is true in the light is false in the dark, and the other way round.
ONE_FORM = re.compile(r"\b(dark|bright|lighter|black|white|pale)\w*")


def drawn(signed: bool) -> str:
    """Return a drawing of two small pictures, or of a line with a label."""
    if signed:
        array = np.array([[-1.0, 0.0], [0.5, 1.0]])
        figure = figures.image_row([array, -array], ["a", "b"], signed=True)
    else:
        figure, axes = plt.subplots()
        axes.plot([0, 1], color=figures.GRADIENT)
    file = StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    return file.getvalue()


@pytest.mark.parametrize("form", [0, 1], ids=["light", "dark"])
def test_the_extremes_are_the_most_saturated(form: int):
    colors = palettes()[form]
    chroma = colors.max(axis=1) - colors.min(axis=1)
    middle = len(colors) // 2
    # Toward an extreme, one step of a color never takes much away.
    assert chroma[middle] <= 10
    for half in chroma[middle::-1], chroma[middle:]:
        assert half[-1] >= 0.6 * half.max()
        assert half[-1] >= 90
    assert colors[0, 2] > colors[0, 0]
    assert colors[-1, 0] > colors[-1, 2]


def test_the_dark_extremes_are_the_brightest():
    dark = palettes()[1].sum(axis=1)
    assert dark[0] == dark[: len(dark) // 2].max()
    assert dark[-1] == dark[len(dark) // 2 :].max()


def test_a_signed_picture_has_two_forms_and_ids_of_its_own():
    svg = drawn(signed=True)
    html = inline(svg, "one") + inline(svg, "two")
    assert html.count('class="signed light"') == 4
    assert html.count('class="signed dark"') == 4
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for name in re.findall(r'(?:url\(|href=")#([^")]+)', html):
        assert name in ids


@pytest.mark.parametrize("most", [0, 1])
def test_what_lies_over_a_picture_lets_it_be_seen(most: int):
    figure, axes = plt.subplots()
    axes.imshow(np.ones((2, 2)), cmap="gray")
    shares = most * np.array([[0.0, 0.2], [0.5, 1.0]])
    over = np.dstack([np.full((2, 2), 1.0), 0 * shares, 0 * shares, shares])
    axes.imshow(over, interpolation="nearest")
    file = StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    html = inline(file.getvalue(), "words")
    (found,) = re.findall(r'<image href="data:image/png;base64,([^"]+)', html)
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(found))))
    seen = {0, 51, 127, 255} if most else {0}
    assert {*np.unique(pixels[..., 3])} == seen


def test_a_drawing_takes_its_colors_from_the_page():
    html = inline(drawn(signed=False), 'an "alt" & more')
    assert 'aria-label="an &quot;alt&quot; &amp; more"' in html
    assert "stroke: var(--gradient)" in html
    assert "#000000" not in html
    assert float(re.search(r"min-width: (\d+)px", html)[1]) >= 350


@pytest.mark.parametrize("name", HUES)
def test_a_quantity_has_the_color_of_its_name_in_both_forms(name: str):
    style = (BOOK / "_static" / "book.css").read_text()
    (pair,) = re.findall(rf"--{name}: light-dark\((#\w+), (#\w+)\)", style)
    for color in pair:
        rgb = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        hue, saturation, _ = colorsys.rgb_to_hsv(*rgb)
        assert abs((360 * hue - HUES[name] + 180) % 360 - 180) <= 9
        assert saturation >= 0.5


def test_captions_say_nothing_that_only_one_form_shows():
    captions = [
        yaml.safe_load(head.split("---")[1])["mystnb"]["figure"]["caption"]
        for path in sorted(BOOK.rglob("*.md"))
        for name, _, head, _ in directives(path.read_text())
        if name == "code-cell" and "\n    caption:" in head
    ]
    assert len(captions) >= 100
    assert [caption for caption in captions if ONE_FORM.search(caption)] == []
