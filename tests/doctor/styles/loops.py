"""Everything in loops that a child could read, with classes of their own."""

# mypy: ignore-errors

import math

import numpy as np

from scratchcnn import Parameter
from scratchcnn.losses import Loss


class Dense:
    def __init__(self, in_features, out_features, *, rng):
        self.sizes = out_features, in_features
        self.weight = Parameter(he_normal(self.sizes, in_features, rng))
        self.bias = Parameter(np.zeros(out_features))

    def forward(self, x):
        self.x, w, b = x, self.weight.value, self.bias.value
        y = np.zeros((len(x), len(b)), x.dtype)
        for n in range(len(x)):
            for m in range(len(b)):
                y[n, m] = b[m]
                for d in range(x.shape[1]):
                    y[n, m] += x[n, d] * w[m, d]
        return y

    def backward(self, dy):
        x, w = self.x, self.weight.value
        (outputs, inputs), count = self.sizes, len(x)
        dx = np.zeros(x.shape, dy.dtype)
        dw, db = self.weight.grad, self.bias.grad
        dw.fill(0)
        db.fill(0)
        for n in range(count):
            for m in range(outputs):
                db[m] += dy[n, m]
                for d in range(inputs):
                    dw[m, d] += dy[n, m] * x[n, d]
                    dx[n, d] += dy[n, m] * w[m, d]
        return dx


class ReLU:
    def forward(self, x):
        self.x = x.copy()
        y = np.zeros(x.shape, x.dtype)
        for k in np.ndindex(x.shape):
            if x[k] > 0:
                y[k] = x[k]
        return y

    def backward(self, dy):
        dx = np.zeros(dy.shape, dy.dtype)
        for k in np.ndindex(dy.shape):
            if self.x[k] > 0:
                dx[k] = dy[k]
        return dx


class Sigmoid:
    def forward(self, x):
        self.y = np.zeros(x.shape, x.dtype)
        for k in np.ndindex(x.shape):
            z = float(x[k])
            e = math.exp(-abs(z))
            self.y[k] = 1 / (1 + e) if z > 0 else e / (1 + e)
        return self.y.copy()

    def backward(self, dy):
        dx = np.zeros(dy.shape, dy.dtype)
        for k in np.ndindex(dy.shape):
            y = self.y[k]
            dx[k] = dy[k] * y * (1 - y)
        return dx


class Conv2D:
    def __init__(
        self, channels, kernels, kernel_size, *, stride=1, padding=0, rng
    ):
        self.kernel, self.stride, self.padding = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride, padding)
        )
        shape = (kernels, channels, *self.kernel)
        fan_in = channels * self.kernel[0] * self.kernel[1]
        self.weight = Parameter(he_normal(shape, fan_in, rng))
        self.bias = Parameter(np.zeros(kernels))

    def forward(self, x):
        (ph, pw), (sh, sw), (kh, kw) = self.padding, self.stride, self.kernel
        w, b = self.weight.value, self.bias.value
        images, channels, height, width = x.shape
        padded = np.zeros((images, channels, height + 2 * ph, width + 2 * pw))
        for n, c, p, q in np.ndindex(x.shape):
            padded[n, c, p + ph, q + pw] = x[n, c, p, q]
        rows = (height + 2 * ph - kh) // sh + 1
        columns = (width + 2 * pw - kw) // sw + 1
        y = np.zeros((images, len(w), rows, columns), x.dtype)
        for n, f, i, j in np.ndindex(y.shape):
            y[n, f, i, j] = b[f]
            for c in range(channels):
                one = 0.0
                for u, v in np.ndindex(kh, kw):
                    one += padded[n, c, sh * i + u, sw * j + v] * w[f, c, u, v]
                y[n, f, i, j] += one
        self.x, self.padded = x, padded
        return y

    def backward(self, dy):
        (ph, pw), (sh, sw), (kh, kw) = self.padding, self.stride, self.kernel
        w, dw, db = self.weight.value, self.weight.grad, self.bias.grad
        dpadded = np.zeros(self.padded.shape, dy.dtype)
        dw[...] = 0
        db[...] = 0
        for n, f, i, j in np.ndindex(dy.shape):
            g = dy[n, f, i, j]
            db[f] += g
            for c, u, v in np.ndindex(w.shape[1:]):
                p, q = sh * i + u, sw * j + v
                dw[f, c, u, v] += g * self.padded[n, c, p, q]
                dpadded[n, c, p, q] += g * w[f, c, u, v]
        height, width = self.x.shape[2:]
        return dpadded[:, :, ph : ph + height, pw : pw + width]


