"""The reader's own network, trained beside ours: `train_both`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import scratchcnn
from scratchcnn import training
from scratchcnn.data import fashion_mnist
from scratchcnn.doctor import KINDS, diagnose
from scratchcnn.doctor.loops import yielded
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.programs.two_classes import (
    BATCH_SIZE,
    LEARNING_RATE,
)
from scratchcnn.streams import progress_bar
from scratchcnn.workbook.chapters import CHAPTERS
from scratchcnn.workbook.child import load

PARTS = ["dense", "relu", "conv2d", "reshape", "network"]
PARTS += ["meansquarederror", "gradient_step", "gradient_descent"]


def ours() -> SimpleNamespace:
    """Return the package's own parts, by their names."""
    names = [KINDS[kind].name for kind in PARTS]
    parts = {name: getattr(scratchcnn, name, None) for name in names}
    parts["gradient_step"] = training.gradient_step
    parts["gradient_descent"] = training.gradient_descent
    return SimpleNamespace(**parts)


def mixed(folder: Path) -> tuple[SimpleNamespace, list[str], dict[str, str]]:
    """Return the reader's parts, with ours for those not written yet.

    Then the names of those that are the reader's; and of the ill ones
    among them what is wrong.
    """
    parts, own, ill = ours(), list[str](), dict[str, str]()
    for name, chapter in CHAPTERS.items():
        wanted = [kind for kind in chapter.kinds if kind in PARTS]
        if not wanted or not (folder / f"{name}.py").exists():
            continue
        module = load(folder, name)
        for kind in wanted:
            part = getattr(module, KINDS[kind].name, None)
            told = diagnose(part, kind) if part is not None else None
            if told is not None and told.written:
                setattr(parts, KINDS[kind].name, part)
                own.append(KINDS[kind].name)
                if not told.healthy:
                    ill[KINDS[kind].name] = told.brief()
    return parts, own, ill


def answering(layer: Any, way: str) -> Callable[..., Any]:
    """Return a layer's way that says so when nothing comes of it."""
    go = getattr(layer, way)

    def went(*arrays: Any) -> Any:
        found = go(*arrays)
        if found is None:
            raise TypeError(
                f"{type(layer).__name__}.{way} returned nothing: is a return "
                "missing?"
            )
        return found

    return went


def build(parts: Any, rng: np.random.Generator) -> Any:
    """Build the network of Part I of these parts."""
    layers = [
        parts.Conv2D(1, 4, 3, rng=rng),
        parts.ReLU(),
        parts.Reshape((4 * 26 * 26,)),
        parts.Dense(4 * 26 * 26, 32, rng=rng),
        parts.ReLU(),
        parts.Dense(32, 1, rng=rng),
    ]
    for layer in layers:
        for way in "forward", "backward":
            setattr(layer, way, answering(layer, way))
    return parts.Network(layers)


def run(
    whose: str, parts: Any, data: Any, epochs: int, seed: int
) -> tuple[list[float], float]:
    """Train from the weights that ours start with; return how it went."""
    network = build(parts, np.random.default_rng(seed))
    start = build(ours(), np.random.default_rng(seed)).parameters()
    for p, q in zip(network.parameters(), start, strict=True):
        p.value[...] = q.value
    (x, labels), loss = data.train, parts.MeanSquaredError()
    t = labels[:, None].astype(x.dtype)
    losses = parts.gradient_descent(
        network,
        loss,
        x,
        t,
        learning_rate=LEARNING_RATE,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        rng=np.random.default_rng(seed),
    )
    curve = []
    with progress_bar(epochs, desc=whose, unit="epoch") as bar:
        for value in yielded(losses):
            curve.append(float(value))
            bar.update()
    return curve, accuracy(network, loss, *data.test)


def train_both(
    folder: Path, epochs: int, seed: int, data: str | None = None
) -> dict[str, Any]:
    """Train the reader's network and ours, from the same weights."""
    garments = fashion_mnist.load((0, 1), data_dir=data)
    parts, own, ill = mixed(folder)
    mine, right = (
        run(whose, one, garments, epochs, seed)
        for whose, one in (("yours", parts), ("ours", ours()))
    )
    return {"own": own, "ill": ill, "mine": mine, "ours": right}
