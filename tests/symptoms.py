"""What a user without tests would see of a bug: shapes, and a curve.

Two small networks use nearly everything of the package on 600 garments. Run
as ``python -m tests.symptoms`` this prints, as JSON, whether all shapes are
right, and what each network's loss and accuracy did for each of three seeds.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np

from scratchcnn import (
    SGD,
    Adam,
    AvgPool2D,
    BatchNorm2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Loss,
    MaxPool2D,
    MeanSquaredError,
    Network,
    Optimizer,
    ReLU,
    SoftmaxCrossEntropy,
    evaluate,
    fashion_mnist,
    train,
)

SEEDS, TRAINED, EPOCHS = (0, 1, 2), 600, 4


def plain(rng: np.random.Generator) -> tuple[Network, Loss, Optimizer]:
    """Return a network as in Part I, and how it is trained."""
    network = Network(
        [
            Conv2D(1, 4, 3, rng=rng),
            ReLU(),
            Flatten(),
            Dense(4 * 26 * 26, 16, rng=rng),
            ReLU(),
            Dense(16, 1, rng=rng),
        ]
    )
    optimizer = SGD(network.parameters(), 0.01)
    return network, MeanSquaredError(), optimizer


def full(rng: np.random.Generator) -> tuple[Network, Loss, Optimizer]:
    """Return two convolutions, and one of nearly everything else."""
    network = Network(
        [
            Conv2D(1, 4, 3, stride=2, padding=1, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Conv2D(4, 4, 3, rng=rng),
            BatchNorm2D(4),
            ReLU(),
            AvgPool2D(2),
            Flatten(),
            Dropout(0.1, rng=rng),
            Dense(4 * 2 * 2, 16, rng=rng),
            ReLU(),
            Dense(16, 2, rng=rng),
        ]
    )
    optimizer = Adam(network.parameters(), 0.01)
    return network, SoftmaxCrossEntropy(), optimizer


def shapes_fit() -> bool:
    """Say whether every array of one step has the shape it should have."""
    x = np.random.default_rng(0).random((5, 1, 28, 28), np.float32)
    for build, outputs in (plain, (5, 1)), (full, (5, 2)):
        network, _, _ = build(np.random.default_rng(1))
        y = network.forward(x)
        dx = network.backward(np.ones_like(y))
        if (y.shape, dx.shape) != (outputs, x.shape):
            return False
        for p in network.parameters():
            if p.value.shape != p.grad.shape:
                return False
    return True


def curve(build: Any, seed: int, data: Any) -> tuple[list[float], float]:
    """Return the loss of each epoch, and the accuracy on other images."""
    rng = np.random.default_rng(seed)
    network, loss, optimizer = build(rng)
    x, labels = (part[:TRAINED] for part in data.train)
    t = labels if build is full else labels[:, None].astype(np.float32)
    history = train(
        network,
        loss,
        optimizer,
        x,
        t,
        epochs=EPOCHS,
        batch_size=16,
        rng=rng,
    )
    others = (part[-1000:] for part in data.train)
    return history.losses, evaluate(network, *others)


def symptoms() -> dict[str, Any]:
    """Return all symptoms; an exception is one, too."""
    found: dict[str, Any] = {}
    try:
        found["shapes"] = shapes_fit()
    except Exception as error:
        found["shapes"] = repr(error)
    data = fashion_mnist.load()
    for build in plain, full:
        runs = found[build.__name__] = []
        for seed in SEEDS:
            try:
                losses, accuracy = curve(build, seed, data)
                runs.append({"losses": losses, "accuracy": accuracy})
            except Exception as error:
                runs.append({"error": repr(error)})
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(symptoms()))