class DepthwiseConv2D:
    def __init__(
        self,
        channels,
        kernel_size,
        *,
        stride=1,
        padding=0,
        dilation=1,
        rng,
    ):
        self.kernel, self.stride, self.padding, self.dilation = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride, padding, dilation)
        )
        shape = (channels, *self.kernel)
        fan_in = self.kernel[0] * self.kernel[1]
        self.weight = Parameter(he_normal(shape, fan_in, rng))
        self.bias = Parameter(np.zeros(channels))

    def forward(self, x):
        (ph, pw), (sh, sw), (kh, kw) = self.padding, self.stride, self.kernel
        (dh, dw), w, b = self.dilation, self.weight.value, self.bias.value
        images, channels, height, width = x.shape
        padded = np.zeros((images, channels, height + 2 * ph, width + 2 * pw))
        for n, c, p, q in np.ndindex(x.shape):
            padded[n, c, p + ph, q + pw] = x[n, c, p, q]
        rows = (height + 2 * ph - dh * (kh - 1) - 1) // sh + 1
        columns = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
        y = np.zeros((images, channels, rows, columns), x.dtype)
        for n, c, i, j in np.ndindex(y.shape):
            one = b[c]
            for u, v in np.ndindex(kh, kw):
                pixel = padded[n, c, sh * i + dh * u, sw * j + dw * v]
                one += pixel * w[c, u, v]
            y[n, c, i, j] = one
        self.x, self.padded = x, padded
        return y

    def backward(self, dy):
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        w, grad, db = self.weight.value, self.weight.grad, self.bias.grad
        dpadded = np.zeros(self.padded.shape, dy.dtype)
        grad[...] = 0
        db[...] = 0
        for n, c, i, j in np.ndindex(dy.shape):
            g = dy[n, c, i, j]
            db[c] += g
            for u, v in np.ndindex(w.shape[1:]):
                p, q = sh * i + dh * u, sw * j + dw * v
                grad[c, u, v] += g * self.padded[n, c, p, q]
                dpadded[n, c, p, q] += g * w[c, u, v]
        height, width = self.x.shape[2:]
        return dpadded[:, :, ph : ph + height, pw : pw + width]


class Reshape:
    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.old = x.shape
        count = len(x)
        rows = []
        for n in range(count):
            rows.append(x[n].reshape(-1))
        flat = np.array(rows)
        return flat.reshape(count, *self.shape)

    def backward(self, dy):
        dx = np.zeros(self.old, dy.dtype)
        for n in range(len(dy)):
            numbers = iter(dy[n].ravel())
            for k in np.ndindex(self.old[1:]):
                dx[(n, *k)] = next(numbers)
        return dx


class Flatten(Reshape):
    def __init__(self):
        super().__init__((-1,))


class MaxPool2D:
    def __init__(self, kernel_size, stride=None):
        stride = kernel_size if stride is None else stride
        self.kernel, self.stride = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride)
        )

    def forward(self, x):
        (kh, kw), (sh, sw) = self.kernel, self.stride
        self.x = x
        rows = (x.shape[2] - kh) // sh + 1
        columns = (x.shape[3] - kw) // sw + 1
        y = np.zeros((*x.shape[:2], rows, columns), x.dtype)
        for n, c, i, j in np.ndindex(y.shape):
            y[n, c, i, j] = max(
                x[n, c, sh * i + u, sw * j + v] for u, v in np.ndindex(kh, kw)
            )
        return y

    def backward(self, dy):
        (kh, kw), (sh, sw), x = self.kernel, self.stride, self.x
        dx = np.zeros(x.shape, dy.dtype)
        for n, c, i, j in np.ndindex(dy.shape):
            best = sh * i, sw * j
            for u, v in np.ndindex(kh, kw):
                place = sh * i + u, sw * j + v
                if x[n, c][place] > x[n, c][best]:
                    best = place
            dx[n, c][best] += dy[n, c, i, j]
        return dx


