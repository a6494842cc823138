"""Files with gaps: made of the package, and never written over."""

import ast

import pytest

from scratchcnn.doctor import KINDS
from scratchcnn.workbook.chapters import CHAPTERS
from scratchcnn.workbook.templates import (
    GAP,
    WORK,
    template,
    write_missing,
    write_new,
)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_template_has_the_signatures_and_none_of_the_work(name, hard):
    chapter = CHAPTERS[name]
    text = template(chapter, hard)
    names = {}
    exec(compile(text, name, "exec"), names)
    for kind in chapter.kinds:
        right, mine = KINDS[kind].right(), names[KINDS[kind].name]
        assert mine.__module__ != right.__module__
        assert (mine.__doc__ is None) == hard
        if not hard:
            assert mine.__doc__ == right.__doc__
    assert text.count(GAP) >= len(chapter.kinds)
    assert chapter.question in text
    assert all(page in text for page in chapter.pages().split("; "))


@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_of_the_work_is_left(name):
    chapter = CHAPTERS[name]
    work = {*WORK, *chapter.names()}
    nodes = ast.walk(ast.parse(template(chapter)))
    gaps = [
        [ast.unparse(statement) for statement in node.body[1:]]
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name in work
    ]
    assert gaps == [[GAP]] * len(gaps) != []
    assert f"\n\n    {GAP}" not in template(chapter)
    assert ":\n\n    def" not in template(chapter, hard=True)


def test_a_new_workbook_is_written_once(tmp_path):
    folder = tmp_path / "a folder" / "mine"
    added = write_new(folder, ["dense", "relu"])
    assert added == ["dense.py", "relu.py", "README.md"]
    told = (folder / "README.md").read_text()
    assert "cd" in told
    assert "Healthy means" in told
    assert sorted(p.name for p in folder.iterdir()) == sorted(added)
    with pytest.raises(ValueError, match="not empty"):
        write_new(folder, ["dense"])


def test_what_a_reader_has_written_stays(tmp_path):
    write_new(tmp_path, ["logits"])
    mine = "class Sigmoid:\n    pass\n"
    (tmp_path / "logits.py").write_text(mine)
    (tmp_path / "README.md").write_text("mine\n")
    added = write_missing(tmp_path, ["logits", "relu"])
    assert added == ["logits.py: log_sum_exp", "logits.py: softmax", "relu.py"]
    text = (tmp_path / "logits.py").read_text()
    assert text.startswith(mine)
    assert "def softmax(z: Array) -> Array:" in text
    assert (tmp_path / "README.md").read_text() == "mine\n"
    assert write_missing(tmp_path, ["logits", "relu"]) == []


@pytest.mark.parametrize(
    "mine",
    [b"\xef\xbb\xbfONE = 1\r\n", b"# coding: latin-1\nA = '\xe4'\n", b"A = 1"],
)
def test_not_a_byte_that_a_reader_has_written_is_changed(mine, tmp_path):
    path = tmp_path / "relu.py"
    path.write_bytes(mine)
    assert write_missing(tmp_path, ["relu"]) == ["relu.py: ReLU", "README.md"]
    assert path.read_bytes().startswith(mine)
    assert b"\nclass ReLU(Layer):" in path.read_bytes()
    assert write_missing(tmp_path, ["relu"]) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_is_added_finds_what_it_needs(name, tmp_path):
    path = tmp_path / f"{name}.py"
    path.write_text("Layer = Loss = object\n")
    write_missing(tmp_path, [name])
    names = {}
    exec(compile(path.read_bytes(), name, "exec"), names)
    assert {*CHAPTERS[name].names()} <= names.keys()
    assert names["Layer"] is object


def test_what_a_reader_has_from_elsewhere_is_not_missing(tmp_path):
    path = tmp_path / "pooling.py"
    path.write_text("import numpy as np\nfrom mine import MaxPool2D\n")
    added = write_missing(tmp_path, ["pooling"])
    assert added == ["pooling.py: AvgPool2D", "README.md"]
    text = path.read_text()
    assert text.count("import numpy") == 1
    assert "import Pooling" in text


def test_a_file_is_changed_as_a_whole_or_not(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    path = tmp_path / "relu.py"
    path.write_text("A = 1\n")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_missing(tmp_path, ["relu"])
    assert path.read_text() == "A = 1\n"
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_can_not_be_read_is_left_alone(tmp_path):
    (tmp_path / "relu.py").write_text("class ReLU(:\n")
    assert write_missing(tmp_path, ["relu"]) == ["README.md"]
    assert (tmp_path / "relu.py").read_text() == "class ReLU(:\n"
