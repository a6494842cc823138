"""How many answers change when images move: for *Equivariance and its loss*.

``python -m tools.shifted FILE`` trains networks with max pooling and with
blurred max pooling, and networks that have seen moved images; it counts how
many test images each answers otherwise after they have moved by a pixel or
two, and writes the record, after each network. Started again, it goes on where
it was stopped. `make shifted` calls it.

The images get a frame of two empty pixels, so that nothing leaves the picture
when it moves. All settings are round numbers, the same for all.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.timing import fix_environment

if __name__ == "__main__":
    fix_environment()

import numpy as np

from scratchcnn import (
    SGD,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    Network,
    ReLU,
    SoftmaxCrossEntropy,
    accelerate,
    accuracy,
    train,
)
from scratchcnn.arrays import Array
from scratchcnn.data import shift_and_flip
from scratchcnn.layers import BlurPool2D, GlobalAvgPool2D
from scratchcnn.training.schedules import cosine
from tools.fooled import data, main

IMAGES, EPOCHS, BATCH, RATE = 10_000, 5, 64, 0.05
FRAME = 2  # pixels of nothing around each image, and the most it moves
ASKED = 2_000  # of the test images, when they are moved
SEEDS = range(5)
POOLINGS = "max", "blurred", "moved"
HEADS = "flat", "global"
KINDS = ["linear", *(f"{p}, {h}" for h in HEADS for p in POOLINGS)]


def framed(x: Array) -> Array:
    """Put empty pixels around images."""
    return np.pad(x, [(0, 0), (0, 0), (FRAME, FRAME), (FRAME, FRAME)])


def moves(x: Array, far: int) -> list[Array]:
    """Return framed images moved to all four sides."""
    ways = (far, 0), (-far, 0), (0, far), (0, -far)
    return [np.roll(x, way, axis=(2, 3)) for way in ways]


def pooling(kind: str) -> list[Layer]:
    """Return what halves the images."""
    if kind.startswith("blurred"):
        return [MaxPool2D(2, stride=1), BlurPool2D(2)]
    return [MaxPool2D(2)]


def build(kind: str, rng: np.random.Generator) -> Layer:
    """Return three convolutions, with a pooling behind each of two."""
    if kind == "linear":
        return Network([Flatten(), Dense(32 * 32, 10, rng=rng)])
    layers: list[Layer] = []
    for before, after in (1, 8), (8, 16), (16, 32):
        layers += pooling(kind) if layers else []
        layers += [Conv2D(before, after, 3, padding=1, rng=rng), ReLU()]
    if kind.endswith("global"):
        end = [GlobalAvgPool2D(), Dense(32, 10, rng=rng)]
    else:
        end = [Flatten(), Dense(32 * 8 * 8, 10, rng=rng)]
    return accelerate(Network([*layers, *end]))


def decisions(network: Layer, x: Array) -> Any:
    """Return the class that a network names for each image."""
    parts = np.array_split(x, len(x) // 200)
    answers = [network.forward(part).argmax(axis=1) for part in parts]
    return np.concatenate(answers)


def run(kind: str, seed: int) -> dict[str, Any]:
    """Train one network; return what it has right, and what changes."""
    (x, labels), test = data().train, data().test
    rng, loss = np.random.default_rng([seed, 1]), SoftmaxCrossEntropy()
    some = rng.permutation(len(x))[:IMAGES]
    network = build(kind, np.random.default_rng(seed))
    train(
        network,
        loss,
        SGD(network.parameters(), RATE, momentum=0.9),
        framed(x[some]),
        labels[some],
        epochs=EPOCHS,
        batch_size=BATCH,
        rng=rng,
        schedule=cosine(),
        augment=partial(shift_and_flip, shift=FRAME, flip=0)
        if kind.startswith("moved")
        else None,
    )
    network.eval()
    images = framed(test.images)
    found = {"right": accuracy(network, loss, images, test.labels)}
    before = decisions(network, images[:ASKED])
    for far in range(1, FRAME + 1):
        found[f"changed by {far}"] = float(
            np.mean(
                [
                    decisions(network, moved) != before
                    for moved in moves(images[:ASKED], far)
                ]
            )
        )
    return found


if __name__ == "__main__":
    main(run, KINDS, SEEDS)