class AvgPool2D(MaxPool2D):
    def forward(self, x):
        (kh, kw), (sh, sw) = self.kernel, self.stride
        self.x = x
        rows = (x.shape[2] - kh) // sh + 1
        columns = (x.shape[3] - kw) // sw + 1
        y = np.zeros((*x.shape[:2], rows, columns), x.dtype)
        for n, c, i, j in np.ndindex(y.shape):
            for u, v in np.ndindex(kh, kw):
                y[n, c, i, j] += x[n, c, sh * i + u, sw * j + v] / (kh * kw)
        return y

    def backward(self, dy):
        (kh, kw), (sh, sw) = self.kernel, self.stride
        dx = np.zeros(self.x.shape, dy.dtype)
        for n, c, i, j in np.ndindex(dy.shape):
            for u, v in np.ndindex(kh, kw):
                share = dy[n, c, i, j] / (kh * kw)
                dx[n, c, sh * i + u, sw * j + v] += share
        return dx


class BatchNorm2D:
    def __init__(self, channels, *, momentum=0.1, epsilon=1e-5):
        self.channels, self.momentum, self.epsilon = (
            channels,
            momentum,
            epsilon,
        )
        self.weight = Parameter(np.ones(channels))
        self.bias = Parameter(np.zeros(channels))
        self.running_mean = np.zeros(channels)
        self.running_variance = np.ones(channels)
        self.training = True

    def forward(self, x):
        self.xhat, self.roots = np.zeros(x.shape, x.dtype), []
        self.was_training = self.training
        y = np.zeros(x.shape, x.dtype)
        for c in range(self.channels):
            pixels = [float(v) for v in x[:, c].ravel()]
            count = len(pixels)
            if self.training:
                mean = sum(pixels) / count
                variance = sum((p - mean) ** 2 for p in pixels) / count
                unbiased = variance * count / (count - 1)
                old = 1 - self.momentum
                self.running_mean[c] *= old
                self.running_mean[c] += self.momentum * mean
                self.running_variance[c] *= old
                self.running_variance[c] += self.momentum * unbiased
            else:
                mean = self.running_mean[c]
                variance = self.running_variance[c]
            root = math.sqrt(variance + self.epsilon)
            self.roots.append(root)
            self.xhat[:, c] = (x[:, c] - mean) / root
            gamma, beta = self.weight.value[c], self.bias.value[c]
            y[:, c] = gamma * self.xhat[:, c] + beta
        return y

    def backward(self, dy):
        dx = np.zeros(dy.shape, dy.dtype)
        for c in range(self.channels):
            xhat, g = self.xhat[:, c], dy[:, c]
            self.weight.grad[c] = (g * xhat).sum()
            self.bias.grad[c] = g.sum()
            dxhat = g * self.weight.value[c]
            if self.was_training:
                center = dxhat.mean()
                slope = (dxhat * xhat).mean()
                dxhat = dxhat - center - xhat * slope
            dx[:, c] = dxhat / self.roots[c]
        return dx


class Dropout:
    def __init__(self, p, *, rng):
        self.p, self.rng, self.training = p, rng, True

    def forward(self, x):
        self.mask = np.ones(x.shape)
        if self.training:
            for n in range(len(x)):
                drawn = self.rng.random(x.shape[1:])
                self.mask[n] = np.where(drawn < self.p, 0, 1 / (1 - self.p))
        return (x * self.mask).astype(x.dtype)

    def backward(self, dy):
        dx = np.zeros(dy.shape, dy.dtype)
        for n in range(len(dy)):
            dx[n] = dy[n] * self.mask[n]
        return dx


