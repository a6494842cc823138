"""The training run of Part I against that of *Two classes, again*.

``python -m benchmarks.two_classes`` trains, in turn, Part I's network as its
program does, and the network with pooling, momentum and a logit, plain and
accelerated; it writes what each took.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.timing import (
    alternate,
    environment,
    fix_environment,
    ratio,
    summary,
    write_json,
)

if __name__ == "__main__":
    fix_environment()

import numpy as np

from scratchcnn import (
    SGD,
    BinaryCrossEntropy,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    MeanSquaredError,
    Network,
    ReLU,
    accelerate,
    fashion_mnist,
    train,
)
from scratchcnn.models import two_class
from scratchcnn.training import gradient_descent
from scratchcnn.training.schedules import cosine


def part_one(x: np.ndarray, t: np.ndarray) -> None:
    """Train as Part I does: four epochs in batches of 8."""
    rng = np.random.default_rng(0)
    network, loss = two_class(rng=rng), MeanSquaredError()
    for _ in gradient_descent(
        network,
        loss,
        x,
        t,
        learning_rate=0.01,
        epochs=4,
        batch_size=8,
        rng=rng,
    ):
        pass


def again(x: np.ndarray, t: np.ndarray, quick: bool) -> None:
    """Train as the page does: three epochs in batches of 32."""
    rng = np.random.default_rng(0)
    network = Network(
        [
            Conv2D(1, 8, 3, stride=2, padding=1, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            Dense(8 * 7 * 7, 64, rng=rng),
            ReLU(),
            Dense(64, 1, rng=rng),
        ]
    )
    train(
        accelerate(network) if quick else network,
        BinaryCrossEntropy(),
        SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True),
        x,
        t,
        epochs=3,
        batch_size=32,
        rng=rng,
        schedule=cosine(),
    )


def main() -> None:
    """Run all three, in turn, and write the results."""
    x, labels = fashion_mnist.load().train
    t = labels[:, None].astype(np.float32)
    samples = alternate(
        {
            "Part I": lambda: part_one(x, t),
            "plain": lambda: again(x, t, quick=False),
            "accelerated": lambda: again(x, t, quick=True),
        },
        repeats=5,
    )
    results = {
        "environment": environment(),
        "seconds": {name: summary(times) for name, times in samples.items()},
        "ratios": {
            name: ratio(samples["Part I"], samples[name])
            for name in ("plain", "accelerated")
        },
    }
    write_json(Path(__file__).with_suffix(".json"), results)


if __name__ == "__main__":
    main()
