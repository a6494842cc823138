"""Train with some of the units missing: `Dropout`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array, check_generator, check_number
from scratchcnn.layer import Layer


class Dropout(Layer):
    """Drop each number with probability p, and enlarge those that stay.

    In training ``y = x * mask``, where each number of the mask is 0
    with probability p and ``1 / (1 - p)`` otherwise, independently; in
    evaluation ``y = x``. x and y have the same shape (N, ...).

    Parameters
    ----------
    p : float
        The probability of being dropped, at least 0 and less than 1.
    rng : numpy.random.Generator
        Draws a new mask in each forward pass in training.

    Raises
    ------
    TypeError, ValueError
        If `p` is no such number, `rng` is not a generator, or `x` or
        `dy` is not a floating-point array of the shape above.

    Notes
    -----
    Chapter *Dropout*; Srivastava et al., "Dropout: a simple way to
    prevent neural networks from overfitting" (2014). float16 has no
    number ``1 / (1 - p)`` for a p above 0.99998: y is NaN then.

    Examples
    --------
    >>> layer = Dropout(0.5, rng=np.random.default_rng(0))
    >>> layer(np.ones((1, 4)))
    array([[2., 2., 2., 0.]])
    >>> layer.eval()
    >>> layer(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    """

    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        self.p = check_number("Dropout", "p", p, below=1)
        check_generator("Dropout", rng)
        self.rng = rng

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"

    def forward(self, x: Array) -> Array:
        """Return ``x * mask`` in training, a copy of x in evaluation."""
        check_array(self, "x", x, "N", ...)
        mask = np.ones((), x.dtype)
        if self.training:
            keep = self.rng.random(x.shape, np.float32) >= self.p
            mask = keep * x.dtype.type(1 / (1 - self.p))
        self.keep((mask, x.shape))
        return x * mask

    def backward(self, dy: Array) -> Array:
        """Return ``dy * mask``, with the mask of the last `forward`."""
        mask, shape = self.recall()
        check_array(self, "dy", dy, *shape)
        return dy * mask
