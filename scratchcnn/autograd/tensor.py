"""Gradients that nobody derived: a `Tensor` remembers where it is from."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from scratchcnn.arrays import Array, check_array

COUNTER = itertools.count()

Pull: TypeAlias = Callable[[Array], Array]


class Tensor:
    """An array, and how it was computed from others.

    ``+``, ``-``, ``*`` and ``@`` join it to another, or to an array on
    either side; the first three also to a number.

    Parameters
    ----------
    value : ndarray
        The array, of any shape, floating-point; it is not copied.
    *edges : (Tensor, function)
        What it was computed from, none if it is given. Each function
        takes dL/d(value) to that operand's share of its gradient.

    Attributes
    ----------
    grad : ndarray or None
        What `backward` has added up here so far: set it to None before
        the next step.
    number : int
        Its place in the recording: whatever is computed from a tensor
        has a larger number.

    Raises
    ------
    TypeError
        If `value` is not an array of floating-point numbers.

    Notes
    -----
    Chapter *What frameworks do behind the scenes*.

    Examples
    --------
    >>> x = Tensor(np.array([3.0, 1.0]))
    >>> operations.total(x * x).backward()
    >>> x.grad
    array([6., 2.])
    """

    def __init__(self, value: Array, *edges: tuple[Tensor, Pull]) -> None:
        check_array("Tensor", "value", value, ...)
        self.value = value
        self.edges = edges
        self.grad: Array | None = None
        self.number = next(COUNTER)

    def __repr__(self) -> str:
        return f"Tensor{self.value.shape}"

    def recording(self) -> list[Tensor]:
        """Return all that led to this tensor, the last recorded first."""
        found, open_ends = {self}, [self]
        while open_ends:
            operands = {operand for operand, _ in open_ends.pop().edges}
            open_ends += operands - found
            found |= operands
        return sorted(found, key=lambda t: t.number, reverse=True)

    def backward(self, dy: Array | None = None) -> None:
        """Add to grad, of all that led here, the gradient of a number L.

        Parameters
        ----------
        dy : ndarray, optional
            dL/d(this tensor), of its shape; may be left out where the
            tensor is a single number, which then is L itself.

        Raises
        ------
        TypeError, ValueError
            If dy is not an array of floats of that shape, or missing.
        """
        if dy is None and self.value.size != 1:
            raise ValueError(f"{self!r}: backward from an array wants dy")
        dy = np.ones_like(self.value) if dy is None else dy
        check_array(self, "dy", dy, *self.value.shape)
        gradients = {self: dy}
        for tensor in self.recording():  # whose gradients are complete
            dy = gradients.pop(tensor)
            old = tensor.grad
            tensor.grad = np.array(dy if old is None else old + dy)
            for operand, pull in tensor.edges:
                share = pull(dy)
                if operand in gradients:
                    share = gradients[operand] + share
                gradients[operand] = share

    __array_ufunc__ = None  # lets the tensor answer to array + tensor

    def __add__(self, other: Operand | float) -> Operand:
        return add(self, other)

    def __mul__(self, other: Operand | float) -> Operand:
        return multiply(self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __matmul__(self, other: Operand) -> Operand:
        return matmul(self, other)

    def __rmatmul__(self, other: Operand) -> Operand:
        return matmul(other, self)

    def __neg__(self) -> Operand:
        return -1 * self

    def __sub__(self, other: Operand | float) -> Operand:
        minus: Any = self.value.dtype.type(-1)  # -other would wrap in uint8
        return self + minus * other

    def __rsub__(self, other: Operand | float) -> Operand:
        return other + -self


Operand: TypeAlias = Tensor | Array


def value(operand: Operand | float) -> Any:
    """Return the array, or the number, recorded or not."""
    return operand.value if isinstance(operand, Tensor) else operand


def remember(y: Array, *edges: tuple[Operand | float, Pull]) -> Operand:
    """Return the result y of an operation, and remember its operands.

    Only tensors are remembered; arrays and numbers are constants, and
    where there is no tensor, y stays the array that it is.
    """
    kept = [(x, pull) for x, pull in edges if isinstance(x, Tensor)]
    return Tensor(np.asarray(y), *kept) if kept else np.asarray(y)


def summed_to(shape: tuple[int, ...], dy: Array) -> Array:
    """Sum over those axes along which `shape` was stretched to dy's."""
    extra = dy.ndim - len(shape)
    stretched = [
        extra + axis
        for axis, size in enumerate(shape)
        if size != dy.shape[extra + axis]
    ]
    axes = (*range(extra), *stretched)
    return dy.sum(axis=axes, dtype=np.float64).astype(dy.dtype).reshape(shape)


def add(a: Operand, b: Operand | float) -> Operand:
    """Record ``a + b``, of shapes that broadcast."""
    u, v = value(a), value(b)
    return remember(
        u + v,
        (a, lambda dy: summed_to(u.shape, dy)),
        (b, lambda dy: summed_to(v.shape, dy)),
    )


def multiply(a: Operand, b: Operand | float) -> Operand:
    """Record ``a * b``, of shapes that broadcast."""
    u, v = value(a), value(b)
    return remember(
        u * v,
        (a, lambda dy: summed_to(u.shape, dy * v)),
        (b, lambda dy: summed_to(v.shape, dy * u)),
    )


def matmul(a: Operand, b: Operand) -> Operand:
    """Record ``a @ b``, (..., M, D) by (..., D, K); stacks broadcast."""
    u, v = value(a), value(b)
    if min(u.ndim, v.ndim) < 2:
        raise ValueError(f"matmul wants matrices, got {u.shape}, {v.shape}")
    return remember(
        u @ v,
        (a, lambda dy: summed_to(u.shape, dy @ v.swapaxes(-1, -2))),
        (b, lambda dy: summed_to(v.shape, u.swapaxes(-1, -2) @ dy)),
    )
