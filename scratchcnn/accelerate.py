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
    BiasStep,
    ConvStep,
    MaxPoolStep,
)

PLANS = 4
STEPS: dict[type[Layer], list[Any]] = {
    AvgPool2D: [AvgPoolStep],
    BatchNorm2D: [BatchNormStep],
    Conv2D: [ConvStep, BiasStep],
    Dense: [DenseStep],
    Dropout: [DropoutStep],
    Flatten: [ReshapeStep],
    MaxPool2D: [MaxPoolStep],
    ReLU: [ReLUStep],
    Reshape: [ReshapeStep],
}


def leaves(network: Layer) -> Iterator[Layer]:
    """Yield the layers in the order of their work, networks opened."""
    if type(network) is not Network:
        yield network
        return
    for layer in network.layers:
        yield from leaves(layer)


def translate(layer: Layer) -> list[Any]:
    """Return the kinds of steps that do the work of a layer."""
    if isinstance(layer, MaxPool2D) and layer.stride != layer.kernel_size:
        return [AnyStep]
    return STEPS.get(type(layer), [AnyStep])


def program(network: Network) -> list[tuple[Any, Layer]]:
    """Return all kinds of steps with their layers, in a good order.

    Max pooling moves before bias and ReLU, which never make a smaller
    number the larger one, and then have less to do.
    """
    steps: list[tuple[Any, Layer]] = []
    for layer in leaves(network):
        for kind in translate(layer):
            i = len(steps)
            while kind is MaxPoolStep and i > 0:
                if steps[i - 1][0] not in (BiasStep, ReLUStep):
                    break
                i -= 1
            steps.insert(i, (kind, layer))
    return steps


class Plan:
    """All steps of a network for inputs like x, each with its buffers."""

    def __init__(self, network: Network, x: Array) -> None:
        steps = program(network)
        self.x = self.y = batch_last(np.empty_like(x)).copy()
        self.steps: list[Step[Any]] = []
        for kind, layer in steps:
            self.steps.append(kind(layer, self.y))
            self.y = self.steps[-1].y
        learning = (i for i, (_, one) in enumerate(steps) if one.parameters())
        self.first = next(learning, len(steps))

    def forward(self, x: Array) -> Array:
        """Return the output for x, (N, ...)."""
        np.copyto(self.x, batch_last(x))
        for step in self.steps:
            step.forward()
        return batch_first(self.y).copy()

    def backward(self, dy: Array, input_gradient: bool) -> None:
        """Fill all gradients, in x as well if it is asked for."""
        np.copyto(self.y, batch_last(dy), casting="same_kind")
        first = 0 if input_gradient else self.first
        for i in reversed(range(first, len(self.steps))):
            self.steps[i].learn()
            if i > first or input_gradient:
                self.steps[i].backward()


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
        self._cache = plan, y.shape
        return y

    def backward(self, dy: Array) -> Array:
        """Fill every gradient; return dL/dx, or NaN if it was not wanted."""
        plan, y_shape = self.recall()
        check_array(self, "dy", dy, *y_shape)
        self._cache = None  # the buffers hold gradients from now on
        plan.backward(dy, self.input_gradient)
        if self.input_gradient:
            return batch_first(plan.x).copy()
        return np.broadcast_to(
            plan.x.dtype.type(np.nan), batch_first(plan.x).shape
        )


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
