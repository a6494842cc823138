"""Formulas that are set when the book is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"


def rendered(tex: str, display: bool = False) -> str:
    """Set a formula in a process of its own, which ends without help."""
    code = (
        "import sys; from maths import engine, rendered;"
        "html = rendered(sys.argv[1], sys.argv[2] == 'True');"
        "engine().close(); print(html)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, tex, str(display)],
        cwd=EXTENSIONS,
        text=True,
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout


def test_a_formula_is_seen_and_spoken_and_breaks_after_a_relation():
    html = rendered(r"y = x_1 + \mathrm{d}b - 1")
    assert html.count('class="piece"') == 3
    assert html.count('class="gap"') == 2
    assert 'aria-hidden="true"' in html
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in html


def test_a_negative_number_does_not_break():
    assert rendered(r"2 \cdot (-1) = -2").count('class="piece"') == 2


def test_a_formula_of_its_own_does_not_break():
    assert "piece" not in rendered("y = x", display=True)


def test_what_is_not_understood_fails():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rendered(r"\frac{1}")
    assert r"MathJax does not understand \frac{1}" in caught.value.stderr
