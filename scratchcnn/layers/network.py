"""One layer after the other: `Network`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.layer import Layer


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

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Flatten(), Dense(784, 2, rng=rng)])
    >>> network(np.zeros((5, 1, 28, 28))).shape
    (5, 2)
    >>> print(network.summary((1, 28, 28)))
        layer          output               parameters
        input          (N, 1, 28, 28)                0
      0 Flatten()      (N, 784)                      0
      1 Dense(784, 2)  (N, 2)                    1,570
        total                                    1,570
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Network wants layers, got {layer!r}")
        inside = [id(one) for top in self.layers for _, one in top.walk()]
        if not 0 < len(inside) == len(set(inside)):
            raise ValueError(
                f"Network wants one or more distinct layers, got {layers}"
            )

    def __repr__(self) -> str:
        return f"Network({self.layers})"

    def leaves(self) -> Iterator[Layer]:
        """Yield the layers in the order of their work, networks opened.

        A network of another kind than this one stays closed: its own
        forward pass may do more than one layer after the other.
        """
        if type(self) is not Network:
            yield self
            return
        for layer in self.layers:
            yield from layer.leaves()

    @property
    def input_gradient(self) -> bool:
        """Whether all layers return the gradient by their input."""
        return all(layer.input_gradient for layer in self.layers)

    def forward(self, x: Array) -> Array:
        """Return the last layer's output for the batch x, (N, ...)."""
        try:
            for layer in self.layers:
                x = layer.forward(x)
        except BaseException:
            for _, layer in self.walk():
                layer.forget()  # half of a pass
            raise
        return x

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, having filled every parameter's grad."""
        first, *others = self.layers
        for layer in reversed(others):
            if not layer.input_gradient:
                raise ValueError(
                    f"{self!r} wants dL/dx of all layers but the first: "
                    "accelerate needs input_gradient=True"
                )
            dy = layer.backward(dy)
        return first.backward(dy)

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
