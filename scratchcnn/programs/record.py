"""A record, measured: ``python -m scratchcnn.programs.record``."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.data.fashion_mnist import NAMES, FashionMNIST, load
from scratchcnn.data.idx import DataError
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.files import replacing
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.programs.options import command_line, new_file
from scratchcnn.programs.trainer import Trainer
from scratchcnn.programs.two_classes import CommandLine

SETTINGS = (
    "--network record --optimizer sgd --learning-rate 0.1 --momentum 0.9 "
    "--nesterov --weight-decay 5e-4 --schedule cosine --warm-up 0.2 "
    "--epochs 14 --batch-size 128 --flip 0.5 --validation 0"
)
SEEDS = (0, 1, 2)


def measure(seed: int, data: FashionMNIST) -> dict[str, Any]:
    """Train with one seed, then test once; say what it took."""
    words = [*SETTINGS.split(), "--seed", str(seed)]
    start = time.process_time()
    trainer = Trainer(command_line().parse_args(words), data)
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


def measure_all(data: FashionMNIST) -> dict[str, Any]:
    """Return everything that the page shows of the record."""
    runs = [measure(seed, data) for seed in SEEDS]
    return {
        "settings": SETTINGS,
        "stand_in": data.stand_in,
        "training_images": len(data.train.labels),
        "test_images": len(data.test.labels),
        "runs": runs,
        **yardsticks(data),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the record, write it to a file, and return an exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The options; by default, those of the command line.

    Raises
    ------
    SystemExit
        With code 2, after one line on stderr, if the file can't be
        written or the data can't be had.

    Notes
    -----
    Chapter *A record*.
    """
    parser = CommandLine(
        prog="scratchcnn.programs.record",
        description=f"Train with the seeds {SEEDS} and: {SETTINGS}",
    )
    parser.add_argument("file", type=new_file, help="a JSON file")
    parser.add_argument("--data", metavar="FOLDER")
    options = parser.parse_args(argv)
    try:
        data = load(range(len(NAMES)), data_dir=options.data)
        text = json.dumps(measure_all(data), indent=1)
        with replacing(options.file) as file:
            file.write(text.encode() + b"\n")
    except (DataError, FloatingPointError, OSError, ValueError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
