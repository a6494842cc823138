"""The book keeps its promises, and each check finds a planted fault."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs what the book is built with")


from tools import promises

ROOT = Path(__file__).parents[2]
CHECKS = [
    promises.weave_faults,
    promises.equation_faults,
    promises.typed_faults,
    promises.figure_faults,
    promises.stem_faults,
]


@pytest.mark.parametrize("check", CHECKS)
def test_the_book_keeps_its_promise(check: Callable[[Path], list[str]]):
    assert check(ROOT) == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of all that the checks read, to plant faults in."""
    for folder in "book", "scratchcnn", "tests", "tools":
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("_build", "__pycache__"),
        )
    for file in "_toc.yml", "genindex.md":
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_a_line_that_no_page_prints_is_found(copy: Path):
    append(copy / "scratchcnn" / "layers" / "relu.py", "\n\nHIDDEN = 1\n")
    assert any(
        re.fullmatch(r"layers/relu\.py:\d+ is printed 0 times", fault)
        for fault in promises.weave_faults(copy)
    )


def test_a_line_that_is_printed_twice_is_found(copy: Path):
    append(
        copy / "book" / "layers" / "relu.md",
        "\n```{literalinclude} /scratchcnn/layers/relu.py\n"
        ":pyobject: ReLU.forward\n```\n",
    )
    faults = promises.weave_faults(copy)
    assert faults
    assert all("printed 2 times" in fault for fault in faults)


def test_a_line_in_another_chapter_is_found(copy: Path):
    listing = (
        "```{literalinclude} /scratchcnn/layers/relu.py\n"
        ":pyobject: ReLU.forward\n```"
    )
    there = listing.replace("\n```", "\n:beside: relu-forward\n```")
    edit(copy / "book" / "layers" / "relu.md", there, "")
    append(copy / "book" / "layers" / "reshape.md", f"\n{listing}\n")
    told = "layers/relu does not say that layers/reshape prints it"
    assert promises.weave_faults(copy) == [told]


def test_a_piece_may_be_printed_elsewhere_if_its_home_says_where(copy: Path):
    listing = (
        "```{literalinclude} /scratchcnn/layers/relu.py\n"
        ":pyobject: ReLU.forward\n```"
    )
    there = listing.replace("\n```", "\n:beside: relu-forward\n```")
    edit(copy / "book" / "layers" / "relu.md", there, "")
    append(copy / "book" / "layer.md", f"\n{listing}\n")
    told = "layers/relu does not say that layer prints it"
    assert promises.weave_faults(copy) == [told]
    append(copy / "book" / "layers" / "relu.md", "\nSee {ref}`ch-layer`.\n")
    assert promises.weave_faults(copy) == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_that_sees_nothing_is_at_fault(
    check: Callable[[Path], list[str]], copy: Path
):
    for folder in "scratchcnn", "tests":
        shutil.rmtree(copy / folder)
    (copy / "_toc.yml").write_text("root: book/api\nparts: []\n")
    (copy / "book" / "api.md").write_text("Nothing.\n")
    faults = check(copy)
    assert faults
    assert any(fault.startswith("only 0 ") for fault in faults)


def test_lines_picked_by_number_are_found(copy: Path):
    append(
        copy / "book" / "layers" / "relu.md",
        "\n```{literalinclude} /scratchcnn/layers/relu.py\n:lines: 1-3\n```\n",
    )
    faults = promises.weave_faults(copy)
    assert "layers/relu picks lines of layers/relu by number" in faults


def test_an_equation_without_a_test_is_found(copy: Path):
    append(
        copy / "book" / "layers" / "relu.md",
        "\n```{math}\n:label: relu-new\ny = x\n```\n",
    )
    assert promises.equation_faults(copy) == ["equation relu-new has no test"]


def test_a_test_without_an_equation_is_found(copy: Path):
    edit(
        copy / "book" / "layers" / "relu.md",
        ":label: relu-dx",
        ":label: relu-dz",
    )
    assert sorted(promises.equation_faults(copy)) == [
        "equation relu-dz has no test",
        "the mark relu-dx names no equation",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "It reaches 98.7% of them.",
        "The error is 3e-11.",
        "The loss falls to 0.012.",
        "It takes 12 seconds.",
    ],
)
def test_a_typed_result_is_found(copy: Path, sentence: str):
    append(copy / "book" / "layers" / "relu.md", f"\n{sentence}\n")
    assert promises.typed_faults(copy) == [
        f"layers/relu types a result: {sentence}"
    ]


def test_a_figure_without_words_is_found(copy: Path):
    append(
        copy / "book" / "layers" / "relu.md",
        "\n```{code-cell} python\n---\nmystnb:\n  figure:\n"
        "    name: fig-x\n    caption: See.\n---\nplt.plot([1])\n```\n",
    )
    assert len(promises.figure_faults(copy)) == 1


def test_an_import_from_a_later_chapter_is_found(copy: Path):
    append(
        copy / "scratchcnn" / "layers" / "relu.py",
        "\nfrom scratchcnn.layers.network import Network\n",
    )
    assert promises.stem_faults(copy) == [
        "layers/relu imports from the later layers/network"
    ]


def test_a_module_without_chapter_or_test_is_found(copy: Path):
    (copy / "scratchcnn" / "layers" / "unwoven.py").write_text('"""New."""\n')
    (copy / "tests" / "layers" / "test_relu.py").unlink()
    assert promises.stem_faults(copy) == [
        "layers/relu has no test",
        "layers/unwoven has no chapter",
    ]
