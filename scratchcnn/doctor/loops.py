"""How the doctor examines networks, and what trains them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.doctor.chart import Chart
from scratchcnn.doctor.experiments import (
    Make,
    Probe,
    changed,
    generator,
    global_state,
    moved,
)
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.losses.loss import Loss
from scratchcnn.losses.mean_squared_error import MeanSquaredError


def some_layers() -> list[Layer]:
    """Return layers of which each maps two numbers to two."""
    rng = generator(3)
    inner = Network([Dense(2, 2, rng=rng), ReLU()])
    layers = [Dense(2, 2, rng=rng), inner, Dense(2, 2, rng=rng)]
    for layer in layers:
        layer.astype(np.float64)
    return layers


def values(layers: list[Layer]) -> Array:
    """Return copies of all parameters, in one row."""
    every = [p.value for layer in layers for p in layer.parameters()]
    return np.concatenate([*map(np.ravel, every)])


def examine_network(make: Make, probe: Probe, chart: Chart) -> None:
    """Go through a network, with another inside, and back."""
    layers = some_layers()
    network = make(layers)
    chart.note("y", lambda: network.forward(probe.draw(1)))
    chart.note("dx", lambda: network.backward(probe.draw(2)))
    grads = [p.grad for layer in layers for p in layer.parameters()]
    chart.write("the gradients", np.concatenate([*map(np.ravel, grads)]))
    chart.note("how many parameters", lambda: len(network.parameters()))
    network.eval()
    inside = [one for layer in layers for _, one in layer.walk()]
    chart.write("the modes", [layer.training for layer in inside])


class Same(Layer):
    """Returns what it is given, and not a copy of it."""

    def forward(self, x: Array) -> Array:
        """Return x."""
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy


WAYS: dict[str, list[int]] = {  # how many numbers come out of each way
    "nothing around": [2],
    "a shortcut": [2, 2],
    "another shape": [3, 3],
    "layers that copy nothing": [],
    "shapes that only broadcast": [1, 2],
}


def examine_residual(make: Make, probe: Probe, chart: Chart) -> None:
    """Go both ways, forward and back; see what has moved, and who learns."""
    rng = generator(3)
    layers: list[Layer] = [Dense(2, m, rng=rng) for m in WAYS[probe.name]]
    if "broadcast" in probe.name:
        refuse_shapes(make(*layers), probe, chart)
        return
    for layer in layers:
        layer.astype(np.float64)
    layer = make(*(layers or [Same()]))
    x, rng = probe.draw(1), generator(7)
    y = chart.note("y", lambda: layer.forward(x))
    chart.write("x afterwards", changed(x, probe.draw(1)))
    dy = rng.standard_normal(np.shape(y))
    before = dy.copy()
    chart.note("dx", lambda: layer.backward(dy))
    chart.write("dy afterwards", changed(dy, before))
    grads = [p.grad.ravel() for one in layers for p in one.parameters()]
    chart.write("the gradients", np.concatenate([*grads, np.zeros(1)]))
    chart.note("how many parameters", lambda: len(layer.parameters()))
    layer.eval()
    chart.write("the modes", [one.training for one in layers])


def refuse_shapes(layer: Any, probe: Probe, chart: Chart) -> None:
    """Let a layer add outputs of two shapes."""
    try:
        layer.forward(probe.draw(1))
    except Exception:
        chart.write("outputs of two shapes are refused", True)
    else:
        chart.write("outputs of two shapes are refused", False)


def examine_step(make: Make, probe: Probe, chart: Chart) -> None:
    """Take two steps of training with a network of ours."""
    layers, loss = some_layers(), MeanSquaredError()
    network, x, t = Network(layers), probe.draw(1), probe.draw(2)
    arrays = [p.value for p in network.parameters()]
    for number in "first", "second":
        before = values(layers)

        def step() -> float:
            return make(network, loss, x, t, 0.1)

        chart.note(f"the loss of the {number} step", step)
        chart.write(f"the {number} step", moved(values(layers), before))
        after = network.parameters()
        for p, start in zip(after, some_values(before, after), strict=True):
            p.value[...] = start
    kept = [p.value is a for p, a in zip(after, arrays, strict=True)]
    chart.write("values change in place", kept)
    chart.write("x afterwards", changed(x, probe.draw(1)))


def some_values(row: Array, like: list[Parameter]) -> list[Array]:
    """Cut a row of numbers into arrays of the parameters' shapes."""
    ends = np.cumsum([p.value.size for p in like])[:-1]
    parts = np.split(row, ends)
    return [a.reshape(p.value.shape) for a, p in zip(parts, like, strict=True)]


