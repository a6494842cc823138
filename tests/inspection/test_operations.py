"""Operations by formula, against loops over numbers that count them."""

import copy
import math

import numpy as np
import pytest

from scratchcnn import layers
from scratchcnn.inspection.operations import OPERATIONS
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D, pad
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from tests.comparing import assert_close


class Number(float):
    """A number that counts what is done with it and its like."""

    count = 0

    def exp(self):
        """Return its exponential."""
        Number.count += 1
        return Number(math.exp(self))

    def root(self):
        """Return its square root."""
        Number.count += 1
        return Number(math.sqrt(self))


def counted(name):
    """Return an operation of floats that counts itself."""
    operation = getattr(float, name)

    def operate(*operands):
        Number.count += 1
        value = operation(*operands)
        return Number(value) if type(value) is float else value

    return operate


for one in (
    *("neg", "add", "radd", "sub", "rsub", "mul", "rmul"),
    *("truediv", "rtruediv", "gt", "ge"),
):
    setattr(Number, f"__{one}__", counted(f"__{one}__"))


def numbers(array):
    """Return an array of numbers that count."""
    found = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        found[place] = Number(array[place])
    return found


def zeros(shape):
    return numbers(np.zeros(shape))


def windows(layer, shape):
    """Yield n, c, each output's place, and the pixels that it looks at."""
    (kh, kw), (sh, sw) = layer.kernel_size, layer.stride
    oh, ow = (shape[2] - kh) // sh + 1, (shape[3] - kw) // sw + 1
    for n, c, i, j in np.ndindex(*shape[:2], oh, ow):
        pixels = [
            (n, c, sh * i + u, sw * j + v) for u, v in np.ndindex(kh, kw)
        ]
        yield (n, c, i, j), pixels


# A forward pass in loops, and the two parts of a backward pass: each takes
# a layer, x, y and dy, and returns an array or several.


def dense_forward(layer, x):
    w, b = numbers(layer.weight.value), numbers(layer.bias.value)
    y = zeros((len(x), len(w)))
    for n, m in np.ndindex(y.shape):
        y[n, m] = b[m]
        for d in range(w.shape[1]):
            y[n, m] += x[n, d] * w[m, d]
    return y


def dense_gradients(layer, x, dy):
    dw, db = zeros(layer.weight.value.shape), zeros(dy.shape[1])
    for n, m in np.ndindex(dy.shape):
        db[m] += dy[n, m]
        for d in range(x.shape[1]):
            dw[m, d] += dy[n, m] * x[n, d]
    return dw, db


def dense_dx(layer, x, dy):
    w, dx = numbers(layer.weight.value), zeros(x.shape)
    for n, m in np.ndindex(dy.shape):
        for d in range(x.shape[1]):
            dx[n, d] += dy[n, m] * w[m, d]
    return dx


def terms(layer, dy):
    """Yield the places of an output, a weight and a pixel that meet."""
    sh, sw = layer.stride
    for n, f, i, j in np.ndindex(dy.shape):
        for c, u, v in np.ndindex(layer.weight.value.shape[1:]):
            pixel = n, c, sh * i + u, sw * j + v
            yield (n, f, i, j), (f, c, u, v), pixel


def met(layer, dy):
    """Yield what meets in a convolution, of whichever kind."""
    apart = isinstance(layer, DepthwiseConv2D)
    return (apart_terms if apart else terms)(layer, dy)


def conv_forward(layer, x):
    w, padded = numbers(layer.weight.value), numbers(pad(x, layer.padding))
    y = numbers(np.zeros_like(layer.forward(x.astype(float))))
    for place in np.ndindex(y.shape):
        y[place] = Number(layer.bias.value[place[1]])
    for output, weight, pixel in met(layer, y):
        y[output] += padded[pixel] * w[weight]
    return y


def kernel_gradients(layer, dy, one, other):
    """Add up db, and dw where one array meets the other in its frame."""
    padded = numbers(pad(other, layer.padding))
    dw, db = zeros(layer.weight.value.shape), zeros(dy.shape[1])
    for place in np.ndindex(dy.shape):
        db[place[1]] += dy[place]
    for here, weight, there in met(layer, one):
        dw[weight] += one[here] * padded[there]
    return dw, db


