"""Layers in float64, with x and dy for them, and a network with memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from tests.comparing import LAYOUTS
from tests.reference import Array


class Case(NamedTuple):
    """A layer in float64, with x and dy for it."""

    layer: Any
    x: Array
    dy: Array


def case_of(
    layer: Any,
    rng: np.random.Generator,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
) -> Case:
    """Give a layer some bias, and draw x and dy of these shapes for it."""
    layer.astype(np.float64)
    layer.bias.value[...] = rng.standard_normal(layer.bias.value.shape)
    return Case(
        layer, rng.standard_normal(inputs), rng.standard_normal(outputs)
    )


def laid_out(draw: Any, case: Case) -> Case:
    """Draw a layout for the weights, for x and for dy."""
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    case.layer.weight.value = layout(case.layer.weight.value)
    return Case(case.layer, layout(case.x), layout(case.dy))


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    """Draw a number for each of the two axes of an image."""
    return st.tuples(st.integers(least, most), st.integers(least, most))


def network_with_memory(rng: np.random.Generator) -> Network:
    """Return one for images (1, 3, 3) that holds all that a pass changes."""
    layers = [BatchNorm2D(1), Dropout(0.5, rng=rng), Flatten()]
    return Network([*layers, Dense(9, 3, rng=rng)])
