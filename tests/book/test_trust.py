"""What a page says of the tests of its equations and of planted bugs."""

from __future__ import annotations

from pathlib import Path

from trust import bugs, equation_tests, planted

ROOT = Path(__file__).parents[2]


def test_the_tests_of_an_equation_are_found():
    (place, source), *_ = equation_tests(ROOT)["dense-forward"]
    assert place.startswith("tests/layers/test_dense.py::test_")
    assert source.startswith("def test_")


def test_every_bug_was_recorded_and_stands_in_its_module():
    found = bugs(ROOT)
    assert len(found) >= 30
    for path, texts, _ in found:
        assert all(text in (ROOT / path).read_text() for text in texts)


def test_a_planted_bug_says_who_noticed_it():
    html = planted(
        [{"name": "a < b", "why": "Why.", "noticed": {"x": True, "y": False}}]
    ).astext()
    assert "1 bug planted here" in html
    assert "<strong>a &lt; b</strong>: Why. <em>Noticed by: x.</em>" in html
