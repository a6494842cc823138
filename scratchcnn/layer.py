"""What a layer is: `Parameter` and `Layer`."""

from __future__ import annotations

import threading
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

    _kept: tuple[int, Any] | None = None

    def keep(self, needed: Any) -> None:
        """Keep what `recall` shall return, until the next forward pass."""
        self._kept = threading.get_ident(), needed

    def recall(self) -> Any:
        """Return what `forward` has kept.

        Raises
        ------
        RuntimeError
            If there is nothing, or if another thread has kept it.
        """
        if self._kept is None:
            raise RuntimeError(
                f"{self!r}: backward needs a forward pass before it"
            )
        thread, needed = self._kept
        if thread != threading.get_ident():
            raise RuntimeError(
                f"{self!r}: backward needs a forward pass in the same thread, "
                "but the last one was in another"
            )
        return needed

    def forget(self) -> None:
        """Keep nothing: what comes next has no forward pass before it."""
        self._kept = None

    def __getstate__(self) -> dict[str, Any]:
        """Give copies and pickles all but what `forward` has kept."""
        return {**vars(self), "_kept": None}


def held(value: object, kind: type, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what is of a kind, in lists, tuples and dicts too, by name."""
    if isinstance(value, kind):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from held(one, kind, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from held(one, kind, f"{name}.{i}")


def plain(value: object) -> bool:
    """Say whether this is a number, a text, or a tuple of such."""
    if isinstance(value, tuple):
        return all(map(plain, value))
    return isinstance(value, (bool, int, float, str, np.number))


class Layer(Cached, ABC):
    """A function of a batch that can pass gradients back.

    Attributes
    ----------
    training : bool
        False while the network is only used, not trained. Most layers
        do the same in both modes; those that do not look here.
    input_gradient : bool
        False where `backward` does without dL/dx.

    Notes
    -----
    Chapter *What a layer is*. The first axis is the batch: ``x`` and
    ``y = forward(x)`` have shapes (N, ...). In evaluation mode, several
    threads may call `forward` of one layer; only one may train it, and
    a backward pass after another thread's forward pass raises.

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

    @property
    def input_gradient(self) -> bool:
        """Whether `backward` returns dL/dx."""
        return True

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
        """Return the layers in this one's attributes; most have none."""
        return [
            layer
            for value in vars(self).values()
            for _, layer in held(value, Layer, "")
        ]

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

    def own_parameters(self, path: str = "") -> dict[str, Parameter]:
        """Return the parameters in this layer's attributes, by name."""
        return {
            name: parameter
            for attribute, value in vars(self).items()
            for name, parameter in held(value, Parameter, path + attribute)
        }

    def named_parameters(self) -> dict[str, Parameter]:
        """Return the layer's own parameters, then its children's, by name.

        Raises
        ------
        ValueError
            If a layer or an array is there twice: each backward pass
            would overwrite a gradient that belongs to both.
        """
        found: dict[str, Parameter] = {}
        places: dict[int, str] = {}
        for path, layer in self.walk():
            own = layer.own_parameters(path)
            ids = {
                name: p.value.__array_interface__["data"][0]
                for name, p in own.items()
            }
            for name, number in [(path, id(layer)), *ids.items()]:
                if number in places:
                    raise ValueError(
                        f"{self!r} wants each layer and parameter once, got "
                        f"{places[number]!r} again as {name!r}"
                    )
                places[number] = name
            found |= own
        return found

    def parameters(self) -> list[Parameter]:
        """Return the layer's own parameters, then its children's."""
        return list(self.named_parameters().values())

    def settings(self) -> dict[str, object]:
        """Return by name the numbers, texts and tuples that describe it."""
        return {
            name: value
            for name, value in vars(self).items()
            if plain(value) and name != "training" and name[0] != "_"
        }

    def buffers(self) -> dict[str, Array]:
        """Return arrays that are saved by name, but are not learned."""
        return {}

    def train(self, training: bool = True) -> None:
        """Put this layer and all inside it into training mode.

        A layer whose mode changes forgets the forward pass before.
        """
        for _, layer in self.walk():
            if layer.training != training:
                layer.forget()
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
