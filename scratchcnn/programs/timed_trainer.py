"""A run that is measured, though it be interrupted: `TimedTrainer`."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from scratchcnn.evaluation.accuracy import accuracy, evaluation_mode
from scratchcnn.files import write_whole
from scratchcnn.programs.options import Settings
from scratchcnn.programs.trainer import Trainer
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.loop import History

BATCH = 256  # images at a time, besides their mirror images


class TimedTrainer(Trainer):
    """A trainer that can be stopped, and knows what it has taken so far.

    The processor time lies in a file beside the checkpoint, and is
    written just before it, after each epoch. What one that was cut short
    has taken is not in it; one that ends between the two counts twice.

    Raises
    ------
    ValueError
        If that file holds no time.
    """

    def __init__(
        self, settings: Settings, data: FashionMNIST, file: Path
    ) -> None:
        self.start, self.clock = time.process_time(), file.with_suffix(".txt")
        if self.clock.exists():
            self.start -= read_seconds(self.clock)
        super().__init__(replace(settings, checkpoint=file, resume=True), data)

    @property
    def seconds(self) -> float:
        """The processor time so far, that of earlier processes included."""
        return time.process_time() - self.start

    def end_epoch(self, checkpoint: Checkpoint, history: History) -> None:
        """Write down the time, and save the checkpoint."""
        write_whole(self.clock, str(self.seconds).encode())
        super().end_epoch(checkpoint, history)


def read_seconds(clock: Path) -> float:
    """Return the time that a file holds."""
    text = clock.read_text()
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{clock} wants a time, got {text[:20]!r}") from error


def measure(trainer: TimedTrainer) -> dict[str, Any]:
    """Train, or go on where it was stopped; say how, and what it took."""
    history = trainer.run()
    parameters = trainer.network.parameters()
    return {
        "losses": [round(loss, 4) for loss in history.losses],
        "scores": history.scores,
        "cpu_seconds": round(trainer.seconds, 1),
        "parameters": sum(p.value.size for p in parameters),
    }


def accuracy_both_ways(trainer: Trainer, split: Split) -> float:
    """Return the accuracy if mirror images are asked about as well.

    The logits of an image and of its mirror image are added.
    """
    network, decide, guesses = trainer.network, trainer.loss.decide, []
    with evaluation_mode(network):
        for i in range(0, len(split.labels), BATCH):
            x = split.images[i : i + BATCH]
            logits = network.forward(x) + network.forward(x[..., ::-1])
            guesses.append(decide(logits))
    return float(np.mean(np.concatenate(guesses) == split.labels))


def measure_seed(trainer: TimedTrainer, test: Split) -> dict[str, Any]:
    """Train with a seed, and then ask the test images."""
    found = {"seed": trainer.settings.seed, **measure(trainer)}
    if trainer.settings.validation:
        found["score_both_ways"] = accuracy_both_ways(trainer, trainer.tested)
    found["accuracy"] = accuracy(trainer.network, trainer.loss, *test)
    found["accuracy_both_ways"] = accuracy_both_ways(trainer, test)
    return found
