"""What the theme adds to the pages, piece by piece."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from landing import PICTURES, picture
from pages import written

ROOT = Path(__file__).parents[2]
CONF = """\
extensions = ["sphinx_exercise", "pages"]
html_theme = "book"
"""
PAGE = """\
``scratchcnn.layers.dense``
===========================

.. index:: scratchcnn.layers.dense; with <two> inputs
.. index:: scratchcnn.layers.relu

Within ± *three*.

+-------+---------------------------+
| brief | an entry of several words |
+-------+---------------------------+
"""


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("8.4e-05", "8.4\u2009⋅\u200910[\u22125]"),
        ("3e+12", "3\u2009⋅\u200910[12]"),
        ("7.0e+00", "7.0"),
        ("-0.5", "\u22120.5"),
        ("0.2 ± 1e-3, at 3-5", "0.2 ± 1\u2009⋅\u200910[\u22123], at 3-5"),
        ("the one-hot code", "the one-hot code"),
    ],
)
def test_numbers_are_written_as_a_book_writes_them(number: str, text: str):
    pieces = [
        f"[{piece.astext()}]" if piece.tagname == "superscript" else piece
        for piece in written(number)
    ]
    assert "".join(pieces) == text


FIGURE = (
    '<figure class="align-default" id="{name}"><svg class="drawing" '
    'role="img" viewBox="0 0 9 9" style="width: 9px">{name}</svg>'
)


def test_a_part_is_shown_by_a_figure_of_its_pages(tmp_path):
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    first.write_text(FIGURE.format(name="fig-other"))
    second.write_text(
        FIGURE.format(name="fig-other") + FIGURE.format(name=PICTURES[1])
    )
    assert picture([first, second]) == (
        '<svg class="drawing" aria-hidden="true" viewBox="0 0 9 9">'
        f"{PICTURES[1]}</svg>"
    )
    with pytest.raises(ValueError, match="No page"):
        picture([first])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build one page, and its index, in the book's theme."""
    source = tmp_path_factory.mktemp("book")
    (source / "conf.py").write_text(CONF)
    (source / "_toc.yml").write_text("parts: []")
    (source / "index.rst").write_text(PAGE)
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-qW", source, source / "html"],
        env={"PYTHONPATH": str(ROOT / "book" / "_ext")},
        check=True,
    )
    return {
        name: BeautifulSoup(
            (source / "html" / name).read_text(), "html.parser"
        )
        for name in ("index.html", "genindex.html")
    }


def test_an_index_breaks_names_after_dots(built):
    dense, relu = built["genindex.html"].select(".index > li")
    assert "<wbr/>layers.<wbr/>relu</a>" in str(relu)
    assert relu.a["href"].startswith("index.html#")
    assert dense.li.get_text().strip() == "with <two> inputs"
    letter = built["genindex.html"].select_one(".letters a")
    assert built["genindex.html"].select_one(f"h2{letter['href']}")


def test_a_heading_breaks_names_after_dots(built):
    name = built["index.html"].h1.code.get_text()
    assert name == "scratchcnn.\u200blayers.\u200bdense"


def test_only_the_long_entries_of_a_table_keep_a_width(built):
    brief, words = built["index.html"].find_all("td")
    assert not brief.get("class")
    assert words["class"] == ["long"]


def test_a_line_does_not_end_with_a_sign(built):
    assert "Within ±\N{NO-BREAK SPACE}three" in built["index.html"].get_text()
