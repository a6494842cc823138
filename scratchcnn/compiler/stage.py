"""Layers as stages, batch last: `Stage` and the simple ones."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Reshape

L = TypeVar("L", bound=Layer)
PIXELS = (1, 2, 3)  # the axes h, w, n that one channel extends over


def batch_last(x: Array) -> Array:
    """View (N, ...) as (..., N)."""
    return x.transpose(*range(1, x.ndim), 0)


def batch_first(x: Array) -> Array:
    """View (..., N) as (N, ...)."""
    return x.transpose(-1, *range(x.ndim - 1))


def per_channel(v: Array, x: Array) -> Array:
    """Return v, (C,), as (C, 1, 1, 1) in the precision of x."""
    return v.astype(x.dtype, copy=False)[:, None, None, None]


def products(x: Array, y: Array) -> Array:
    """Multiply images (C, H, W, N), and sum each channel in float64."""
    return np.array(
        [
            np.vdot(one.astype(np.float64), other.astype(np.float64))
            for one, other in zip(x, y, strict=True)
        ]
    )


class Stage(ABC, Generic[L]):
    """What one layer does, from a buffer x to a buffer y, batch last.

    Going forward, a buffer holds what flows through the network; going
    back, the gradient by it. So y, filled by the next stage, is dL/dy,
    and dL/dx takes the place of x.

    Parameters
    ----------
    layer : Layer
        Whose parameters are read, and whose gradients are filled.
    x : ndarray
        The buffer that the stage before fills, (..., N).

    Attributes
    ----------
    y : ndarray
        The buffer that this stage fills, (..., N); perhaps x again.

    Notes
    -----
    Chapter *Layers as stages*.
    """

    y: Array

    def __init__(self, layer: L, x: Array) -> None:
        self.layer, self.x = layer, x
        self.allocate()

    @abstractmethod
    def allocate(self) -> None:
        """Make y, and all other buffers, for inputs of the shape of x."""

    @abstractmethod
    def forward(self) -> None:
        """Fill y from x."""

    def learn(self) -> None:
        """Fill the gradients of parameters, from dL/dy in y."""

    @abstractmethod
    def backward(self) -> None:
        """Fill x with dL/dx, from dL/dy in y."""


class DenseStage(Stage[Dense]):
    """``y = w @ x + b``: (D, N) to (M, N)."""

    def allocate(self) -> None:
        """Make room for y."""
        shape = self.layer.out_features, self.x.shape[-1]
        self.y = np.empty(shape, self.x.dtype)

    def forward(self) -> None:
        """Multiply, and add the bias."""
        np.dot(self.layer.weight.cast(self.x.dtype), self.x, out=self.y)
        self.y += self.layer.bias.cast(self.x.dtype)[:, None]

    def learn(self) -> None:
        """Fill dw and db."""
        self.layer.weight.grad[...] = np.dot(self.y, self.x.T)
        self.layer.bias.grad[...] = self.y.sum(axis=1, dtype=np.float64)

    def backward(self) -> None:
        """Let ``w.T @ dy`` take the place of x, which has been used."""
        np.dot(self.layer.weight.cast(self.x.dtype).T, self.y, out=self.x)


class ReLUStage(Stage[ReLU]):
    """``max(x, 0)``, in the same buffer."""

    def allocate(self) -> None:
        """Make room for the mask alone."""
        self.y, self.mask = self.x, np.empty_like(self.x, bool)

    def forward(self) -> None:
        """Remember which numbers are positive, and keep only these."""
        np.greater(self.x, 0, out=self.mask)
        np.maximum(self.x, 0, out=self.x)

    def backward(self) -> None:
        """Keep dy where x was positive."""
        self.x *= self.mask


class ReshapeStage(Stage[Reshape]):
    """The same numbers in another shape, free of charge where possible."""

    def allocate(self) -> None:
        """View x, or else a row-major copy of it, in the other shape."""
        *shape, n = self.x.shape
        one = Reshape(self.layer.shape).forward(np.empty((1, *shape)))
        self.flat = np.ascontiguousarray(self.x)
        self.y = self.flat.reshape(*one.shape[1:], n)

    def forward(self) -> None:
        """Copy what can't be viewed."""
        if self.flat is not self.x:
            np.copyto(self.flat, self.x)

    def backward(self) -> None:
        """Copy it back."""
        if self.flat is not self.x:
            np.copyto(self.x, self.flat)


