"""What a user without tests would see of a bug: shapes, and a curve.

Two small networks use nearly everything of the package on 640 garments. Run
as ``python -m tools.symptoms`` this prints, as JSON, whether all shapes are
right, what each network's loss and accuracy did for each of three seeds, and
whether the parameters have moved where the loss itself sends them.
"""

from __future__ import annotations

import copy
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
    accuracy,
    fashion_mnist,
    train,
)
from scratchcnn.gradient_check import central_difference

SEEDS, TRAINED, EPOCHS, BATCH = (0, 1, 2), 640, 4, 16


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
    optimizer = SGD(network.parameters(), 0.005, momentum=0.5)
    return network, MeanSquaredError(), optimizer


def full(rng: np.random.Generator) -> tuple[Network, Loss, Optimizer]:
    """Return two convolutions, and one of nearly everything else."""
    network = Network(
        [
            Conv2D(1, 4, 3, rng=rng),
            ReLU(),
            MaxPool2D(3, stride=2),
            Conv2D(4, 4, 3, stride=3, padding=1, rng=rng),
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
    x = np.random.default_rng(0).random((BATCH, 1, 28, 28), np.float32)
    for build, outputs in (plain, (BATCH, 1)), (full, (BATCH, 2)):
        network, _, _ = build(np.random.default_rng(1))
        y = network.forward(x)
        dx = network.backward(np.ones_like(y))
        if (y.shape, dx.shape) != (outputs, x.shape):
            return False
        for p in network.parameters():
            if p.value.shape != p.grad.shape:
                return False
    return True


def updates_agree() -> bool:
    """Say whether two steps of training went where they should.

    How far each parameter went along a random line is compared with the
    slope of the loss there, by central differences in float64: no word of
    any backward pass is believed.
    """
    rate, momentum, rng = 0.01, 0.9, np.random.default_rng(0)
    x, labels = rng.random((BATCH, 1, 28, 28)), np.arange(BATCH) % 2
    for build in plain, full:
        network, loss, _ = build(rng)
        t = labels if build is full else labels[:, None].astype(float)
        network.astype(np.float64)
        for _, layer in network.walk():
            if isinstance(layer, Dropout):
                layer.p = 0.0  # what it drops is not a matter of the step
        parameters = network.parameters()
        optimizer = SGD(parameters, rate, momentum=momentum)
        lines = [rng.standard_normal(p.value.shape) for p in parameters]
        wanted = np.zeros(len(lines))
        for _ in range(2):
            before = copy.deepcopy(network)

            def value(
                before: Network = before, loss: Loss = loss, t: Any = t
            ) -> float:
                return loss.forward(copy.deepcopy(before).forward(x), t)

            starts = [p.value for p in before.parameters()]
            slopes = [
                central_difference(value, start, line, h=1e-7)
                for start, line in zip(starts, lines, strict=True)
            ]  # a small h, which seldom crosses a kink of a ReLU
            wanted = momentum * wanted + slopes
            train(
                network,
                loss,
                optimizer,
                x,
                t,
                epochs=1,
                batch_size=BATCH,
                rng=rng,
            )
            went = [
                np.vdot(start - p.value, line) / rate
                for start, p, line in zip(
                    starts, parameters, lines, strict=True
                )
            ]
            if not np.allclose(went, wanted, 0, 1e-5 * np.abs(wanted).max()):
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
        batch_size=BATCH,
        rng=rng,
    )
    others = (part[-1000:] for part in data.train)
    return history.losses, accuracy(network, loss, *others)


def symptoms() -> dict[str, Any]:
    """Return all symptoms; an exception is one, too."""
    found: dict[str, Any] = {}
    for name, ask in ("shapes", shapes_fit), ("updates", updates_agree):
        try:
            found[name] = ask()
        except Exception as error:
            found[name] = repr(error)
    data = fashion_mnist.load()
    for build in plain, full:
        runs = found[build.__name__] = []
        for seed in SEEDS:
            try:
                losses, score = curve(build, seed, data)
                runs.append({"losses": losses, "accuracy": score})
            except Exception as error:
                runs.append({"error": repr(error)})
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(symptoms()))
