"""The network of the record: `record`."""

from __future__ import annotations

import numpy as np

from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.residual import Residual


def record(*, rng: np.random.Generator) -> Network:
    """Build the network of the record: logits (N, 10) of (N, 1, 28, 28).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws all initial weights, in the order of the layers.

    Notes
    -----
    Chapter *A record*.

    Examples
    --------
    >>> network = record(rng=np.random.default_rng(0))
    >>> network(np.zeros((5, 1, 28, 28))).shape
    (5, 10)
    """

    def convolution(before: int, channels: int) -> list[Layer]:
        convolve = Conv2D(before, channels, 3, padding=1, rng=rng)
        return [convolve, BatchNorm2D(channels), ReLU()]

    layers: list[Layer] = []
    for before, channels in ((1, 28), (28, 56)):
        layers += [*convolution(before, channels), MaxPool2D(2)]
        inside = [convolution(channels, channels) for _ in range(2)]
        layers.append(Residual(Network([*inside[0], *inside[1]])))
    return Network([*layers, GlobalAvgPool2D(), Dense(56, 10, rng=rng)])
