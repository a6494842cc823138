"""What each part of training is worth: one experiment, of twenty seeds.

``python -m tools.ablation FILE`` trains the network of *Ten classes* with and
without each part, on as many cores as there are, and writes what it has found
after each run: started again, it goes on where it was stopped. `make ablation`
calls it.

Every variant gets the learning rate, and the strength of its own part, that
suits *it*: found on validation images, with other seeds than those that count,
along a grid that is made wider until its best point lies inside. The test
images are looked at last, once for each seed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
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
    BatchNorm2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    Network,
    ReLU,
    accelerate,
    accuracy,
    fashion_mnist,
    train,
)
from scratchcnn.data import shift_and_flip
from scratchcnn.data.fashion_mnist import Split
from scratchcnn.evaluation import majority_accuracy
from scratchcnn.files import write_whole
from scratchcnn.layers import Residual
from scratchcnn.losses import SmoothedCrossEntropy
from scratchcnn.models import lenet
from scratchcnn.training.schedules import cosine
from tools.same_data import same_data

VALIDATION, BATCH = 5_000, 64
SEEDS, TRIALS = range(20), range(100, 103)
BUDGETS = {  # how many images, and how often each of them is shown
    "ten thousand": (10_000, 10),
    "few, often": (500, 80),
    "many, once": (40_000, 1),
    "few, few times": (5_000, 3),
}


@dataclass(frozen=True)
class Setup:
    """How one network is made and trained.

    The blocks, behind each pooling, are two convolutions that keep the
    shape: "plain", or "residual" with a way around them.
    """

    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 5e-4
    falling: bool = True
    normalized: bool = False
    dropped: float = 0.0
    moved: bool = False
    linear: bool = False
    smoothed: float = 0.0
    blocks: str = ""
    budget: str = "ten thousand"

    def build(self, rng: np.random.Generator) -> Layer:
        """Return the network that this describes."""
        if self.linear:
            return Network([Flatten(), Dense(784, 10, rng=rng)])
        layers: list[Layer] = []
        for layer in lenet(rng=rng).layers:
            layers.append(layer)
            if isinstance(layer, Conv2D):
                channels = layer.out_channels
                if self.normalized:
                    layers.append(BatchNorm2D(channels))
            if self.blocks and isinstance(layer, MaxPool2D):
                layers += self.block(channels, rng.spawn(1)[0])
        if self.dropped:
            drop = Dropout(self.dropped, rng=rng.spawn(1)[0])
            layers.insert(len(layers) - 1, drop)
        return accelerate(Network(layers))

    def block(self, channels: int, rng: np.random.Generator) -> list[Layer]:
        """Return two convolutions more, with or without a way around."""
        one, other = (
            Conv2D(channels, channels, 3, padding=1, rng=rng) for _ in range(2)
        )
        inside = Network([one, ReLU(), other])
        added = Residual(inside) if self.blocks == "residual" else inside
        return [added, ReLU()]


@dataclass(frozen=True)
class Axis:
    """The values that a search tries for one setting, in order.

    Attributes
    ----------
    name : str
        The setting, a field of `Setup`.
    values : tuple of float
        In order.
    complete : bool
        Whether the first may be best: what lies beyond it is to do
        without.
    """

    name: str
    values: tuple[float, ...]
    complete: bool = False


RATE = Axis("rate", tuple(0.1 * 2.0**k for k in range(-8, 8)))
DECAY = Axis("decay", (0.0, *(5e-4 * 2.0**k for k in range(-4, 8))), True)
MOMENTUM = Axis("momentum", (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99), True)
DROPPED = Axis("dropped", tuple(k / 10 for k in range(1, 10)), True)
SMOOTHED = Axis("smoothed", (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5), True)

# A variant: where its search begins, and along which axes it goes, one after
# the other and around again.
Variants = dict[str, tuple[Setup, tuple[Axis, ...]]]
VARIANTS: Variants = {
    "base": (Setup(), (RATE, DECAY, MOMENTUM)),
    "no momentum": (Setup(rate=0.2, momentum=0.0), (RATE, DECAY)),
    "constant rate": (Setup(rate=0.025, falling=False), (RATE, DECAY)),
    "no decay": (Setup(decay=0.0), (RATE,)),
    "normalization": (Setup(normalized=True), (RATE, DECAY)),
    "dropout": (Setup(dropped=0.2), (DROPPED, RATE, DECAY)),
    "augmentation": (Setup(moved=True), (RATE, DECAY)),
    "smoothing": (Setup(smoothed=0.1), (SMOOTHED, RATE, DECAY)),
    "plain blocks": (Setup(blocks="plain"), (RATE, DECAY)),
    "residual blocks": (Setup(blocks="residual"), (RATE, DECAY)),
    "linear": (Setup(linear=True), (RATE, DECAY)),
}
PARTS = "base", "normalization", "dropout", "augmentation"
for budget in "few, often", "many, once":
    for part in PARTS:
        setup, axes = VARIANTS[part]
        axes = tuple(axis for axis in axes if axis in (RATE, DROPPED))
        VARIANTS[f"{budget}: {part}"] = replace(setup, budget=budget), axes


@cache
def heaps() -> tuple[Split, Split, Split]:
    """Return the training, the validation and the test images."""
    data = fashion_mnist.load(range(10))
    order = np.random.default_rng(10).permutation(len(data.train.labels))
    held, kept = order[:VALIDATION], order[VALIDATION:]
    x, labels = data.train
    return (
        Split(x[kept], labels[kept]),
        Split(x[held], labels[held]),
        data.test,
    )


def run(setup: Setup, seed: int, test: bool) -> dict[str, Any]:
    """Train one network; return its last loss, and how often it was right.

    The seed draws which images it sees, the weights, the order, the masks
    and the distances: two variants of one seed begin with the same weights.
    """
    (x, labels), validation, tested = heaps()
    count, epochs = BUDGETS[setup.budget]
    chosen = np.random.default_rng([seed, 0]).permutation(len(x))[:count]
    network = setup.build(np.random.default_rng([seed, 1]))
    loss = SmoothedCrossEntropy(setup.smoothed)
    optimizer = SGD(
        network.parameters(),
        setup.rate,
        momentum=setup.momentum,
        weight_decay=setup.decay,
    )
    try:
        history = train(
            network,
            loss,
            optimizer,
            x[chosen],
            labels[chosen],
            epochs=epochs,
            batch_size=BATCH,
            rng=np.random.default_rng([seed, 2]),
            schedule=cosine() if setup.falling else None,
            augment=shift_and_flip if setup.moved else None,
        )
    except FloatingPointError:  # the rate was too high for this network
        return {"loss": None, "seen": 0.0, "right": 0.0}
    some = chosen[:VALIDATION]
    heap = tested if test else validation
    return {
        "loss": round(history.losses[-1], 4),
        "seen": accuracy(network, loss, x[some], labels[some]),
        "right": accuracy(network, loss, *heap),
    }


def key(setup: Setup, seed: int, test: bool) -> str:
    """Return the name of a run: all that it depends on."""
    words = [
        f"{name}={value}" if isinstance(value, str) else f"{name}={value:g}"
        for name, value in vars(setup).items()
        if value != getattr(type(setup), name)
    ]
    words += [f"seed={seed}", "test" if test else "validation"]
    return " ".join(words)


class Runs:
    """All runs of an experiment, kept in a file as they end.

    Parameters
    ----------
    file : Path
        The record; if it is there, its runs are not made again.
    pool : ProcessPoolExecutor
        Where networks are trained.
    trials : sequence of int
        The seeds that settings are chosen with.
    """

    def __init__(
        self,
        file: Path,
        pool: ProcessPoolExecutor,
        trials: Sequence[int] = TRIALS,
    ) -> None:
        self.file, self.pool, self.trials = file, pool, trials
        self.record: dict[str, Any] = {"variants": {}, "runs": {}}
        if file.exists():
            self.record = json.loads(file.read_bytes())

    def write(self) -> None:
        """Write the record, as a whole."""
        text = json.dumps(self.record, indent=1, sort_keys=True)
        write_whole(self.file, text.encode() + b"\n")

    def many(
        self, setups: Sequence[Setup], seeds: Sequence[int], test: bool
    ) -> list[list[dict[str, Any]]]:
        """Return the runs of each setup, one a seed."""
        done, bar = self.record["runs"], tqdm(desc="networks", leave=False)
        futures = {
            self.pool.submit(run, setup, seed, test): key(setup, seed, test)
            for setup in setups
            for seed in seeds
            if key(setup, seed, test) not in done
        }
        for future in as_completed(futures):
            done[futures[future]] = future.result()
            self.write()
            bar.update()
        return [[done[key(s, seed, test)] for seed in seeds] for s in setups]

    def score(self, setups: Sequence[Setup]) -> list[float]:
        """Return how often each setup is right on the validation images."""
        many = self.many(setups, self.trials, test=False)
        return [
            float(np.mean([run["right"] for run in runs])) for runs in many
        ]


def changed(setup: Setup, axis: Axis, k: int) -> Setup:
    """Return the setup with the k-th value of an axis."""
    change: dict[str, Any] = {axis.name: axis.values[k]}
    return replace(setup, **change)


def best(
    setup: Setup, axis: Axis, score: Callable[[list[Setup]], list[float]]
) -> Setup:
    """Walk along an axis until its best point lies between two others.

    Raises
    ------
    ValueError
        If the axis ends before that, and is not complete there.
    """
    distances = np.abs(np.subtract(axis.values, getattr(setup, axis.name)))
    at, tried = int(distances.argmin()), dict[int, float]()
    while True:
        around = range(max(at - 1, 0), min(at + 2, len(axis.values)))
        wanted = [k for k in around if k not in tried]
        points = [changed(setup, axis, k) for k in wanted]
        tried |= dict(zip(wanted, score(points), strict=True))
        if not wanted:
            break
        at = max(tried, key=lambda k: tried[k])
    if len(around) < 3 and not (at == 0 and axis.complete):
        raise ValueError(f"The grid of {axis.name} ends at its best point.")
    return changed(setup, axis, at)


def chosen(
    setup: Setup,
    axes: Sequence[Axis],
    score: Callable[[list[Setup]], list[float]],
) -> Setup:
    """Return the setup that no step along any axis makes better."""
    while True:
        before = setup
        for axis in axes:
            setup = best(setup, axis, score)
        if setup == before or len(axes) == 1:
            return setup


def experiment(runs: Runs, variants: Variants, seeds: Sequence[int]) -> None:
    """Choose each variant's settings, then look at the test images once."""
    for name, (setup, axes) in variants.items():
        found = chosen(setup, axes, runs.score)
        tqdm.write(f"{name}: {vars(found)}")
        runs.record["variants"][name] = {
            "settings": vars(found),
            "runs": [key(found, seed, True) for seed in seeds],
        }
        runs.write()
    for name, (setup, _) in variants.items():
        settings = runs.record["variants"][name]["settings"]
        found = replace(setup, **settings)
        [results] = runs.many([found], seeds, test=True)
        right = [run["right"] for run in results]
        tqdm.write(f"{name}: {np.mean(right):.4f} +- {np.std(right):.4f}")


def main(
    variants: Variants, seeds: Sequence[int], trials: Sequence[int]
) -> None:
    """Go on with the experiment whose file the command line names.

    Raises
    ------
    ValueError
        If its runs were made on other images.
    """
    training, _, test = heaps()
    context = get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        runs = Runs(Path(sys.argv[1]), pool, trials)
        runs.record |= {
            "majority": majority_accuracy(training.labels, test.labels),
            **same_data(runs.record, fashion_mnist.load(range(10))),
            "environment": environment(),
        }
        experiment(runs, variants, seeds)


if __name__ == "__main__":
    main(VARIANTS, SEEDS, TRIALS)
