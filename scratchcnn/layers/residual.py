"""Layers with a way around them: `Residual`."""

from __future__ import annotations

from scratchcnn.arrays import Array, check_array
from scratchcnn.layer import Layer


class Residual(Layer):
    """Add what goes around some layers to what comes out of them.

    ``y = inside(x) + x``, or ``y = inside(x) + shortcut(x)`` where what
    is inside changes the shape. x and y have the shapes (N, ...) that
    these layers take and give.

    Parameters
    ----------
    inside : Layer
        What is added, a `Network` as a rule.
    shortcut : Layer, optional
        What x goes through on its way around; by default nothing.

    Raises
    ------
    TypeError
        If one of them is not a `Layer`, or `x` or `dy` not an array of
        floats.
    ValueError
        If a layer stands there twice, if the two outputs differ in
        shape, or if `dy` has not the shape of y.

    Notes
    -----
    Chapter *Residual connections*; He et al., "Deep residual learning
    for image recognition" (2016).

    Examples
    --------
    >>> layer = Residual(ReLU())
    >>> layer(np.array([[-1.0, 3.0]])), layer.backward(np.array([[1.0, 1.0]]))
    (array([[-1.,  6.]]), array([[1., 2.]]))
    """

    def __init__(self, inside: Layer, shortcut: Layer | None = None) -> None:
        self.inside, self.shortcut = inside, shortcut
        for layer in (inside, inside if shortcut is None else shortcut):
            if not isinstance(layer, Layer):
                raise TypeError(f"Residual wants layers, got {layer!r}")
        ids = [id(one) for _, one in self.walk()]
        if len(ids) != len(set(ids)):
            raise ValueError(f"{self!r} wants distinct layers")

    def __repr__(self) -> str:
        around = "" if self.shortcut is None else f", {self.shortcut!r}"
        return f"Residual({self.inside!r}{around})"

    @property
    def input_gradient(self) -> bool:
        """Whether both ways return the gradient by their input."""
        return all(layer.input_gradient for layer in self.children())

    def forward(self, x: Array) -> Array:
        """Return ``inside(x) + x``, or ``inside(x) + shortcut(x)``."""
        check_array(self, "x", x, "N", ...)
        self.forget()  # until x has gone both ways
        y = self.inside.forward(x)
        around = x if self.shortcut is None else self.shortcut.forward(x)
        if y.shape != around.shape:
            raise ValueError(
                f"{self!r} wants to add arrays of one shape, got {y.shape} "
                f"from inside and {around.shape} from around"
            )
        self.keep(y.shape)
        return y + around

    def backward(self, dy: Array) -> Array:
        """Return dL/dx: what comes back from inside, and from around."""
        check_array(self, "dy", dy, *self.recall())
        dx = self.inside.backward(dy)
        around = dy if self.shortcut is None else self.shortcut.backward(dy)
        return dx + around
