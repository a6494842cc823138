"""Time every layer of the book's networks, and measure what they keep.

``python -m benchmarks.account`` writes ``account.json`` beside itself.
"""

from __future__ import annotations

from benchmarks.timing import fix_environment

if __name__ == "__main__":
    fix_environment()

import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.algorithms import CLOCK, machine
from benchmarks.timing import alternate, environment, summary, write_json
from scratchcnn import (
    SGD,
    BatchNorm2D,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    MeanSquaredError,
    Network,
    ReLU,
    accelerate,
    models,
)


def normalized(*, rng: np.random.Generator) -> Network:
    """Build a network of three convolutions with batch normalization."""
    layers: list[Layer] = []
    for before, channels in ((1, 24), (24, 48), (48, 96)):
        layers += [
            Conv2D(before, channels, 3, padding=1, rng=rng),
            BatchNorm2D(channels),
            ReLU(),
            MaxPool2D(2),
        ]
    return Network([*layers, Flatten(), Dense(96 * 3 * 3, 10, rng=rng)])


BATCH = 32
NETWORKS = {
    "two classes": models.two_class,
    "ten classes": models.lenet,
    "normalized": normalized,
}


def images() -> np.ndarray:
    """Draw a batch of images."""
    rng = np.random.default_rng(1)
    return rng.random((BATCH, 1, 28, 28), np.float32)


def both_ways(network: Network) -> dict[str, Callable[[], object]]:
    """Return each layer's forward and backward pass, on what reaches it."""
    runs: dict[str, Callable[[], object]] = {}
    x = images()
    for i, layer in enumerate(network.layers):
        runs[f"{i} forward"] = partial(layer.forward, x)
        x = layer.forward(x)
    dy = np.random.default_rng(2).random(x.shape, np.float32)
    for i, layer in reversed([*enumerate(network.layers)]):
        runs[f"{i} backward"] = partial(layer.backward, dy)
        dy = layer.backward(dy)
    return runs


def times(network: Network) -> list[dict[str, Any]]:
    """Time all layers of a network in turn."""
    samples = alternate(both_ways(network), 15, 0.005, CLOCK)
    return [
        {
            "layer": repr(layer),
            "forward": summary(samples[f"{i} forward"]),
            "backward": summary(samples[f"{i} backward"]),
        }
        for i, layer in enumerate(network.layers)
    ]


def memory(network: Layer) -> dict[str, int]:
    """Measure the bytes that NumPy holds, beside network and images.

    What is kept is held after a forward pass; the most at once is held at
    some moment of a step of training.
    """
    x, loss = images(), MeanSquaredError()
    optimizer = SGD(network.parameters(), 0.01)
    tracemalloc.start()
    y = network.forward(x)
    kept = tracemalloc.get_traced_memory()[0] - y.nbytes
    loss.forward(y, np.zeros_like(y))
    network.backward(loss.backward())
    optimizer.step()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"kept": kept, "most": most}


def main() -> None:
    """Run everything, and write the results."""
    rng = np.random.default_rng(0)
    results: dict[str, Any] = {
        "environment": environment(),
        "machine": machine(),
        "batch": BATCH,
        "networks": {},
    }
    for name, build in NETWORKS.items():
        results["networks"][name] = {
            "memory": memory(build(rng=rng)),
            "accelerated memory": memory(accelerate(build(rng=rng))),
            "times": times(build(rng=rng)),
        }
    write_json(Path(__file__).with_suffix(".json"), results)


if __name__ == "__main__":
    main()
