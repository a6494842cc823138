"""Where do time and memory go? `account`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import Array, check_size
from scratchcnn.compiler.accelerate import Accelerated
from scratchcnn.inspection.memory import (
    Visit,
    kept_by,
    numbers_moved,
    states,
    visits,
    without_dx,
)
from scratchcnn.inspection.operations import OPERATIONS
from scratchcnn.layer import Layer
from scratchcnn.layers.network import Network
from scratchcnn.training.optimizers import Optimizer


def total(numbers: list[int | None]) -> int | None:
    """Add up; what is not known makes the sum unknown."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


@dataclass(frozen=True)
class Entry:
    """What one layer costs, or all of them; None is what nobody counts.

    Attributes
    ----------
    path, layer : str
        Where the layer stands, as in ``walk``, and its type.
    output : tuple of int
        The shape of its output, (N, ...); empty if it has not been called.
    parameters : int
        How many numbers it learns.
    kept : int
        Bytes that it keeps from the forward pass for the backward pass.
    forward, backward : int or None
        Operations on either way.
    moved : int or None
        Bytes that both ways read and write.
    state : int
        Bytes that the optimizer keeps for its parameters.

    Notes
    -----
    Chapter *The account*.
    """

    path: str
    layer: str
    output: tuple[int, ...]
    parameters: int
    kept: int
    forward: int | None
    backward: int | None
    moved: int | None
    state: int

    @property
    def operations(self) -> int | None:
        """Operations on both ways."""
        return total([self.forward, self.backward])

    @property
    def intensity(self) -> float | None:
        """Operations for each byte moved; None if there is none."""
        if self.operations is None or not self.moved:
            return None
        return self.operations / self.moved


def short(number: float | None) -> str:
    """Write a number from 0 on in three digits, thousands as k, M, G, T."""
    if number is None:
        return "?"
    power = 0
    while number >= 999.5 and power < 4:
        number, power = number / 1000, power + 1
    text = f"{number:#.3g}".rstrip(".") if power else f"{number:.3g}"
    return text + ["", "k", "M", "G", "T"][power]


HEADS = "output", "params", "kept", "operations", "moved", "op/byte", "state"


@dataclass(frozen=True)
class Account:
    """What `account` returns; as a text, a table.

    Attributes
    ----------
    entries : tuple of Entry
        One for each layer that does something itself.
    total : Entry
        Of all; its state holds what the optimizer keeps beside that of
        parameters, too. Its output is that of the network.

    Notes
    -----
    Chapter *The account*.
    """

    entries: tuple[Entry, ...]
    total: Entry

    def __str__(self) -> str:
        """Return a table of at most 79 columns, unless a path is long."""
        wide = max(len(one.path) for one in self.entries)
        rows: list[tuple[str, ...]] = [(f"{'':{wide}} layer", *HEADS)]
        for one in (*self.entries, self.total):
            numbers = one.parameters, one.kept, one.operations, one.moved
            rows.append(
                (
                    f"{one.path:{wide}} {one.layer}",
                    "x".join(map(str, one.output[1:])),
                    *map(short, numbers),
                    "" if one.moved == 0 else short(one.intensity),
                    short(one.state),
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            " ".join(
                f"{text:{side}{width}}"
                for text, side, width in zip(
                    row, "<<>>>>>>", widths, strict=True
                )
            )
            for row in rows
        ]
        unknown = {one.layer for one in self.entries if one.operations is None}
        if unknown:
            lines.append(f"? account can't count {', '.join(sorted(unknown))}")
        return "\n".join(lines)


def by_formula(
    path: str, layer: Layer, visit: Visit | None, dx: bool, x: Array
) -> Entry:
    """Return an entry with all but what only arrays show."""
    count = OPERATIONS.get(type(layer))
    p = sum(p.value.size for p in layer.own_parameters().values())
    forward = backward = moved = None
    if visit and count:
        work = count(layer, prod(visit.x), prod(visit.y))
        forward, backward = work.forward, work.gradients + dx * work.dx
    if visit and (count or not layer.children()):
        moved = x.itemsize * numbers_moved(layer, visit, p, dx)
    return Entry(
        path=path.rstrip("."),
        layer=type(layer).__name__,
        output=visit.y if visit else (),
        parameters=p,
        kept=0,
        forward=forward,
        backward=backward,
        moved=moved,
        state=0,
    )


def account(
    network: Layer,
    input_shape: tuple[int, ...],
    *,
    batch_size: int = 32,
    optimizer: Optimizer | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Account:
    """Count, layer by layer, what a step of training takes.

    Operations are counted by formula, bytes that are kept by looking
    into a copy of the network after a forward pass in training mode.
    Where `accelerate` leaves out dL/dx, it is left out here.

    Parameters
    ----------
    network : Layer
        Layers of this package are counted, in whatever they stand; of
        another, operations are None.
    input_shape : tuple of int
        The shape of one example, without the batch axis.
    batch_size : int
        Examples in a step.
    optimizer : Optimizer, optional
        Of parameters of this network.
    dtype : data-type
        In which numbers flow through the network.

    Returns
    -------
    Account
        Printed, it is a table, in which k stands for a thousand, M for
        a million, and G and T for a thousand of these each time more.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind, if the optimizer moves other
        parameters, or if the network can't take such examples.

    Notes
    -----
    Chapter *The account*.

    Examples
    --------
    >>> network = models.two_class(rng=np.random.default_rng(0))
    >>> print(account(network, (1, 28, 28), batch_size=8))
      layer   output  params  kept operations moved op/byte state
    0 Conv2D  4x26x26     40  195k      1.19M  224k    5.32     0
    1 ReLU    4x26x26      0 21.6k      43.3k  346k   0.125     0
    2 Reshape 2704         0     0          0     0             0
    3 Dense   32       86.6k 86.5k      4.15M 1.21M    3.42     0
    4 ReLU    32           0   256        512 4.10k   0.125     0
    5 Dense   1           33 1.02k      1.54k 2.51k   0.616     0
      total   1        86.6k  304k      5.39M 1.79M    3.01     0
    """
    if not isinstance(network, Layer):
        raise TypeError(f"account wants a layer, got {network!r}")
    if not isinstance(input_shape, tuple):
        raise TypeError(
            f"account wants input_shape as a tuple, got {input_shape!r}"
        )
    item = np.dtype(dtype)
    if item.kind != "f":
        raise TypeError(f"account wants a type of floats, got {dtype}")
    check_size("account", "batch_size", batch_size)
    state = states(network, optimizer)
    trial = copy.deepcopy(network)
    trial.train()
    x = np.zeros((batch_size, *input_shape), item)
    kept, spared = kept_by(trial, x), without_dx(trial)
    seen = visits(trial, x)
    entries = []
    walks = zip(trial.walk(), network.walk(), strict=True)
    for (path, layer), (_, own) in walks:
        if type(layer) not in (Network, Accelerated):
            place = id(layer)
            one = by_formula(
                path, layer, seen.get(place), place not in spared, x
            )
            learned = own.own_parameters().values()
            kept_for = sum(state.get(id(p), 0) for p in learned)
            entries.append(
                replace(one, kept=kept.get(place, 0), state=kept_for)
            )
    sums = {
        name: total([getattr(one, name) for one in entries])
        for name in ("parameters", "kept", "forward", "backward", "moved")
    }
    whole: Any = sums | {"state": sum(state.values())}
    return Account(
        tuple(entries), Entry("", "total", seen[id(trial)].y, **whole)
    )
