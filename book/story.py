"""One weight's story: each number of a training step, and what made it.

The numbers are those of the package, recorded as it takes the step. Each is
a sum of products of others, or what a ReLU makes of such a sum; so each
unfolds, down to pixels, parameters and target, and can be computed anew.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from figures import BASELINE, GRADIENT, KERNEL, OUTPUT, board
from IPython.display import HTML, display

from scratchcnn import Conv2D, Dense, Flatten, MeanSquaredError, Network, ReLU
from scratchcnn.training import gradient_step

Term = tuple[str | float, ...]
PRIME, MINUS = "\N{PRIME}", "\N{MINUS SIGN}"  # a prime: after the step
# What each letter is made by: an equation, and lines of a function.
MADE: dict[str, tuple[str, Callable[..., Any], str]] = {
    "z": ("conv-forward", Conv2D.forward, "y = w @"),
    "h": ("relu-forward", ReLU.forward, "np.maximum"),
    "m": ("relu-dx", ReLU.forward, "keep"),
    "y": ("dense-forward", Dense.forward, "return x @"),
    "e": ("mse-forward", MeanSquaredError.forward, "difference ="),
    "L": ("mse-forward", MeanSquaredError.forward, "return float"),
    "dy": ("mse-dy", MeanSquaredError.backward, "return difference"),
    "da": ("dense-dw", Dense.backward, "weight.grad"),
    "dc": ("dense-db", Dense.backward, "bias.grad"),
    "dh": ("dense-dx", Dense.backward, "return dy @"),
    "dz": ("relu-dx", ReLU.backward, r"return dy \*"),
    "dw": ("conv-dw", Conv2D.backward, "dw = dy @"),
    "db": ("conv-db", Conv2D.backward, "bias.grad"),
    "dx": ("conv-dx", Conv2D.backward, r"dcolumns = \(|dpadded ="),
}
STEP = "gradient-step", gradient_step, "p.value -="
COLORS = {"x": "x", "w": "w", "b": "w", "a": "w", "c": "w", "t": "b", "m": "b"}
CENTERED: dict[str, Any] = {"ha": "center", "va": "center"}
LEAVES = {"x": "a pixel", "t": "the target"}


@dataclass(frozen=True)
class Number:
    """A number of the step: its value, and the products that it sums."""

    value: float
    terms: tuple[Term, ...] = ()

    def parts(self) -> list[str]:
        """Return the names of the numbers that it is made of, each once."""
        factors = (factor for term in self.terms for factor in term)
        return list(dict.fromkeys(f for f in factors if isinstance(f, str)))


Story = dict[str, Number]


def letter(name: str) -> str:
    """Return a name without its indices and without a prime."""
    return name.rstrip("0123456789").rstrip(PRIME)


def primed(name: str | float) -> str | float:
    """Return the name of a number as it is after the step."""
    if isinstance(name, float) or letter(name) in "xt":
        return name
    return name.replace(letter(name), letter(name) + PRIME, 1)


def recomputed(story: Story, name: str) -> float:
    """Return a number as those that it is made of give it."""
    total = math.fsum(
        math.prod(f if isinstance(f, float) else story[f].value for f in term)
        for term in story[name].terms
    )
    if letter(name) == "m":
        return float(total > 0)
    return max(total, 0.0) if letter(name) == "h" else total


def recorded(values: dict[str, Any], rate: float) -> dict[str, np.ndarray]:
    """Let the package take a step on one image; return all arrays of it.

    Parameters
    ----------
    values
        The image x (H, W), a kernel w and its bias b, the weights a (D,) of
        a dense layer with one output and its bias c, and the target t.
    rate
        The learning rate.
    """
    rng, loss = np.random.default_rng(0), MeanSquaredError()
    arrays: dict[str, Any] = {k: np.array(values[k], float) for k in values}
    convolution = Conv2D(1, 1, arrays["w"].shape, rng=rng)
    relu, flatten = ReLU(), Flatten()
    dense = Dense(arrays["a"].size, 1, rng=rng)
    network = Network([convolution, relu, flatten, dense])
    network.astype(np.float64)
    learned = dict(zip("wbac", network.parameters(), strict=True))
    for name, p in learned.items():
        p.value[...] = arrays[name]

    def forward() -> dict[str, np.ndarray]:
        z = convolution.forward(arrays["x"][None, None])
        h = flatten.forward(relu.forward(z))
        y = dense.forward(h)
        value = loss.forward(y, arrays["t"].reshape(1, 1))
        found = {"z": z[0, 0], "h": h[0], "y": y[0, 0]}
        return found | {"e": y[0, 0] - arrays["t"], "L": np.array(value)}

    arrays |= forward()
    dy = loss.backward()
    dh = dense.backward(dy)
    dz = relu.backward(flatten.backward(dh))
    dx = convolution.backward(dz)
    arrays |= {"m": arrays["z"] > 0, "dy": dy[0, 0], "dh": dh[0]}
    arrays |= {"dz": dz[0, 0], "dx": dx[0, 0]}
    for name, p in learned.items():
        shape = arrays[name].shape
        arrays[f"d{name}"] = p.grad.reshape(shape).copy()
        p.value -= rate * p.grad
        arrays[name + PRIME] = p.value.reshape(shape).copy()
    after = forward()
    return arrays | {name + PRIME: after[name] for name in after}


def formulas(
    arrays: dict[str, np.ndarray], rate: float
) -> dict[str, Callable[..., Iterable[Term]]]:
    """Return, for each letter, what a number at a place is the sum of."""
    windows, places = (list(np.ndindex(arrays[k].shape)) for k in "wz")
    flat = {place: k for k, place in enumerate(places)}
    units = range(len(places))
    made: dict[str, Callable[..., Iterable[Term]]] = {
        "z": lambda i, j: [
            *((f"x{i + u}{j + v}", f"w{u}{v}") for u, v in windows),
            ("b",),
        ],
        "h": lambda k: [("z{}{}".format(*places[k]),)],
        "y": lambda: [*((f"h{k}", f"a{k}") for k in units), ("c",)],
        "e": lambda: [("y",), (-1.0, "t")],
        "L": lambda: [("e", "e")],
        "dy": lambda: [(2.0, "e")],
        "da": lambda k: [("dy", f"h{k}")],
        "dc": lambda: [("dy",)],
        "dh": lambda k: [("dy", f"a{k}")],
        "m": lambda i, j: [(f"z{i}{j}",)],
        "dz": lambda i, j: [(f"dh{flat[i, j]}", f"m{i}{j}")],
        "dw": lambda u, v: [
            (f"dz{i}{j}", f"x{i + u}{j + v}") for i, j in places
        ],
        "db": lambda: [(f"dz{i}{j}",) for i, j in places],
        "dx": lambda p, q: [
            (f"dz{i}{j}", f"w{p - i}{q - j}")
            for i, j in places
            if (p - i, q - j) in windows
        ],
    }
    for name in "zhyeL":
        made[name + PRIME] = lambda *place, name=name: [
            tuple(map(primed, term)) for term in made[name](*place)
        ]
    for name in "wbac":
        made[name + PRIME] = lambda *place, name=name: [
            (indexed(name, place),),
            (-rate, indexed(f"d{name}", place)),
        ]
    return made


def indexed(name: str, place: tuple[int, ...]) -> str:
    """Return the name of a number: ``w01``."""
    return name + "".join(map(str, place))


def record(values: dict[str, Any], rate: float) -> Story:
    """Return every number of a training step; see `recorded`."""
    arrays = recorded(values, rate)
    made = formulas(arrays, rate)
    return {
        indexed(name, place): Number(
            float(value) + 0.0,  # which has no negative zero
            tuple(made[name](*place)) if name in made else (),
        )
        for name, array in arrays.items()
        for place, value in np.ndenumerate(array)
    }


def written(value: float) -> str:
    """Return a number with four digits."""
    return f"{value:.4g}".replace("-", MINUS)


def symbol(name: str) -> str:
    """Return a number's name, in the color of its quantity."""
    kind, (stem, index) = letter(name), re.split(r"(?=\d|$)", name, maxsplit=1)
    sub = f"<sub>{index}</sub>" if index else ""
    color = "dx" if len(kind) > 1 else COLORS.get(kind, "y")
    return f'<b data-quantity="{color}">{stem}{sub}</b>'


