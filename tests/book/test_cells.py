"""What a reader sees of a cell and of a listing, in pages built for that."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat.v4 as notebook
import pytest
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
ONE = "1 claim checked when this page was built"
FOUR = "4 claims checked when this page was built"
NONE = "Numbers in the text, computed here"
CHECKS = """\
number("a", 1)
for k in range(3):
    claim(k < 3)
    assert k < 3"""

# Cells by their tags, source and output, and what shall be seen of them: what
# is shown, what a line hides, and what stays open.
CASES = {
    "a figure": (
        [("hide-input", "import a", ""), ("hide-input", "b()", "figure")],
        [["figure", ("Code", "import a", "b()")]],
    ),
    "two figures": (
        [
            ("hide-input", "a()", "first"),
            ("hide-input", "b = 2", ""),
            ("hide-input", "c()", "second"),
            ("hide-input", "d = 4", ""),
        ],
        [
            ["first", ("Code", "a()")],
            ["second", ("Code", "b = 2", "c()", "d = 4")],
        ],
    ),
    "nothing to show": (
        [("hide-input", "import a", ""), ("hide-input", "b = 2", "")],
        [[("Code", "import a", "b = 2")]],
    ),
    "an open cell between": (
        [
            ("hide-input", "a = 1", ""),
            ("", "b", "2"),
            ("hide-input", "c()", "figure"),
        ],
        [[("Code", "a = 1")], ["b", "2"], ["figure", ("Code", "c()")]],
    ),
    "words between": (
        [
            ("claims", "claim(a)", ""),
            "Words.",
            ("claims", "assert b", ""),
        ],
        [[(ONE, "claim(a)")], [(ONE, "assert b")]],
    ),
    "claims": (
        [
            ("", "a()", "2"),
            ("claims", CHECKS, ""),
            ("claims", "np.testing.assert_array_equal(b, c)", ""),
            ("claims", "claims.claim(d)  # claim(e)", ""),
        ],
        [
            ["a()", "2"],
            [
                (
                    FOUR,
                    CHECKS,
                    "np.testing.assert_array_equal(b, c)",
                    "claims.claim(d)  # claim(e)",
                )
            ],
        ],
    ),
    "numbers": (
        [("claims", 'number("a", 1)\nverdict("b", c, "d", "e")', "")],
        [[(NONE, 'number("a", 1)\nverdict("b", c, "d", "e")')]],
    ),
    "claims that print": (
        [("claims", "claim(a)", "printed")],
        [[(ONE, "claim(a)", "printed")]],
    ),
    "claims of a figure": (
        [
            ("hide-input", "a()", "figure"),
            ("claims", "claim(b)", ""),
            ("hide-input", "c()", "another"),
            ("claims", "claim(d)", ""),
        ],
        [
            ["figure", (ONE, "claim(b)"), ("Code", "a()")],
            ["another", (ONE, "claim(d)"), ("Code", "c()")],
        ],
    ),
}
MODULE = '''\
"""A module, in one line."""

import numpy as np


class Twice:
    """Two times a number.

    ``y = 2 x``, and "<" is escaped.
    """

    factor = 2

    def forward(self, x):
        """Return y.

        Raises
        ------
        TypeError
            If `x` is no number.
        """
        return self.factor * x

    def backward(self, dy):
        """Return dx."""
        return self.factor * dy
'''
LISTINGS = """\
# Listings

```{literalinclude} /scratchcnn/twice.py
```

```{literalinclude} /scratchcnn/twice.py
:pyobject: Twice.forward
:emphasize-lines: 2, 7
```

```{literalinclude} /scratchcnn/twice.py
:pyobject: Twice.backward
```

```{literalinclude} /scratchcnn/twice.py
:pyobject: Twice
:end-before: Raises
:beside: double
```

