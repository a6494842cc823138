"""A record, measured: ``python -m scratchcnn.programs.record``."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
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
from scratchcnn.programs.command_line import CommandLine, new_file
from scratchcnn.programs.options import Settings
from scratchcnn.programs.trainer import Trainer

SETTINGS = Settings(
    network="record",
    epochs=14,
    batch_size=128,
    flip=0.5,
    validation=0,
    optimizer="sgd",
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    schedule="cosine",
    warm_up=0.2,
)
SEEDS = (0, 1, 2)


def measure(
    seed: int, data: FashionMNIST, *, quiet: bool = False
) -> dict[str, Any]:
    """Train with one seed, then test once; say what it took."""
    start = time.process_time()
    trainer = Trainer(replace(SETTINGS, seed=seed, quiet=quiet), data)
    history = trainer.run()
    seconds = time.process_time() - start
    return {
        "seed": seed,
        "losses": [round(loss, 4) for loss in history.losses],
        "cpu_seconds": round(seconds, 1),
        "accuracy": trainer.score(trainer.network),
        "parameters": sum(p.value.size for p in trainer.network.parameters()),
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


def measure_all(data: FashionMNIST, *, quiet: bool) -> dict[str, Any]:
    """Return everything that the page shows of the record."""
    runs = [measure(seed, data, quiet=quiet) for seed in SEEDS]
    return {
        "settings": " ".join(SETTINGS.words()),
        "stand_in": data.stand_in,
        "training_images": len(data.train.labels),
        "test_images": len(data.test.labels),
        "runs": runs,
        **yardsticks(data),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def write_record(*, file: Path, data: str | None, quiet: bool) -> str:
    """Measure the record, write it to a file, and say so."""
    every = range(len(fashion_mnist.NAMES))
    images = fashion_mnist.load(every, data_dir=data)
    measured = measure_all(images, quiet=quiet)
    write_whole(file, json.dumps(measured, indent=1).encode() + b"\n")
    return f"Record: {file}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The options; by default, those of the command line.

    Notes
    -----
    Chapter *The trainer*.
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
