"""One layer after the other: `Network`."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from scratchcnn.layer import Array, Layer
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Reshape


class Network(Layer):
    """Layers in a row: the output of each is the input of the next.

    A network is itself a layer, so networks can stand inside networks.

    Parameters
    ----------
    layers : sequence of Layer
        From the first to the last; each may stand there only once,
        because it remembers one forward pass.

    Raises
    ------
    TypeError
        If one of them is not a `Layer`.
    ValueError
        If there is none, or the same one twice.

    Notes
    -----
    Chapter *The network*.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Network wants layers, got {layer!r}")
        inside = [id(one) for layer in self.layers for one in layer.walk()]
        if not 0 < len(inside) == len(set(inside)):
            raise ValueError(
                f"Network wants one or more distinct layers, got {layers}"
            )

    def __repr__(self) -> str:
        return f"Network({self.layers})"

    def children(self) -> list[Layer]:
        """Return the layers, from the first to the last."""
        return self.layers

    def forward(self, x: Array) -> Array:
        """Return the last layer's output for the batch x, (N, ...)."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, having filled every parameter's grad."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def summary(self, input_shape: tuple[int, ...]) -> str:
        """Return a table of every layer's output shape and parameters.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of one example, without the batch axis.

        Raises
        ------
        ValueError
            If some layer can't take what the one before it gives.
        """
        network = copy.deepcopy(self)
        network.eval()
        x: Array = np.zeros((1, *input_shape), np.float32)
        rows = [("", "input", x.shape, 0)]
        for i, layer in enumerate(network.layers):
            x = layer.forward(x)
            count = sum(p.value.size for p in layer.parameters())
            rows.append((str(i), repr(layer), x.shape, count))
        width = max(len(name) for _, name, _, _ in rows)
        total = sum(count for *_, count in rows)
        lines = [f"{'':>3} {'layer':{width}}  {'output':20} parameters"]
        for number, name, shape, count in rows:
            sizes = "(" + ", ".join(["N", *map(str, shape[1:])]) + ")"
            lines.append(f"{number:>3} {name:{width}}  {sizes:20} {count:10,}")
        lines.append(f"{'':>3} {'total':{width}}  {'':20} {total:10,}")
        return "\n".join(lines)


def two_class_network(*, rng: np.random.Generator) -> Network:
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
