"""What has a network learned? Its features, and pictures of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import (
    Array,
    check_array,
    check_labels,
    check_size,
)
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.inspection.receptive_field import Field
from scratchcnn.layers.network import Network

Positions = npt.NDArray[np.int64]


def activations(network: Network, x: Array) -> list[Array]:
    """Return the output of every layer, in evaluation mode.

    Parameters
    ----------
    network : Network
        Its layers each get what the one before gives.
    x : ndarray
        A batch for the first of them, (N, ...).

    Returns
    -------
    list of ndarray
        One for each layer, (N, ...); the last is the network's output.
        They are what the layers gave: one that reshapes gives a view.

    Raises
    ------
    TypeError
        If `network` is not a `Network`, or has a `forward` of its own.

    Notes
    -----
    Chapter *What the network has learned*.

    Examples
    --------
    >>> network = Network([ReLU(), Flatten()])
    >>> one, two = activations(network, np.ones((1, 2, 1)))
    >>> one.shape, two.shape
    ((1, 2, 1), (1, 2))
    """
    known = isinstance(network, Network) and [*network.leaves()] != [network]
    if not known:  # who knows what it does
        raise TypeError(f"activations wants a Network, got {network!r}")
    outputs = []
    with evaluation_mode(network):
        for layer in network.layers:
            x = layer.forward(x)
            outputs.append(x)
    return outputs


def strongest(maps: Array, channel: int, count: int) -> Positions:
    """Find where a feature map is largest, one position an image.

    Parameters
    ----------
    maps : ndarray
        What some layers make of images, (N, F, OH, OW).
    channel : int
        Which of the F maps, from 0.
    count : int
        How many images to take, from 1 to N: those whose largest number
        is largest.

    Returns
    -------
    ndarray
        Positions, int64, (count, 3): image, row and column of the map,
        the largest first; of equal ones the first.

    Raises
    ------
    TypeError, ValueError
        If `maps` is not of that shape, or a number is out of range.

    Notes
    -----
    Chapter *What the network has learned*.

    Examples
    --------
    >>> maps = np.array([[[[1.0, 0.0]]], [[[2.0, 7.0]]]])
    >>> strongest(maps, 0, 2)  # image, row, column
    array([[1, 0, 1],
           [0, 0, 0]])
    """
    check_array("strongest", "maps", maps, "N", "F", "OH", "OW")
    for name, number, low, high in [
        ("channel", channel, 0, maps.shape[1] - 1),
        ("count", count, 1, len(maps)),
    ]:
        if check_size("strongest", name, number, low) > high:
            raise ValueError(f"strongest wants {name} <= {high}, got {number}")
    one = maps[:, channel].reshape(len(maps), -1)
    order = np.argsort(-one.max(axis=1), kind="stable")[:count]
    best = one[order].argmax(axis=1)
    return np.stack([order, *np.unravel_index(best, maps.shape[2:])], axis=1)


def patches(x: Array, field: Field, positions: Positions) -> Array:
    """Cut out what the outputs at some positions have looked at.

    Parameters
    ----------
    x : ndarray
        Images, (N, C, H, W).
    field : Field
        Of the layers whose outputs these are.
    positions : ndarray
        Image, row and column of M outputs, integers, (M, 3).

    Returns
    -------
    ndarray
        (M, C, RH, RW), RH and RW being the size of the field; zero
        where it lies outside the image.

    Raises
    ------
    TypeError, ValueError
        If an array is not of its shape, or a position in none of the images.

    Notes
    -----
    Chapter *What the network has learned*.

    Examples
    --------
    >>> x, layer = np.arange(9.0).reshape(1, 1, 3, 3), MaxPool2D(2, stride=1)
    >>> patches(x, receptive_field(layer), np.array([[0, 1, 1]]))
    array([[[[4., 5.],
             [7., 8.]]]])
    """
    check_array("patches", "x", x, "N", "C", "H", "W")
    if np.ndim(positions) != 2 or np.shape(positions)[1] != 3:
        raise ValueError(
            "patches wants positions of shape (M, 3), "
            f"got {np.shape(positions)}"
        )
    n = positions[:, 0]
    check_labels("patches", "the images of positions", n, len(n), len(x))
    positions = positions.astype(np.int64)  # a byte would overflow
    inside, index = [], []
    for axis in (0, 1):
        first = field.start[axis] + field.stride[axis] * positions[:, axis + 1]
        lines = first[:, None] + np.arange(field.size[axis])
        index.append(lines.clip(0, x.shape[axis + 2] - 1))
        inside.append(index[axis] == lines)
    (rows, columns), (above, beside) = index, inside
    seen = x[n[:, None, None], :, rows[:, :, None], columns[:, None]]
    there = above[:, None, :, None] & beside[:, None, None]
    return np.where(there, seen.transpose(0, 3, 1, 2), x.dtype.type(0))


def neighbors(features: Array, queries: Array, count: int) -> Positions:
    """Find the rows of `features` that are nearest to each query.

    Parameters
    ----------
    features : ndarray
        N examples, (N, ...); each is read as one vector.
    queries : ndarray
        Q others of the same kind, (Q, ...).
    count : int
        How many to find, from 1 to N.

    Returns
    -------
    ndarray
        Rows of `features`, int64, (Q, count), the nearest first: those
        of the least sum of squared differences.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of one kind, or not finite, or `count` is
        out of range.

    Notes
    -----
    Chapter *What the network has learned*.

    Examples
    --------
    >>> neighbors(np.array([[0.0], [5.0], [9.0]]), np.array([[6.0]]), 2)
    array([[1, 2]])
    """
    check_array("neighbors", "features", features, "N", ...)
    check_array("neighbors", "queries", queries, "Q", *features.shape[1:])
    if check_size("neighbors", "count", count) > len(features):
        raise ValueError(
            f"neighbors wants count <= {len(features)}, got {count}"
        )
    for name, array in ("features", features), ("queries", queries):
        if not np.isfinite(array).all():
            raise ValueError(f"neighbors wants {name} finite, got NaN or inf")
    length = features[0].size
    # In float64 and from the mean, or squares would swallow the differences.
    middle = features.mean(axis=0, dtype=np.float64)
    f, q = ((a - middle).reshape(len(a), length) for a in (features, queries))
    # |q - f|^2 without |q|^2, which is the same for all of them.
    far: npt.NDArray[Any] = np.einsum("nd,nd->n", f, f) - 2 * (q @ f.T)
    few = np.argpartition(far, count - 1, axis=1)[:, :count]
    order = np.take_along_axis(far, few, axis=1).argsort(axis=1)
    return np.take_along_axis(few, order, axis=1)
