"""What the search of the book is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from search import ALIASES, plain, prose, words

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\mathrm{d}w", "dw"),
        (r"\frac{\partial L}{\partial y}", "Ly"),
        (r"x_{nd}", "x_nd"),
    ],
)
def test_formulas_are_plain(tex: str, text: str):
    assert plain(tex).replace(" ", "") == text


def test_prose_leaves_code_out():
    tree = publish_doctree("Words of :math:`x`.\n\n::\n\n    code\n")
    assert [words(p) for p in prose(tree)] == ["Words of x."]
    assert isinstance(tree[1], nodes.literal_block)


@pytest.mark.parametrize("page", ALIASES)
def test_every_alias_is_of_a_page(page: str):
    assert (ROOT / f"{page}.md").exists()
