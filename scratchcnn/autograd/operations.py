"""Operations that a `Tensor` remembers, each with its backward formula.

Examples
--------
>>> x = Tensor(np.array([3.0, -1.0]))
>>> operations.total(operations.relu(x)).backward()
>>> x.grad
array([1., 0.])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.arrays import Array, Labels, Pair, check_array, check_labels
from scratchcnn.autograd.tensor import Operand, remember, value
from scratchcnn.layers import blur_pooling, convolution, logits
from scratchcnn.layers.pooling import window_views


def transpose(x: Operand, axes: tuple[int, ...] = (1, 0)) -> Operand:
    """Record ``x.transpose(axes)``, of a matrix ``x.T``."""
    u = value(x)
    back = np.argsort([axis % u.ndim for axis in axes])
    return remember(u.transpose(axes), (x, lambda dy: dy.transpose(back)))


def reshape(x: Operand, shape: tuple[int, ...]) -> Operand:
    """Record ``x.reshape(shape)``."""
    u = value(x)
    return remember(u.reshape(shape), (x, lambda dy: dy.reshape(u.shape)))


def total(x: Operand) -> Operand:
    """Record the sum of all numbers, an array of shape ()."""
    u = value(x)
    y = u.sum(dtype=np.float64).astype(u.dtype)
    return remember(y, (x, lambda dy: np.broadcast_to(dy, u.shape)))


def mean(x: Operand) -> Operand:
    """Record the mean of all numbers, an array of shape ()."""
    u = value(x)
    y = u.mean(dtype=np.float64).astype(u.dtype)
    return remember(y, (x, lambda dy: np.broadcast_to(dy / u.size, u.shape)))


def take(x: Operand, index: Any) -> Operand:
    """Record ``x[index]``; a number may be taken more than once."""
    u = value(x)

    def pull(dy: Array) -> Array:
        dx = np.zeros(u.shape, dy.dtype)
        np.add.at(dx, index, dy)
        return dx

    return remember(u[index], (x, pull))


def relu(x: Operand) -> Operand:
    """Record ``max(x, 0)``, number by number: `ReLU`."""
    u = value(x)
    return remember(np.maximum(u, 0), (x, lambda dy: dy * (u > 0)))


def log_sum_exp(z: Operand) -> Operand:
    """Record the function of that name, (..., K) to (...)."""
    u = value(z)
    return remember(
        logits.log_sum_exp(u),
        (z, lambda dy: dy[..., None] * logits.softmax(u)),
    )


def pad(x: Operand, padding: Pair) -> Operand:
    """Record zeros put around images (N, C, H, W)."""
    (ph, pw), (h, w) = padding, value(x).shape[2:]
    inside = np.s_[:, :, ph : ph + h, pw : pw + w]
    return remember(
        convolution.pad(value(x), padding), (x, lambda dy: dy[inside])
    )


def gather(x: Operand, kernel: Pair, stride: Pair) -> Operand:
    """Record the columns of a convolution, (N, C, KH, KW, OH, OW)."""
    u = value(x)
    return remember(
        convolution.gather(u, kernel, stride),
        (x, lambda dy: convolution.scatter(dy, u.shape[2:], stride)),
    )


def scatter(x: Operand, size: Pair, stride: Pair) -> Operand:
    """Record images (N, C, H, W) from columns: `gather` the other way."""
    u = value(x)
    return remember(
        convolution.scatter(u, size, stride),
        (x, lambda dy: convolution.gather(dy, u.shape[2:4], stride)),
    )


def blur(x: Operand, axis: int, stride: int) -> Operand:
    """Record every `stride`-th line of images, mixed with its neighbors."""
    u = value(x)
    back = blur_pooling.blur_backward
    return remember(
        blur_pooling.blur(u, axis, stride),
        (x, lambda dy: back(dy, u.shape[axis], axis, stride)),
    )


def max_pool(x: Operand, kernel: Pair, stride: Pair) -> Operand:
    """Record the largest of each window, (N, C, OH, OW)."""
    u = value(x)
    views = window_views(u, kernel, stride)
    pixels = np.stack(views)  # the window's axis first
    winner = pixels.argmax(axis=0)  # the first, where several are largest
    y = pixels.max(axis=0)
    winner[np.isnan(y)] = -1  # none

    def pull(dy: Array) -> Array:
        dx = np.zeros(u.shape, dy.dtype)
        for k, dpixels in enumerate(window_views(dx, kernel, stride)):
            dpixels += dy * (winner == k)
        return dx

    return remember(y, (x, pull))


def map_means(x: Operand) -> Operand:
    """Record the mean of each map, (N, C, H, W) to (N, C)."""
    u = value(x)
    n, c, h, w = u.shape
    shares = np.full((h * w, 1), 1 / (h * w), u.dtype)
    return reshape(reshape(x, (n, c, h * w)) @ shares, (n, c))


def mean_squared_error(y: Operand, t: Array) -> Operand:
    """Record the loss of that name, of outputs y and targets t."""
    check_array("mean_squared_error", "t", t, *value(y).shape)
    difference = y - t
    return mean(difference * difference)


def softmax_cross_entropy(y: Operand, t: Labels) -> Operand:
    """Record the loss of that name, of logits (N, K) and classes (N,)."""
    n, k = value(y).shape
    check_labels("softmax_cross_entropy", "t", t, n, k)
    right = take(y, (np.arange(n), t))
    return mean(log_sum_exp(y) - right)
