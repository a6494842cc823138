"""From layers to stages: `Row`."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.compiler.convolution import (
    AvgPoolStage,
    BiasStage,
    BlurPoolStage,
    ConvStage,
    GlobalAvgPoolStage,
    MaxPoolStage,
)
from scratchcnn.compiler.depthwise_convolution import DepthwiseStage
from scratchcnn.compiler.stage import (
    AnyStage,
    BatchNormStage,
    DenseStage,
    DropoutStage,
    ReLUStage,
    ReshapeStage,
    Stage,
)
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual

STAGES: dict[type[Layer], list[Any]] = {
    AvgPool2D: [AvgPoolStage],
    BatchNorm2D: [BatchNormStage],
    BlurPool2D: [BlurPoolStage],
    Conv2D: [ConvStage, BiasStage],
    Dense: [DenseStage],
    DepthwiseConv2D: [DepthwiseStage, BiasStage],
    Dropout: [DropoutStage],
    Flatten: [ReshapeStage],
    GlobalAvgPool2D: [GlobalAvgPoolStage],
    MaxPool2D: [MaxPoolStage],
    ReLU: [ReLUStage],
    Reshape: [ReshapeStage],
}


def translate(layer: Layer) -> list[Any]:
    """Return the kinds of stages that do the work of a layer."""
    if isinstance(layer, MaxPool2D) and layer.stride != layer.kernel_size:
        return [AnyStage]
    if type(layer) is Residual:
        return [ResidualStage]
    return STAGES.get(type(layer), [AnyStage])


def stages_of(network: Layer) -> list[tuple[Any, Layer]]:
    """Return all kinds of stages with their layers, in a good order.

    Max pooling moves before bias and ReLU, which never make a smaller
    number the larger one, and then have less to do.
    """
    stages: list[tuple[Any, Layer]] = []
    for layer in network.leaves():
        for kind in translate(layer):
            i = len(stages)
            while kind is MaxPoolStage and i > 0:
                if stages[i - 1][0] not in (BiasStage, ReLUStage):
                    break
                i -= 1
            stages.insert(i, (kind, layer))
    return stages


class Row:
    """The stages of a layer, one after the other, from x to y.

    Where there is no layer, y is x.
    """

    def __init__(self, layer: Layer | None, x: Array) -> None:
        stages = [] if layer is None else stages_of(layer)
        self.x = self.y = x
        self.stages: list[Stage[Any]] = []
        for kind, one in stages:
            self.stages.append(kind(one, self.y))
            self.y = self.stages[-1].y
        learning = (i for i, (_, one) in enumerate(stages) if one.parameters())
        self.first = next(learning, len(stages))

    def forward(self) -> None:
        """Fill y from x."""
        for stage in self.stages:
            stage.forward()

    def backward(self, input_gradient: bool) -> None:
        """Fill the gradients, and x with dL/dx if it is asked for."""
        first = 0 if input_gradient else self.first
        for i in reversed(range(first, len(self.stages))):
            self.stages[i].learn()
            if i > first or input_gradient:
                self.stages[i].backward()


class ResidualStage(Stage[Residual]):
    """Two rows of stages, one around the other; y is their sum."""

    def allocate(self) -> None:
        """Give the row inside a buffer of its own to work in."""
        self.inside = Row(self.layer.inside, np.empty_like(self.x))
        self.around = Row(self.layer.shortcut, self.x)
        self.y = self.inside.y

    def forward(self) -> None:
        """Go both ways, and add."""
        np.copyto(self.inside.x, self.x)
        self.inside.forward()
        self.around.forward()
        self.y += self.around.y

    def learn(self) -> None:
        """Go back both ways, and add: dx comes by the way."""
        np.copyto(self.around.y, self.y)
        self.inside.backward(True)
        self.around.backward(True)
        self.x += self.inside.x

    def backward(self) -> None:
        """Leave dx where `learn` has put it."""
