"""What a network holds in memory, and what moves through it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.compiler.accelerate import Accelerated, Plan
from scratchcnn.compiler.row import Row
from scratchcnn.compiler.stage import Stage
from scratchcnn.layer import Layer
from scratchcnn.layers.residual import Residual
from scratchcnn.training.optimizers import Optimizer


def owner(array: Array) -> Array:
    """Return the array whose memory this one looks at, perhaps itself."""
    found, base = array, array.base
    while base is not None:
        found = base if isinstance(base, np.ndarray) else found
        base = getattr(base, "base", None)
    return found


def arrays(value: object, layer: Layer) -> Iterator[tuple[Layer, Array]]:
    """Yield the arrays that something holds, each with its layer."""
    if isinstance(value, np.ndarray):
        yield layer, owner(value)
    elif isinstance(value, dict):
        yield from arrays([*value.values()], layer)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from arrays(one, layer)
    elif isinstance(value, Plan):
        yield from arrays(value.row, layer)
    elif isinstance(value, Row):
        yield from arrays(value.stages, layer)
    elif isinstance(value, Stage):
        yield from arrays(vars(value), value.layer)


def held_by(network: Layer) -> list[tuple[Layer, Array]]:
    """List all arrays in the attributes of a network's layers."""
    return [
        pair
        for _, layer in network.walk()
        for pair in arrays(vars(layer), layer)
    ]


def kept_by(network: Layer, x: Array) -> dict[int, int]:
    """Return the bytes that each layer keeps of a forward pass, by id.

    An array that several hold belongs to the first of them.
    """
    before = held_by(network)
    network.forward(x)
    counted = {id(array) for _, array in before}
    kept: dict[int, int] = {}
    for layer, array in held_by(network):
        if id(array) not in counted:
            counted.add(id(array))
            kept[id(layer)] = kept.get(id(layer), 0) + array.nbytes
    return kept


class Visit(NamedTuple):
    """What has gone into a layer and come out, and if both are the same."""

    x: tuple[int, ...]
    y: tuple[int, ...]
    view: bool


def visits(network: Layer, x: Array) -> dict[int, Visit]:
    """Return what a forward pass brings to each layer, by id.

    The layers are spoiled by it.
    """
    found: dict[int, Visit] = {}

    def watch(layer: Layer) -> None:
        plain = layer.network if isinstance(layer, Accelerated) else layer
        forward = plain.forward

        def watched(x: Array) -> Array:
            y = forward(x)
            found[id(layer)] = Visit(x.shape, y.shape, owner(x) is owner(y))
            return y

        vars(layer)["forward"] = watched

    for _, layer in network.walk():
        watch(layer)
    network.forward(x)
    return found


def without_dx(network: Layer) -> set[int]:
    """Return the layers whose dL/dx an accelerated network leaves out."""
    found = set()
    for _, one in network.walk():
        if isinstance(one, Accelerated) and not one.input_gradient:
            for leaf in one.leaves():
                if leaf.children():
                    break
                found.add(id(leaf))
                if leaf.parameters():
                    break
    return found


def numbers_moved(layer: Layer, visit: Visit, p: int, dx: bool) -> int:
    """Count the numbers that a layer reads and writes, each of them once.

    On the way there, x, y and its p parameters; on the way back their
    gradients, and the parameters again.
    """
    x, y = prod(visit.x), prod(visit.y)
    if visit.view:
        return 0
    if type(layer) is Residual:  # which adds two arrays on either way
        return 3 * y + 3 * x
    back = (x if dx else 0) + (y + 2 * p if dx or p else 0)
    return x + y + p + back


def states(network: Layer, optimizer: Optimizer | None) -> dict[int, int]:
    """Return the bytes that an optimizer keeps for each parameter, by id.

    At 0 is what it keeps for none of them, such as a number of steps.
    """
    if optimizer is None:
        return {}
    own = {id(p) for p in network.parameters()}
    if not own.issuperset(map(id, optimizer.parameters)):
        raise ValueError(
            "account wants an optimizer of the network's own parameters, got "
            f"{optimizer!r}"
        )
    found: dict[int, int] = {}
    for name, array in optimizer.state().items():
        number = name.rpartition(".")[2]
        one = optimizer.parameters[int(number)] if number.isdigit() else None
        at = id(one) if one else 0
        found[at] = found.get(at, 0) + array.nbytes
    return found
