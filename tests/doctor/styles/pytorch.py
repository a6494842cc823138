"""What PyTorch has, called as the package is called."""

# mypy: ignore-errors

import numpy as np
import pytest

from scratchcnn import Parameter
from scratchcnn.losses import Loss

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
functional = torch.nn.functional
torch.optim.SGD([torch.zeros(1)], 1.0)  # imports what it needs, which is much


def tensor(array, needs_grad=False):
    return torch.tensor(np.array(array), requires_grad=needs_grad)


class Differentiated:
    """A function of x, w and b, whose gradients PyTorch finds."""

    weight = bias = None

    def forward(self, x):
        arrays = [x]
        if self.weight:
            ours = self.weight.value, self.bias.value
            arrays += [p.astype(x.dtype) for p in ours]
        self.inputs = [tensor(array, True) for array in arrays]
        self.y = self.function(*self.inputs)
        return self.y.detach().numpy().copy()

    def backward(self, dy):
        self.y.backward(tensor(dy))
        dx, *grads = (t.grad.numpy() for t in self.inputs)
        for p, grad in zip((self.weight, self.bias), grads, strict=False):
            p.grad[...] = grad
        return dx


class Plain(Differentiated):
    """Hide that there are no parameters."""

    def __getattribute__(self, name):
        if name in ("weight", "bias"):
            raise AttributeError(name)
        return super().__getattribute__(name)

    def forward(self, x):
        self.inputs = [tensor(x, True)]
        self.y = self.function(*self.inputs)
        return self.y.detach().numpy().copy()

    def backward(self, dy):
        self.y.backward(tensor(dy))
        return self.inputs[0].grad.numpy()


class Dense(Differentiated):
    def __init__(self, in_features, out_features, *, rng):
        shape = out_features, in_features
        w = rng.normal(size=shape) * np.sqrt(2 / in_features)
        self.weight = Parameter(w)
        self.bias = Parameter(np.zeros(out_features))

    def function(self, x, w, b):
        return functional.linear(x, w, b)


class Conv2D(Differentiated):
    def __init__(self, c, f, kernel, *, stride=1, padding=0, rng):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        self.how = {"stride": stride, "padding": padding}
        fan_in = c * kernel[0] * kernel[1]
        w = rng.normal(size=(f, c, *kernel)) * np.sqrt(2 / fan_in)
        self.weight = Parameter(w)
        self.bias = Parameter(np.zeros(f))

    def function(self, x, w, b):
        return functional.conv2d(x, w, b, **self.how)


class DepthwiseConv2D(Differentiated):
    def __init__(self, c, kernel, *, rng, **how):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        self.how = {"groups": c, **how}
        w = rng.normal(size=(c, *kernel)) * np.sqrt(2 / np.prod(kernel))
        self.weight = Parameter(w)
        self.bias = Parameter(np.zeros(c))

    def function(self, x, w, b):
        return functional.conv2d(x, w[:, None], b, **self.how)


class ConvTranspose2D(Differentiated):
    def __init__(self, c, f, kernel, *, stride=1, padding=0, rng):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        strides = stride if isinstance(stride, tuple) else (stride, stride)
        self.how = {"stride": stride, "padding": padding}
        overlapping = -(-kernel[0] // strides[0]) * -(-kernel[1] // strides[1])
        w = rng.normal(size=(c, f, *kernel)) * np.sqrt(2 / (c * overlapping))
        self.weight = Parameter(w)
        self.bias = Parameter(np.zeros(f))

    def function(self, x, w, b):
        return functional.conv_transpose2d(x, w, b, **self.how)


class ReLU(Plain):
    def function(self, x):
        return functional.relu(x)


class Sigmoid(Plain):
    def function(self, x):
        return torch.sigmoid(x)


class Flatten(Plain):
    def function(self, x):
        return torch.flatten(x, 1)


class AvgPool2D(Plain):
    def __init__(self, kernel_size, stride=None):
        self.how = kernel_size, stride

    def function(self, x):
        return functional.avg_pool2d(x, *self.how)


class MaxPool2D(AvgPool2D):
    def function(self, x):
        return functional.max_pool2d(x, *self.how)


class BlurPool2D(Plain):
    def __init__(self, stride=2):
        self.stride = stride

    def function(self, x):
        line = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype)
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        framed = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        how = {"stride": self.stride, "groups": x.shape[1]}
        return functional.conv2d(framed, kernel, **how)


class GlobalAvgPool2D(Plain):
    def function(self, x):
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)


class BatchNorm2D(Differentiated):
    def __init__(self, channels, *, momentum=0.1, epsilon=1e-5):
        self.how, self.training = {"momentum": momentum, "eps": epsilon}, True
        self.weight = Parameter(np.ones(channels))
        self.bias = Parameter(np.zeros(channels))
        self.running_mean = np.zeros(channels)
        self.running_variance = np.ones(channels)

    def function(self, x, w, b):
        running = self.running_mean, self.running_variance
        mean, variance = (tensor(one).to(x.dtype) for one in running)
        y = functional.batch_norm(
            x, mean, variance, w, b, self.training, **self.how
        )
        self.running_mean[...] = mean.numpy()
        self.running_variance[...] = variance.numpy()
        return y


class Criterion(Loss):
    def forward(self, y, t):
        self.y, t = tensor(y, True), tensor(t)
        if self.same and self.y.shape != t.shape:
            raise ValueError("the shapes differ")
        self.value = self.function(self.y, t)
        return self.value.item()

    same = True

    def backward(self):
        self.value.backward()
        return self.y.grad.numpy()


class MeanSquaredError(Criterion):
    threshold = 0.5
    function = staticmethod(functional.mse_loss)


class BinaryCrossEntropy(Criterion):
    function = staticmethod(functional.binary_cross_entropy_with_logits)


class SoftmaxCrossEntropy(Criterion):
    same = False
    function = staticmethod(functional.cross_entropy)


class SmoothedCrossEntropy(Criterion):
    same = False

    def __init__(self, smoothing):
        self.smoothing = smoothing

    def function(self, y, t):
        how = {"label_smoothing": self.smoothing}
        return functional.cross_entropy(y, t, **how)


class SGD:
    maker = torch.optim.SGD

    def __init__(self, parameters, learning_rate=0.001, **settings):
        if "epsilon" in settings:
            settings["eps"] = settings.pop("epsilon")
        self.ours, self.learning_rate = parameters, learning_rate
        self.theirs = [tensor(p.value, True) for p in parameters]
        self.inner = self.maker(self.theirs, lr=1.0, **settings)

    def step(self, factor=1.0):
        self.inner.param_groups[0]["lr"] = self.learning_rate * factor
        with torch.no_grad():
            for p, theirs in zip(self.ours, self.theirs, strict=True):
                theirs[...] = tensor(p.value)
                theirs.grad = tensor(p.grad)
            self.inner.step()
            for p, theirs in zip(self.ours, self.theirs, strict=True):
                p.value[...] = theirs.numpy()


class Adam(SGD):
    maker = torch.optim.Adam


def softmax(z):
    return functional.softmax(tensor(z), -1).numpy()


def log_sum_exp(z):
    return torch.logsumexp(tensor(z), -1).numpy()
