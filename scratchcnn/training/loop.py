"""A training run: `train`, and its `History`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import numpy as np

from scratchcnn.arrays import Array, Labels, check_number, check_size
from scratchcnn.data.batches import check_batches, deal
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.layer import Layer
from scratchcnn.losses.loss import Loss
from scratchcnn.streams import progress_bar
from scratchcnn.training.optimizers import Optimizer
from scratchcnn.training.schedules import Schedule, constant

LOOKS = 1000  # at a schedule, before the first step

Batch: TypeAlias = tuple[Array, Array]
Augment: TypeAlias = "Callable[[Array, np.random.Generator], Array]"


@dataclass
class History:
    """What a training run has seen so far, one number for each epoch.

    Attributes
    ----------
    losses : list of float
        The mean loss of the epoch's examples, while it went on.
    scores : list of float
        What `score` has said after it; empty if nobody was asked.
    learning_rates : list of float
        The learning rate of its last step.

    Notes
    -----
    Chapter *A training run*. Its length is the number of epochs.

    Examples
    --------
    >>> History(losses=[0.7, 0.2])
    History(losses=[0.7, 0.2], scores=[], learning_rates=[])
    """

    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.losses)


def diverged(optimizer: Optimizer, what: str) -> FloatingPointError:
    """Return the error that says what went wrong, and how far."""
    sizes = [np.abs(p.grad).max(initial=0) for p in optimizer.parameters]
    largest = int(np.argmax(sizes))
    if sizes[largest] == 0:
        return FloatingPointError(
            f"train: {what}, before any gradient: are the initial weights "
            "and the targets numbers of a usual size?"
        )
    shape = optimizer.parameters[largest].value.shape
    return FloatingPointError(
        f"train: {what}; the largest gradient of the last step was "
        f"{sizes[largest]:.3g}, in parameter {largest + 1} of {len(sizes)}, "
        f"{shape}: try a smaller learning_rate than "
        f"{optimizer.learning_rate:g}"
    )


def check_run(
    network: Layer, optimizer: Optimizer, epochs: int, done: int
) -> None:
    """Stop a run that has gone too far, or would move something else."""
    check_size("train", "epochs", epochs, max(done, 1))
    own = {id(p) for p in network.parameters()}
    if not own.issuperset(map(id, optimizer.parameters)):
        raise ValueError(
            "train wants an optimizer of the network's own parameters, got "
            f"{optimizer.parameters} and {network}"
        )


def step_factor(schedule: Schedule, step: int, total: int) -> float:
    """Return the factor on the learning rate of one of `total` steps."""
    name = "the factor of the schedule"
    return check_number("train", name, schedule(step / total))


def check_schedule(schedule: Schedule, total: int) -> None:
    """Look at the first step, the last, and at most `LOOKS` in all."""
    gaps = max(min(total, LOOKS) - 1, 1)
    for i in range(gaps + 1):
        step_factor(schedule, (total - 1) * i // gaps, total)


def augmented(
    batches: Iterable[Batch], augment: Augment, rng: np.random.Generator
) -> Iterator[Batch]:
    """Yield the same batches, with changed examples."""
    return ((augment(x, rng), t) for x, t in batches)


def one_epoch(
    network: Layer,
    loss: Loss,
    optimizer: Optimizer,
    batches: Iterable[Batch],
    factors: Iterable[float],
    epoch: int,
    bar: Any,
) -> float:
    """Take a step for each batch; return the mean loss of all examples."""
    network.train()
    total, seen = 0.0, 0
    both = zip(batches, factors, strict=True)
    for number, ((x, t), factor) in enumerate(both, 1):
        value = loss.forward(network.forward(x), t)
        where = f"in epoch {epoch}, batch {number}"
        if not np.isfinite(value):
            raise diverged(optimizer, f"the loss is {value} {where}")
        network.backward(loss.backward())
        optimizer.step(factor)
        total, seen = total + value * len(x), seen + len(x)
        bar.set_postfix_str(f"loss {total / seen:.4f}", refresh=False)
        bar.update()
    if not all(np.isfinite(p.value).all() for p in optimizer.parameters):
        raise diverged(optimizer, f"a parameter is no longer finite {where}")
    return total / seen


def train(
    network: Layer,
    loss: Loss,
    optimizer: Optimizer,
    x: Array,
    t: Array | Labels,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    augment: Augment | None = None,
    score: Callable[[Layer], float] | None = None,
    after_epoch: Callable[[History], object] | None = None,
    history: History | None = None,
    progress: bool = False,
) -> History:
    """Train a network, epoch by epoch, and return how it went.

    Parameters
    ----------
    network : Layer
        What is trained, in place.
    loss : Loss
        Compares its outputs with the targets.
    optimizer : Optimizer
        Moves the network's parameters, or some of them.
    x, t : ndarray
        Examples (N, ...), and the targets or labels that the loss takes.
    epochs : int
        How often every example is seen, those of `history` included.
    batch_size : int
        How many examples make one step, from 1 to N.
    rng : numpy.random.Generator
        Shuffles the examples, anew in each epoch, and goes to `augment`.
    schedule : callable, optional
        Maps the share of all steps that is done, from 0 to 1, to a
        factor on the optimizer's learning rate; by default, 1.
    augment : callable, optional
        Given the examples of a batch, and `rng`, returns those that
        the network shall see.
    score : callable, optional
        Called with the network in evaluation mode after each epoch.
    after_epoch : callable, optional
        Called with the history after each epoch, to save it for example.
    history : History, optional
        Of the epochs that are already done; it is continued, in place.
    progress : bool
        Whether to show a bar on stderr.

    Returns
    -------
    History
        Losses, scores and learning rates, one an epoch.

    Raises
    ------
    TypeError, ValueError
        At once, if an argument can't be used; of a schedule with more
        than `LOOKS` steps, that many are looked at before the first.
    FloatingPointError
        If the loss or a parameter stops being finite; names the epoch,
        the batch and the parameter of the largest gradient, counted
        from 1.

    Notes
    -----
    Chapter *A training run*.

    Examples
    --------
    >>> rng, x = np.random.default_rng(0), np.array([[0.0], [1.0]])
    >>> layer, loss = Dense(1, 1, rng=rng), MeanSquaredError()
    >>> how = {"epochs": 100, "batch_size": 1, "rng": rng}
    >>> sgd = SGD(layer.parameters(), 0.2)
    >>> history = train(layer, loss, sgd, x, x, **how)
    >>> len(history), history.losses[-1] < 1e-6
    (100, True)
    """
    targets = cast(Array, t)
    check_batches("train", x, targets, batch_size, rng)
    history = History() if history is None else history
    check_run(network, optimizer, epochs, len(history))
    count = math.ceil(len(x) / batch_size)
    total, done = epochs * count, len(history) * count
    schedule = schedule or constant()
    check_schedule(schedule, total)
    with progress_bar(
        total, initial=done, unit="batch", disable=not progress
    ) as bar:
        for epoch in range(len(history), epochs):
            bar.set_description(f"epoch {epoch + 1} of {epochs}")
            batches = deal(x, targets, batch_size, rng)
            if augment is not None:
                batches = augmented(batches, augment, rng)
            steps = range(epoch * count, (epoch + 1) * count)
            factors = (step_factor(schedule, k, total) for k in steps)
            # An overflow ends in a loss that is refused; no need to warn too.
            with np.errstate(over="ignore", invalid="ignore"):
                mean = one_epoch(
                    network, loss, optimizer, batches, factors, epoch + 1, bar
                )
            if score is not None:
                with evaluation_mode(network):
                    history.scores.append(float(score(network)))
            history.losses.append(mean)
            last = step_factor(schedule, steps[-1], total)
            history.learning_rates.append(optimizer.learning_rate * last)
            if after_epoch is not None:
                after_epoch(history)
    return history
