"""Training by hand: `minibatches` and `gradient_descent`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scratchcnn.layer import Array, Layer, check_array, check_size
from scratchcnn.layers.initialization import check_generator
from scratchcnn.losses.mean_squared_error import Loss


def check_batches(
    owner: str, x: Array, t: Array, batch_size: int, rng: np.random.Generator
) -> None:
    """Stop batches that can't be made, numbers that can't be learned."""
    check_array(owner, "x", x, "N", ...)
    check_size(owner, "batch_size", batch_size)
    check_generator(owner, rng)
    if not isinstance(t, np.ndarray) or len(x) != len(t):
        got = t.shape if isinstance(t, np.ndarray) else type(t).__name__
        raise ValueError(
            f"{owner} wants t as an array with one target for each of the "
            f"examples, {x.shape}, got {got}"
        )
    if batch_size > len(x):
        raise ValueError(
            f"{owner} wants batch_size <= {len(x)}, the number of "
            f"examples, got {batch_size}"
        )
    for name, array in ("x", x), ("t", t):
        if not np.isfinite(array).all():
            raise ValueError(f"{owner} wants {name} finite, got NaN or inf")


def deal(
    x: Array, t: Array, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Yield shuffled batches; the last may be smaller than the others."""
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        yield x[chosen], t[chosen]


def minibatches(
    x: Array, t: Array, batch_size: int, *, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Shuffle the examples, and deal them out in batches.

    Parameters
    ----------
    x, t : ndarray
        Examples (N, ...) and their targets (N, ...).
    batch_size : int
        How many examples make a batch, from 1 to N.
    rng : numpy.random.Generator
        Shuffles; images and targets stay together.

    Returns
    -------
    iterator of (ndarray, ndarray)
        Every example once; the last batch may be smaller.

    Raises
    ------
    TypeError, ValueError
        At once, if the batches can't be made or a number is not finite.

    Notes
    -----
    Chapter *Training by hand*.
    """
    check_batches("minibatches", x, t, batch_size, rng)
    return deal(x, t, batch_size, rng)


def gradient_step(
    network: Layer, loss: Loss, x: Array, t: Array, learning_rate: float
) -> float:
    """Go forward, go back, and move every parameter downhill.

    Returns
    -------
    float
        The loss of the batch x, (N, ...), before the step.

    Raises
    ------
    FloatingPointError
        If the loss is not a finite number; nothing is moved then.

    Notes
    -----
    Chapter *Training by hand*.
    """
    value = loss.forward(network.forward(x), t)
    if not np.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value}: try a smaller learning_rate than "
            f"{learning_rate}"
        )
    network.backward(loss.backward())
    for p in network.parameters():
        p.value -= learning_rate * p.grad
    return value


def gradient_descent(
    network: Layer,
    loss: Loss,
    x: Array,
    t: Array,
    *,
    learning_rate: float,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Train a network by plain gradient descent, epoch by epoch.

    Parameters
    ----------
    network : Layer
        What is trained, in place.
    loss : Loss
        Compares its outputs with the targets.
    x, t : ndarray
        Examples (N, ...), and the targets that the loss takes.
    learning_rate : float
        The size of a step against the gradient, positive.
    epochs : int
        How often every example is seen.
    batch_size : int
        How many examples make one step.
    rng : numpy.random.Generator
        Shuffles the examples, anew in each epoch.

    Returns
    -------
    iterator of float
        After each epoch, the mean loss of its examples. Nothing is
        trained unless the iterator is followed.

    Raises
    ------
    TypeError, ValueError
        At once, if an argument can't be used.
    FloatingPointError
        If the loss or a parameter stops being finite.

    Notes
    -----
    Chapter *Training by hand*.
    """
    check_batches("gradient_descent", x, t, batch_size, rng)
    check_size("gradient_descent", "epochs", epochs)
    if not 0 < learning_rate < np.inf:
        raise ValueError(
            "gradient_descent wants a finite learning_rate > 0, got "
            f"{learning_rate}"
        )

    def epoch() -> float:
        network.train()
        total = 0.0
        # An overflow ends in a loss that is refused; no need to warn too.
        with np.errstate(over="ignore", invalid="ignore"):
            for xs, ts in deal(x, t, batch_size, rng):
                value = gradient_step(network, loss, xs, ts, learning_rate)
                total += value * len(xs)
        if not all(np.isfinite(p.value).all() for p in network.parameters()):
            raise FloatingPointError(
                "a parameter is no longer finite: try a smaller "
                f"learning_rate than {learning_rate}"
            )
        return total / len(x)

    return (epoch() for _ in range(epochs))
