"""A run that is measured: its time, and its answers to mirror images."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scratchcnn import fashion_mnist
from scratchcnn.data.drawn import dataset
from scratchcnn.programs import timed_trainer
from scratchcnn.programs.options import Settings
from scratchcnn.programs.timed_trainer import TimedTrainer
from scratchcnn.programs.trainer import Trainer
from scratchcnn.training.loop import History

SMALL = Settings(network="record", epochs=2, batch_size=16, validation=20)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Return a few drawn garments of every class, in an empty folder."""
    folder = dataset.write(tmp_path / "data", train=8, test=3)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return fashion_mnist.load(range(10), data_dir=folder)


def test_the_answers_to_an_image_and_its_mirror_image_are_added(
    data, monkeypatch
):
    monkeypatch.setattr(timed_trainer, "BATCH", 7)
    one = Trainer(replace(SMALL, quiet=True), data)
    x, labels = data.test
    one.network.eval()
    seen = [one.network.forward(x) for x in (x, np.flip(x, axis=3))]
    right = np.mean(np.sum(seen, axis=0).argmax(axis=1) == labels)
    one.network.train()
    assert timed_trainer.accuracy_both_ways(one, data.test) == right
    assert one.network.training


def test_the_time_before_an_interruption_counts(data, monkeypatch):
    settings = replace(SMALL, quiet=True)
    TimedTrainer(settings, data, Path("run.npz")).run()
    Path("run.txt").write_text("1000.5")
    again = TimedTrainer(settings, data, Path("run.npz"))
    assert timed_trainer.measure(again)["cpu_seconds"] >= 1000.5
    monkeypatch.setattr(time, "process_time", lambda: again.start + 7)
    again.end_epoch(again.checkpoint(), History([0.5]))
    assert float(Path("run.txt").read_text()) == 7


def test_a_clock_without_a_time_is_named(data):
    Path("run.txt").write_text("")
    with pytest.raises(ValueError, match=r"run\.txt wants a time, got ''"):
        TimedTrainer(SMALL, data, Path("run.npz"))
