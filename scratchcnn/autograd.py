"""Gradients that nobody derived: a `Tensor` remembers where it is from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from scratchcnn.arrays import Array, Labels, Pair, check_array, check_labels
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers import blur_pooling, convolution, logits
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D, extent
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D, window_views
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D

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
    >>> autograd.total(autograd.multiply(x, x)).backward()
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
        return self + -other

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


def convolve(layer: Conv2D, x: Operand, w: Operand, b: Operand) -> Operand:
    """Record what a convolution does with kernels w and biases b."""
    columns = gather(pad(x, layer.padding), layer.kernel_size, layer.stride)
    (n, c, kh, kw, oh, ow), f = value(columns).shape, layer.out_channels
    columns = reshape(columns, (n, c * kh * kw, oh * ow))
    y = reshape(w, (f, c * kh * kw)) @ columns + reshape(b, (f, 1))
    return reshape(y, (n, f, oh, ow))


def convolve_back(
    layer: ConvTranspose2D, x: Operand, w: Operand, b: Operand
) -> Operand:
    """Record what a transposed convolution does with w and b."""
    (n, c, h, width), f = value(x).shape, layer.out_channels
    size, (ph, pw) = layer.padded_size(value(x)), layer.padding
    w = reshape(w, (c, f * math.prod(layer.kernel_size)))
    columns = transpose(w) @ reshape(x, (n, c, h * width))
    columns = reshape(columns, (n, f, *layer.kernel_size, h, width))
    y = scatter(columns, size, layer.stride)
    y = take(y, np.s_[:, :, ph : size[0] - ph, pw : size[1] - pw])
    return y + reshape(b, (f, 1, 1))


def convolve_apart(
    layer: DepthwiseConv2D, x: Operand, w: Operand, b: Operand
) -> Operand:
    """Record what a kernel for each channel does, with its bias."""
    kernel = eh, ew = extent(layer.kernel_size, layer.dilation)
    (kh, kw), (dh, dw) = layer.kernel_size, layer.dilation
    apart = np.zeros((kh, kw, eh, ew), value(x).dtype)  # zeros in the holes
    for u, v in np.ndindex(kh, kw):
        apart[u, v, dh * u, dw * v] = 1
    columns = gather(pad(x, layer.padding), kernel, layer.stride)
    n, c, _, _, oh, ow = value(columns).shape
    columns = reshape(columns, (n, c, eh * ew, oh * ow))
    w = reshape(w, (c, 1, kh * kw)) @ apart.reshape(kh * kw, eh * ew)
    return reshape(w @ columns, (n, c, oh, ow)) + reshape(b, (c, 1, 1))


Learned: TypeAlias = Mapping[Parameter, Tensor]


def learned(network: Layer) -> dict[Parameter, Tensor]:
    """Return a tensor for each parameter; the two share their memory."""
    return {p: Tensor(p.value) for p in network.parameters()}


REPLAYED = {Network, Residual, Dense, Conv2D, ReLU, MaxPool2D}
REPLAYED |= {ConvTranspose2D, DepthwiseConv2D, BlurPool2D}
REPLAYED |= {GlobalAvgPool2D, Reshape, Flatten}


def replay(layer: Layer, x: Operand, tensors: Learned) -> Operand:
    """Do what a layer does, by operations that are recorded.

    Parameters
    ----------
    layer : Layer
        A `Network`, `Residual`, `Dense`, `Conv2D`, `ConvTranspose2D`,
        `DepthwiseConv2D`, `ReLU`, `MaxPool2D`, `BlurPool2D`,
        `GlobalAvgPool2D`, `Reshape` or `Flatten`.
    x : Tensor or ndarray
        What it is given, (N, ...).
    tensors : dict
        A `Tensor` for each `Parameter`, as from `learned`; a parameter
        that isn't in it is a constant.

    Raises
    ------
    TypeError
        If it is another kind of layer, or one derived from these: its
        passes may be others.

    Notes
    -----
    Chapter *What frameworks do behind the scenes*.
    """
    if type(layer) not in REPLAYED:
        raise TypeError(f"replay knows no {layer!r}")

    def own(p: Parameter) -> Operand:
        return tensors.get(p, p.value)

    match layer:
        case Network(layers=layers):
            for inside in layers:
                x = replay(inside, x, tensors)
            return x
        case Residual(inside=inside, shortcut=shortcut):
            around = replay(shortcut, x, tensors) if shortcut else x
            return replay(inside, x, tensors) + around
        case Dense(weight=w, bias=b):
            return x @ transpose(own(w)) + own(b)
        case Conv2D(weight=w, bias=b):
            return convolve(layer, x, own(w), own(b))
        case ConvTranspose2D(weight=w, bias=b):
            return convolve_back(layer, x, own(w), own(b))
        case DepthwiseConv2D(weight=w, bias=b):
            return convolve_apart(layer, x, own(w), own(b))
        case ReLU():
            return relu(x)
        case MaxPool2D(kernel_size=kernel, stride=stride):
            return max_pool(x, kernel, stride)
        case BlurPool2D(stride=(sh, sw)):
            return blur(blur(x, 2, sh), 3, sw)
        case GlobalAvgPool2D():
            return map_means(x)
        case Reshape(shape=shape):
            return reshape(x, (len(value(x)), *shape))
    raise AssertionError(layer)


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
