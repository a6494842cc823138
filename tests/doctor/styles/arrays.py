"""Everything in whole arrays: einsum, windows, boolean masks, no loops."""

# mypy: ignore-errors

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn import Layer, Parameter
from scratchcnn.losses import Loss


def both(size):
    return size if isinstance(size, tuple) else (size, size)


def windows(x, kernel, stride):
    found = sliding_window_view(x, kernel, axis=(2, 3))
    return found[:, :, :: stride[0], :: stride[1]]


class Dense(Layer):
    def __init__(self, in_features, out_features, *, rng):
        self.weight = Parameter(
            he_normal((out_features, in_features), fan_in=in_features, rng=rng)
        )
        self.bias = Parameter(np.zeros(out_features))

    def forward(self, x):
        self.x = x
        w = self.weight.value.astype(x.dtype)
        y = np.einsum("nd,md->nm", x, w)
        return y + self.bias.value.astype(x.dtype)

    def backward(self, dy):
        w = self.weight.value.astype(dy.dtype)
        self.weight.grad[...] = np.einsum("nm,nd->md", dy, self.x)
        self.bias.grad[...] = np.einsum("nm->m", dy)
        return np.einsum("nm,md->nd", dy, w)


class ReLU(Layer):
    def forward(self, x):
        self.positive = x > 0
        y = x.copy()
        y[x < 0] = 0
        return y

    def backward(self, dy):
        return np.where(self.positive, dy, dy.dtype.type(0))


class Sigmoid(Layer):
    def forward(self, x):
        self.y = 0.5 * (1 + np.tanh(x / 2))
        return self.y.copy()

    def backward(self, dy):
        slope = self.y - self.y**2
        return slope * dy


class Conv2D(Layer):
    def __init__(
        self, channels, kernels, kernel_size, *, stride=1, padding=0, rng
    ):
        self.kernel = both(kernel_size)
        self.stride, self.padding = both(stride), both(padding)
        shape = (kernels, channels, *self.kernel)
        fan_in = channels * self.kernel[0] * self.kernel[1]
        self.weight = Parameter(he_normal(shape, fan_in=fan_in, rng=rng))
        self.bias = Parameter(np.zeros(kernels))

    def forward(self, x):
        ph, pw = self.padding
        frame = (0, 0), (0, 0), (ph, ph), (pw, pw)
        self.shape, x = x.shape, np.pad(x, frame)
        self.windows = windows(x, self.kernel, self.stride)
        w = self.weight.value.astype(x.dtype)
        y = np.einsum("ncijuv,fcuv->nfij", self.windows, w)
        y += self.bias.value.astype(x.dtype)[:, None, None]
        return y

    def backward(self, dy):
        w = self.weight.value.astype(dy.dtype)
        dw = np.einsum("ncijuv,nfij->fcuv", self.windows, dy)
        self.weight.grad[...] = dw
        self.bias.grad[...] = dy.sum(axis=(0, 2, 3))
        return self.dx(dy, w)

    def dx(self, dy, w):
        (n, c, height, width), (kh, kw) = self.shape, self.kernel
        (sh, sw), (ph, pw) = self.stride, self.padding
        rows, columns = height + 2 * ph + kh - 1, width + 2 * pw + kw - 1
        apart = np.zeros((n, dy.shape[1], rows, columns), dy.dtype)
        there = apart[:, :, kh - 1 :: sh, kw - 1 :: sw]
        there[:, :, : dy.shape[2], : dy.shape[3]] = dy
        flipped = w[:, :, ::-1, ::-1]
        views = sliding_window_view(apart, (kh, kw), axis=(2, 3))
        dx = np.einsum("nfpquv,fcuv->ncpq", views, flipped)
        return dx[:, :, ph : ph + height, pw : pw + width]


