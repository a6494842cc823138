"""Layers as steps of a program, batch last: `Step` and the simple ones."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from scratchcnn.batch_normalization import BatchNorm2D
from scratchcnn.dense import Dense
from scratchcnn.dropout import Dropout
from scratchcnn.layer import Array, Layer
from scratchcnn.relu import ReLU
from scratchcnn.reshape import Reshape

L = TypeVar("L", bound=Layer)


def batch_last(x: Array) -> Array:
    """View (N, ...) as (..., N)."""
    return np.moveaxis(x, 0, -1)


def batch_first(x: Array) -> Array:
    """View (..., N) as (N, ...)."""
    return np.moveaxis(x, -1, 0)


class Step(ABC, Generic[L]):
    """What one layer does to one buffer, batch last.

    Parameters
    ----------
    layer : Layer
        Whose parameters are used, and whose gradients are filled.
    x : ndarray
        The buffer (..., N) in which every input will arrive.

    Attributes
    ----------
    y : ndarray
        The buffer in which every output will stand. It may be x itself.

    Notes
    -----
    Chapter *Layers as steps*.
    """

    y: Array

    def __init__(self, layer: L, x: Array) -> None:
        self.layer, self.x = layer, x
        self.plan()

    @abstractmethod
    def plan(self) -> None:
        """Make all buffers, for inputs of the shape of x."""

    @abstractmethod
    def forward(self) -> None:
        """Fill y from x."""

    def learn(self, dy: Array) -> None:
        """Fill the gradients of the layer's parameters, if it has any."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Return dL/dx, after `learn`; dy may be overwritten."""


class DenseStep(Step[Dense]):
    """``y = w @ x + b``: (D, N) to (M, N)."""

    def plan(self) -> None:
        """Make room for y; the rest on demand."""
        shape = self.layer.out_features, self.x.shape[-1]
        self.y = np.empty(shape, self.x.dtype)

    @cached_property
    def dx(self) -> Array:
        """Room for dL/dx, which a first layer never needs."""
        return np.empty(self.x.shape, self.x.dtype)

    def forward(self) -> None:
        """Multiply, and add the bias."""
        np.dot(self.layer.weight.cast(self.x.dtype), self.x, out=self.y)
        self.y += self.layer.bias.cast(self.x.dtype)[:, None]

    def learn(self, dy: Array) -> None:
        """Fill dw and db."""
        self.layer.weight.grad[...] = np.dot(dy, self.x.T)
        self.layer.bias.grad[...] = dy.sum(axis=1)

    def backward(self, dy: Array) -> Array:
        """Return ``w.T @ dy``."""
        w = self.layer.weight.cast(dy.dtype)
        return np.dot(w.T, dy, out=self.dx)


class ReLUStep(Step[ReLU]):
    """``max(x, 0)``, written over x."""

    def plan(self) -> None:
        """Make room for the mask alone."""
        self.y, self.mask = self.x, np.empty(self.x.shape, bool)

    def forward(self) -> None:
        """Remember which numbers are positive, and keep only these."""
        np.greater(self.x, 0, out=self.mask)
        np.maximum(self.x, 0, out=self.x)

    def backward(self, dy: Array) -> Array:
        """Let dy through where x was positive."""
        return np.multiply(dy, self.mask, out=dy)


class ReshapeStep(Step[Reshape]):
    """Another view of the same numbers: it costs nothing."""

    def plan(self) -> None:
        """Look at x in the other shape; the batch stays last."""
        *shape, n = self.x.shape
        known = int(np.prod([s for s in self.layer.shape if s != -1]))
        rest = int(np.prod(shape)) // known
        shape = [rest if s == -1 else s for s in self.layer.shape]
        self.y = self.x.reshape(*shape, n)

    def forward(self) -> None:
        """Do nothing."""

    def backward(self, dy: Array) -> Array:
        """Look at dy in the shape of x."""
        return dy.reshape(self.x.shape)


class BatchNormStep(Step[BatchNorm2D]):
    """The layer itself, on a view that it can't tell from images."""

    def plan(self) -> None:
        """View (T, C, H, W, N) or (C, H, W, N) as (T, C, H * W, N)."""
        *_, h, w, n = self.x.shape
        self.images = self.x.reshape(-1, self.layer.channels, h * w, n)
        self.y = np.empty(self.x.shape, self.x.dtype)

    def forward(self) -> None:
        """Normalize each channel over all its other axes."""
        y = self.layer.forward(self.images)
        self.y[...] = y.reshape(self.x.shape)

    def learn(self, dy: Array) -> None:
        """Let the layer fill the gradients of its scale and shift."""
        self.dx = self.layer.backward(dy.reshape(self.images.shape))

    def backward(self, dy: Array) -> Array:
        """Return what the layer has found."""
        return self.dx.reshape(self.x.shape)


class DropoutStep(Step[Dropout]):
    """Multiply by the mask that the layer draws for images of ones."""

    def plan(self) -> None:
        """Make the ones, batch first: the order of the layer's numbers."""
        self.y = self.x
        self.ones = np.ones(batch_first(self.x).shape, self.x.dtype)

    def forward(self) -> None:
        """Drop what the mask drops, over x."""
        self.mask = batch_last(self.layer.forward(self.ones))
        np.multiply(self.x, self.mask, out=self.x)

    def backward(self, dy: Array) -> Array:
        """Drop the same of dy."""
        return np.multiply(dy, self.mask, out=dy)


class AnyStep(Step[Layer]):
    """Any other layer: turn its input batch first, its output batch last."""

    def plan(self) -> None:
        """Let a copy of the layer show the shape of its output."""
        trial = copy.deepcopy(self.layer)
        trial.eval()
        *shape, n = self.x.shape
        y = trial.forward(np.zeros((1, *shape), self.x.dtype))
        self.y = np.empty((*y.shape[1:], n), y.dtype)

    def forward(self) -> None:
        """Let the layer work on a copy in its own layout."""
        y = self.layer.forward(batch_first(self.x).copy())
        self.y[...] = batch_last(y)

    def learn(self, dy: Array) -> None:
        """Let the layer work back, which fills its gradients."""
        dx = self.layer.backward(batch_first(dy).copy())
        self.dx = batch_last(dx).copy()

    def backward(self, dy: Array) -> Array:
        """Return what the layer has found."""
        return self.dx
