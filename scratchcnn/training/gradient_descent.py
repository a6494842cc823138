"""Training by hand: `gradient_descent`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scratchcnn.arrays import Array, check_number, check_size
from scratchcnn.data.batches import check_batches, deal
from scratchcnn.layer import Layer
from scratchcnn.losses.loss import Loss


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

    Examples
    --------
    >>> layer, one = Dense(1, 1, rng=np.random.default_rng(0)), np.ones((1, 1))
    >>> layer.weight.value[...] = 3
    >>> gradient_step(layer, MeanSquaredError(), one, one, 0.25)
    4.0
    >>> layer.weight.value, layer.bias.value
    (array([[2.]], dtype=float32), array([-1.], dtype=float32))
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

    Examples
    --------
    >>> rng, x = np.random.default_rng(0), np.array([[0.0], [1.0]])
    >>> layer, loss = Dense(1, 1, rng=rng), MeanSquaredError()
    >>> how = {"learning_rate": 0.2, "epochs": 100, "batch_size": 1}
    >>> losses = list(gradient_descent(layer, loss, x, x, rng=rng, **how))
    >>> len(losses), losses[-1] < 1e-6
    (100, True)
    """
    check_batches("gradient_descent", x, t, batch_size, rng)
    check_size("gradient_descent", "epochs", epochs)
    check_number(
        "gradient_descent", "learning_rate", learning_rate, positive=True
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