class DepthwiseConv2D(Layer):
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
        self.kernel, self.dilation = both(kernel_size), both(dilation)
        self.stride, self.padding = both(stride), both(padding)
        shape, fan_in = (channels, *self.kernel), np.prod(self.kernel)
        self.weight = Parameter(he_normal(shape, fan_in=fan_in, rng=rng))
        self.bias = Parameter(np.zeros(channels))

    def places(self, axis, count):
        starts = self.stride[axis] * np.arange(count)
        steps = self.dilation[axis] * np.arange(self.kernel[axis])
        return starts[:, None] + steps

    def forward(self, x):
        ph, pw = self.padding
        self.padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        counts = [
            (size - d * (k - 1) - 1) // s + 1
            for size, d, k, s in zip(
                self.padded.shape[2:],
                self.dilation,
                self.kernel,
                self.stride,
                strict=True,
            )
        ]
        rows, columns = (self.places(axis, counts[axis]) for axis in (0, 1))
        self.where = rows[:, None, :, None], columns[None, :, None]
        self.seen = self.padded[(..., *self.where)]
        w = self.weight.value.astype(x.dtype)
        y = np.einsum("ncijuv,cuv->ncij", self.seen, w)
        return y + self.bias.value.astype(x.dtype)[:, None, None]

    def backward(self, dy):
        w = self.weight.value.astype(dy.dtype)
        self.weight.grad[...] = np.einsum("ncijuv,ncij->cuv", self.seen, dy)
        self.bias.grad[...] = np.einsum("ncij->c", dy)
        dpadded = np.zeros(self.padded.shape, dy.dtype)
        shares = np.einsum("ncij,cuv->ncijuv", dy, w)
        np.add.at(dpadded, (slice(None), slice(None), *self.where), shares)
        (ph, pw), (height, width) = self.padding, dpadded.shape[2:]
        return dpadded[:, :, ph : height - ph, pw : width - pw]


class Reshape(Layer):
    def __init__(self, shape):
        self.new = shape

    def forward(self, x):
        self.old = x.shape
        return np.stack([one.reshape(self.new) for one in x])

    def backward(self, dy):
        return np.concatenate([g.ravel() for g in dy]).reshape(self.old)


class Flatten(Reshape):
    def __init__(self):
        super().__init__(-1)


class MaxPool2D(Layer):
    def __init__(self, kernel_size, stride=None):
        self.kernel = both(kernel_size)
        self.stride = both(kernel_size if stride is None else stride)

    def forward(self, x):
        self.x, found = x, windows(x, self.kernel, self.stride)
        self.flat = found.reshape(*found.shape[:4], -1)
        return self.flat.max(axis=-1)

    def backward(self, dy):
        best = self.flat.argmax(axis=-1)
        u, v = np.divmod(best, self.kernel[1])
        n, c, i, j = np.indices(dy.shape)
        dx = np.zeros(self.x.shape, dy.dtype)
        rows, columns = self.stride[0] * i + u, self.stride[1] * j + v
        np.add.at(dx, (n, c, rows, columns), dy)
        return dx


class AvgPool2D(MaxPool2D):
    def forward(self, x):
        self.x, found = x, windows(x, self.kernel, self.stride)
        return found.mean(axis=(4, 5))

    def backward(self, dy):
        (kh, kw), (sh, sw) = self.kernel, self.stride
        dx, area = np.zeros(self.x.shape, dy.dtype), kh * kw
        for i, j in np.ndindex(dy.shape[2:]):
            window = dx[:, :, sh * i : sh * i + kh, sw * j : sw * j + kw]
            window += dy[:, :, i, j, None, None] / area
        return dx


class BatchNorm2D(Layer):
    def __init__(self, channels, *, momentum=0.1, epsilon=1e-5):
        self.momentum, self.epsilon = momentum, epsilon
        self.weight = Parameter(np.ones(channels))
        self.bias = Parameter(np.zeros(channels))
        self.running_mean = np.zeros(channels)
        self.running_variance = np.ones(channels)

    def forward(self, x):
        flat = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        self.measured, m = self.training, self.momentum
        mean, var = flat.mean(axis=1), flat.var(axis=1)
        if self.training:
            spread = flat.var(axis=1, ddof=1)
            self.running_mean = (1 - m) * self.running_mean + m * mean
            self.running_variance = (1 - m) * self.running_variance
            self.running_variance = self.running_variance + m * spread
        else:
            mean, var = self.running_mean, self.running_variance
        self.sd = np.sqrt(var + self.epsilon).astype(x.dtype)
        centered = x - mean.astype(x.dtype)[:, None, None]
        self.xhat = centered / self.sd[:, None, None]
        gamma, beta = self.weight.value, self.bias.value
        y = np.einsum("c,ncij->ncij", gamma, self.xhat)
        return (y + beta[:, None, None]).astype(x.dtype)

    def backward(self, dy):
        self.weight.grad[...] = np.einsum("ncij,ncij->c", dy, self.xhat)
        self.bias.grad[...] = np.einsum("ncij->c", dy)
        gamma, m = self.weight.value, dy[:, 0].size
        g = dy * gamma[:, None, None]
        if self.measured:
            sum_g = np.einsum("ncij->c", g)[:, None, None]
            sum_gx = np.einsum("ncij,ncij->c", g, self.xhat)[:, None, None]
            g = (m * g - sum_g - self.xhat * sum_gx) / m
        return (g / self.sd[:, None, None]).astype(dy.dtype)


