"""The test cases of ONNX, which other people have computed, by our layers.

A case is one operator with its attributes, inputs and output. Groups are
convolutions side by side, a dilation is a kernel with holes, and what an
output is padded by is not cut off.
"""

from pathlib import Path

import numpy as np
import pytest

from scratchcnn import accelerate
from scratchcnn.layers import (
    AvgPool2D,
    BatchNorm2D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Network,
    ReLU,
    Sigmoid,
    softmax,
)

RNG, ZERO = np.random.default_rng(0), np.float32(0)
CONVERTED = [
    "AvgPool2d",
    "AvgPool2d_stride",
    "BatchNorm2d_eval",
    "BatchNorm2d_momentum_eval",
    "Conv2d",
    "Conv2d_depthwise",
    "Conv2d_depthwise_padded",
    "Conv2d_depthwise_strided",
    "Conv2d_depthwise_with_multiplier",
    "Conv2d_dilated",
    "Conv2d_groups",
    "Conv2d_groups_thnn",
    "Conv2d_no_bias",
    "Conv2d_padding",
    "Conv2d_strided",
    "ConvTranspose2d",
    "ConvTranspose2d_no_bias",
    "Linear",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "softmax_functional_dim3",
    "softmax_lastdim",
]
OPERATORS = ["conv", "convtranspose", "flatten"]
CASES = [f"pytorch-converted/test_{name}" for name in CONVERTED]
CASES += [f"pytorch-operator/test_operator_{name}" for name in OPERATORS]


def filled(layer, w, b=0.0):
    """Return a layer with these weights and biases, accelerated."""
    layer.weight.value[...], layer.bias.value[...] = w, b
    return accelerate(Network([layer]))


def with_holes(w, dilation):
    """Return kernels with zeros between their weights."""
    (*stack, kh, kw), (dh, dw) = w.shape, dilation
    size = (kh - 1) * dh + 1, (kw - 1) * dw + 1
    wide = np.zeros((*stack, *size), w.dtype)
    wide[..., ::dh, ::dw] = w
    return wide


def conv(x, w, b=0.0, *, strides, pads, dilations, group, **_):
    """Convolve each group of channels by itself, or each channel."""
    (f, depth, kh, kw), c = w.shape, x.shape[1]
    stride, padding = tuple(strides), tuple(pads[:2])
    if depth == 1 and group > 1:
        x = np.repeat(x, f // c, axis=1)
        layer = DepthwiseConv2D(
            f,
            (kh, kw),
            stride=stride,
            padding=padding,
            dilation=tuple(dilations),
            rng=RNG,
        )
        return filled(layer, w[:, 0], b)(x)
    w = with_holes(w, dilations)
    heaps = np.split(x, group, axis=1), np.split(w, group)
    biases = np.split(np.broadcast_to(b, f), group)
    outputs = []
    for x, w, b in zip(*heaps, biases, strict=True):
        layer = Conv2D(
            depth,
            len(w),
            w.shape[2:],
            stride=stride,
            padding=padding,
            rng=RNG,
        )
        outputs.append(filled(layer, w, b)(x))
    return np.concatenate(outputs, axis=1)


def convolve_back(x, w, b=ZERO, *, strides, pads, output_padding, **_):
    """Convolve back, and cut off less at the end of each axis."""
    c, f, *kernel = w.shape
    layer = ConvTranspose2D(
        c, f, tuple(kernel), stride=tuple(strides), rng=RNG
    )
    y = filled(layer, w)(x)
    cut = zip(pads[:2], output_padding, strict=True)
    y = np.pad(y, [(0, 0), (0, 0), *((0, more) for _, more in cut)])
    (ph, pw), (h, width) = pads[:2], y.shape[2:]
    return y[:, :, ph : h - ph, pw : width - pw] + np.reshape(b, (-1, 1, 1))


def normalize(x, weight, bias, mean, variance, *, epsilon, **_):
    """Normalize by statistics that are given."""
    layer = BatchNorm2D(x.shape[1], epsilon=epsilon)
    layer.running_mean[...], layer.running_variance[...] = mean, variance
    fast = filled(layer, weight, bias)
    fast.eval()
    return fast(x)


def pool(x, *, kernel_shape, strides, **_):
    """Average windows."""
    return AvgPool2D(tuple(kernel_shape), tuple(strides))(x)


OURS = {
    "AveragePool": pool,
    "BatchNormalization": normalize,
    "Conv": conv,
    "ConvTranspose": convolve_back,
    "Flatten": lambda x, **_: Flatten()(x),
    "Gemm": lambda x, w, b, **_: filled(Dense(*w.shape[::-1], rng=RNG), w, b)(
        x
    ),
    "Relu": lambda x: ReLU()(x),
    "Sigmoid": lambda x: Sigmoid()(x),
    "Softmax": lambda x, **_: softmax(x),
}


@pytest.mark.parametrize("case", CASES)
def test_what_others_have_computed(case):
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
    folder = Path(onnx.__file__).parent / "backend/test/data" / case

    to_array = onnx.numpy_helper.to_array
    graph = onnx.load(folder / "model.onnx").graph
    (node,), (data,) = graph.node, folder.glob("test_data_set_*")
    settings = {
        one.name: onnx.helper.get_attribute_value(one)
        for one in node.attribute
    }
    given = {one.name: to_array(one) for one in graph.initializer}
    names = [one.name for one in graph.input if one.name not in given]
    for i, name in enumerate(names):
        given[name] = to_array(onnx.load_tensor(data / f"input_{i}.pb"))
    y = OURS[node.op_type](*(given[n] for n in node.input), **settings)
    wanted = to_array(onnx.load_tensor(data / "output_0.pb"))
    assert (y.shape, y.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
