"""Layers once more, by operations that are recorded: `replay`."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from scratchcnn.arrays import Array, check_array
from scratchcnn.autograd.operations import (
    blur,
    gather,
    map_means,
    max_pool,
    pad,
    relu,
    reshape,
    scatter,
    take,
    transpose,
)
from scratchcnn.autograd.tensor import Operand, Tensor, value
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D, extent
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D


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
    """Return a tensor for each parameter; the two share their memory.

    Parameters
    ----------
    network : Layer
        The layer that the parameters are of, or a network of such.

    Notes
    -----
    Chapter *Layers, replayed*.

    Examples
    --------
    >>> layer = BatchNorm2D(3)
    >>> learned(layer)[layer.bias]
    Tensor(3,)
    """
    return {p: Tensor(p.value) for p in network.parameters()}


REPLAYED = {Network, Residual, Dense, Conv2D, ReLU, MaxPool2D}
REPLAYED |= {ConvTranspose2D, DepthwiseConv2D, BlurPool2D}
REPLAYED |= {GlobalAvgPool2D, Reshape, Flatten}


def show(layer: Layer, x: Array) -> None:
    """Let a copy of the layer refuse x; an empty batch is tried first."""
    trial = copy.copy(layer)
    try:
        trial.forward(x[:0])
    except (IndexError, TypeError, ValueError):
        trial.forward(x)  # which says it of all of x


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
    TypeError, ValueError
        If the layer would refuse x.

    Notes
    -----
    Chapter *Layers, replayed*.

    Examples
    --------
    >>> dense = Dense(2, 1, rng=np.random.default_rng(0))
    >>> tensors = learned(dense)
    >>> replay(dense, np.ones((1, 2)), tensors).backward(np.ones((1, 1)))
    >>> tensors[dense.weight].grad
    array([[1., 1.]])
    """
    if type(layer) not in REPLAYED:
        raise TypeError(f"replay knows no {layer!r}")
    if not isinstance(layer, (Network, Residual)):
        show(layer, value(x))

    def own(p: Parameter) -> Operand:
        return tensors.get(p, p.value)

    match layer:
        case Network(layers=layers):
            for inside in layers:
                x = replay(inside, x, tensors)
            return x
        case Residual(inside=inside, shortcut=shortcut):
            around = replay(shortcut, x, tensors) if shortcut else x
            y = replay(inside, x, tensors)
            check_array(layer, "the inside", value(y), *value(around).shape)
            return y + around
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
            return reshape(x, Reshape(shape).forward(value(x)).shape)
    raise AssertionError(layer)
