"""How many operations does a layer take? `OPERATIONS`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D


class Work(NamedTuple):
    """Operations on the way there, for dL/d(parameters), and for dL/dx."""

    forward: int
    gradients: int
    dx: int


def weighted_sums(layer: Any, x: int, y: int) -> Work:
    """Multiply and add, as often as a number of y has weights."""
    terms = 2 * y * layer.weight.value[0].size
    return Work(terms, terms + y, terms)


def laid_down(layer: Any, x: int, y: int) -> Work:
    """Multiply and add, as often as a number of x has weights."""
    terms = 2 * x * layer.weight.value[0].size
    return Work(terms, terms + y, terms)


def normalization(layer: Any, x: int, y: int) -> Work:
    """Count what is done with each number, and with each channel."""
    c = layer.channels
    return Work(7 * x + 12 * c, 3 * x, 4 * x + 3 * c)


def maxima(layer: Any, x: int, y: int) -> Work:
    """Compare all pixels of a window; give its gradient to one of them."""
    return Work(y * (prod(layer.kernel_size) - 1), 0, y)


def means(layer: Any, x: int, y: int) -> Work:
    """Add all pixels of a window, and divide; and so on the way back."""
    each = y * (prod(layer.kernel_size) + 1)
    return Work(each, 0, each)


# Of a layer, and the sizes of x and y.
OPERATIONS: dict[type[Layer], Callable[[Any, int, int], Work]] = {
    AvgPool2D: means,
    BatchNorm2D: normalization,
    BlurPool2D: lambda layer, x, y: Work(18 * y, 0, 18 * y),
    Conv2D: weighted_sums,
    ConvTranspose2D: laid_down,
    Dense: weighted_sums,
    DepthwiseConv2D: weighted_sums,
    Dropout: lambda layer, x, y: Work(2 * x, 0, x),
    Flatten: lambda layer, x, y: Work(0, 0, 0),
    GlobalAvgPool2D: lambda layer, x, y: Work(x + y, 0, y),
    MaxPool2D: maxima,
    ReLU: lambda layer, x, y: Work(x, 0, x),
    Reshape: lambda layer, x, y: Work(0, 0, 0),
    Residual: lambda layer, x, y: Work(y, 0, x),
    Sigmoid: lambda layer, x, y: Work(4 * x, 0, 3 * x),
}
