"""The cache of a page depends on what the page uses, and on no more."""

from pathlib import Path

import pytest
from dependencies import Repository, program_of
from execution import digest
from myst_nb.core.read import read_myst_markdown_notebook

ROOT = Path(__file__).parents[2]
FILES = {
    "scratchcnn/__init__.py": """
        from scratchcnn.names import find
        _HOME = {"Dense": "layers.dense", "accelerate": "compiler.program"}
        __version__ = "1"
        def __getattr__(name):
            return find(name, _HOME)
    """,
    "scratchcnn/names.py": "import importlib",
    "scratchcnn/layer.py": "import numpy",
    "scratchcnn/layers/__init__.py": """
        _HOME = {"Dense": "dense", "ReLU": "relu"}
        def __getattr__(name): ...
    """,
    "scratchcnn/layers/dense.py": "from scratchcnn.layer import Layer",
    "scratchcnn/layers/relu.py": "from ..layer import Layer",
    "scratchcnn/compiler/__init__.py": "",
    "scratchcnn/compiler/deep/stage.py": "import scratchcnn.layers.relu",
    "scratchcnn/compiler/program.py": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from scratchcnn.layers.dense import Dense
        def accelerate():
            from .deep.stage import Stage
    """,
    "flat/__init__.py": "from flat.one import One\nfrom flat import two",
    "flat/one.py": "",
    "flat/two.py": "",
    "book/figures.py": "",
    "book/records/long.json": "{}",
    "benchmarks/times.json": "{}",
    "benchmarks/timing.py": "def recorded(name): ...",
}
WHOLE = {name for name in FILES if name.startswith(("s", "b"))}
TOP = {"scratchcnn/__init__.py"}
LAYER = "scratchcnn/layer.py"
LAYERS = "scratchcnn/layers/__init__.py"
DENSE = {*TOP, LAYER, LAYERS, "scratchcnn/layers/dense.py"}
RELU = {*TOP, LAYER, LAYERS, "scratchcnn/layers/relu.py"}
COMPILER = {
    *RELU,
    "scratchcnn/compiler/__init__.py",
    "scratchcnn/compiler/program.py",
    "scratchcnn/compiler/deep/stage.py",
}
FLAT = "flat/__init__.py"


@pytest.fixture
def small(tmp_path: Path) -> Repository:
    """Return a repository of a few files."""
    for name, text in FILES.items():
        lines = text.split("\n        ")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))
    return Repository(tmp_path)


@pytest.mark.parametrize(
    ("program", "files"),
    [
        ("import numpy as np\nnp.zeros(3)", set()),
        ("layers = 3\nscratchcnn = layers + 1", set()),
        ("import figures", {"book/figures.py"}),
        ("from scratchcnn import Dense", DENSE),
        ("import scratchcnn\nscratchcnn.Dense(1, 2)", DENSE),
        ("import scratchcnn as s\ndef f():\n    s.layers.Dense", DENSE),
        ("def f():\n    import scratchcnn.layers.dense", DENSE),
        ("from scratchcnn import layers", {*TOP, LAYERS}),
        ("from scratchcnn import layers\nlayers.ReLU()", RELU),
        ("from scratchcnn import layers\nvars(layers)", DENSE | RELU),
        ("from scratchcnn.layers import *", DENSE | RELU),
        ("from scratchcnn.layers import unheard_of", DENSE | RELU),
        ("from scratchcnn import accelerate", COMPILER),
        ("import scratchcnn\nscratchcnn.__version__", TOP),
        ("from flat import One", {FLAT, "flat/one.py"}),
        ("from flat import two", {FLAT, "flat/two.py"}),
        ("path / 'records/long.json'", {"book/records/long.json"}),
        (
            "from benchmarks.timing import recorded\nrecorded('times')",
            {"benchmarks/timing.py", "benchmarks/times.json"},
        ),
        ("from importlib.util import find_spec\nfind_spec('x')", set()),
        ("import importlib\nimportlib.import_module(name)", WHOLE),
        ("import subprocess\nsubprocess.run(['python'])", WHOLE),
        ("import pickle\npickle.loads(b'')", WHOLE),
        ("exec('import scratchcnn')", WHOLE),
        ("!python -m scratchcnn", WHOLE),
    ],
)
def test_a_program_uses(small: Repository, program: str, files: set[str]):
    found = small.files(program)
    assert {path.relative_to(small.root).as_posix() for path in found} == files


@pytest.fixture(scope="module")
def pages() -> dict[str, list[Path]]:
    """Return the files that every page of the book with cells uses."""
    repository = Repository(ROOT)
    programs = {
        path.relative_to(ROOT).as_posix(): program_of(
            read_myst_markdown_notebook(path.read_text("utf-8"))
        )
        for path in sorted((ROOT / "book").rglob("*.md"))
    }
    return {n: repository.files(code) for n, code in programs.items() if code}


def touched(
    pages: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch, *stems: str
) -> set[str]:
    """Return the pages whose keys change as modules are edited."""
    read = Path.read_bytes
    before = {name: digest(ROOT, files) for name, files in pages.items()}
    edited = {
        path
        for path in (ROOT / "scratchcnn").rglob("*.py")
        if path.stem in stems or path.parent.name in stems
    }
    assert edited
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + b"#" * (path in edited)
    )
    after = {name: digest(ROOT, files) for name, files in pages.items()}
    return {name for name in pages if before[name] != after[name]}


def test_every_page_has_a_key_of_its_own_files(pages):
    assert len(pages) > 40
    assert all(pages.values())
    assert len({tuple(files) for files in pages.values()}) > 30


def test_an_edited_compiler_touches_its_pages_alone(pages, monkeypatch):
    changed = touched(pages, monkeypatch, "compiler")
    names = {Path(name).stem.partition("-")[0] for name in changed}
    assert {"accelerate", "lenet", "bug_gallery"} <= names
    assert not {"dense", "relu", "pooling", "layer", "logits"} & names
    assert 5 < len(changed) < len(pages) / 2


def test_an_edited_layer_touches_nearly_all(pages, monkeypatch):
    changed = touched(pages, monkeypatch, "layer")
    assert len(changed) > 0.8 * len(pages)


def test_the_doctor_s_pages_hang_on_what_is_data(pages):
    files = {path.name for path in pages["book/doctor/diagnosis.md"]}
    assert {"causes.toml", "wrong.toml", "loops.py", "arrays.py"} <= files


def test_an_edited_chapter_of_its_own_touches_few(pages, monkeypatch):
    changed = touched(pages, monkeypatch, "saliency")
    assert 0 < len(changed) < len(pages) / 3