class Network:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for number in range(len(self.layers)):
            x = self.layers[number].forward(x)
        return x

    def backward(self, dy):
        number = len(self.layers) - 1
        while number >= 0:
            dy = self.layers[number].backward(dy)
            number -= 1
        return dy

    def parameters(self):
        found = []
        for layer in self.layers:
            found += layer.parameters()
        return found

    def eval(self):
        for layer in self.layers:
            layer.eval()


class Residual:
    def __init__(self, inside, shortcut=None):
        self.inside, self.shortcut = inside, shortcut

    def forward(self, x):
        inside, around = self.inside.forward(x), x
        if self.shortcut:
            around = self.shortcut.forward(x)
        if inside.shape != around.shape:
            raise ValueError("the shapes differ")
        y = np.zeros(inside.shape, inside.dtype)
        for k in np.ndindex(y.shape):
            y[k] = inside[k] + around[k]
        return y

    def backward(self, dy):
        inside, around = self.inside.backward(dy), dy
        if self.shortcut:
            around = self.shortcut.backward(dy)
        dx = np.zeros(inside.shape, dy.dtype)
        for k in np.ndindex(dx.shape):
            dx[k] = inside[k] + around[k]
        return dx

    def parameters(self):
        found = self.inside.parameters()
        return found + (self.shortcut.parameters() if self.shortcut else [])

    def eval(self):
        self.inside.eval()
        if self.shortcut:
            self.shortcut.eval()


class ConvTranspose2D:
    def __init__(
        self, channels, kernels, kernel_size, *, stride=1, padding=0, rng
    ):
        self.kernel, self.stride, self.padding = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride, padding)
        )
        fan_in = channels
        for k, s in zip(self.kernel, self.stride, strict=True):
            fan_in *= len(range(0, k, s))
        shape = (channels, kernels, *self.kernel)
        self.weight = Parameter(he_normal(shape, fan_in, rng))
        self.bias = Parameter(np.zeros(kernels))

    def forward(self, x):
        (ph, pw), (sh, sw), (kh, kw) = self.padding, self.stride, self.kernel
        w, b = self.weight.value, self.bias.value
        images, channels, height, width = x.shape
        rows, columns = sh * (height - 1) + kh, sw * (width - 1) + kw
        whole = np.zeros((images, len(b), rows, columns), x.dtype)
        for n, f, i, j in np.ndindex(images, len(b), height, width):
            for u, v in np.ndindex(kh, kw):
                one = 0.0
                for c in range(channels):
                    one += x[n, c, i, j] * w[c, f, u, v]
                whole[n, f, sh * i + u, sw * j + v] += one
        for f in range(len(b)):
            whole[:, f] += b[f]
        self.x = x
        return whole[:, :, ph : rows - ph, pw : columns - pw]

    def backward(self, dy):
        (ph, pw), (sh, sw) = self.padding, self.stride
        x, w, dw = self.x, self.weight.value, self.weight.grad
        rows, columns = dy.shape[2:]
        dx = np.zeros(x.shape, dy.dtype)
        dw[...] = 0
        self.bias.grad[...] = 0
        for n, f, p, q in np.ndindex(dy.shape):
            self.bias.grad[f] += dy[n, f, p, q]
        for n, c, i, j in np.ndindex(x.shape):
            for f, u, v in np.ndindex(w.shape[1:]):
                p, q = sh * i + u - ph, sw * j + v - pw
                if 0 <= p < rows and 0 <= q < columns:
                    dx[n, c, i, j] += dy[n, f, p, q] * w[c, f, u, v]
                    dw[c, f, u, v] += dy[n, f, p, q] * x[n, c, i, j]
        return dx


class BlurPool2D:
    def __init__(self, stride=2):
        self.stride = stride if isinstance(stride, tuple) else (stride, stride)

    def places(self, i, j):
        height, width = self.shape[2:]
        for u, a in (-1, 1), (0, 2), (1, 1):
            for v, b in (-1, 1), (0, 2), (1, 1):
                p = min(max(self.stride[0] * i + u, 0), height - 1)
                q = min(max(self.stride[1] * j + v, 0), width - 1)
                yield p, q, a * b / 16

    def forward(self, x):
        self.shape = x.shape
        rows = range(0, x.shape[2], self.stride[0])
        columns = range(0, x.shape[3], self.stride[1])
        y = np.zeros((*x.shape[:2], len(rows), len(columns)), x.dtype)
        for n, c, i, j in np.ndindex(y.shape):
            for p, q, part in self.places(i, j):
                y[n, c, i, j] += part * x[n, c, p, q]
        return y

    def backward(self, dy):
        dx = np.zeros(self.shape, dy.dtype)
        for n, c, i, j in np.ndindex(dy.shape):
            for p, q, part in self.places(i, j):
                dx[n, c, p, q] += part * dy[n, c, i, j]
        return dx


