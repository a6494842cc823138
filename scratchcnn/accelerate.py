"""A compiler of our own: `accelerate`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchcnn.batch_normalization import BatchNorm2D
from scratchcnn.convolution import Conv2D
from scratchcnn.dense import Dense
from scratchcnn.dropout import Dropout
from scratchcnn.layer import Array, Layer, check_array
from scratchcnn.network import Network
from scratchcnn.pooling import AvgPool2D, MaxPool2D
from scratchcnn.relu import ReLU
from scratchcnn.reshape import Flatten, Reshape
from scratchcnn.steps import (
    AnyStep,
    BatchNormStep,
    DenseStep,
    DropoutStep,
    ReLUStep,
    ReshapeStep,
    Step,
    batch_first,
    batch_last,
)
from scratchcnn.tiles import (
    AvgPoolStep,
    ConvStep,
    MaxPoolStep,
    TiledConvStep,
)

STEPS: dict[type[Layer], Any] = {
    AvgPool2D: AvgPoolStep,
    BatchNorm2D: BatchNormStep,
    Conv2D: ConvStep,
    Dense: DenseStep,
    Dropout: DropoutStep,
    Flatten: ReshapeStep,
    MaxPool2D: MaxPoolStep,
    ReLU: ReLUStep,
    Reshape: ReshapeStep,
}
PLANS = 4


def leaves(network: Layer) -> Iterator[Layer]:
    """Yield the layers in the order of their work, networks opened."""
    if type(network) is Network:
        for layer in network.layers:
            yield from leaves(layer)
    else:
        yield network


def swapped(layers: list[Layer]) -> list[Layer]:
    """Let ReLU work on what max pooling leaves: the result is the same."""
    layers = layers.copy()
    for i in range(len(layers) - 1):
        if [type(one) for one in layers[i : i + 2]] == [ReLU, MaxPool2D]:
            layers[i : i + 2] = layers[i + 1], layers[i]
    return layers


def fits_tiles(layers: list[Layer], x: Array) -> bool:
    """Say whether 2 x 2 max pooling of a convolution of x comes next.

    Batch normalization may stand between them if no output is left
    over in the last row or column: it measures all of them.
    """
    conv, *others = layers
    if not isinstance(conv, Conv2D):
        return False
    whole = True
    if others and type(others[0]) is BatchNorm2D:
        sizes = zip(x.shape[1:3], conv.kernel_size, strict=True)
        whole = all(
            (size + 2 * p - k) // s % 2 == 1
            for (size, k), p, s in zip(
                sizes, conv.padding, conv.stride, strict=True
            )
        )
        others = others[1:]
    pool = others[0] if others else None
    pair = (2, 2)
    return (
        whole
        and type(pool) is MaxPool2D
        and pool.kernel_size == pool.stride == pair
    )


def choose(layers: list[Layer], x: Array) -> Step[Any]:
    """Make the step for the first of some layers, whose input is x."""
    layer = layers[0]
    step = STEPS.get(type(layer), AnyStep)
    if step is ConvStep and fits_tiles(layers, x):
        step = TiledConvStep
    if isinstance(layer, MaxPool2D) and any(
        np.less(layer.stride, layer.kernel_size)
    ):
        step = AnyStep
    return step(layer, x)


class Plan:
    """All the steps of a network, for inputs like x, in fixed buffers."""

    def __init__(self, network: Network, x: Array) -> None:
        self.x = y = batch_last(np.empty_like(x)).copy()
        layers = swapped(list(leaves(network)))
        self.steps = []
        for i in range(len(layers)):
            self.steps.append(choose(layers[i:], y))
            y = self.steps[-1].y
        self.y = y
        learning = [i for i, one in enumerate(layers) if one.parameters()]
        self.first = min(learning, default=len(layers))

    def forward(self, x: Array) -> Array:
        """Return the output for x, (N, ...)."""
        self.x[...] = batch_last(x)
        for step in self.steps:
            step.forward()
        return batch_first(self.y).copy()

    def backward(self, dy: Array, input_gradient: bool) -> Array | None:
        """Fill all gradients; return dL/dx only if it is asked for."""
        dy = batch_last(dy).astype(self.y.dtype)
        stop = 0 if input_gradient else self.first
        for i in reversed(range(stop, len(self.steps))):
            self.steps[i].learn(dy)
            if i > stop or input_gradient:
                dy = self.steps[i].backward(dy)
        return batch_first(dy).copy() if input_gradient else None


class Accelerated(Layer):
    """A network that works batch last, by plans made once a batch size."""

    def __init__(self, network: Network, input_gradient: bool) -> None:
        self.network, self.input_gradient = network, input_gradient
        self.plans: dict[Any, Plan] = {}

    def __repr__(self) -> str:
        return f"accelerate({self.network!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave the plans behind: a copy has to make its own."""
        return {**vars(self), "plans": {}, "_cache": None}

    def children(self) -> list[Layer]:
        """Return those of the network, which are the same objects."""
        return self.network.children()

    def plan(self, x: Array) -> Plan:
        """Return the plan for inputs like x, the latest few are kept."""
        key = x.shape, x.dtype
        plan = self.plans.pop(key, None)
        if plan is None:
            trial = copy.deepcopy(self.network)
            trial.eval()
            try:
                trial.forward(x[:1])
            except (TypeError, ValueError):
                self.network.forward(x)
                raise
            plan = Plan(self.network, x)
        self.plans[key] = plan
        while len(self.plans) > PLANS:
            del self.plans[next(iter(self.plans))]
        return plan

    def forward(self, x: Array) -> Array:
        """Return the network's output for the batch x, (N, ...)."""
        check_array(self, "x", x, "N", ...)
        plan = self.plan(x)
        y = plan.forward(x)
        self._cache = plan, x.shape, y.shape
        return y

    def backward(self, dy: Array) -> Array:
        """Fill every gradient; return dL/dx, or NaN if it was not wanted."""
        plan, x_shape, y_shape = self.recall()
        check_array(self, "dy", dy, *y_shape)
        dx = plan.backward(dy, self.input_gradient)
        if dx is None:
            return np.broadcast_to(dy.dtype.type(np.nan), x_shape)
        return dx


def accelerate(network: Network, *, input_gradient: bool = False) -> Layer:
    """Return a layer that does what a network does, faster.

    Parameters
    ----------
    network : Network
        Of any layers; it is not copied.
    input_gradient : bool
        Whether `backward` returns dL/dx. Otherwise it saves that work,
        and returns NaN.

    Notes
    -----
    Chapter *A compiler of our own*.
    """
    if not isinstance(network, Network):
        raise TypeError(f"accelerate wants a Network, got {network!r}")
    return Accelerated(network, bool(input_gradient))
