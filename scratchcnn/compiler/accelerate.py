"""A compiler of our own: `accelerate`."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.compiler.convolution import (
    AvgPoolStage,
    BiasStage,
    BlurPoolStage,
    ConvStage,
    GlobalAvgPoolStage,
    MaxPoolStage,
)
from scratchcnn.compiler.depthwise_convolution import DepthwiseStage
from scratchcnn.compiler.stage import (
    AnyStage,
    BatchNormStage,
    DenseStage,
    DropoutStage,
    ReLUStage,
    ReshapeStage,
    Stage,
    batch_first,
    batch_last,
)
from scratchcnn.layer import Layer, plain
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual

PLANS = 4
STAGES: dict[type[Layer], list[Any]] = {
    AvgPool2D: [AvgPoolStage],
    BatchNorm2D: [BatchNormStage],
    BlurPool2D: [BlurPoolStage],
    Conv2D: [ConvStage, BiasStage],
    Dense: [DenseStage],
    DepthwiseConv2D: [DepthwiseStage, BiasStage],
    Dropout: [DropoutStage],
    Flatten: [ReshapeStage],
    GlobalAvgPool2D: [GlobalAvgPoolStage],
    MaxPool2D: [MaxPoolStage],
    ReLU: [ReLUStage],
    Reshape: [ReshapeStage],
}


def translate(layer: Layer) -> list[Any]:
    """Return the kinds of stages that do the work of a layer."""
    if isinstance(layer, MaxPool2D) and layer.stride != layer.kernel_size:
        return [AnyStage]
    if type(layer) is Residual:
        return [ResidualStage]
    return STAGES.get(type(layer), [AnyStage])


def stages_of(network: Layer) -> list[tuple[Any, Layer]]:
    """Return all kinds of stages with their layers, in a good order.

    Max pooling moves before bias and ReLU, which never make a smaller
    number the larger one, and then have less to do.
    """
    stages: list[tuple[Any, Layer]] = []
    for layer in network.leaves():
        for kind in translate(layer):
            i = len(stages)
            while kind is MaxPoolStage and i > 0:
                if stages[i - 1][0] not in (BiasStage, ReLUStage):
                    break
                i -= 1
            stages.insert(i, (kind, layer))
    return stages


class Row:
    """The stages of a layer, one after the other, from x to y.

    Where there is no layer, y is x.
    """

    def __init__(self, layer: Layer | None, x: Array) -> None:
        stages = [] if layer is None else stages_of(layer)
        self.x = self.y = x
        self.stages: list[Stage[Any]] = []
        for kind, one in stages:
            self.stages.append(kind(one, self.y))
            self.y = self.stages[-1].y
        learning = (i for i, (_, one) in enumerate(stages) if one.parameters())
        self.first = next(learning, len(stages))

    def forward(self) -> None:
        """Fill y from x."""
        for stage in self.stages:
            stage.forward()

    def backward(self, input_gradient: bool) -> None:
        """Fill the gradients, and x with dL/dx if it is asked for."""
        first = 0 if input_gradient else self.first
        for i in reversed(range(first, len(self.stages))):
            self.stages[i].learn()
            if i > first or input_gradient:
                self.stages[i].backward()


class ResidualStage(Stage[Residual]):
    """Two rows of stages, one around the other; y is their sum."""

    def allocate(self) -> None:
        """Give the row inside a buffer of its own to work in."""
        self.inside = Row(self.layer.inside, np.empty_like(self.x))
        self.around = Row(self.layer.shortcut, self.x)
        self.y = self.inside.y

    def forward(self) -> None:
        """Go both ways, and add."""
        np.copyto(self.inside.x, self.x)
        self.inside.forward()
        self.around.forward()
        self.y += self.around.y

    def learn(self) -> None:
        """Go back both ways, and add: dx comes by the way."""
        np.copyto(self.around.y, self.y)
        self.inside.backward(True)
        self.around.backward(True)
        self.x += self.inside.x

    def backward(self) -> None:
        """Leave dx where `learn` has put it."""


PASSING = "training", "_kept"  # what may differ from batch to batch


def blueprint(network: Network) -> list[Any]:
    """Return all that a plan for a network takes for granted."""
    return [
        [
            layer,
            *(
                value
                for name, value in vars(layer).items()
                if name not in PASSING and plain(value)
            ),
        ]
        for leaf in network.leaves()
        for _, layer in leaf.walk()
    ]


class Plan:
    """All stages of a network for batches like x, with their buffers."""

    def __init__(self, network: Network, x: Array) -> None:
        self.blueprint = blueprint(network)
        n, *shape = x.shape
        dtype = x.dtype.newbyteorder("=")  # BLAS knows no other
        self.row = Row(network, np.empty((*shape, n), dtype))
        self.no_gradient: Array = np.broadcast_to(dtype.type(np.nan), x.shape)

    def forward(self, x: Array) -> Array:
        """Return the output for x, (N, ...)."""
        np.copyto(self.row.x, batch_last(x))
        self.row.forward()
        return batch_first(self.row.y).copy()

    def backward(self, dy: Array, input_gradient: bool) -> Array:
        """Fill the gradients, and return dL/dx if it is asked for."""
        np.copyto(self.row.y, batch_last(dy), casting="same_kind")
        self.row.backward(input_gradient)
        if input_gradient:
            return batch_first(self.row.x).copy()
        return self.no_gradient


class Plans(threading.local):
    """The plans last used, by shape and type of x; each thread has its own."""

    def __init__(self) -> None:
        self.kept: dict[Any, Plan] = {}


class Accelerated(Network):
    """What `accelerate` returns: a network that is computed by plans."""

    def __init__(self, network: Network, input_gradient: bool) -> None:
        self.network, self.returns_dx = network, input_gradient
        self.plans = Plans()

    def __repr__(self) -> str:
        return f"accelerate({self.network!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the plans behind: a copy makes its own."""
        state = self.__getstate__()
        del state["plans"]
        return type(self), (self.network, self.returns_dx), state

    @property
    def input_gradient(self) -> bool:
        """Whether `backward` returns dL/dx, as was asked for."""
        return self.returns_dx

    @property
    def layers(self) -> list[Layer]:
        """The layers of the network itself."""
        return self.network.layers

    @layers.setter
    def layers(self, layers: list[Layer]) -> None:
        self.network.layers = layers

    def walk(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer, then the network, then all inside it."""
        yield path, self
        yield from self.network.walk(path)

    def leaves(self) -> Iterator[Layer]:
        """Yield those of the network: whoever looks, looks through."""
        yield from self.network.leaves()

    def trial(self, x: Array) -> None:
        """Let each layer look at its input's shape, in a copy."""
        network = copy.deepcopy(self.network)
        network.eval()
        try:
            network.forward(x[:1])
        except (TypeError, ValueError):
            self.network.forward(x)  # which says it of all of x
            raise

    def plan_for(self, x: Array) -> Plan:
        """Return the plan for batches like x; those last used are kept.

        A network that has changed since then gets a new one.
        """
        key, plans = (x.shape, x.dtype), self.plans.kept
        plan = plans.pop(key, None)
        if plan is None or plan.blueprint != blueprint(self.network):
            self.network.parameters()  # stops what is shared
            self.trial(x)
            plan = Plan(self.network, x)
        plans[key] = plan
        while len(plans) > PLANS:
            del plans[next(iter(plans))]
        return plan

    def forward(self, x: Array) -> Array:
        """Return the network's output for the batch x, (N, ...)."""
        check_array(self, "x", x, "N", ...)
        plan = self.plan_for(x)
        y = plan.forward(x)
        self.keep((plan, y.shape))
        return y

    def backward(self, dy: Array) -> Array:
        """Fill every gradient; return dL/dx where `input_gradient` is true.

        The buffers are overwritten, so this works only once after each
        forward pass.
        """
        plan: Plan
        plan, y_shape = self.recall()
        check_array(self, "dy", dy, *y_shape)
        if plan.blueprint != blueprint(self.network):
            raise RuntimeError(
                f"{self!r} has changed: backward needs a new forward pass"
            )
        self.forget()
        return plan.backward(dy, self.input_gradient)


def accelerate(network: Network, *, input_gradient: bool = False) -> Layer:
    """Return a layer that does what a network does, but faster.

    Both share their parameters, modes and buffers: train one, and the
    other is trained.

    Parameters
    ----------
    network : Network
        Of any layers, with other networks among them perhaps.
    input_gradient : bool
        Whether `backward` is to return dL/dx. Otherwise it saves that
        work, and returns an array of NaN that can't be written to. The
        layer has an attribute of this name that says which.

    Returns
    -------
    Layer
        Takes and returns what the network does. It keeps buffers for
        the sizes of batches that it has seen last, for each thread its
        own, and makes new ones when the network has changed.

    Raises
    ------
    TypeError
        If `network` is not a `Network`.

    Notes
    -----
    Chapter *A compiler of our own*.

    Examples
    --------
    >>> network = models.lenet(rng=np.random.default_rng(0))
    >>> x = np.ones((2, 1, 28, 28), np.float32)
    >>> fast = accelerate(network)
    >>> np.allclose(fast(x), network(x), atol=1e-5)
    True
    """
    if not isinstance(network, Network):
        raise TypeError(f"accelerate wants a Network, got {network!r}")
    return Accelerated(network, input_gradient)