def factor(one: str | float, *, signed: bool = True) -> str:
    """Return a factor of a product, which may have a sign of its own."""
    if isinstance(one, str):
        return symbol(one)
    if one >= 0 or not signed:
        return written(abs(one))
    return f"({written(one)})"


def summed(terms: Iterable[Term]) -> str:
    """Return a sum of products, of symbols or of numbers: ``4 · 2 − 1``."""
    text = ""
    for first, *others in terms:
        less = isinstance(first, float) and math.copysign(1, first) < 0
        sign = MINUS if less else "+"
        factors = [factor(first, signed=False), *map(factor, others)]
        text += f" {sign} " + " · ".join(factors)
    text = text.replace(f"{MINUS} 1 · <b", f"{MINUS} <b")
    return re.sub(rf"^ (?:[+]|({MINUS})) ", r"\1", text)


def numbers(story: Story, term: Term) -> Term:
    """Return a product with the values of its factors, without a -1."""
    values = [f if isinstance(f, float) else story[f].value for f in term]
    return (-values[1],) if term[0] == -1 else tuple(values)


def equation(story: Story, name: str) -> str:
    """Return a number with what it is made of: symbols, numbers, value."""
    one, ways = story[name], []
    for terms in one.terms, [numbers(story, term) for term in one.terms]:
        text = summed(terms)
        if letter(name) == "h":
            text = f"max({text}, 0)"
        ways.append(f"[{text} &gt; 0]" if letter(name) == "m" else text)
    last = written(one.value)
    shown = dict.fromkeys([symbol(name), *filter(None, ways), last])
    return " = ".join(shown)


