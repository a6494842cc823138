"""How easily networks are fooled, over ten seeds: for the chapter *Fooled*.

``python -m tools.fooled FILE`` trains networks on images as they are, networks
on images that are moved uphill in each step, and linear models; it counts how
many test images each has right as they are, moved at random, and moved uphill,
and writes the record, after each network. Started again, it goes on where it
was stopped. `make fooled` calls it.

All settings are round numbers. One was made after a trial: where `HARD` held
from the first step on, some networks learned nothing, so it grows in the first
epoch.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.timing import environment, fix_environment

if __name__ == "__main__":
    fix_environment()

import numpy as np
from tqdm import tqdm

from scratchcnn import (
    SGD,
    Dense,
    Flatten,
    Layer,
    Network,
    SoftmaxCrossEntropy,
    accelerate,
    accuracy,
    fashion_mnist,
)
from scratchcnn.arrays import Array
from scratchcnn.data.batches import deal
from scratchcnn.data.fashion_mnist import FashionMNIST
from scratchcnn.evaluation import majority_accuracy
from scratchcnn.files import write_whole
from scratchcnn.inspection import adversarial
from scratchcnn.models import lenet
from scratchcnn.training.schedules import cosine, warm_up
from tools.same_data import same_data

IMAGES, EPOCHS, BATCH, RATE = 20_000, 3, 64, 0.05
HARD = 0.1  # how far moved training images go, from the second epoch on
ASKED = 1_000  # of the test images, when they are moved
EPSILONS = 0.01, 0.02, 0.05, 0.1
KINDS = "plain", "hardened", "linear"
SEEDS = range(10)


def build(kind: str, rng: np.random.Generator) -> Layer:
    """Return a network that hands back the gradient by its images."""
    if kind == "linear":
        return Network([Flatten(), Dense(784, 10, rng=rng)])
    return accelerate(lenet(rng=rng), input_gradient=True)


def trained(kind: str, x: Array, labels: Any, seed: int, epochs: int) -> Layer:
    """Train a network; a hardened one on images that are moved uphill."""
    rng = np.random.default_rng(seed)
    network, loss = build(kind, rng), SoftmaxCrossEntropy()
    optimizer = SGD(network.parameters(), RATE, momentum=0.9)
    total, schedule = epochs * -(-len(x) // BATCH), warm_up(0.1, cosine())
    shares = iter(np.arange(1, total + 1) / total)
    for _ in range(epochs):
        for images, t in deal(x, labels, BATCH, rng):
            share = float(next(shares))  # of the steps, this one included
            if kind == "hardened":
                far = HARD * min(1.0, share * epochs)
                images = adversarial(network, loss, images, t, epsilon=far)
            loss.forward(network.forward(images), t)
            network.backward(loss.backward())
            optimizer.step(schedule(share))
    network.eval()
    return network


@cache
def data() -> FashionMNIST:
    """Return all ten classes."""
    return fashion_mnist.load(range(10))


def run(kind: str, seed: int) -> dict[str, Any]:
    """Train one network; return how many test images it has right."""
    (x, labels), test = data().train, data().test
    rng, loss = np.random.default_rng([seed, 1]), SoftmaxCrossEntropy()
    some = rng.permutation(len(x))[:IMAGES]
    network = trained(kind, x[some], labels[some], seed, EPOCHS)
    images, t = test.images[:ASKED], test.labels[:ASKED]
    found: dict[str, Any] = {"right": accuracy(network, loss, *test)}
    for epsilon in EPSILONS:
        signs = rng.choice(np.array([-1, 1], x.dtype), images.shape)
        moved: dict[str, Any] = {
            "random": np.clip(images + epsilon * signs, 0, 1)
        }
        for words, steps in (("one step", 1), ("ten steps", 10)):
            moved[words] = adversarial(
                network, loss, images, t, epsilon=epsilon, steps=steps
            )
        found[f"{epsilon:g}"] = {
            words: accuracy(network, loss, some, t)
            for words, some in moved.items()
        }
    return found


def main(
    run: Callable[[str, int], Any], kinds: Sequence[str], seeds: Sequence[int]
) -> None:
    """Go on with the experiment whose file the command line names.

    Raises
    ------
    ValueError
        If its runs were made on other images.
    """
    file = Path(sys.argv[1])
    record: dict[str, Any] = {"runs": {}}
    if file.exists():
        record = json.loads(file.read_bytes())
    record |= {
        "environment": environment(),
        **same_data(record, data()),
        "majority": majority_accuracy(data().train.labels, data().test.labels),
    }
    wanted = {
        f"{kind} {seed}": (kind, seed) for kind in kinds for seed in seeds
    }
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        futures = {
            pool.submit(run, *one): name
            for name, one in wanted.items()
            if name not in record["runs"]
        }
        for future in tqdm(as_completed(futures), total=len(futures)):
            record["runs"][futures[future]] = future.result()
            text = json.dumps(record, indent=1, sort_keys=True)
            write_whole(file, text.encode() + b"\n")


if __name__ == "__main__":
    main(run, KINDS, SEEDS)
