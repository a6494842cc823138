"""Which class is taken for which? `confusion_matrix`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import Labels, check_labels, check_size


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

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    check_size("confusion_matrix", "classes", classes)
    size = np.size(labels)
    check_labels("confusion_matrix", "labels", labels, size, classes)
    check_labels("confusion_matrix", "guesses", guesses, size, classes)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, guesses), 1)
    return matrix