class Dropout(Layer):
    def __init__(self, p, *, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        if not self.training:
            self.kept = None
            return x.copy()
        self.kept = self.rng.binomial(1, 1 - self.p, x.shape).astype(bool)
        return np.where(self.kept, x / (1 - self.p), 0)

    def backward(self, dy):
        if self.kept is None:
            return dy.copy()
        return np.where(self.kept, dy / (1 - self.p), 0)


class Network(Layer):
    def __init__(self, layers):
        self.first, *self.others = layers

    def children(self):
        return [self.first, *self.others]

    def forward(self, x):
        y = self.first(x)
        return Network(self.others).forward(y) if self.others else y

    def backward(self, dy):
        if self.others:
            dy = Network(self.others).backward(dy)
        return self.first.backward(dy)


class Residual(Layer):
    def __init__(self, *ways):
        self.ways = ways

    def forward(self, x):
        found = [way(x) for way in self.ways]
        found += [x] * (2 - len(found))
        return np.stack(found).sum(axis=0)

    def backward(self, dy):
        found = [way.backward(dy) for way in self.ways]
        found += [dy] * (2 - len(found))
        return np.stack(found).sum(axis=0)


class ConvTranspose2D(Layer):
    def __init__(
        self, channels, kernels, kernel_size, *, stride=1, padding=0, rng
    ):
        self.kernel = both(kernel_size)
        self.stride, self.padding = both(stride), both(padding)
        meeting = np.ceil(np.divide(self.kernel, self.stride)).prod()
        shape = (channels, kernels, *self.kernel)
        fan_in = channels * meeting
        self.weight = Parameter(he_normal(shape, fan_in=fan_in, rng=rng))
        self.bias = Parameter(np.zeros(kernels))

    def under(self, axis):
        starts = self.stride[axis] * np.arange(self.x.shape[2 + axis])
        return starts[:, None] + np.arange(self.kernel[axis])

    def forward(self, x):
        self.x = x
        rows, columns = self.under(0)[:, :, None, None], self.under(1)
        parts = np.einsum(
            "ncij,cfuv->nfiujv", x, self.weight.value.astype(x.dtype)
        )
        size = rows.max() + 1, columns.max() + 1
        whole = np.zeros((*parts.shape[:2], *size), x.dtype)
        np.add.at(whole, np.s_[:, :, rows, columns], parts)
        whole += self.bias.value.astype(x.dtype)[:, None, None]
        (ph, pw), (height, width) = self.padding, size
        return whole[:, :, ph : height - ph, pw : width - pw]

    def backward(self, dy):
        ph, pw = self.padding
        framed = np.pad(dy, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        rows, columns = self.under(0)[:, :, None, None], self.under(1)
        seen = framed[:, :, rows, columns]
        dw = np.einsum("ncij,nfiujv->cfuv", self.x, seen)
        self.weight.grad[...] = dw
        self.bias.grad[...] = dy.sum(axis=(0, 2, 3))
        w = self.weight.value.astype(dy.dtype)
        return np.einsum("nfiujv,cfuv->ncij", seen, w)


class BlurPool2D(Layer):
    def __init__(self, stride=2):
        self.stride = both(stride)

    def mixing(self, size, stride):
        kept = np.arange(0, size, stride)[:, None]
        around = np.array([-1, 0, 1])
        near = np.clip(kept + around, 0, size - 1)
        matrix = np.zeros((len(kept), size))
        np.add.at(matrix, (kept // stride, near), np.array([1, 2, 1]) / 4)
        return matrix

    def forward(self, x):
        pairs = zip(x.shape[2:], self.stride, strict=True)
        self.down, self.across = (self.mixing(*pair) for pair in pairs)
        y = np.einsum("ip,ncpq,jq->ncij", self.down, x, self.across)
        return y.astype(x.dtype)

    def backward(self, dy):
        dx = np.einsum("ip,ncij,jq->ncpq", self.down, dy, self.across)
        return dx.astype(dy.dtype)


class GlobalAvgPool2D(Layer):
    def forward(self, x):
        self.ones, self.pixels = np.ones_like(x), x[0, 0].size
        return np.einsum("ncpq->nc", x) / self.pixels

    def backward(self, dy):
        return np.einsum("nc,ncpq->ncpq", dy / self.pixels, self.ones)


class MeanSquaredError(Loss):
    threshold = 0.5

    def forward(self, y, t):
        assert np.shape(y) == np.shape(t)
        self.off = (y - t).ravel()
        self.shape = y.shape
        return float(np.inner(self.off, self.off) / y.size)

    def backward(self):
        dy = np.multiply(self.off, 2.0)
        dy /= dy.size
        return dy.reshape(self.shape)


class BinaryCrossEntropy(Loss):
    def forward(self, y, t):
        z = y.astype(float)
        self.out = y
        self.p, self.t = 0.5 + np.tanh(z / 2) / 2, t
        yes, no = np.logaddexp(0, -z), np.logaddexp(0, z)
        return float(np.average(t * yes + (1 - t) * no))

    def backward(self):
        dy = self.p - self.t
        dy = dy / dy.size
        return dy.astype(self.out.dtype)


class SoftmaxCrossEntropy(Loss):
    def forward(self, y, t):
        self.out = y
        z = y.astype(float)
        self.hot = np.eye(y.shape[1])[t]
        z = z - z.max(axis=1)[:, None]
        total = np.exp(z).sum(axis=1)
        self.p = np.exp(z) / total[:, None]
        surprises = np.log(total) - np.einsum("nk,nk->n", z, self.hot)
        return surprises.mean()

    def backward(self):
        dy = self.p - self.hot
        dy /= len(dy)
        return dy.astype(self.out.dtype)


class SmoothedCrossEntropy(Loss):
    def __init__(self, smoothing):
        self.smoothing = smoothing

    def forward(self, y, t):
        s, (_, K) = self.smoothing, y.shape
        z = y.astype(float)
        z = z - z.max(axis=1)[:, None]
        log_p = z - np.log(np.exp(z).sum(axis=1))[:, None]
        true = log_p[np.arange(len(y)), t]
        losses = -(1 - s) * true - s * log_p.mean(axis=1)
        q = np.full(y.shape, s / K)
        q[np.arange(len(y)), t] += 1 - s
        self.dy = ((np.exp(log_p) - q) / len(y)).astype(y.dtype)
        return losses.mean()

    def backward(self):
        return self.dy


class SGD:
    def __init__(
        self,
        parameters,
        learning_rate,
        momentum=0.0,
        nesterov=False,
        weight_decay=0.0,
    ):
        self.parameters, self.learning_rate = list(parameters), learning_rate
        self.mu, self.nesterov, self.decay = momentum, nesterov, weight_decay
        self.memory = {}

    def step(self, factor=1.0):
        rate = self.learning_rate * factor
        for p in self.parameters:
            g = p.grad + self.decay * p.value
            v = g + self.mu * self.memory.get(id(p), 0)
            self.memory[id(p)] = v
            if self.nesterov:
                v = g + self.mu * v
            np.subtract(p.value, rate * v, out=p.value)


class Adam:
    def __init__(
        self,
        parameters,
        learning_rate=0.001,
        betas=(0.9, 0.999),
        epsilon=1e-8,
        weight_decay=0.0,
    ):
        self.parameters, self.learning_rate = list(parameters), learning_rate
        self.betas, self.epsilon, self.decay = betas, epsilon, weight_decay
        self.memory = [(0.0, 0.0) for _ in self.parameters]
        self.powers = np.ones(2)

    def step(self, factor=1.0):
        beta = np.array(self.betas)
        self.powers *= beta
        first, second = 1 - self.powers
        for i, p in enumerate(self.parameters):
            g = p.grad + self.decay * p.value
            m, s = self.memory[i]
            m = m + (1 - beta[0]) * (g - m)
            s = s + (1 - beta[1]) * (g**2 - s)
            self.memory[i] = m, s
            size = np.sqrt(s / second) + self.epsilon
            move = factor * self.learning_rate * (m / first) / size
            p.value[...] = p.value - move


def gradient_step(network, loss, x, t, learning_rate):
    value = loss.forward(network(x), t)
    if not np.isfinite(value):
        raise FloatingPointError(value)
    dy = loss.backward()
    network.backward(dy)
    everything = network.parameters()
    for p in everything:
        p.value[...] = p.value - learning_rate * p.grad
    return value


def gradient_descent(
    network, loss, x, t, *, learning_rate, epochs, batch_size, rng
):
    for _ in range(epochs):
        network.train()
        order = np.arange(len(x))
        rng.shuffle(order)
        cuts = range(batch_size, len(x), batch_size)
        values, sizes = [], []
        for some in np.split(order, cuts):
            xs, ts = x[some], t[some]
            values.append(loss.forward(network.forward(xs), ts))
            sizes.append(len(some))
            network.backward(loss.backward())
            for p in network.parameters():
                p.value[...] += -learning_rate * p.grad
        yield np.average(values, weights=sizes)


def he_normal(shape, *, fan_in, rng):
    return rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)


def softmax(z):
    return np.exp(z - log_sum_exp(z)[..., None])


def log_sum_exp(z):
    return np.logaddexp.reduce(z, axis=-1)
