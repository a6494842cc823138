"""The program: its commands, its exit codes, its one line of complaint."""

import json
import subprocess
import sys

import pytest

from scratchcnn.data.drawn import dataset
from scratchcnn.workbook.chapters import CHAPTERS
from scratchcnn.workbook.program import main
from tests.workbook.filling import fill, spoil


def test_a_new_workbook_has_all_chapters(tmp_path, capsys):
    assert main(["new", str(tmp_path / "mine")]) == 0
    told = capsys.readouterr().out.split()
    assert told == [*(f"{name}.py" for name in CHAPTERS), "README.md"]
    assert main(["upgrade", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out == "nothing is missing\n"


def test_the_exit_code_is_for_a_course(tmp_path, capsys):
    fill(tmp_path, "relu")
    at = ["--folder", str(tmp_path)]
    assert main(["check", *at]) == 0
    assert "healthy" in capsys.readouterr().out
    spoil(tmp_path, "relu", "mask of the gradient")
    with (tmp_path / "relu.py").open("a") as file:
        file.write("print('forgotten')\n")
    assert main(["check", "relu", "--json", *at]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["diagnosis"]["findings"][0]["causes"]
    assert row["printed"] == "forgotten\n"
    assert main(["check", "dense", *at]) == 1


def test_a_file_may_be_asked_for_by_what_is_in_it(tmp_path, capsys):
    fill(tmp_path, "relu", "mean_squared_error")
    at = ["--folder", str(tmp_path)]
    assert main(["check", "ReLU", "meansquarederror", "relu", *at]) == 0
    assert capsys.readouterr().out.count("healthy") == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["check", "dance"], "no chapter dance"),
        (["check"], "no workbook"),
        (["hint", "conv2d.up"], "there are hints for"),
        (["train", "--epochs", "0"], "wants --epochs >= 1, got 0"),
        (["train", "--seed", "-1"], "wants --seed >= 0, got -1"),
        (["train", "--minutes", "0"], "wants 0 < --minutes"),
        (["reveal", "nothing"], "there is no chapter nothing"),
        (["reveal", "relu.__init__"], "there is no '__init__' in relu"),
        (["reveal", "relu.training"], "there is no 'training' in relu"),
        (["train", "--data", "nowhere", "--epochs", "1"], "training: "),
    ],
)
def test_it_complains_in_one_line(words, complaint, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main([*words, "--folder", str(tmp_path)])
    assert left.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("scratchcnn.workbook")
    assert complaint in error


def test_a_listing_is_shown_to_those_who_are_sure(capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert main(["reveal", "relu"]) == 1
    assert "class ReLU" not in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert main(["reveal", "relu"]) == 0
    assert "class ReLU" in capsys.readouterr().out
    assert main(["reveal", "relu", "--yes"]) == 0


def test_hints_and_training_are_commands(tmp_path, capsys):
    data = dataset.write(tmp_path / "data", train=40, test=20)
    at = ["--folder", str(tmp_path)]
    assert main(["hint", "relu.dx", *at]) == 0
    assert capsys.readouterr().out.startswith("1 of 3. ")
    fill(tmp_path, "relu")
    assert main(["train", *at, "--epochs", "1", "--data", str(data)]) == 0
    assert "Yours: ReLU" in capsys.readouterr().out


def test_the_module_is_a_program(tmp_path):
    words = [sys.executable, "-m", "scratchcnn.workbook", "new"]
    done = subprocess.run(
        [*words, str(tmp_path / "one"), "--chapters", "relu", "--hard"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["relu.py", "README.md"]


def test_without_an_answer_nothing_is_revealed(monkeypatch, capsys):
    def silent(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", silent)
    assert main(["reveal", "relu"]) == 1
    assert capsys.readouterr().out == "It stays closed.\n"


def test_what_is_no_workbook_is_not_upgraded(tmp_path, capsys):
    (tmp_path / "other.py").write_text("")
    with pytest.raises(SystemExit) as left:
        main(["upgrade", str(tmp_path)])
    assert left.value.code == 2
    assert "holds no workbook" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["other.py"]
    assert main(["upgrade", str(tmp_path), "--chapters", "relu"]) == 0


@pytest.mark.parametrize(
    "words", [["upgrade", "nowhere"], ["hint", "relu.dx", "--folder", "no"]]
)
def test_a_folder_that_is_not_there_is_named(words, capsys, tmp_path):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert f"'{words[-1]}' is no folder" in capsys.readouterr().err
