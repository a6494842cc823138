"""The same numbers in another form: `Reshape` and `Flatten`."""

from __future__ import annotations

from math import prod

from scratchcnn.arrays import Array, check_array, check_size
from scratchcnn.layer import Layer


class Reshape(Layer):
    r"""Give each example of the batch another shape, in row-major order.

    x of shape (N, ...) becomes y of shape (N, \*shape); no number
    changes. y may share its memory with x.

    Parameters
    ----------
    shape : tuple of int
        The shape of one example, without the batch axis. One entry may
        be -1: it is worked out from the others.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not made of integers >= 1 and at most one -1, or
        if an example of `x` has another number of elements.

    Notes
    -----
    Chapter *Reshape*.

    Examples
    --------
    >>> Reshape((2, -1))(np.arange(6.0)[None])
    array([[[0., 1., 2.],
            [3., 4., 5.]]])
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        if not isinstance(shape, tuple):
            raise TypeError(f"Reshape wants shape as a tuple, got {shape!r}")
        for size in shape:
            if size != -1:
                check_size("Reshape", "each entry of shape", size)
        if shape.count(-1) > 1:
            raise ValueError(f"Reshape wants at most one -1, got {shape}")
        self.shape = shape

    def __repr__(self) -> str:
        return f"Reshape({self.shape})"

    def forward(self, x: Array) -> Array:
        r"""Return x as (N, \*shape)."""
        check_array(self, "x", x, "N", ...)
        one, known = prod(x.shape[1:]), prod(s for s in self.shape if s != -1)
        if one % known if -1 in self.shape else one != known:
            raise ValueError(
                f"{self!r} can't hold the {one} numbers of each example "
                f"of x, whose shape is {x.shape}"
            )
        shape = tuple(one // known if s == -1 else s for s in self.shape)
        self.keep((x.shape, (len(x), *shape)))
        return x.reshape(len(x), *shape)

    def backward(self, dy: Array) -> Array:
        """Return dy in the shape that x had."""
        x_shape, y_shape = self.recall()
        check_array(self, "dy", dy, *y_shape)
        return dy.reshape(x_shape)


class Flatten(Reshape):
    """Lay each example out as one vector: (N, ...) becomes (N, D).

    Notes
    -----
    Chapter *Reshape*.

    Examples
    --------
    >>> Flatten()(np.zeros((5, 1, 28, 28))).shape
    (5, 784)
    """

    def __init__(self) -> None:
        super().__init__((-1,))

    def __repr__(self) -> str:
        return "Flatten()"
