"""What the doctor does with a patient, and writes down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.doctor.chart import BrokenError, Chart, OutOfTime, line
from scratchcnn.layer import Parameter

Make: TypeAlias = Callable[..., Any]
Examine: TypeAlias = "Callable[[Make, Probe, Chart], None]"


class Probe(NamedTuple):
    """One small experiment.

    Attributes
    ----------
    name : str
        What is special about it, in words that fit behind "with".
    args : tuple
        What the class, or the function, is called with.
    settings : dict
        The same, by keyword.
    shape : tuple of int
        The shape of x, or of y for a loss.
    traits : str
        What else is special, such as "a stride, leftover rows".
    change : callable, optional
        Makes the random numbers special, as by rounding them to ties.
    training : bool
        The mode of the layer.
    dtype : str
        The precision of all arrays.
    targets : str
        What a loss compares with: "classes", "answers" or "numbers".
    """

    name: str
    args: tuple[Any, ...] = ()
    settings: dict[str, Any] = {}  # noqa: RUF012
    shape: tuple[int, ...] = ()
    traits: str = ""
    change: Callable[[Array], Array] = np.array
    training: bool = True
    dtype: str = "float64"
    targets: str = ""

    def draw(self, seed: int) -> Array:
        """Return an array of the probe's shape."""
        x: Array = np.random.default_rng(seed).standard_normal(self.shape)
        return self.change(x).astype(self.dtype)

    def all_traits(self) -> set[str]:
        """Return the name and the traits."""
        return {self.name, *filter(None, self.traits.split(", "))}

    def call(self, name: str) -> str:
        """Return in words what the patient got."""
        said = [*map(repr, self.args)]
        said += [f"{k}={v!r}" for k, v in self.settings.items()]
        call = f"{name}({', '.join(said)})"
        given = f" on an array of shape {self.shape}" if self.shape else ""
        return f"{call}{given}, with {self.name}"


def generator(seed: int) -> np.random.Generator:
    """Return random numbers that are the same for every patient."""
    return np.random.default_rng(seed)


def examine(
    make: Make, probes: list[tuple[Examine, Probe]], chart: Chart
) -> None:
    """Do every experiment, whatever happens in the others."""
    for experiment, probe in probes:
        chart.probe = probe.name
        try:
            experiment(make, probe, chart)
        except (BrokenError, OutOfTime) as end:
            if isinstance(end, OutOfTime):
                chart.lines["", "time"] = line(end, chart.folder)
                raise
        except BaseException as error:
            chart.probe = ""
            chart.fail("the rest", error)


def changed(array: Array, before: Array) -> bool:
    """Say whether anybody has written into an array."""
    return not np.array_equal(array, before, equal_nan=True)


def moved(array: Array, before: Array) -> Array:
    """Return how far each number has gone."""
    if np.shape(array) != before.shape:
        return array
    return array - before


def apart(array: Array, before: Array) -> float:
    """Return the largest distance between two numbers of one place."""
    return float(np.abs(moved(array, before)).max())


def parameters(layer: Any) -> dict[str, Parameter]:
    """Return w and b of a layer that has them."""
    names = {"w": "weight", "b": "bias"}
    return {
        letter: getattr(layer, name)
        for letter, name in names.items()
        if hasattr(layer, name)
    }


def shared(layer: Any, twin: Any) -> bool:
    """Say whether two layers have a weight or a bias in common."""
    pairs = zip(
        parameters(layer).values(), parameters(twin).values(), strict=True
    )
    return any(np.shares_memory(p.value, q.value) for p, q in pairs)


def set_values(found: dict[str, Parameter]) -> dict[str, Array]:
    """Give parameters float64 values that all differ; return copies."""
    rng = generator(5)
    for p in found.values():
        p.value = 1 + rng.standard_normal(p.value.shape)
        p.grad = np.zeros(p.value.shape)
    return {letter: p.value.copy() for letter, p in found.items()}


def handed(array: Array, probe: Probe) -> Array:
    """Return an array as it is handed over: a copy, or a read-only one."""
    if "read-only" not in probe.name:
        return array.copy()
    array = np.asfortranarray(array)
    array.flags.writeable = False
    return array