class GlobalAvgPool2D:
    def forward(self, x):
        self.shape = x.shape
        images, channels, height, width = x.shape
        y = np.zeros((images, channels), x.dtype)
        for n, c in np.ndindex(y.shape):
            total = 0.0
            for p, q in np.ndindex(height, width):
                total += x[n, c, p, q]
            y[n, c] = total / (height * width)
        return y

    def backward(self, dy):
        dx = np.zeros(self.shape, dy.dtype)
        pixels = self.shape[2] * self.shape[3]
        for n, c, p, q in np.ndindex(dx.shape):
            dx[n, c, p, q] = dy[n, c] / pixels
        return dx


class MeanSquaredError(Loss):
    threshold = 0.5

    def forward(self, y, t):
        if y.shape != t.shape:
            raise ValueError("the shapes differ")
        self.y, self.t = y, t
        total = 0.0
        for k in np.ndindex(y.shape):
            total += (y[k] - t[k]) ** 2
        return total / y.size

    def backward(self):
        dy = np.zeros(self.y.shape, self.y.dtype)
        for k in np.ndindex(dy.shape):
            dy[k] = 2 * (self.y[k] - self.t[k])
            dy[k] /= dy.size
        return dy


class BinaryCrossEntropy(Loss):
    def forward(self, y, t):
        self.y, self.t = y, t
        total = 0.0
        for k in np.ndindex(y.shape):
            z = float(y[k])
            yes = max(-z, 0) + math.log1p(math.exp(-abs(z)))
            no = max(z, 0) + math.log1p(math.exp(-abs(z)))
            total += t[k] * yes + (1 - t[k]) * no
        return total / y.size

    def backward(self):
        dy = np.zeros(self.y.shape, self.y.dtype)
        for k in np.ndindex(dy.shape):
            z = float(self.y[k])
            e = math.exp(-abs(z))
            p = 1 / (1 + e) if z > 0 else e / (1 + e)
            dy[k] = (p - self.t[k]) / dy.size
        return dy


class SoftmaxCrossEntropy(Loss):
    def forward(self, y, t):
        self.y, self.t = y, t
        self.p = np.zeros(y.shape)
        total = 0.0
        for n in range(len(y)):
            z = [float(v) for v in y[n]]
            top = max(z)
            e = [math.exp(v - top) for v in z]
            whole = sum(e)
            self.p[n] = [v / whole for v in e]
            total += math.log(whole) + top - z[t[n]]
        return total / len(y)

    def backward(self):
        dy = np.zeros(self.y.shape, self.y.dtype)
        count, classes = dy.shape
        for n in range(count):
            for k in range(classes):
                truth = 1 if k == self.t[n] else 0
                dy[n, k] = (self.p[n, k] - truth) / count
        return dy


class SmoothedCrossEntropy(Loss):
    def __init__(self, smoothing):
        self.smoothing = smoothing

    def target(self, n, k):
        share = self.smoothing / self.y.shape[1]
        return 1 - self.smoothing + share if k == self.t[n] else share

    def forward(self, y, t):
        self.y, self.t, self.p = y, t, np.zeros(y.shape)
        total = 0.0
        for n in range(len(y)):
            z = [float(v) for v in y[n]]
            top = max(z)
            whole = math.log(sum(math.exp(v - top) for v in z)) + top
            for k in range(len(z)):
                total += self.target(n, k) * (whole - z[k])
                self.p[n, k] = math.exp(z[k] - whole)
        return total / len(y)

    def backward(self):
        dy = np.zeros(self.y.shape, self.y.dtype)
        count, classes = dy.shape
        for n in range(count):
            for k in range(classes):
                dy[n, k] = (self.p[n, k] - self.target(n, k)) / count
        return dy