```{math}
:label: double
y = 2\\, x .
```
"""
CONFIG = """\
extensions = ["myst_nb", "cells", "listings"]
html_theme = "basic"
nb_execution_mode = "off"
numfig = True
"""


def write_page(path, cells):
    """Write a notebook with the outputs that running it would give."""
    page = notebook.new_notebook(cells=[notebook.new_markdown_cell("# Page")])
    page.metadata["language_info"] = {"name": "python"}
    for cell in cells:
        if isinstance(cell, str):
            page.cells.append(notebook.new_markdown_cell(cell))
            continue
        tags, source, text = cell
        outputs = [notebook.new_output("stream", text=text)] if text else []
        page.cells.append(
            notebook.new_code_cell(
                source, outputs=outputs, metadata={"tags": tags.split()}
            )
        )
    path.write_text(notebook.writes(page))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a page of every case, and one of listings."""
    source = tmp_path_factory.mktemp("book")
    (source / "conf.py").write_text(CONFIG)
    (source / "scratchcnn").mkdir()
    (source / "scratchcnn" / "twice.py").write_text(MODULE)
    (source / "listings.md").write_text(LISTINGS)
    for name, (cells, _) in CASES.items():
        write_page(source / f"{name}.ipynb", cells)
    names = "\n".join(["listings", *CASES])
    (source / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{names}\n```")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-qW", source, source / "html"],
        env={"PYTHONPATH": str(ROOT / "book" / "_ext")},
        check=True,
    )
    return source / "html"


def parse(text: str) -> BeautifulSoup:
    """Parse a page; spaces count in the line that opens a docstring, too."""
    keep = {"pre", "summary"}
    return BeautifulSoup(text, "html.parser", preserve_whitespace_tags=keep)


def soup(html: Path, page: str) -> BeautifulSoup:
    return parse((html / f"{page}.html").read_text())


def texts(element: Tag) -> list[str]:
    return [pre.get_text().strip() for pre in element.find_all("pre")]


def seen(cell: Tag) -> list[str | tuple[str, ...]]:
    """Return what is seen of a cell: what is open, and what a line hides."""
    found: list[str | tuple[str, ...]] = []
    for part in cell.find_all(recursive=False):
        if part.name == "details":
            assert not part.has_attr("open")
            line = part.find("summary", recursive=False).get_text()
            found.append((line, *texts(part)))
        else:
            found += texts(part)
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_cell_shows_what_teaches_and_a_line_for_the_rest(built, name):
    cells = soup(built, name).select("div.cell")
    assert [seen(cell) for cell in cells] == CASES[name][1]


def test_a_style_sheet_can_tell_claims_from_code(built):
    lines = soup(built, "claims of a figure").select("div.cell.folded > *")
    kinds = ["cell_output", "claims", "code"]
    assert [line["class"][0] for line in lines] == kinds * 2


def listings(html: Path) -> list[Tag]:
    return soup(html, "listings").select("div.highlight")


def copied(listing: Tag) -> tuple[list[int], str]:
    """Return the line numbers of a listing, and what its button copies."""
    target = parse(str(listing)).select("pre, .listing")[0]
    numbers = [
        int(number.extract().get_text())
        for number in target.select(".linenos")
    ]
    return numbers, target.get_text()


@pytest.mark.parametrize(
    ("index", "first", "last"), [(0, 1, 26), (1, 14, 22), (2, 24, 26)]
)
def test_a_listing_keeps_its_lines_and_their_numbers(
    built, index, first, last
):
    numbers, text = copied(listings(built)[index])
    assert numbers == list(range(first, last + 1))
    assert text.splitlines() == MODULE.splitlines()[first - 1 : last]


def test_a_docstring_folds_after_its_first_line(built):
    folds = listings(built)[0].select("details")
    assert [re.sub(r"^ *\d+", "", f.summary.get_text()) for f in folds] == [
        '    """Two times a number.',
        '        """Return y.',
    ]
    for fold, (first, last) in zip(folds, [(8, 10), (16, 21)], strict=True):
        assert not fold.has_attr("open")
        hidden = re.sub(r"(?m)^ *\d+", "", fold.pre.get_text())
        assert hidden.splitlines() == MODULE.splitlines()[first - 1 : last]


def test_an_emphasized_line_folds_as_well(built):
    fold = listings(built)[1].details
    assert fold.summary.select(".hll")
    assert len(fold.pre.select(".hll")) == 1


def test_docstrings_that_are_short_or_cut_off_do_not_fold(built):
    _, _, short, cut = listings(built)
    assert not short.details
    assert [len(fold.select("pre")) for fold in cut.select("details")] == [1]


def test_a_caption_still_says_where_its_listing_is(built):
    caption = soup(built, "listings").select(".caption-text")[1]
    assert caption.get_text() == "scratchcnn/twice.py, lines 14\N{EN DASH}22"
    assert caption.a["href"] == "_modules/scratchcnn/twice.html#Twice.forward"


def test_an_equation_stands_beside_its_listing(built):
    (pair,) = soup(built, "listings").select(".pair")
    assert pair.select(".literal-block-wrapper")
    copy = pair.select_one(".beside > a")
    assert copy["href"] == "#equation-double"
    assert copy["tabindex"] == "-1"
    assert copy.get_text().strip() == r"\[y = 2\, x\]"
    whole = soup(built, "listings").select("#equation-double")
    assert len(whole) == 1
