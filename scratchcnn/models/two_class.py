"""The network of Part I: `two_class`."""

from __future__ import annotations

import numpy as np

from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Reshape


def two_class(*, rng: np.random.Generator) -> Network:
    """Build the network of Part I: one number for an image of 28 x 28.

    Images (N, 1, 28, 28) become outputs (N, 1), which are trained to be
    0 for the first class and 1 for the second.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws all initial weights, in the order of the layers.

    Notes
    -----
    Chapter *The network*.

    Examples
    --------
    >>> network = two_class(rng=np.random.default_rng(0))
    >>> network(np.zeros((5, 1, 28, 28))).shape
    (5, 1)
    """
    return Network(
        [
            Conv2D(1, 4, 3, rng=rng),
            ReLU(),
            Reshape((4 * 26 * 26,)),
            Dense(4 * 26 * 26, 32, rng=rng),
            ReLU(),
            Dense(32, 1, rng=rng),
        ]
    )
