"""The record: measured as it says, and written whole or not at all."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from scratchcnn import SoftmaxCrossEntropy, accuracy, fashion_mnist
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data.drawn import dataset
from scratchcnn.models.record import record as record_network
from scratchcnn.programs import record, timed_trainer, trainer
from scratchcnn.programs.options import Settings, command_line
from scratchcnn.programs.record import main
from scratchcnn.programs.timed_trainer import TimedTrainer
from scratchcnn.programs.trainer import Trainer
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
FINAL = replace(SMALL, validation=0)
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
    monkeypatch.setattr(record, "FINAL", FINAL)
    monkeypatch.setattr(record, "TRIALS", TRIALS)
    monkeypatch.setattr(record, "SEEDS", (0, 1))


def measured(folder, name="record.json"):
    """Run the program, and return what it has written."""
    assert main([name, "--data", str(folder), "--quiet"]) == 0
    return json.loads(Path(name).read_text())


def without_times(found):
    """Return what has been measured, but for processor times."""
    choice = found["choice"]
    every = *found["runs"], *choice["held_out"], *choice["trials"].values()
    for one in every:
        assert one.pop("cpu_seconds") > 0
    return found


def test_the_file_holds_what_the_page_needs(folder, capsys):
    found = measured(folder)
    assert capsys.readouterr() == ("Record: record.json\n", "")
    assert sorted(os.listdir()) == FILES
    assert found["settings"] == " ".join(FINAL.words())
    assert found["stand_in"] is True
    assert found["training_images"] == 80
    assert found["test_images"] == 30
    assert found["majority"] == 0.1
    assert 0 <= found["linear"] <= 1
    check_seeds(found["runs"], scores=0)
    assert all("score_both_ways" not in one for one in found["runs"])


def test_what_is_chosen_is_chosen_on_held_out_images(folder):
    choice = measured(folder)["choice"]
    assert choice["training_images"] == 60
    assert choice["validation_images"] == 20
    check_seeds(choice["held_out"], scores=2)
    assert all(0 <= one["score_both_ways"] <= 1 for one in choice["held_out"])
    assert [*choice["trials"]] == [*TRIALS]
    for name, one in choice["trials"].items():
        assert len(one["losses"]) == len(one["scores"]) == TRIALS[name].epochs
        assert "accuracy" not in one


def check_seeds(runs, *, scores):
    """Check what is known of two seeds, each asked the test images."""
    assert [one["seed"] for one in runs] == [0, 1]
    for one in runs:
        assert len(one["losses"]) == 2
        assert len(one["scores"]) == scores
        assert one["parameters"] < 100_000
        for name in "accuracy", "accuracy_both_ways":
            assert 0 <= one[name] <= 1
    assert runs[0]["losses"] != runs[1]["losses"]


def test_what_was_measured_of_the_choice_is_not_measured_again(
    folder, monkeypatch
):
    once, began = measured(folder), []

    class Watched(TimedTrainer):
        def __init__(self, settings, data, file):
            began.append(settings.validation)
            super().__init__(settings, data, file)

    monkeypatch.setattr(record, "TimedTrainer", Watched)
    again = measured(folder)
    assert began == [0, 0]
    assert again["choice"] == once["choice"]
    assert without_times(again) == without_times(once)
    began.clear()
    monkeypatch.setattr(record, "TRIALS", {"other": TRIALS["other"]})
    measured(folder)
    assert began == [20, 20, 20, 0, 0]


def test_the_choice_is_measured_again_with_other_images(folder, tmp_path):
    once = measured(folder)["choice"]
    other = dataset.write(tmp_path / "data", train=8, test=4)
    again = measured(other)["choice"]
    assert again["images"] != once["images"]
    assert again["held_out"] != once["held_out"]


@pytest.mark.parametrize(
    "content", ["the old one", "[]", "3", '{"runs": []}', '{"choice": 3}']
)
def test_what_is_no_record_is_not_replaced(folder, capsys, content):
    Path("record.json").write_text(content)
    with pytest.raises(SystemExit) as stop:
        main(["record.json", "--data", str(folder)])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert "record.json is no record: put it elsewhere" in err
    assert os.listdir() == ["record.json"]
    assert Path("record.json").read_text() == content


def test_the_weights_are_those_of_the_first_seed(folder):
    found = measured(folder)
    content = Path("record.npz").read_bytes()
    assert found["weights"] == sha256(content).hexdigest()
    network = record_network(rng=np.random.default_rng(9))
    load(network, "record.npz")
    data = fashion_mnist.load(range(10), data_dir=folder)
    right = accuracy(accelerate(network), SoftmaxCrossEntropy(), *data.test)
    assert right == found["runs"][0]["accuracy"]


@pytest.mark.parametrize("settings", [SMALL, FINAL])
def test_a_run_is_one_that_the_trainer_makes_too(folder, settings):
    data = fashion_mnist.load(range(10), data_dir=folder)
    alone = Trainer(replace(settings, quiet=True), data).run()
    found = measured(folder)
    trial = found["choice"]["trials"]["one"]
    one = trial if settings.validation else found["runs"][0]
    assert one["scores"] == alone.scores
    assert one["losses"] == [round(loss, 4) for loss in alone.losses]


@pytest.mark.finite_differences
@pytest.mark.parametrize("calls", [1, 5, 11])
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


def test_the_parts_of_another_record_stay(folder):
    others = ["record-b.json-final-0.part.npz", "other.part.txt"]
    for name in others:
        Path(name).touch()
    measured(folder, "record[1].json")
    assert sorted(os.listdir()) == sorted(
        [*others, "record[1].json", "record[1].npz"]
    )


def test_the_test_images_are_asked_once_a_network(folder, monkeypatch):
    asked = []

    def ask(network, loss, images, labels):
        asked.append(len(labels))
        return accuracy(network, loss, images, labels)

    for module in record, timed_trainer, trainer:
        monkeypatch.setattr(module, "accuracy", ask)
    measured(folder)
    epochs = sum(one.epochs for one in (*TRIALS.values(), SMALL, SMALL))
    assert sorted(asked) == [20] * epochs + [30] * 5  # one by the linear model


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
    measured = json.loads(path.read_text())
    final = settings_of(measured["settings"])
    assert final == record.FINAL == replace(record.SETTINGS, validation=0)
    chosen = [settings_of(words) for words in measured["choice"]["settings"]]
    assert chosen == [
        *record.TRIALS.values(),
        *record.with_seeds(record.SETTINGS),
    ]
    assert [*measured["choice"]["trials"]] == [*record.TRIALS]
    for runs in measured["runs"], measured["choice"]["held_out"]:
        assert [one["seed"] for one in runs] == [*record.SEEDS]


def settings_of(words):
    """Return the settings that are asked for by a line of options."""
    return Settings(**vars(command_line().parse_args(words.split())))


def test_a_run_that_fails_leaves_the_old_files(folder, monkeypatch, capsys):
    measured(folder)
    before = [Path(name).read_bytes() for name in FILES]
    capsys.readouterr()

    def fail(*_, **__):
        raise FloatingPointError("the loss is nan")

    monkeypatch.setattr(record, "measure_seed", fail)
    with pytest.raises(SystemExit) as stop:
        main(["record.json", "--data", str(folder)])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert err == "scratchcnn.programs.record: error: the loss is nan\n"
    assert [Path(name).read_bytes() for name in FILES] == before


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
        (["a.npz"], "a.npz wants another ending: the weights are .npz"),
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