def conv_gradients(layer, x, dy):
    return kernel_gradients(layer, dy, dy, x)


def conv_dx(layer, x, dy):
    w, dx = numbers(layer.weight.value), zeros(pad(x, layer.padding).shape)
    for output, weight, pixel in met(layer, dy):
        dx[pixel] += dy[output] * w[weight]
    (ph, pw), (_, _, h, w) = layer.padding, x.shape
    return dx[:, :, ph : ph + h, pw : pw + w]


def apart_terms(layer, dy):
    """Yield the same of a kernel for each channel."""
    (sh, sw), (dh, dw) = layer.stride, layer.dilation
    for n, c, i, j in np.ndindex(dy.shape):
        for u, v in np.ndindex(layer.weight.value.shape[1:]):
            pixel = n, c, sh * i + dh * u, sw * j + dw * v
            yield (n, c, i, j), (c, u, v), pixel


def laid_down(layer, x):
    w, (ph, pw) = numbers(layer.weight.value), layer.padding
    y = layer.forward(x.astype(float))
    padded = numbers(np.zeros_like(pad(y, layer.padding)))
    for place in np.ndindex(padded.shape):
        padded[place] = Number(layer.bias.value[place[1]])
    for pixel, weight, output in terms(layer, x):
        padded[output] += x[pixel] * w[weight]
    return padded[:, :, ph : ph + y.shape[2], pw : pw + y.shape[3]]


def laid_gradients(layer, x, dy):
    return kernel_gradients(layer, dy, x, dy)


def laid_dx(layer, x, dy):
    w, dx = numbers(layer.weight.value), zeros(x.shape)
    padded = numbers(pad(dy, layer.padding))
    for pixel, weight, output in terms(layer, x):
        dx[pixel] += padded[output] * w[weight]
    return dx


def each(function):
    """Return a pass that goes number by number through its arrays."""

    def one_pass(layer, x, *dy):
        found = zeros(x.shape)
        for place in np.ndindex(x.shape):
            found[place] = function(*(a[place] for a in (x, *dy)))
        return found

    return one_pass


def relu(x):
    return x if x > 0 else Number(0)


def sigmoid(x):
    return 1 / (1 + (-x).exp())


def sigmoid_dx(x, dy):
    y = Number(1 / (1 + math.exp(-float(x))))  # which has been kept
    return dy * y * (1 - y)


def dropout_forward(layer, x):
    """Drop what the layer would drop, by the draws of its generator."""
    state = layer.rng.bit_generator.state
    draws, y = layer.rng.random(x.shape, np.float32), zeros(x.shape)
    layer.rng.bit_generator.state = state
    scale = 1 / (1 - layer.p)
    for place in np.ndindex(x.shape):
        stays = Number(draws[place]) >= layer.p
        y[place] = x[place] * (scale if stays else 0.0)
    return y


def relu_dx(x, dy):
    return dy * float(float(x) > 0)


def dropout_dx(layer, x, dy):
    mask, dx = layer.recall()[0], zeros(x.shape)
    for place in np.ndindex(x.shape):
        dx[place] = dy[place] * mask[place]
    return dx


def max_forward(layer, x):
    y = zeros(layer.forward(x.astype(float)).shape)
    for output, (first, *others) in windows(layer, x.shape):
        y[output] = x[first]
        for pixel in others:
            y[output] = x[pixel] if x[pixel] > y[output] else y[output]
    return y


def max_dx(layer, x, dy):
    dx = zeros(x.shape)
    for output, pixels in windows(layer, x.shape):
        winner = max(pixels, key=lambda pixel: float.__add__(x[pixel], 0.0))
        dx[winner] += dy[output]
    return dx


def mean_forward(layer, x):
    y = zeros(layer.forward(x.astype(float)).shape)
    for output, pixels in windows(layer, x.shape):
        for pixel in pixels:
            y[output] += x[pixel]
        y[output] /= len(pixels)
    return y


def mean_dx(layer, x, dy):
    dx = zeros(x.shape)
    for output, pixels in windows(layer, x.shape):
        share = dy[output] / len(pixels)
        for pixel in pixels:
            dx[pixel] += share
    return dx