def made_by(name: str) -> str:
    """Return the equation and the lines of code that make a number."""
    after = PRIME in name and letter(name) in "wbac"
    label, function, text = STEP if after else MADE[letter(name)]
    source = inspect.getsource(function).splitlines()
    lines = [line.strip() for line in source if re.search(text, line)]
    module = function.__module__.removeprefix("scratchcnn.")
    listing = re.sub(r"\.", "-", f"{module}.{function.__qualname__}").lower()
    code = escape("\n".join(lines))
    return (
        f'<p><a href="equation:{label}"></a> '
        f'<a href="listing:{listing}"><code>{code}</code></a></p>'
    )


def folded(summary: str, body: str, inner: Iterable[str]) -> str:
    """Return what opens to a body and a list."""
    items = "".join(f"<li>{one}</li>" for one in inner)
    inside = f"<summary>{summary}</summary>{body}<ul>{items}</ul>"
    return f"<details>{inside}</details>"


def made_of(story: Story, name: str) -> str:
    """Return a number that unfolds, down to what was given."""
    parts, text = story[name].parts(), equation(story, name)
    if not parts:
        return f"{text}, {LEAVES.get(letter(name), 'a parameter')}"
    inner = (made_of(story, part) for part in parts)
    return folded(text, made_by(name), inner)


def moves(story: Story, name: str) -> str:
    """Return a number that unfolds to all that it moves, each once."""
    users: dict[str, list[str]] = {one: [] for one in story}
    for user, number in story.items():
        for part in number.parts():
            users[part].append(user)
    queue, first = [name], {name: name}
    for one in queue:
        for user in users[one]:
            if user not in first:
                first[user] = one
                queue.append(user)

    def unfolded(one: str) -> str:
        text = equation(story, one)
        if not users[one]:
            return f"{text}, which moves nothing more"
        names = ", ".join(symbol(user) for user in users[one])
        own = [user for user in users[one] if first[user] == one]
        text += f" moves {names}"
        return folded(text, "", map(unfolded, own)) if own else text

    return unfolded(name)


def told(story: Story, weight: str, pixel: str) -> str:
    """Return the stories of a weight and of a pixel, as they unfold."""
    parts = [
        f"<p>The weight {symbol(weight)}, after the step</p>",
        made_of(story, str(primed(weight))),
        moves(story, weight),
        f"<p>The pixel {symbol(pixel)}, and its gradient</p>",
        made_of(story, f"d{pixel}"),
        moves(story, pixel),
    ]
    html = "".join(parts).replace("<details>", "<details open>", 1)
    return f'<div class="explorer story">{html}</div>'


def tell(story: Story, weight: str, pixel: str) -> None:
    """Put the stories of both into the place of the next figure."""
    display(HTML(told(story, weight, pixel)))


def draw_story(story: Story, name: str) -> None:
    """Draw what a number is made of, in rows, the last of them the first."""
    rows = [[name]]
    while rows[-1]:
        parts = [part for one in rows[-1] for part in story[one].parts()]
        made = [p for p in parts if story[p].terms and letter(p) != "m"]
        rows.append(list(dict.fromkeys(made)))
    axes = board(10, 1.5 * len(rows) - 2)
    spots = {
        one: (5 + 2.6 * (k - (len(row) - 1) / 2), 1.5 * i + 0.4)
        for i, row in enumerate(rows)
        for k, one in enumerate(row)
    }
    for one, (left, top) in spots.items():
        for term in story[one].terms:
            others = [f for f in term if f not in spots]
            for part in dict.fromkeys(f for f in term if f in spots):
                right, low = spots[str(part)]
                line = [left, right], [top, low]
                axes.plot(*line, color=BASELINE, linewidth=0.8, zorder=0)
                middle = (left + right) / 2, (top + low) / 2
                factor = " · ".join(map(drawn, others))
                paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}
                axes.text(*middle, factor, **CENTERED, bbox=paper, size=9)
        color = GRADIENT if len(letter(one)) > 1 else OUTPUT
        color = KERNEL if letter(one) in "wbac" else color
        box = {"facecolor": "white", "edgecolor": color, "boxstyle": "round"}
        text = f"{drawn(one)} = {written(story[one].value)}"
        axes.text(left, top, text, **CENTERED, bbox=box)


def drawn(factor: str | float) -> str:
    """Return a symbol, or a number, for a drawing."""
    if isinstance(factor, float):
        return written(factor)
    return re.sub(r"([a-zA-Z]+)(\W?)(\d*)", r"$\\mathrm{\1}\2_{\3}$", factor)
