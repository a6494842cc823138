"""A record, measured: ``python -m scratchcnn.programs.record``."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.data import fashion_mnist
from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from scratchcnn.evaluation.accuracy import accuracy, evaluation_mode
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.files import write_whole
from scratchcnn.layer import Layer
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.programs.command_line import CommandLine, new_file
from scratchcnn.programs.options import Settings
from scratchcnn.programs.trainer import Trainer
from scratchcnn.training.weights import save

SETTINGS = Settings(
    network="record",
    epochs=30,
    batch_size=128,
    shift=1,
    flip=0.5,
    smoothing=0.1,
    optimizer="sgd",
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    schedule="cosine",
    warm_up=0.15,
)
SEEDS = (0, 1, 2)
BATCH = 256  # images at a time, besides their mirror images
TRIALS = {
    "LeNet": Settings(network="lenet"),
    "a third of the epochs": replace(SETTINGS, epochs=10),
    "a quarter erased": replace(SETTINGS, erase=0.25),
}


class TimedTrainer(Trainer):
    """A trainer that can be stopped, and knows what it has taken so far.

    The processor time lies in a file beside the checkpoint, and is
    written before it: an epoch that is lost and repeated counts twice.
    """

    def __init__(
        self, settings: Settings, data: FashionMNIST, file: Path
    ) -> None:
        self.start, self.clock = time.process_time(), file.with_suffix(".txt")
        if self.clock.exists():
            self.start -= float(self.clock.read_text())
        super().__init__(replace(settings, checkpoint=file, resume=True), data)

    @property
    def seconds(self) -> float:
        """The processor time so far, that of earlier processes included."""
        return time.process_time() - self.start

    def score(self, network: Layer) -> float:
        """Score after an epoch, and write down the time."""
        found = super().score(network)
        write_whole(self.clock, str(self.seconds).encode())
        return found


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


def yardsticks(data: FashionMNIST) -> dict[str, float]:
    """Return the accuracy of two methods that cost less."""
    (x, labels), test = data.train, data.test
    vectors = Flatten().forward(x)
    t = np.eye(len(data.names), dtype=np.float32)[labels]
    linear = Network([Flatten(), least_squares(vectors, t)])
    return {
        "majority": majority_accuracy(labels, test.labels),
        "linear": accuracy(linear, MeanSquaredError(), *test),
    }


def measure_all(
    data: FashionMNIST, file: Path, *, quiet: bool
) -> dict[str, Any]:
    """Return everything that the page shows of the record.

    The weights of the first seed go into a file of their own. The test
    images are asked after the last epoch of a seed, and not by a trial.
    """
    trials, runs, test = {}, [], data.test
    for number, (name, settings) in enumerate(TRIALS.items()):
        place = part(file, f"trial-{number}")
        trainer = TimedTrainer(replace(settings, quiet=quiet), data, place)
        trials[name] = measure(trainer)
    weights = file.with_suffix(".npz")
    for seed in SEEDS:
        settings, place = replace(SETTINGS, seed=seed), part(file, f"{seed}")
        trainer = TimedTrainer(replace(settings, quiet=quiet), data, place)
        found = {"seed": seed, **measure(trainer)}
        found["score_both_ways"] = accuracy_both_ways(trainer, trainer.tested)
        found["accuracy"] = accuracy(trainer.network, trainer.loss, *test)
        found["accuracy_both_ways"] = accuracy_both_ways(trainer, test)
        runs.append(found)
        if seed == SEEDS[0]:
            save(trainer.network, weights)
    return {
        "settings": " ".join(SETTINGS.words()),
        "stand_in": data.stand_in,
        "training_images": len(trainer.trained.labels),
        "validation_images": len(trainer.tested.labels),
        "test_images": len(test.labels),
        "runs": runs,
        "trials": trials,
        **yardsticks(data),
        "weights": sha256(weights.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def part(file: Path, name: str) -> Path:
    """Return where a run keeps its checkpoint until all are done."""
    return file.with_name(f"{file.stem}-{name}.part.npz")


def write_record(*, file: Path, data: str | None, quiet: bool) -> str:
    """Measure the record, write it to a file, and say so."""
    every = range(len(fashion_mnist.NAMES))
    images = fashion_mnist.load(every, data_dir=data)
    measured = measure_all(images, file, quiet=quiet)
    write_whole(file, json.dumps(measured, indent=1).encode() + b"\n")
    for path in file.parent.glob(part(file, "*").with_suffix(".*").name):
        path.unlink()
    return f"Record: {file}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The options; by default, those of the command line.

    Notes
    -----
    Chapter *A record*.
    """
    words = " ".join(SETTINGS.words())
    parser = CommandLine(
        prog="scratchcnn.programs.record",
        description=f"Train with the seeds {SEEDS} and: {words}",
    )
    parser.add_argument("file", type=new_file, help="a JSON file")
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--quiet", action="store_true", help="show no bar")
    return parser.serve(write_record, argv)


if __name__ == "__main__":
    raise SystemExit(main())
