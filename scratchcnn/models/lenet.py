"""The network of Part II: `lenet`."""

from __future__ import annotations

import numpy as np

from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten


def lenet(*, rng: np.random.Generator) -> Network:
    """Build the network of Part II: ten numbers for an image of 28 x 28.

    Images (N, 1, 28, 28) become logits (N, 10), one for each class. It
    has the form of LeNet-5, with ReLU and max pooling.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws all initial weights, in the order of the layers.

    Raises
    ------
    TypeError
        If `rng` is not a Generator.

    Notes
    -----
    Chapter *Ten classes*; LeCun et al., "Gradient-based learning applied
    to document recognition" (1998).

    Examples
    --------
    >>> network = lenet(rng=np.random.default_rng(0))
    >>> network(np.zeros((5, 1, 28, 28))).shape
    (5, 10)
    """
    return Network(
        [
            Conv2D(1, 8, 5, padding=2, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Conv2D(8, 16, 5, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            Dense(16 * 5 * 5, 64, rng=rng),
            ReLU(),
            Dense(64, 10, rng=rng),
        ]
    )
