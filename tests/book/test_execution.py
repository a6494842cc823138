"""Pages are run once for what they use, apart, and their faults are told."""

import asyncio
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from execution import Execution, find_data
from kernels import managers
from nbclient import NotebookClient
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from scratchcnn.data import drawn

pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kernels are forked"),
]
HEAD = """\
---
file_format: mystnb
kernelspec: {name: python3}
---
# A page
"""


def cell(source: str) -> str:
    """Return a cell of a page."""
    return f"\n```{{code-cell}} python\n:tags: [hide-input]\n{source}\n```\n"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a book of two pages, of which one uses a module."""
    source = tmp_path / "source"
    (source / "book").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(source / "book"))
    (source / "book" / "shade.py").write_text("SHADE = 'crimson'\n")
    page = HEAD + cell("import shade") + cell("shade.SHADE")
    (source / "book" / "deep").mkdir()
    (source / "book" / "deep" / "colored.md").write_text(page)
    (source / "book" / "plain.md").write_text(HEAD + cell("6 * 7"))
    (source / "index.md").write_text(
        "# Index\n\n```{toctree}\nbook/plain\nbook/deep/colored\n```\n"
    )
    return source


def build(source: Path, data: str = "garments") -> tuple[Path, Path]:
    """Build a book as it is; return the folders of pages and of caches."""
    made = source.parent / "made"
    with docutils_namespace():
        app = Sphinx(
            source,
            None,
            made / "html",
            made / "trees",
            "html",
            confoverrides={
                "extensions": ["myst_nb"],
                "nb_execution_mode": "cache",
                # Sphinx shares its own among all builds of a process.
                "source_suffix": {".md": "myst-nb"},
            },
            status=None,
            warningiserror=True,
        )
        Execution(app, data)
        app.build()
    assert app.statuscode == 0
    return made / "html", made / ".jupyter_cache"


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what the build has printed of every page."""
    pattern = re.compile(r"^\[(\d)/\d\] (\S+) +(\S.*)$", re.M)
    found = pattern.findall(capsys.readouterr().out)
    assert [number for number, *_ in found] == list("12")[: len(found)]
    return {name: re.sub(r"\d+\.\d s", "run", took) for _, name, took in found}


def test_only_pages_that_use_what_changed_are_run_again(book, capsys):
    html, caches = build(book)
    assert lines(capsys) == {"plain": "run", "deep/colored": "run"}
    page = html / "book" / "deep" / "colored.html"
    assert "crimson" in page.read_text()
    before = {folder.name: os.listdir(folder) for folder in caches.iterdir()}
    assert set(before) == {"book.plain", "book.deep.colored"}
    # Sphinx has found the outputs of the one run of each page.
    assert len(list(caches.glob("*/*/executed/*/base.ipynb"))) == 2

    build(book)
    assert lines(capsys) == {}

    (book / "book" / "shade.py").write_text("SHADE = 'turquoise'\n")
    build(book)
    assert lines(capsys) == {"deep/colored": "run"}
    assert "turquoise" in page.read_text()
    assert "crimson" not in page.read_text()
    after = {folder.name: os.listdir(folder) for folder in caches.iterdir()}
    assert after["book.plain"] == before["book.plain"]
    assert len(after["book.deep.colored"]) == 1
    assert after["book.deep.colored"] != before["book.deep.colored"]


def test_outputs_of_other_texts_are_reused_and_of_other_data_not(book, capsys):
    build(book)
    lines(capsys)
    with (book / "book" / "plain.md").open("a") as page:
        page.write("\nAnother thought.\n")
    build(book)
    assert lines(capsys) == {"plain": "cached"}
    build(book, data="other garments")
    assert lines(capsys) == {"plain": "run", "deep/colored": "run"}


def test_of_the_folder_of_the_data_only_they_count(tmp_path, monkeypatch):
    folder = drawn.write(tmp_path / "cache", train=1, test=1)
    monkeypatch.setenv("SCRATCHCNN_DATA", str(folder))
    before = find_data(tmp_path)
    (folder / "pyodide-0.28.3").mkdir()  # which `interpreter.find` makes
    (folder / "LICENSE").touch()
    assert find_data(tmp_path) == before
    drawn.write(folder, train=1, test=1, seed=1)
    stand_in, digest = find_data(tmp_path)
    assert stand_in
    assert digest != before[1]


def test_a_page_that_fails_says_where_and_why(book, capsys):
    broken = HEAD + cell("'fine'") + "\nText.\n" + cell("a = 1\na / 0")
    (book / "book" / "plain.md").write_text(broken)
    with pytest.raises(SystemExit) as error:
        build(book)
    assert error.value.code == (
        "\nplain fails in cell 2, line 14:\n\n"
        "    a = 1\n    a / 0\n\n"
        "ZeroDivisionError: division by zero"
    )
    assert lines(capsys) == {"plain": "fails", "deep/colored": "run"}
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit):
        build(book)
    assert lines(capsys) == {"plain": "fails", "deep/colored": "cached"}


def test_a_page_must_not_use_what_changes_as_it_runs(book):
    changes = cell("open(shade.__file__, 'a').write('#')")
    with (book / "book" / "deep" / "colored.md").open("a") as page:
        page.write(changes)
    with pytest.raises(SystemExit, match="changed as it ran"):
        build(book)


def test_kernels_are_warm_apart_and_silent(tmp_path, capfd):
    def outputs(manager: type, *sources: str) -> list[object]:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        place = {"metadata": {"path": str(tmp_path)}}
        client = NotebookClient(
            notebook, kernel_manager_class=manager, resources=place
        )
        asyncio.run(client.async_execute())
        return [c.outputs[-1].data["text/plain"] for c in cells if c.outputs]

    probe = (
        "import sys, os\nos.getcwd(), __name__, 'matplotlib.pyplot' in "
        "sys.modules, 'sphinx.application' in sys.modules, "
        "hasattr(sys, 'mark'), globals().get('mark'), sys.path[-1]"
    )
    mark = "import sys; sys.mark = mark = 1"
    leave = "import tempfile\nleft = tempfile.TemporaryDirectory()\nleft.name"
    with managers() as manager:
        first = outputs(manager, probe, mark, leave)
        second = outputs(manager, probe)
    assert eval(second[0]) == eval(first[0])
    assert eval(first[0])[:-1] == (
        (str(tmp_path), "__main__", True, False, False, None)
    )
    assert eval(first[0])[-1] in sys.path
    assert not Path(eval(first[1])).exists()
    assert capfd.readouterr() == ("", "")
