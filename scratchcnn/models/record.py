"""The network of the record: `record`."""

from __future__ import annotations

import numpy as np

from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten


def record(*, rng: np.random.Generator) -> Network:
    """Build the network of the record: logits (N, 10) of (N, 1, 28, 28).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws all initial weights, in the order of the layers.

    Notes
    -----
    Chapter *The trainer*.

    Examples
    --------
    >>> network = record(rng=np.random.default_rng(0))
    >>> network(np.zeros((5, 1, 28, 28))).shape
    (5, 10)
    """
    layers: list[Layer] = []
    for before, channels in ((1, 24), (24, 48), (48, 96)):
        layers += [
            Conv2D(before, channels, 3, padding=1, rng=rng),
            BatchNorm2D(channels),
            ReLU(),
            MaxPool2D(2),
        ]
    return Network([*layers, Flatten(), Dense(96 * 3 * 3, 10, rng=rng)])
