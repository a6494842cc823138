"""All ten classes: `ten_class_network` and `confusion_matrix`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.evaluation.accuracy import Labels
from scratchcnn.layer import check_size
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.cross_entropy import check_labels


def ten_class_network(*, rng: np.random.Generator) -> Network:
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


def confusion_matrix(
    labels: Labels, guesses: Labels, classes: int
) -> npt.NDArray[np.int64]:
    """Count which classes are taken for which.

    Parameters
    ----------
    labels, guesses : ndarray
        What the examples are and what they are taken for: integers from
        0 to ``classes - 1``, (N,).
    classes : int
        How many classes there are, K.

    Returns
    -------
    ndarray
        int64, (K, K). Row i, column j: how many examples of class i are
        taken for class j. The diagonal holds those that are right.

    Raises
    ------
    TypeError
        If `labels` or `guesses` is not an array of integers, or
        `classes` is not one.
    ValueError
        If there is not one guess for each label, or one of either is
        none of the classes.

    Notes
    -----
    Chapter *Ten classes*.
    """
    check_size("confusion_matrix", "classes", classes)
    size = np.size(labels)
    check_labels("confusion_matrix", "labels", labels, size, classes)
    check_labels("confusion_matrix", "guesses", guesses, size, classes)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, guesses), 1)
    return matrix
