"""The record: measured as it says, and written whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchcnn import fashion_mnist
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data.drawn import dataset
from scratchcnn.models.record import record as record_network
from scratchcnn.programs import record
from scratchcnn.programs.options import Settings, command_line
from scratchcnn.programs.record import main

ROOT = Path(__file__).parents[2]
SMALL = Settings(
    network="record", epochs=2, batch_size=16, flip=0.5, validation=0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a few drawn garments of every class."""
    return dataset.write(tmp_path_factory.mktemp("data"), train=8, test=3)


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Measure two short runs, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record, "SETTINGS", SMALL)
    monkeypatch.setattr(record, "SEEDS", (0, 1))


def test_the_file_holds_what_the_page_needs(folder, capsys):
    assert main(["record.json", "--data", str(folder), "--quiet"]) == 0
    assert capsys.readouterr() == ("Record: record.json\n", "")
    assert os.listdir() == ["record.json"]
    found = json.loads(Path("record.json").read_text())
    assert found["settings"] == " ".join(SMALL.words())
    assert found["stand_in"] is True
    assert (found["training_images"], found["test_images"]) == (80, 30)
    assert found["majority"] == 0.1
    assert 0 <= found["linear"] <= 1
    assert [one["seed"] for one in found["runs"]] == [0, 1]
    for one in found["runs"]:
        assert len(one["losses"]) == 2
        assert one["parameters"] < 100_000
        assert one["cpu_seconds"] >= 0
        assert 0 <= one["accuracy"] <= 1
    assert found["runs"][0]["losses"] != found["runs"][1]["losses"]


@pytest.mark.finite_differences
def test_it_is_measured_again_to_the_same_numbers(folder):
    data = fashion_mnist.load(range(10), data_dir=folder)
    first, second = (record.measure(1, data) for _ in range(2))
    for one in first, second:
        del one["cpu_seconds"]
    assert first == second


def test_the_test_images_are_asked_once_a_seed(folder, monkeypatch):
    asked = []
    score = record.Trainer.score

    def ask(self, network):
        asked.append(len(self.tested.labels))
        return score(self, network)

    monkeypatch.setattr(record.Trainer, "score", ask)
    data = fashion_mnist.load(range(10), data_dir=folder)
    record.measure(0, data)
    assert asked == [30]


def test_the_settings_of_the_record_are_allowed(monkeypatch):
    monkeypatch.undo()
    settings = record.SETTINGS
    assert settings.network == "record"
    assert settings.validation == 0
    assert settings.save is settings.checkpoint is None
    assert len(set(record.SEEDS)) == 3
    network = accelerate(record_network(rng=np.random.default_rng(0)))
    assert sum(p.value.size for p in network.parameters()) < 100_000


def test_the_committed_record_was_measured_with_these_settings(monkeypatch):
    monkeypatch.undo()
    path = ROOT / "book" / "records" / "record.json"
    words = json.loads(path.read_text())["settings"].split()
    settings = Settings(**vars(command_line().parse_args(words)))
    assert settings == record.SETTINGS


def test_a_run_that_fails_leaves_the_old_file(folder, monkeypatch, capsys):
    Path("record.json").write_text("the old one")

    def fail(*_, **__):
        raise FloatingPointError("the loss is nan")

    monkeypatch.setattr(record, "measure", fail)
    with pytest.raises(SystemExit) as stop:
        main(["record.json", "--data", str(folder)])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert err == "scratchcnn.programs.record: error: the loss is nan\n"
    assert Path("record.json").read_text() == "the old one"


def test_an_interrupt_ends_in_a_line_and_130(folder, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "measure", interrupt)
    assert main(["record.json", "--data", str(folder)]) == 130
    assert capsys.readouterr().err.endswith(
        "\nscratchcnn.programs.record: interrupted\n"
    )
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no/record.json"], "'no' should be a folder"),
        ([], "arguments are required: file"),
        (["a.json", "--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_used_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert os.listdir() == []


def test_it_runs_as_a_module():
    out = subprocess.run(
        [sys.executable, "-m", "scratchcnn.programs.record", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert out.startswith("usage: scratchcnn.programs.record ")