def examine_layer(make: Make, probe: Probe, chart: Chart) -> None:
    """Go forward and back, twice; see what came out, and what has moved."""
    layer: Any = None

    def sizes() -> list[int]:
        nonlocal layer
        layer = make(*probe.args, **probe.settings)
        return [n for p in parameters(layer).values() for n in p.value.shape]

    chart.note("the sizes of w and b", sizes)
    twin = make(*probe.args, **probe.settings)
    chart.write("memory of another layer", shared(layer, twin))
    values = set_values(parameters(layer))
    arrays = {name: p.grad for name, p in parameters(layer).items()}
    for name in "running_mean", "running_variance":
        if hasattr(layer, name):
            getattr(layer, name)[...] += 0.5  # as after some batches
    if not probe.training:
        chart.note("y in training", lambda: layer.forward(probe.draw(2)))
        layer.training = False
    dx, dy = pass_through(layer, probe, chart)
    write_parameters(layer, values, chart)
    for name, p in parameters(layer).items():
        chart.write(f"d{name} is filled in place", p.grad is arrays[name])
    grads = {name: p.grad.copy() for name, p in parameters(layer).items()}
    for name, p in parameters(layer).items():
        p.value = values[name]

    def again() -> float:
        layer.forward(probe.draw(1))
        return apart(layer.backward(dy), dx)

    chart.note("dx, a second time", again)
    if (chart.probe, "dx") not in chart:
        del chart[chart.probe, "dx, a second time"]
    for name, p in parameters(layer).items():
        chart.write(f"d{name}, a second time", apart(p.grad, grads[name]))


def pass_through(
    layer: Any, probe: Probe, chart: Chart
) -> tuple[Array, Array]:
    """Go forward and back once; return dx and dy."""
    x, before = handed(probe.draw(1), probe), probe.draw(1)
    y = chart.note("y", lambda: layer.forward(x))
    chart.write("the precision of y", 8 * np.asarray(y).itemsize)
    chart.write("x afterwards", changed(x, before))
    for name in "running_mean", "running_variance":
        if hasattr(layer, name):
            chart.write(name, getattr(layer, name))
    dy = generator(7).standard_normal(np.shape(y)).astype(probe.dtype)
    sent = handed(dy, probe)
    dx = chart.note("dx", lambda: layer.backward(sent))
    chart.write("the precision of dx", 8 * np.asarray(dx).itemsize)
    chart.write("dy afterwards", changed(sent, dy))
    grads = [p.grad for p in parameters(layer).values()]
    chart.write("memory of dy", [np.shares_memory(g, sent) for g in grads])
    return np.array(dx), dy


def write_parameters(
    layer: Any, values: dict[str, Array], chart: Chart
) -> None:
    """Write down gradients, and whether a value has moved.

    Nobody knows with which weights dx was computed by a layer that moves
    them, so it is not judged then.
    """
    for name, p in parameters(layer).items():
        chart.write(f"d{name}", p.grad)
        way = moved(p.value, values[name])
        chart.write(f"{name} afterwards", bool(np.any(way)))
        chart.write(f"a step against d{name}", opposite(way, p.grad))
        if np.any(way):
            chart.pop((chart.probe, "dx"), None)


def opposite(way: Array, gradient: Array) -> bool:
    """Say whether a movement is that of gradient descent, at any rate."""
    if np.shape(way) != np.shape(gradient):
        return False
    length = np.linalg.norm(way) * np.linalg.norm(gradient)
    return bool(np.vdot(way, gradient) < -0.999 * length)


def examine_random_layer(make: Make, probe: Probe, chart: Chart) -> None:
    """Do the same with a layer that wants a generator."""
    examine_layer(
        lambda *a, **k: make(*a, rng=generator(3), **k), probe, chart
    )


def examine_start(make: Make, probe: Probe, chart: Chart) -> None:
    """Look at the weights and biases that a layer begins with."""

    def weights(rng: np.random.Generator) -> Array:
        layer = make(*probe.args, **probe.settings, rng=rng)
        chart.write("b at the start", layer.bias.value)
        return layer.weight.value

    examine_draws(weights, Probe(probe.name), chart)


def examine_draws(make: Make, probe: Probe, chart: Chart) -> None:
    """Look at random weights: their spread, and whence they come."""

    def draw(rng: np.random.Generator) -> Array:
        return make(*probe.args, **probe.settings, rng=rng)

    w, rng, state = draw(generator(3)), generator(4), global_state()
    chart.write("the sizes of w", w.shape)
    chart.write("spread of w", np.std(w))
    chart.write("tails of w", np.abs(w).max() > 2.5 * np.std(w))
    others = [draw(rng), draw(rng), draw(generator(3))]
    chart.write("a seed draws the same w", not changed(others[2], w))
    chart.write("another seed draws another w", changed(others[0], w))
    chart.write("the next w is another", changed(others[0], others[1]))
    chart.write("others' random numbers", changed(global_state(), state))


