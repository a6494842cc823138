"""Every output looks at every input: `Dense`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array, check_size
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.initialization import he_normal


class Dense(Layer):
    """A weighted sum of all inputs, and a bias, for every output.

    ``y = x @ w.T + b``, with x of shape (N, in_features) and y of
    shape (N, out_features).

    Parameters
    ----------
    in_features, out_features : int
        The lengths D and M of one input and of one output vector.
    rng : numpy.random.Generator
        Draws the initial weights; the bias starts at zero.

    Attributes
    ----------
    weight : Parameter
        w, of shape (out_features, in_features).
    bias : Parameter
        b, of shape (out_features,).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, or `x` or `dy` is not a
        floating-point array of the shape above.

    Notes
    -----
    Chapter *Dense*.

    Examples
    --------
    >>> layer = Dense(2, 1, rng=np.random.default_rng(0))
    >>> layer.weight.value[...] = [[3, -1]]
    >>> layer(np.array([[1.0, 2.0], [0.5, 0.0]]))
    array([[1. ],
           [1.5]])
    """

    def __init__(
        self, in_features: int, out_features: int, *, rng: np.random.Generator
    ) -> None:
        self.in_features = check_size("Dense", "in_features", in_features)
        self.out_features = check_size("Dense", "out_features", out_features)
        shape = (self.out_features, self.in_features)
        self.weight = Parameter(he_normal(shape, fan_in=shape[1], rng=rng))
        self.bias = Parameter(np.zeros(shape[0], np.float32))

    def __repr__(self) -> str:
        return f"Dense({self.in_features}, {self.out_features})"

    def forward(self, x: Array) -> Array:
        """Return ``x @ w.T + b``: (N, in_features) to (N, out_features)."""
        check_array(self, "x", x, "N", self.in_features)
        self.keep(x)
        w, b = self.weight.cast(x.dtype), self.bias.cast(x.dtype)
        return x @ w.T + b

    def backward(self, dy: Array) -> Array:
        """Return ``dy @ w``: (N, out_features) to (N, in_features)."""
        x = self.recall()
        check_array(self, "dy", dy, len(x), self.out_features)
        self.weight.grad[...] = np.dot(dy.T, x)
        self.bias.grad[...] = dy.sum(axis=0, dtype=np.float64)
        return dy @ self.weight.cast(dy.dtype)