def examine_divergence(make: Make, probe: Probe, chart: Chart) -> None:
    """Ask for a step whose loss is not finite."""
    layers, t = some_layers(), np.full(probe.shape, np.inf)
    before = values(layers)
    try:
        make(Network(layers), MeanSquaredError(), probe.draw(1), t, 0.1)
    except FloatingPointError:
        chart.write("a loss that is not finite is refused", True)
    else:
        chart.write("a loss that is not finite is refused", False)
    chart.write("the step", np.nan_to_num(moved(values(layers), before)))


class Witness(Layer):
    """A layer that remembers which examples it has seen."""

    def __init__(self) -> None:
        self.weight = Parameter(np.zeros(1))
        self.seen: list[Array] = []
        self.modes: list[bool] = []

    def forward(self, x: Array) -> Array:
        """Return x."""
        self.seen.append(x[:, 0].copy())
        self.modes.append(self.training)
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        self.weight.grad[...] = 1
        return dy


class Size(Loss):
    """The size of a batch, and a memory for its targets."""

    def __init__(self) -> None:
        self.seen: list[Array] = []

    def forward(self, y: Array, t: Array) -> float:
        """Return how many examples there are."""
        self.seen.append(t[:, 0].copy())
        self.shape = y.shape
        return float(len(y))

    def backward(self) -> Array:
        """Return ones."""
        return np.ones(self.shape)


def yielded(losses: Any) -> Iterator[float]:
    """Return what a run of training yields, the loss of each epoch.

    Raises
    ------
    TypeError
        If it does not yield them.
    """
    if not isinstance(losses, Iterable):
        raise TypeError(
            "gradient_descent has to yield the loss of each epoch, and not to "
            "return it"
        )
    return iter(losses)


def examine_descent(make: Make, probe: Probe, chart: Chart) -> None:
    """Train for two epochs a network that only watches."""
    x = np.arange(np.prod(probe.shape), dtype=float).reshape(probe.shape)
    state = global_state()

    def train(seed: int, witness: Witness, loss: Size) -> list[float]:
        witness.training = False
        settings: dict[str, Any] = {**probe.settings, "rng": generator(seed)}
        return [*yielded(make(witness, loss, x, -x, **settings))]

    witness, loss = Witness(), Size()
    chart.note("the losses", lambda: train(0, witness, loss))
    chart.write("the step", witness.weight.value)
    chart.write("the modes", np.all(witness.modes))
    look_at_order(witness, loss, len(x), chart)
    first, other = np.concatenate(witness.seen), Witness()
    train(0, other, Size())
    same = not changed(np.concatenate(other.seen), first)
    chart.write("a seed gives the same order", same)
    chart.write("others' random numbers", changed(global_state(), state))


def look_at_order(
    witness: Witness, loss: Size, count: int, chart: Chart
) -> None:
    """Write down which examples came when, and with which targets."""
    seen = np.concatenate(witness.seen)
    chart.write("how often each example comes", np.unique_counts(seen).counts)
    chart.write("the sizes of the batches", [*map(len, witness.seen)])
    together = np.concatenate(loss.seen) == -seen
    chart.write("targets go with their examples", np.all(together))
    one, two = seen[:count], seen[count : 2 * count]
    chart.write("the order is shuffled", changed(np.sort(one), one))
    chart.write("each epoch has another order", changed(one, two))
