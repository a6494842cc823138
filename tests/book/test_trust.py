"""What a page says of its equations' tests, of planted bugs, of numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat.v4 as notebook
import pytest
from bs4 import BeautifulSoup
from chapters import directives
from trust import bugs, equation_tests, given_names, home_of, planted

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


@pytest.mark.parametrize(
    "path", sorted((ROOT / "book").rglob("*.md")), ids=lambda path: path.stem
)
def test_every_number_of_a_page_has_one_cell(path: Path):
    text = path.read_text()
    patterns = [
        (pattern, k)
        for k, (name, _, _, body) in enumerate(directives(text))
        if name == "code-cell"
        for pattern in given_names(body)
    ]
    for name in set(re.findall(r"\{glue:text\}`([^`:]+)", text)):
        home = home_of(name, patterns)
        assert home == home_of(name, reversed(patterns))


def test_the_cell_that_says_most_of_a_name_is_its_home():
    code = 'if c:\n    number(f"a-{k}", k)\nverdict("a-b", c, "x", "y")'
    assert given_names(code) == ["a\\-b", "a\\-.+"]
    patterns = [(pattern, pattern) for pattern in given_names(code)]
    assert home_of("a-b", patterns) == "a\\-b"
    assert home_of("a-1", patterns) == "a\\-.+"
    with pytest.raises(ValueError, match="No cell of the page computes b"):
        home_of("b", patterns)


def test_a_number_leads_to_its_cell_and_the_cell_back(tmp_path: Path):
    output = notebook.new_output(
        "display_data",
        {"application/papermill.record/text/plain": "'8.4e-05'"},
        metadata={
            "scrapbook": {
                "name": "small",
                "mime_prefix": "application/papermill.record/",
            }
        },
    )
    cell = notebook.new_code_cell(
        'number("small", 1)', outputs=[output], metadata={"tags": ["claims"]}
    )
    twice = "# A\n\n{glue:text}`small`, and {glue:text}`small`"
    page = notebook.new_notebook(
        cells=[cell, notebook.new_markdown_cell(twice)]
    )
    page.metadata["language_info"] = {"name": "python"}
    (tmp_path / "index.ipynb").write_text(notebook.writes(page))
    (tmp_path / "book" / "records").mkdir(parents=True)
    (tmp_path / "book" / "records" / "mutants.json").write_text('{"bugs": []}')
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_nb", "cells", "trust"]\n'
        'html_theme = "basic"\nnb_execution_mode = "off"\n'
    )
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-qW", tmp_path, tmp_path / "html"],
        env={"PYTHONPATH": f"{ROOT / 'book' / '_ext'}:{ROOT}"},
        check=True,
    )
    html = (tmp_path / "html" / "index.html").read_text()
    soup = BeautifulSoup(html, "html.parser")
    numbers = soup.select("a.computed")
    assert [a["href"] for a in numbers] == ["#computed-small"] * 2
    assert all(a["tabindex"] == "-1" for a in numbers)
    assert soup.select("details.claims > #computed-small")
    (back,) = soup.select("details.claims > .numbers > a")
    assert back.get_text() == "small"
    assert soup.select_one(back["href"]) == numbers[0].select_one("span")
