"""What the pages bring so that their code can run, and what they say of it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cells
import nbformat.v4 as notebook
import numpy as np
import pytest
import running
from dependencies import Repository
from docutils import nodes
from docutils.utils import new_document
from interpreter import FILES
from sphinx.errors import ConfigError

import scratchcnn
from scratchcnn.data import download, drawn, fashion_mnist

ROOT = Path(__file__).parents[2]
CELLS = [
    (["hide-input"], "import numpy as np\nfrom claims import claim"),
    ([], "x = np.ones(3)\nx"),
    (["claims"], "claim(x.sum() == 3)"),
    (["answers"], "answer()"),
    ([], "from scipy.fft import rfft2"),
    ([], "rfft2(x)"),
]
LISTINGS = """\
# Listings

```{literalinclude} /scratchcnn/layers/dense.py
:pyobject: Dense
:end-before: def forward
```

```{literalinclude} /scratchcnn/layers/dense.py
:pyobject: Dense.backward
```

```{literalinclude} /scratchcnn/convolutions/forward.py
:pyobject: by_fft
```

```{literalinclude} /scratchcnn/data/fashion_mnist.py
:pyobject: Split
```

```{write} relu
```
"""
CONFIG = """\
import json
extensions = ["myst_nb", "cells", "fields", "listings", "running"]
html_theme = "basic"
nb_execution_mode = "off"

def save(app, page, template, context, tree):
    known = {k: context.get(k) for k in ("program", "wheel")}
    app.outdir.joinpath(page + ".json").write_text(json.dumps(known))

def setup(app):
    app.connect("html-page-context", save, priority=900)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Draw a small wardrobe."""
    return drawn.write(tmp_path_factory.mktemp("data"), train=3, test=2)


@pytest.fixture(scope="module")
def built(tmp_path_factory, data) -> Path:
    """Build two pages, with what bears the names of Pyodide's files."""
    files = tmp_path_factory.mktemp("pyodide")
    for name in FILES:
        (files / name).write_text(name)
    source = tmp_path_factory.mktemp("pages")
    (source / "conf.py").write_text(CONFIG)
    shutil.copytree(ROOT / "scratchcnn", source / "scratchcnn")
    (source / "book/records").mkdir(parents=True)
    for name in running.BOOK:
        shutil.copy(ROOT / "book" / name, source / "book" / name)
    page = notebook.new_notebook(cells=[notebook.new_markdown_cell("# Page")])
    page.metadata["language_info"] = {"name": "python"}
    page.cells += [
        notebook.new_code_cell(text, metadata={"tags": tags})
        for tags, text in CELLS
    ]
    (source / "page.ipynb").write_text(notebook.writes(page))
    (source / "listings.md").write_text(LISTINGS)
    text = "# Book\n\n```{toctree}\npage\nlistings\n```"
    (source / "index.md").write_text(text)
    paths = [source, ROOT / "book" / "_ext"]
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-qW", source, source / "html"],
        env={
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "SCRATCHCNN_DATA": str(data),
            "SCRATCHCNN_PYODIDE": str(files),
        },
        check=True,
    )
    return source / "html"


def test_a_page_lists_its_cells_in_their_order(built):
    context = json.loads((built / "page.json").read_text())
    program = json.loads(context["program"])
    assert [
        (item["source"], item["shown"], item.get("claims"), item.get("lacks"))
        for item in program
    ] == [
        (CELLS[0][1], False, None, None),
        (CELLS[1][1], True, None, None),
        (CELLS[2][1], False, True, None),
        (CELLS[4][1], True, None, "SciPy"),
        (CELLS[5][1], True, None, "SciPy"),
    ]
    page = (built / "page.html").read_text()
    for item in program:
        shown = f'id="{item["id"]}"' in page
        assert shown or not item["shown"]


def test_a_page_lists_the_listings_that_can_be_edited(built):
    context = json.loads((built / "listings.json").read_text())
    method, file = json.loads(context["program"])
    assert method["module"] == "scratchcnn.layers.dense"
    assert method["piece"] == "Dense.backward"
    assert method["source"].startswith("    def backward(self")
    assert method["source"].endswith("return dy @ self.weight.cast(dy.dtype)")
    assert file["chapter"] == "relu"
    assert file["source"].count("raise NotImplementedError") == 2
    page = (built / "listings.html").read_text()
    assert f'id="{method["id"]}"' in page
    assert f'id="{file["id"]}"' in page


def test_a_folded_cell_that_draws_has_buttons_with_its_code():
    cell = nodes.container(nb_element="cell_code", hide_mode="input")
    cell["cell_metadata"] = {"tags": ["hide-input"]}
    source = nodes.container(nb_element="cell_code_source")
    source += nodes.literal_block("", "draw()")
    output = nodes.container(nb_element="cell_code_output")
    output += nodes.image(uri="drawing.svg", alt="A line.")
    cell += [source, output]
    page = running.ListProgram(new_document("page"))
    page.repository, page.missing = Repository(ROOT), ""
    item = page.cell(cell, "cell-0")
    assert item is not None
    assert (item["shown"], item["alt"]) == (False, "A line.")
    cells.fold([cell])
    *_, code, buttons, end = cell.children
    assert code is source
    assert 'data-item="cell-0"' in buttons.astext()
    assert end.astext() == "</details>"