def blurred(layer, shape, y_shape):
    """Yield what meets in a blur: an output, a pixel, and the factor."""
    (h, w), (sh, sw) = shape[2:], layer.stride
    for n, c, i, j in np.ndindex(y_shape):
        for u, v in np.ndindex(3, 3):
            p = min(max(sh * i + u - 1, 0), h - 1)
            q = min(max(sw * j + v - 1, 0), w - 1)
            factor = (1, 2, 1)[u] * (1, 2, 1)[v] / 16
            yield (n, c, i, j), (n, c, p, q), factor


def blur_forward(layer, x):
    y = zeros(layer.forward(x.astype(float)).shape)
    for output, pixel, factor in blurred(layer, x.shape, y.shape):
        y[output] += factor * x[pixel]
    return y


def blur_dx(layer, x, dy):
    dx = zeros(x.shape)
    for output, pixel, factor in blurred(layer, x.shape, dy.shape):
        dx[pixel] += factor * dy[output]
    return dx


def global_forward(layer, x):
    y = zeros(x.shape[:2])
    for n, c, p, q in np.ndindex(x.shape):
        y[n, c] += x[n, c, p, q]
    for place in np.ndindex(y.shape):
        y[place] /= x[0, 0].size
    return y


def global_dx(layer, x, dy):
    dx = zeros(x.shape)
    for place in np.ndindex(dy.shape):
        dx[place] = dy[place] / x[0, 0].size
    return dx


def residual_forward(layer, x):
    y = layer.inside.forward(x.astype(float))
    return y + x.reshape(y.shape)  # number by number


def residual_dx(layer, x, dy):
    return layer.inside.backward(dy.astype(float)) + dy.reshape(x.shape)


def norm_forward(layer, x):
    y, m = zeros(x.shape), x.size // layer.channels
    gamma, beta = numbers(layer.weight.value), numbers(layer.bias.value)
    running = numbers(np.array([*layer.buffers().values()]))
    measured = copy.deepcopy(layer)
    measured.forward(x.astype(float))
    for c in range(layer.channels):
        mean, variance = Number(0), Number(0)
        places = [p for p in np.ndindex(x.shape) if p[1] == c]
        for p in places:
            mean += x[p]
        mean /= m
        deviations = {p: x[p] - mean for p in places}
        for p in places:
            variance += deviations[p] * deviations[p]
        variance /= m
        scale = 1 / (variance + layer.epsilon).root()
        for p in places:
            xhat = deviations[p] * scale
            y[p] = gamma[c] * xhat + beta[c]
        old = running[:, c]
        kept = old[0] + layer.momentum * (mean - old[0])
        unbiased = variance * (m / (m - 1))
        other = old[1] + layer.momentum * (unbiased - old[1])
        assert_close(float(kept), measured.running_mean[c])
        assert_close(float(other), measured.running_variance[c])
    return y


def norm_sums(layer, x, dy):
    """Return dgamma and dbeta, with xhat as the layer has kept it."""
    xhat = numbers(layer.recall()[0])
    dgamma, dbeta = zeros(layer.channels), zeros(layer.channels)
    for p in np.ndindex(dy.shape):
        dgamma[p[1]] += dy[p] * xhat[p]
        dbeta[p[1]] += dy[p]
    return dgamma, dbeta


def norm_dx(layer, x, dy):
    xhat, scale = map(numbers, layer.recall()[:2])
    before = Number.count
    dgamma, dbeta = norm_sums(layer, x, dy)
    Number.count = before  # they are there already
    dx, m = zeros(x.shape), x.size // layer.channels
    for c in range(layer.channels):
        factor = layer.weight.value[c].item() * scale[c]
        shift, stretch = dbeta[c] / m, dgamma[c] / m
        for p in np.ndindex(dx.shape):
            if p[1] == c:
                dx[p] = factor * (dy[p] - shift - xhat[p] * stretch)
    return dx


def nothing(layer, x, dy):
    return ()


def reshaped(layer, x):
    return x.reshape(layer.forward(x.astype(float)).shape)


def reshaped_back(layer, x, dy):
    return dy.reshape(x.shape)


