"""The record: measured as it says, and written whole or not at all."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from scratchcnn import SoftmaxCrossEntropy, accuracy, fashion_mnist
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data.drawn import dataset
from scratchcnn.models.record import record as record_network
from scratchcnn.programs import record, trainer
from scratchcnn.programs.options import Settings, command_line
from scratchcnn.programs.record import main
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.weights import load

ROOT = Path(__file__).parents[2]
SMALL = Settings(
    network="record",
    epochs=2,
    batch_size=16,
    shift=1,
    flip=0.5,
    validation=20,
)
TRIALS = {"one": SMALL, "other": replace(SMALL, epochs=1)}
FILES = ["record.json", "record.npz"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a few drawn garments of every class."""
    return dataset.write(tmp_path_factory.mktemp("data"), train=8, test=3)


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Measure two short runs, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record, "SETTINGS", SMALL)
    monkeypatch.setattr(record, "TRIALS", TRIALS)
    monkeypatch.setattr(record, "SEEDS", (0, 1))


def measured(folder, name="record.json"):
    """Run the program, and return what it has written."""
    assert main([name, "--data", str(folder), "--quiet"]) == 0
    return json.loads(Path(name).read_text())


def without_times(found):
    """Return what has been measured, but for processor times."""
    for one in (*found["runs"], *found["trials"].values()):
        assert one.pop("cpu_seconds") > 0
    return found


def test_the_file_holds_what_the_page_needs(folder, capsys):
    found = measured(folder)
    assert capsys.readouterr() == ("Record: record.json\n", "")
    assert sorted(os.listdir()) == FILES
    assert found["settings"] == " ".join(SMALL.words())
    assert found["stand_in"] is True
    assert found["training_images"] == 60
    assert found["validation_images"] == 20
    assert found["test_images"] == 30
    assert found["majority"] == 0.1
    assert 0 <= found["linear"] <= 1
    assert [one["seed"] for one in found["runs"]] == [0, 1]
    for one in found["runs"]:
        assert len(one["losses"]) == len(one["scores"]) == 2
        assert one["parameters"] < 100_000
        for name in "accuracy", "accuracy_both_ways", "score_both_ways":
            assert 0 <= one[name] <= 1
    assert found["runs"][0]["losses"] != found["runs"][1]["losses"]
    assert [*found["trials"]] == [*TRIALS]
    for name, one in found["trials"].items():
        assert len(one["losses"]) == len(one["scores"]) == TRIALS[name].epochs
        assert "accuracy" not in one


def test_the_weights_are_those_of_the_first_seed(folder):
    found = measured(folder)
    content = Path("record.npz").read_bytes()
    assert found["weights"] == sha256(content).hexdigest()
    network = record_network(rng=np.random.default_rng(9))
    load(network, "record.npz")
    data = fashion_mnist.load(range(10), data_dir=folder)
    right = accuracy(accelerate(network), SoftmaxCrossEntropy(), *data.test)
    assert right == found["runs"][0]["accuracy"]


def test_the_answers_to_an_image_and_its_mirror_image_are_added(
    folder, monkeypatch
):
    monkeypatch.setattr(record, "BATCH", 7)
    data = fashion_mnist.load(range(10), data_dir=folder)
    one = record.Trainer(replace(SMALL, quiet=True), data)
    x, labels = data.test
    one.network.eval()
    seen = [one.network.forward(x) for x in (x, np.flip(x, axis=3))]
    right = np.mean(np.sum(seen, axis=0).argmax(axis=1) == labels)
    one.network.train()
    assert record.accuracy_both_ways(one, data.test) == right
    assert one.network.training


def test_a_trial_is_a_run_that_the_trainer_makes_too(folder):
    data = fashion_mnist.load(range(10), data_dir=folder)
    alone = record.Trainer(replace(SMALL, quiet=True), data).run()
    one = measured(folder)["trials"]["one"]
    assert one["scores"] == alone.scores
    assert one["losses"] == [round(loss, 4) for loss in alone.losses]


@pytest.mark.finite_differences
@pytest.mark.parametrize("calls", [1, 3, 6])
def test_it_goes_on_where_it_was_stopped(folder, monkeypatch, calls):
    whole = without_times(measured(folder, "whole.json"))
    write, written = Checkpoint.save, []

    def stop(self, history):
        write(self, history)
        written.append(history)
        if len(written) == calls:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", stop)
    assert main(["record.json", "--data", str(folder), "--quiet"]) == 130
    assert "record.json" not in os.listdir()
    monkeypatch.setattr(Checkpoint, "save", write)
    assert without_times(measured(folder)) == whole
    assert sorted(os.listdir()) == [*FILES, "whole.json", "whole.npz"]
    assert Path("record.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_the_time_before_an_interruption_counts(folder, monkeypatch):
    data = fashion_mnist.load(range(10), data_dir=folder)
    settings = replace(SMALL, quiet=True)
    record.TimedTrainer(settings, data, Path("run.npz")).run()
    Path("run.txt").write_text("1000.5")
    again = record.TimedTrainer(settings, data, Path("run.npz"))
    assert record.measure(again)["cpu_seconds"] >= 1000.5
    monkeypatch.setattr(time, "process_time", lambda: again.start + 7)
    again.score(again.network)
    assert float(Path("run.txt").read_text()) == 7


def test_the_test_images_are_asked_once_a_seed(folder, monkeypatch):
    asked = []

    def ask(network, loss, images, labels):
        asked.append(len(labels))
        return accuracy(network, loss, images, labels)

    monkeypatch.setattr(record, "accuracy", ask)
    monkeypatch.setattr(trainer, "accuracy", ask)
    measured(folder)
    epochs = sum(one.epochs for one in (*TRIALS.values(), SMALL, SMALL))
    assert sorted(asked) == [20] * epochs + [30] * 3  # one by the linear model


def test_the_settings_of_the_record_are_allowed(monkeypatch):
    monkeypatch.undo()
    settings = record.SETTINGS
    assert settings.network == "record"
    assert settings.validation == Settings.validation
    for one in (settings, *record.TRIALS.values()):
        one.check()
        assert one.validation > 0
        assert one.save is one.checkpoint is None
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