def test_the_files_stand_beside_the_pages(built):
    place = built / "_static" / "python"
    context = json.loads((built / "page.json").read_text())
    assert {path.name for path in place.iterdir()} == {
        *FILES,
        "pyodide-lock.json",
        "book.zip",
        context["wheel"],
    }
    assert (place / "pyodide.mjs").read_text() == "pyodide.mjs"


@pytest.fixture
def app(monkeypatch, tmp_path, data) -> SimpleNamespace:
    """Return what the extension asks of a build, with an empty cache."""
    monkeypatch.setenv("SCRATCHCNN_DATA", str(data))
    for name in "SCRATCHCNN_PUBLISH", "SCRATCHCNN_PYODIDE":
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(download, "download", lambda *_: "no network")
    return SimpleNamespace(
        builder=SimpleNamespace(format="html"),
        add_post_transform=lambda _: None,
        connect=lambda *_: None,
        outdir=tmp_path / "html",
        srcdir=ROOT,
    )


def test_without_pyodide_a_page_says_so(app, capsys, monkeypatch):
    python = running.Python(app)
    python.find(app)
    assert "No page runs code: pyodide.mjs can't be" in capsys.readouterr().out
    context: dict[str, Any] = {}
    tree = new_document("page")
    tree += nodes.container(nb_element="cell_code")
    python.tell(app, "page", "", context, tree)
    assert context == {"runs": False}
    python.write(app, None)
    assert not app.outdir.exists()
    monkeypatch.setenv("SCRATCHCNN_PUBLISH", "1")
    with pytest.raises(ConfigError, match=r"Pyodide: pyodide\.mjs can't be"):
        python.find(app)


def test_a_page_without_code_says_nothing(app):
    context: dict[str, Any] = {}
    running.Python(app).tell(app, "page", "", context, new_document("page"))
    running.Python(app).tell(app, "genindex", "", context, None)
    assert context == {}


def test_a_folder_that_is_named_has_to_hold_the_files(
    app, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("SCRATCHCNN_PYODIDE", str(tmp_path))
    with pytest.raises(ConfigError, match=r"\$SCRATCHCNN_PYODIDE names"):
        running.Python(app).find(app)
    for name in FILES:
        (tmp_path / name).write_text(name)
    running.Python(app).find(app)
    assert "are taken as they are" in capsys.readouterr().out
    monkeypatch.setenv("SCRATCHCNN_PUBLISH", "1")
    with pytest.raises(ConfigError, match="not the official ones"):
        running.Python(app).find(app)


def test_the_wheel_is_the_package_and_can_be_installed(tmp_path):
    name, content = running.wheel(ROOT)
    assert running.wheel(ROOT) == (name, content)
    assert name == f"scratchcnn-{scratchcnn.__version__}-py3-none-any.whl"
    (tmp_path / name).write_bytes(content)
    install = [sys.executable, "-m", "pip", "install", "--quiet"]
    where = ["--no-index", "--no-deps", "--target", tmp_path / "site"]
    subprocess.run([*install, *where, tmp_path / name], check=True)
    for path in (ROOT / "scratchcnn").rglob("*.*"):
        if "__pycache__" not in path.parts:
            copy = tmp_path / "site" / path.relative_to(ROOT)
            assert copy.read_bytes() == path.read_bytes()


def test_an_archive_depends_on_its_content_alone():
    files = {"b": b"2", "a": b"1"}
    whole = running.zipped(files)
    assert whole == running.zipped(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == files


def test_the_excerpt_is_the_beginning_of_the_whole(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(running, "EXCERPT", {"train": 2, "t10k": 1})
    for name, content in running.excerpt(data).items():
        (tmp_path / name).write_bytes(content)
    assert "An excerpt: the first 2 images" in (
        tmp_path / fashion_mnist.STAND_IN
    ).read_text("utf-8")
    classes = tuple(range(10))
    whole = fashion_mnist.load(classes, data_dir=data)
    few = fashion_mnist.load(classes, data_dir=tmp_path)
    for all_of, some, most in (
        (whole.train, few.train, 2),
        (whole.test, few.test, 1),
    ):
        assert np.bincount(some.labels).tolist() == [most] * 10
        for k in classes:
            of_class = all_of.images[all_of.labels == k][:most]
            assert np.array_equal(some.images[some.labels == k], of_class)
        order = [
            next(
                place
                for place, image in enumerate(all_of.images)
                if np.array_equal(image, one)
            )
            for one in some.images
        ]
        assert order == sorted(order)


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("import numpy as np\nfrom scratchcnn import Conv2D", ""),
        ("from scipy.signal import correlate2d", ""),
        ("import scipy.stats", "SciPy"),
        ("def f():\n    import torch", "PyTorch"),
        ("from scratchcnn.convolutions import forward", "SciPy"),
        ("from scratchcnn.doctor import diagnose", ""),
        ("import subprocess", "processes"),
        ("from benchmarks.timing import recorded", "the repository"),
        ("Path('book/records/record.json').read_text()", "the repository"),
    ],
)
def test_what_a_page_has_not(source, missing):
    assert running.lacks(source, Repository(ROOT)) == missing


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("    def f(self):\n        pass", True),
        ("@property\ndef f(self):\n    pass", True),
        ("@cache\ndef f():\n    pass", False),
        ("class A(B):\n    pass", True),
        ("@dataclass\nclass A:\n    pass", False),
        ("class A(NamedTuple):\n    x: int", False),
        ("X = 1", False),
    ],
)
def test_which_listings_can_be_edited(source, plain):
    assert running.is_plain(source) is plain