PASSES = {
    AvgPool2D: (mean_forward, nothing, mean_dx),
    BatchNorm2D: (norm_forward, norm_sums, norm_dx),
    BlurPool2D: (blur_forward, nothing, blur_dx),
    Conv2D: (conv_forward, conv_gradients, conv_dx),
    ConvTranspose2D: (laid_down, laid_gradients, laid_dx),
    Dense: (dense_forward, dense_gradients, dense_dx),
    DepthwiseConv2D: (conv_forward, conv_gradients, conv_dx),
    Dropout: (dropout_forward, nothing, dropout_dx),
    Flatten: (reshaped, nothing, reshaped_back),
    GlobalAvgPool2D: (global_forward, nothing, global_dx),
    MaxPool2D: (max_forward, nothing, max_dx),
    ReLU: (each(relu), nothing, each(relu_dx)),
    Reshape: (reshaped, nothing, reshaped_back),
    Residual: (residual_forward, nothing, residual_dx),
    Sigmoid: (each(sigmoid), nothing, each(sigmoid_dx)),
}
RNG = np.random.default_rng(0)
MAPS = 2, 3, 5, 4
CASES = [
    (AvgPool2D((2, 3)), MAPS),
    (AvgPool2D(2, stride=1), MAPS),
    (BatchNorm2D(3), MAPS),
    (BatchNorm2D(1), (3, 1, 2, 2)),
    (BlurPool2D(), MAPS),
    (BlurPool2D((1, 3)), MAPS),
    (Conv2D(3, 2, (2, 3), rng=RNG), MAPS),
    (Conv2D(3, 4, 3, stride=(2, 1), padding=(1, 2), rng=RNG), MAPS),
    (ConvTranspose2D(3, 2, (2, 3), stride=2, rng=RNG), MAPS),
    (ConvTranspose2D(3, 4, 3, stride=(1, 2), padding=1, rng=RNG), MAPS),
    (Dense(5, 3, rng=RNG), (2, 5)),
    (Dense(1, 1, rng=RNG), (1, 1)),
    (DepthwiseConv2D(3, (2, 3), stride=2, rng=RNG), MAPS),
    (DepthwiseConv2D(3, 2, padding=(1, 2), dilation=2, rng=RNG), MAPS),
    (Dropout(0.4, rng=RNG), (3, 4)),
    (Flatten(), MAPS),
    (GlobalAvgPool2D(), MAPS),
    (MaxPool2D(2), MAPS),
    (MaxPool2D((3, 1), stride=1), MAPS),
    (ReLU(), MAPS),
    (Reshape((4, 15)), MAPS),
    (Residual(ReLU()), MAPS),
    (Residual(Flatten(), Flatten()), MAPS),
    (Sigmoid(), (3, 2)),
]


def test_every_layer_of_the_package_is_counted():
    every = [getattr(layers, name) for name in layers.__all__]
    kinds = {one for one in every if isinstance(one, type)}
    assert {*OPERATIONS} == kinds - {layers.Network}


def test_every_formula_is_tried():
    assert {*PASSES} == {*OPERATIONS} == {type(layer) for layer, _ in CASES}


@pytest.mark.equation("account-sums")
@pytest.mark.equation("account-normalization")
@pytest.mark.parametrize(("layer", "shape"), CASES, ids=repr)
def test_formulas_are_what_loops_take(layer, shape, rng):
    layer = copy.deepcopy(layer)
    layer.astype(np.float64)
    x = rng.standard_normal(shape)
    forward, gradients, dx = PASSES[type(layer)]

    def count(one, *given):
        before = Number.count
        found = one(layer, *given)
        return found, Number.count - before

    looped, there = count(forward, numbers(x))
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    back, layer_dx = numbers(dy), layer.backward(dy)
    looped_gradients, learned = count(gradients, numbers(x), back)
    looped_dx, handed = count(dx, numbers(x), back)
    assert_close(looped.astype(float), y)
    assert_close(looped_dx.astype(float), layer_dx)
    for p, one in zip(layer.parameters(), looped_gradients, strict=True):
        assert_close(one.astype(float), p.grad)
    work = OPERATIONS[type(layer)](layer, x.size, y.size)
    assert work == (there, learned, handed)
