"""What a layer is: `Parameter` and `Layer`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import Array, check_array


class Parameter:
    """An array that is learned, and the gradient of the loss by it.

    Parameters
    ----------
    value : ndarray
        The initial value, of any shape, floating-point; it is copied.

    Attributes
    ----------
    value : ndarray
        The array.
    grad : ndarray
        dL/d(value), of the same shape and precision.

    Raises
    ------
    TypeError
        If `value` is not an array of floating-point numbers.

    Notes
    -----
    Chapter *What a layer is*.

    Examples
    --------
    >>> p = Parameter(np.array([1.0, -2.0]))
    >>> p, p.value, p.grad
    (Parameter(2,), array([ 1., -2.]), array([0., 0.]))
    """

    def __init__(self, value: Array) -> None:
        check_array(self, "value", value, ...)
        self.value = value.copy()
        self.grad = np.zeros_like(self.value)

    def __repr__(self) -> str:
        shape = getattr(getattr(self, "value", None), "shape", "")
        return f"Parameter{shape}"

    def cast(self, dtype: npt.DTypeLike) -> Array:
        """Return the value in precision `dtype`, copied only if need be."""
        return self.value.astype(dtype, copy=False)


class Cached:
    """Keeps from the forward pass what the backward pass needs."""

    _cache: Any = None

    def recall(self) -> Any:
        """Return what `forward` left in ``_cache``.

        Raises
        ------
        RuntimeError
            If there has been no forward pass.
        """
        if self._cache is None:
            raise RuntimeError(
                f"{self!r}: backward needs a forward pass before it"
            )
        return self._cache


class Layer(Cached, ABC):
    """A function of a batch that can pass gradients back.

    Attributes
    ----------
    training : bool
        False while the network is only used, not trained. Most layers
        do the same in both modes; those that do not look here.
    input_gradient : bool
        False where `backward` keeps dL/dx for itself.

    Notes
    -----
    Chapter *What a layer is*. The first axis is the batch: ``x`` and
    ``y = forward(x)`` have shapes (N, ...).

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x):
    ...         return 2 * x
    ...     def backward(self, dy):
    ...         return 2 * dy
    >>> Double()(np.array([[1.0, 3.0]]))
    array([[2., 6.]])
    """

    training: bool = True
    input_gradient: bool = True

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """Return y, and keep only what `backward` needs of x."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Take dL/dy, overwrite each parameter's grad, return dL/dx."""

    def __call__(self, x: Array) -> Array:
        """Return ``forward(x)``."""
        return self.forward(x)

    def children(self) -> list[Layer]:
        """Return the layers inside this one, in order; most have none."""
        return []

    def walk(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer, then all inside it, each after its path.

        Layer 0 of layer 2 comes after ``"2.0."``: in front of the name
        of an attribute, this gives the names of PyTorch's Sequential.
        """
        yield path, self
        for i, child in enumerate(self.children()):
            yield from child.walk(f"{path}{i}.")

    def leaves(self) -> Iterator[Layer]:
        """Yield the layers in the order of their work, networks opened."""
        yield self

    def parameters(self) -> list[Parameter]:
        """Return the layer's own parameters, then its children's."""
        values = [v for _, one in self.walk() for v in vars(one).values()]
        return [value for value in values if isinstance(value, Parameter)]

    def buffers(self) -> dict[str, Array]:
        """Return arrays that are saved by name, but are not learned."""
        return {}

    def train(self, training: bool = True) -> None:
        """Put this layer and all inside it into training mode."""
        for _, layer in self.walk():
            layer.training = training

    def eval(self) -> None:
        """Put this layer and all inside it into evaluation mode."""
        self.train(False)

    def astype(self, dtype: npt.DTypeLike) -> None:
        """Hold every parameter and gradient in the precision `dtype`."""
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"{self} wants a type of floats, got {dtype}")
        for p in self.parameters():
            p.value, p.grad = p.value.astype(dtype), p.grad.astype(dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
