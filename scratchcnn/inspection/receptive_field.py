"""Which pixels does an output see? Its `Field`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import Pair
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.residual import Residual

WINDOWED = AvgPool2D, BlurPool2D, Conv2D, DepthwiseConv2D, MaxPool2D
POINTWISE = BatchNorm2D, Dropout, ReLU, Sigmoid


class Field(NamedTuple):
    """Where an output of some layers looks; pairs are (down, right).

    Output (i, j) looks at `size` pixels from ``start + stride * (i, j)``
    on, some of which may lie in the padding, outside the image.

    Attributes
    ----------
    start : (int, int)
        The first row and column that output (0, 0) looks at.
    stride : (int, int)
        How far it is to those of the next output.
    size : (int, int)
        How many rows and columns it looks at.

    Notes
    -----
    Chapter *What the network has learned*.
    """

    start: Pair
    stride: Pair
    size: Pair


def receptive_field(network: Layer) -> Field:
    """Work out which pixels an output of convolutions and pools can see.

    Parameters
    ----------
    network : Layer
        Convolutions, pooling and layers that work number by number, or
        a `Residual` or `Network` of them.

    Returns
    -------
    Field
        The window of the output at (0, 0), and the way to the next.

    Raises
    ------
    TypeError
        If there is another layer, whose outputs have no position.
    ValueError
        If the two ways of a `Residual` have different strides.

    Notes
    -----
    Chapter *What the network has learned*.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> receptive_field(Network([Conv2D(1, 1, 3, rng=rng), MaxPool2D(2)]))
    Field(start=(0, 0), stride=(2, 2), size=(4, 4))
    """
    start, stride, size = np.array([[0, 0], [1, 1], [1, 1]])
    for layer in network.leaves():
        if isinstance(layer, WINDOWED) and type(layer) in WINDOWED:
            apart = getattr(layer, "dilation", 1) * stride
            size = size + (np.array(layer.kernel_size) - 1) * apart
            start = start - getattr(layer, "padding", 0) * stride
            stride = stride * layer.stride
        elif type(layer) is Residual:
            first, step, width = both_ways(layer)
            size = size + (width - 1) * stride
            start = start + first * stride
            stride = stride * step
        elif type(layer) not in POINTWISE:
            raise TypeError(
                "receptive_field wants convolutions, pooling and layers "
                f"that work number by number, got {layer!r}"
            )
    return Field(*((int(y), int(x)) for y, x in (start, stride, size)))


def both_ways(layer: Residual) -> npt.NDArray[np.int64]:
    """Return start, stride and size of the window that holds both fields."""
    pixel = ReLU()  # sees what a way around without layers sees
    inside, around = (
        np.array(receptive_field(way))
        for way in (layer.inside, layer.shortcut or pixel)
    )
    if (inside[1] != around[1]).any():
        raise ValueError(
            f"receptive_field wants two ways of one stride, got {layer!r}"
        )
    start = np.minimum(inside[0], around[0])
    end = np.maximum(inside[0] + inside[2], around[0] + around[2])
    return np.array([start, inside[1], end - start])