class SGD:
    def __init__(
        self,
        parameters,
        learning_rate,
        *,
        momentum=0.0,
        nesterov=False,
        weight_decay=0.0,
    ):
        self.parameters, self.learning_rate = parameters, learning_rate
        self.momentum, self.nesterov = momentum, nesterov
        self.weight_decay = weight_decay
        self.v = [np.zeros(p.value.shape) for p in parameters]

    def step(self, factor=1.0):
        for p, v in zip(self.parameters, self.v, strict=True):
            for k in np.ndindex(v.shape):
                g = p.grad[k] + self.weight_decay * p.value[k]
                v[k] = self.momentum * v[k] + g
                way = g + self.momentum * v[k] if self.nesterov else v[k]
                p.value[k] -= factor * self.learning_rate * way


class Adam:
    def __init__(
        self,
        parameters,
        learning_rate=0.001,
        *,
        betas=(0.9, 0.999),
        epsilon=1e-8,
        weight_decay=0.0,
    ):
        self.parameters, self.learning_rate = parameters, learning_rate
        self.betas, self.epsilon = betas, epsilon
        self.weight_decay, self.t = weight_decay, 0
        self.m = [np.zeros(p.value.shape) for p in parameters]
        self.s = [np.zeros(p.value.shape) for p in parameters]

    def step(self, factor=1.0):
        self.t += 1
        b1, b2 = self.betas
        for p, m, s in zip(self.parameters, self.m, self.s, strict=True):
            for k in np.ndindex(m.shape):
                g = p.grad[k] + self.weight_decay * p.value[k]
                m[k] = b1 * m[k] + (1 - b1) * g
                s[k] = b2 * s[k] + (1 - b2) * g * g
                mean = m[k] / (1 - b1**self.t)
                square = s[k] / (1 - b2**self.t)
                way = mean / (math.sqrt(square) + self.epsilon)
                p.value[k] -= factor * self.learning_rate * way


def gradient_step(network, loss, x, t, learning_rate):
    y = network.forward(x)
    value = loss.forward(y, t)
    if math.isnan(value) or math.isinf(value):
        raise FloatingPointError("the loss is not finite")
    network.backward(loss.backward())
    for p in network.parameters():
        for k in np.ndindex(p.value.shape):
            p.value[k] -= learning_rate * p.grad[k]
    return value


def gradient_descent(
    network, loss, x, t, *, learning_rate, epochs, batch_size, rng
):
    network.train()
    losses, count = [], len(x)
    for _ in range(epochs):
        order = rng.permutation(count)
        total = 0.0
        start = 0
        while start < count:
            batch = order[start : start + batch_size]
            xs = np.array([x[n] for n in batch])
            ts = np.array([t[n] for n in batch])
            value = loss.forward(network.forward(xs), ts)
            network.backward(loss.backward())
            for p in network.parameters():
                p.value -= learning_rate * p.grad
            total += value * len(batch)
            start += batch_size
        losses.append(total / count)
    return losses


def he_normal(shape, fan_in, rng):
    w = np.zeros(shape)
    deviation = math.sqrt(2 / fan_in)
    for k in np.ndindex(shape):
        w[k] = rng.normal(0, deviation)
    return w


def softmax(z):
    rows = z.reshape(-1, z.shape[-1])
    p = np.zeros(rows.shape, z.dtype)
    for n in range(len(rows)):
        top = max(rows[n])
        e = [math.exp(v - top) for v in rows[n]]
        for k in range(len(e)):
            p[n, k] = e[k] / sum(e)
    return p.reshape(z.shape)


def log_sum_exp(z):
    rows = z.reshape(-1, z.shape[-1])
    y = np.zeros(len(rows), z.dtype)
    for n in range(len(rows)):
        top = max(rows[n])
        y[n] = top + math.log(sum(math.exp(v - top) for v in rows[n]))
    return y.reshape(z.shape[:-1])