def global_state() -> Array:
    """Return the state of NumPy's global generator."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return np.append(state[1], state[2])


def examine_dropout(make: Make, probe: Probe, chart: Chart) -> None:
    """Look at what no seed can change about numbers that are dropped."""
    x, dy = probe.draw(1), probe.draw(7)
    layer, twin = (make(*probe.args, rng=generator(3)) for _ in range(2))
    layer.training = twin.training = probe.training

    def shares(back: bool) -> Array:
        y = layer.backward(dy.copy()) if back else layer.forward(x.copy())
        way = "dx" if back else "y"
        chart.write(f"the precision of {way}", 8 * np.asarray(y).itemsize)
        return np.asarray(y) / (dy if back else x)

    mask: Array = np.zeros(())

    def look() -> list[float]:
        nonlocal mask
        mask = shares(False)
        return [mask[mask != 0].min(), mask.max()]

    chart.note("the factor of what is kept", look)
    chart.write("share that is kept", np.mean(mask != 0))
    chart.write("each example has a mask", changed(mask[:-1], mask[1:]))
    chart.write("each number has a mask", changed(mask[:, 1:], mask[:, :-1]))
    back = shares(True)
    zeros = not changed(back == 0, mask == 0)
    chart.write("dx has the zeros of y", zeros)
    chart.write("the factor going back", back.max())
    chart.write("each pass has a mask", changed(shares(False), mask))
    again = twin.forward(x) / x
    chart.write("a seed draws the same mask", not changed(again, mask))


def examine_loss(make: Make, probe: Probe, chart: Chart) -> None:
    """Go forward and back, twice; see what came out, and what has moved."""
    y, t = probe.draw(1), targets(probe, 2)
    loss = make(*probe.args, **probe.settings)
    given_y, given_t = y.copy(), t.copy()
    chart.note("the loss", lambda: loss.forward(given_y, given_t))
    dy = chart.note("dy", loss.backward)
    chart.write("the precision of dy", 8 * np.asarray(dy).itemsize)
    chart.write("y afterwards", changed(given_y, y))
    chart.write("t afterwards", changed(given_t, t))

    def again() -> float:
        loss.forward(probe.draw(3), targets(probe, 4))
        loss.forward(y.copy(), t.copy())
        return apart(loss.backward(), dy)

    chart.note("dy, a second time", again)
    if y.ndim == 2:
        chart.note("the decision", lambda: loss.decide(y))


def targets(probe: Probe, seed: int) -> Any:
    """Return what a loss compares its outputs with."""
    rng = generator(seed)
    if probe.targets == "classes":
        return rng.integers(0, probe.shape[1], probe.shape[0])
    if probe.targets == "answers":
        return rng.integers(0, 2, probe.shape).astype(probe.dtype)
    return rng.random(probe.shape).astype(probe.dtype)


def examine_refusal(make: Make, probe: Probe, chart: Chart) -> None:
    """Hand a loss targets whose shape only broadcasts."""
    try:
        make().forward(probe.draw(1), probe.draw(2)[:, 0])
    except Exception:
        chart.write("targets of another shape are refused", True)
    else:
        chart.write("targets of another shape are refused", False)


def examine_optimizer(make: Make, probe: Probe, chart: Chart) -> None:
    """Take four steps with two parameters of one shape."""
    rng = generator(1)
    both = [Parameter(rng.standard_normal(probe.shape)) for _ in range(2)]
    arrays = [p.value for p in both]
    optimizer = make(both, *probe.args, **probe.settings)
    for number in "first", "second", "third", "fourth":
        grads = rng.standard_normal((2, *probe.shape))
        for p, grad in zip(both, grads, strict=True):
            p.grad = grad.copy()
        before = np.array([p.value for p in both])
        factor = [0.5] if "factor" in probe.name else []
        if number == "third" and "rate" in probe.name:
            optimizer.learning_rate *= 10

        def went(before: Array = before, factor: Any = factor) -> Array:
            optimizer.step(*factor)
            return np.array([p.value for p in both]) - before

        chart.note(f"the {number} step", went)
        after = np.array([p.grad for p in both])
        chart.write("the gradients afterwards", moved(after, grads))
        for p, start in zip(both, before, strict=True):
            p.value[...] = start
    kept = [p.value is array for p, array in zip(both, arrays, strict=True)]
    chart.write("values change in place", kept)


def examine_function(make: Make, probe: Probe, chart: Chart) -> None:
    """Call a function with an array."""
    x = probe.draw(1)
    given = x.copy()
    y = chart.note("y", lambda: make(given, *probe.args))
    chart.write("the precision of y", 8 * np.asarray(y).itemsize)
    chart.write("x afterwards", changed(given, x))