class BatchNormStage(Stage[BatchNorm2D]):
    """Normalize the channels of images (C, H, W, N), scale and shift."""

    def allocate(self) -> None:
        """Make room for y; x will hold the deviations from the mean."""
        self.y = np.empty_like(self.x)
        self.m = self.x.size // self.layer.channels

    def deviate(self) -> Array:
        """Subtract each channel's mean from x; return the variances."""
        layer, x, m = self.layer, self.x, self.m
        if not layer.training:
            x -= per_channel(layer.running_mean, x)
            return layer.running_variance
        if m < 2:
            layer.measure(batch_first(x))  # which refuses
        mean = x.sum(axis=PIXELS, dtype=np.float64) / m
        x -= per_channel(mean, x)
        variance: Array = products(x, x) / m
        for kept, new in (
            (layer.running_mean, mean),
            (layer.running_variance, variance * (m / (m - 1))),
        ):
            kept += layer.momentum * (new - kept)
        return variance

    def factor(self) -> Array:
        """Return what deviations are multiplied by, on both ways."""
        return per_channel(self.layer.weight.value * self.scale, self.x)

    def forward(self) -> None:
        """Fill y, and remember by what xhat is larger than x."""
        self.measured = self.layer.training
        self.scale = 1 / np.sqrt(self.deviate() + self.layer.epsilon)
        np.multiply(self.x, self.factor(), out=self.y)
        self.y += per_channel(self.layer.bias.value, self.x)

    def learn(self) -> None:
        """Fill dgamma and dbeta."""
        self.dbeta = self.y.sum(axis=PIXELS, dtype=np.float64)
        self.dgamma = products(self.y, self.x) * self.scale
        self.layer.weight.grad[...] = self.dgamma
        self.layer.bias.grad[...] = self.dbeta

    def backward(self) -> None:
        """Turn deviations into dx, as the layer does."""
        x, m = self.x, self.m if self.measured else np.inf
        x *= per_channel(-self.scale * self.dgamma / m, x)
        x -= per_channel(self.dbeta / m, x)
        x += self.y
        x *= self.factor()


def caches(layer: Layer) -> list[tuple[Layer, Any]]:
    """Return what a layer, and all inside it, have kept."""
    return [(one, one._kept) for _, one in layer.walk()]


def put_back(kept: list[tuple[Layer, Any]]) -> None:
    """Let layers keep again what they have kept before."""
    for layer, one in kept:
        layer._kept = one


class DropoutStage(Stage[Dropout]):
    """Multiply by the mask that the layer draws for an input of ones."""

    def allocate(self) -> None:
        """Make the ones, batch first: masks are drawn in that order."""
        self.y = self.x
        self.ones = np.ones(batch_first(self.x).shape, self.x.dtype)

    def forward(self) -> None:
        """Drop what the mask drops; what the layer has kept stays."""
        before = caches(self.layer)
        self.mask = batch_last(self.layer.forward(self.ones))
        put_back(before)
        self.x *= self.mask

    def backward(self) -> None:
        """Drop the same of dy."""
        self.x *= self.mask


class AnyStage(Stage[Layer]):
    """Any other layer: its input turned batch first, its output back."""

    def allocate(self) -> None:
        """Let a copy of the layer show the shape of its output."""
        trial = copy.deepcopy(self.layer)
        trial.eval()
        *shape, n = self.x.shape
        y = trial.forward(np.zeros((1, *shape), self.x.dtype))
        self.y = np.empty((*y.shape[1:], n), y.dtype)

    def forward(self) -> None:
        """Let the layer work on a copy in its own layout.

        What it keeps is taken from it until `learn`: in between, the
        plain network may be used.
        """
        before = caches(self.layer)
        y = self.layer.forward(batch_first(self.x).copy())
        self.kept = caches(self.layer)
        put_back(before)
        check_array(self.layer, "its output", y, *batch_first(self.y).shape)
        np.copyto(self.y, batch_last(y))

    def learn(self) -> None:
        """Fill the layer's gradients, and dx by the way."""
        before = caches(self.layer)
        put_back(self.kept)
        dx = self.layer.backward(batch_first(self.y).copy())
        put_back(before)
        check_array(self.layer, "dx", dx, *batch_first(self.x).shape)
        np.copyto(self.x, batch_last(dx))

    def backward(self) -> None:
        """Leave dx where `learn` has put it."""
