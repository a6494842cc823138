"""Two builds are the same, or what differs is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import same_pages


@pytest.fixture
def builds(tmp_path: Path) -> tuple[Path, Path]:
    """Return two builds that are the same in all that is compared."""
    builds = tmp_path / "first", tmp_path / "second"
    for html in builds:
        for path, text in [
            ("book/layers/dense.html", "<p>"),
            ("_images/sum.svg", "<svg/>"),
            ("_static/python/book.zip", "cells"),
            ("_static/script.html", html.name),
            ("searchindex.js", html.name),
        ]:
            (html / path).parent.mkdir(parents=True, exist_ok=True)
            (html / path).write_text(text)
    return builds


def test_the_same_pages_are_counted(
    builds: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
):
    assert same_pages.main(*map(str, builds)) == 0
    assert capsys.readouterr().out == "3 files, 0 differ\n"


@pytest.mark.parametrize(
    "name",
    ["book/layers/dense.html", "_images/sum.svg", "_static/python/book.zip"],
)
@pytest.mark.parametrize("which", [0, 1])
def test_what_differs_or_is_missing_is_named(
    builds: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    name: str,
    which: int,
):
    (builds[which] / name).write_text("other")
    assert same_pages.main(*map(str, builds)) == 1
    (builds[which] / name).unlink()
    assert same_pages.main(*map(str, builds)) >= 1
    assert capsys.readouterr().out.count(f"{name}\n") == 2


def test_two_empty_folders_are_no_two_builds(tmp_path: Path):
    assert same_pages.main(str(tmp_path), str(tmp_path)) == 1
