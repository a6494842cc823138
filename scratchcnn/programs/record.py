"""A record, measured: ``python -m scratchcnn.programs.record``."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import replace
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.data import fashion_mnist
from scratchcnn.data.fashion_mnist import FashionMNIST
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.files import write_whole
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.programs.command_line import CommandLine, kept_file
from scratchcnn.programs.options import Settings
from scratchcnn.programs.timed_trainer import (
    TimedTrainer,
    measure,
    measure_seed,
)
from scratchcnn.programs.trainer import checksum
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
FINAL = replace(SETTINGS, validation=0)  # nothing is held out
SEEDS = (0, 1, 2)
TRIALS = {
    "LeNet": Settings(network="lenet"),
    "a third of the epochs": replace(SETTINGS, epochs=10),
    "a quarter erased": replace(SETTINGS, erase=0.25),
}


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


def measure_choice(
    data: FashionMNIST, file: Path, *, quiet: bool
) -> dict[str, Any]:
    """Return what is known of the settings while images are held out.

    This is as the file says, if these settings and images were in it.
    """
    every = [*TRIALS.values(), *with_seeds(SETTINGS)]
    asked = {
        "settings": [" ".join(settings.words()) for settings in every],
        "images": checksum(data.train, data.test),
    }
    before = earlier(file)
    if before.items() >= asked.items():
        return before
    trials, held_out = {}, []
    for number, (name, settings) in enumerate(TRIALS.items()):
        place = part(file, f"trial-{number}")
        trainer = TimedTrainer(replace(settings, quiet=quiet), data, place)
        trials[name] = measure(trainer)
    for settings in with_seeds(SETTINGS):
        place = part(file, f"held-out-{settings.seed}")
        trainer = TimedTrainer(replace(settings, quiet=quiet), data, place)
        held_out.append(measure_seed(trainer, data.test))
    return {
        **asked,
        "training_images": len(trainer.trained.labels),
        "validation_images": len(trainer.tested.labels),
        "trials": trials,
        "held_out": held_out,
        **versions(),
    }


def measure_all(
    data: FashionMNIST, file: Path, *, quiet: bool
) -> dict[str, Any]:
    """Return everything that the page shows of the record.

    The weights of the first seed go into a file of their own. The test
    images are asked after the last epoch of a seed, and not by a trial.
    """
    choice = measure_choice(data, file, quiet=quiet)
    networks, runs = [], []
    for settings in with_seeds(FINAL):
        place = part(file, f"final-{settings.seed}")
        trainer = TimedTrainer(replace(settings, quiet=quiet), data, place)
        networks.append(trainer.network)
        runs.append(measure_seed(trainer, data.test))
    weights = file.with_suffix(".npz")
    save(networks[0], weights)
    return {
        "settings": " ".join(FINAL.words()),
        "stand_in": data.stand_in,
        "training_images": len(data.train.labels),
        "test_images": len(data.test.labels),
        "runs": runs,
        **yardsticks(data),
        "weights": sha256(weights.read_bytes()).hexdigest(),
        **versions(),
        "choice": choice,
    }


def with_seeds(settings: Settings) -> list[Settings]:
    """Return the settings with each seed."""
    return [replace(settings, seed=seed) for seed in SEEDS]


def earlier(file: Path) -> dict[str, Any]:
    """Return what a record says of the choice of its settings.

    Raises
    ------
    ValueError
        If the file is there, and is no record.
    """
    try:
        return dict(json.loads(file.read_bytes())["choice"])
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{file} is no record: put it elsewhere") from error


def versions() -> dict[str, str]:
    """Return with what it is measured."""
    return {"python": platform.python_version(), "numpy": np.__version__}


def part(file: Path, name: str) -> Path:
    """Return where a run keeps its checkpoint until all are done."""
    return file.with_name(f"{file.name}-{name}.part.npz")


def write_record(*, file: Path, data: str | None, quiet: bool) -> str:
    """Measure the record, write it to a file, and say so."""
    if file.suffix == ".npz":
        raise ValueError(f"{file} wants another ending: the weights are .npz")
    every = range(len(fashion_mnist.NAMES))
    images = fashion_mnist.load(every, data_dir=data)
    measured = measure_all(images, file, quiet=quiet)
    write_whole(file, json.dumps(measured, indent=1).encode() + b"\n")
    for path in file.parent.glob(f"{escape(file.name)}-*.part.*"):
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
    words = " ".join(FINAL.words())
    parser = CommandLine(
        prog="scratchcnn.programs.record",
        description=f"Train with the seeds {SEEDS} and: {words}",
    )
    parser.add_argument("file", type=kept_file, help="a JSON file")
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--quiet", action="store_true", help="show no bar")
    return parser.serve(write_record, argv)


if __name__ == "__main__":
    raise SystemExit(main())
