"""What the weights have been lately: `Averaged` and `averages`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import Array, check_number, check_size
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.training.optimizers import Optimizer, numbered


class Averaged(Optimizer):
    """Lets another optimizer take the steps, and averages where they lead.

    After step k of those that count, ``average += weight * (p.value -
    average)`` with ``weight = max(1 / k, share)``. The parameters are
    the other optimizer's, and so is what happens to them.

    Parameters
    ----------
    optimizer : Optimizer
        Takes the steps. From now on its learning rate is set from here.
    start : int
        How many steps are taken before the first that counts.
    share : float
        The least share of the newest step in the average, in [0, 1):
        with 0 all steps count the same, otherwise those of about the
        last ``1 / share`` steps.

    Attributes
    ----------
    average : list of ndarray
        The average of each parameter, float64; before the first step
        that counts, where the parameters were at the beginning.
    steps : ndarray
        How many steps have been taken, (), an integer.

    Raises
    ------
    TypeError, ValueError
        If `optimizer` is none, or a setting is not in its range.

    Notes
    -----
    Chapter *The last steps*; Polyak and Juditsky, "Acceleration of
    stochastic approximation by averaging" (1992); Izmailov et al.,
    "Averaging weights leads to wider optima and better generalization"
    (2018).

    Examples
    --------
    >>> p = Parameter(np.zeros(1))
    >>> optimizer = Averaged(SGD([p], 1.0))
    >>> for gradient in -4, 2:
    ...     p.grad[...] = gradient
    ...     optimizer.step()
    >>> p.value, optimizer.average
    (array([2.]), [array([3.])])
    """

    def __init__(
        self, optimizer: Optimizer, *, start: int = 0, share: float = 0.0
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"Averaged wants an Optimizer, got {optimizer!r}")
        super().__init__(optimizer.parameters, optimizer.learning_rate)
        self.optimizer = optimizer
        self.start = check_size("Averaged", "start", start, 0)
        self.share = check_number("Averaged", "share", share, below=1)
        self.average = [p.value.astype(np.float64) for p in self.parameters]
        self.steps = np.zeros((), np.int64)

    def step(self, factor: float = 1.0) -> None:
        """Let the other optimizer take a step, and count it in."""
        self.optimizer.learning_rate = self.learning_rate
        self.optimizer.step(factor)
        self.steps += 1
        k = int(self.steps) - self.start
        if k < 1:
            return
        weight = max(1 / k, self.share)
        for p, average in zip(self.parameters, self.average, strict=True):
            average += weight * (p.value - average)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return ``average.0`` and so on, ``steps``, and the other's."""
        other = {f"of.{k}": a for k, a in self.optimizer.state().items()}
        averages = numbered("average", self.average)
        return {**other, **averages, "steps": self.steps}

    def put(self) -> None:
        """Change each parameter's value in place to its average.

        Before the first step that counts there is none, and nothing
        changes.
        """
        if self.steps > self.start:
            for p, average in zip(self.parameters, self.average, strict=True):
                p.value[...] = average


def estimate_statistics(
    network: Layer, x: Array, *, batch_size: int = 250
) -> None:
    """Measure anew what batch normalization subtracts and divides by.

    Every running mean and variance becomes the mean of those of all
    batches, by the network as it is now; all other layers are in
    evaluation mode. Without such a layer nothing happens.

    Parameters
    ----------
    network : Layer
        Its buffers are changed, in place.
    x : ndarray
        Training images, (N, ...), at least one.
    batch_size : int
        How many of them make a batch; the last may be smaller, and
        counts by its size.

    Raises
    ------
    TypeError, ValueError
        If `batch_size` is not a positive integer, if there are no
        images, or if a batch, perhaps the last, leaves a channel but
        one number to measure: one image, in maps of one pixel.

    Notes
    -----
    Chapter *The last steps*.

    Examples
    --------
    >>> layer = BatchNorm2D(1)
    >>> estimate_statistics(layer, np.array([[[[5.0, 9.0]]]]))
    >>> layer.running_mean, layer.running_variance
    (array([7.]), array([8.]))
    """
    check_size("estimate_statistics", "batch_size", batch_size)
    if len(x) == 0:
        raise ValueError("estimate_statistics wants images, got none")
    layers = [one for _, one in network.walk() if isinstance(one, BatchNorm2D)]
    momenta = [layer.momentum for layer in layers]
    arrays = [a for layer in layers for a in layer.buffers().values()]
    result, means = [a.copy() for a in arrays], [0 * a for a in arrays]
    try:
        with evaluation_mode(network):
            for layer in layers:
                layer.training, layer.momentum = True, 1.0
            for i in range(0, len(x) if layers else 0, batch_size):
                batch = x[i : i + batch_size]
                for a in arrays:
                    a[...] = 0
                network.forward(batch)
                for mean, a in zip(means, arrays, strict=True):
                    mean += a * (len(batch) / len(x))
        result = means
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for a, numbers in zip(arrays, result, strict=True):
            a[...] = numbers


@contextmanager
def averages(
    optimizer: Averaged, network: Layer, x: Array, *, batch_size: int = 250
) -> Iterator[None]:
    """Use a network with its averaged weights; then give it back its own.

    Batch normalization gets the statistics that go with them, by
    `estimate_statistics`. Afterwards parameters and buffers are what
    they were, bit for bit, and the training can go on.

    Parameters
    ----------
    optimizer : Averaged
        Has the averages of the network's parameters.
    network : Layer
        The network.
    x, batch_size
        As for `estimate_statistics`.

    Raises
    ------
    TypeError
        If `optimizer` is no `Averaged`.
    ValueError
        If it moves a parameter that is not the network's.

    Notes
    -----
    Chapter *The last steps*. Before the first step that counts, nothing
    changes.

    Examples
    --------
    >>> layer = Dense(1, 1, rng=np.random.default_rng(0))
    >>> optimizer = Averaged(SGD(layer.parameters(), 1.0))
    >>> layer.bias.grad[...] = -4
    >>> for _ in range(3):
    ...     optimizer.step()
    >>> with averages(optimizer, layer, np.ones((1, 1))):
    ...     print(layer.bias.value)
    [8.]
    >>> layer.bias.value
    array([12.], dtype=float32)
    """
    if not isinstance(optimizer, Averaged):
        raise TypeError(f"averages wants an Averaged, got {optimizer!r}")
    parameters = network.parameters()
    ids = {id(p) for p in parameters}
    if not ids.issuperset(map(id, optimizer.parameters)):
        raise ValueError(
            "averages wants an optimizer of the network's own parameters, "
            f"got {optimizer.parameters} and {network}"
        )
    arrays = [p.value for p in parameters]
    for _, layer in network.walk():
        arrays += layer.buffers().values()
    kept = [a.copy() for a in arrays]
    try:
        if optimizer.steps > optimizer.start:
            optimizer.put()
            estimate_statistics(network, x, batch_size=batch_size)
        yield
    finally:
        for a, own in zip(arrays, kept, strict=True):
            a[...] = own
