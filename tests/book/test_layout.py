"""What the theme adds to the pages, piece by piece."""

from __future__ import annotations

import pytest
from landing import PICTURES, picture
from pages import written


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
