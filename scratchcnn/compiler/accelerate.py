"""A compiler of our own: `accelerate`."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.compiler.row import Row
from scratchcnn.compiler.stage import batch_first, batch_last
from scratchcnn.layer import Layer, plain
from scratchcnn.layers.network import Network

PLANS = 4
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
        self.forget()  # until a pass is complete: the buffers are shared
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
    Chapter *A compiler of our own*. Where rounding makes two pixels of
    a window equal when the bias is added, max pooling may give the
    gradient to another of them than the network does.

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
