"""The naive loops of the oracle, called as the package is called."""

# mypy: ignore-errors

import numpy as np

from scratchcnn import Parameter
from scratchcnn.losses import Loss
from tests import reference


class Learned:
    def __init__(self, shape, fan_in, rng):
        w = rng.normal(size=shape) * np.sqrt(2 / fan_in)
        self.weight = Parameter(w)
        self.bias = Parameter(np.zeros(shape[0]))


class Dense(Learned):
    def __init__(self, in_features, out_features, *, rng):
        super().__init__((out_features, in_features), in_features, rng)

    def forward(self, x):
        self.x = x
        y = reference.dense_forward(x, self.weight.value, self.bias.value)
        return y.astype(x.dtype)

    def backward(self, dy):
        self.weight.grad[...] = reference.dense_dw(self.x, dy)
        self.bias.grad[...] = reference.dense_db(dy)
        return reference.dense_dx(self.weight.value, dy).astype(dy.dtype)


class ReLU:
    def forward(self, x):
        self.x = x
        return reference.relu_forward(x).astype(x.dtype)

    def backward(self, dy):
        return reference.relu_dx(self.x, dy).astype(dy.dtype)


class Conv2D(Learned):
    def __init__(
        self, channels, kernels, kernel_size, *, stride=1, padding=0, rng
    ):
        self.kernel, self.stride, self.padding = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride, padding)
        )
        shape = kernels, channels, *self.kernel
        super().__init__(shape, np.prod(shape[1:]), rng)

    def forward(self, x):
        self.x, how = x, (self.stride, self.padding)
        w, b = self.weight.value, self.bias.value
        return reference.conv_forward(x, w, b, *how).astype(x.dtype)

    def backward(self, dy):
        x, how = self.x, (self.stride, self.padding)
        self.weight.grad[...] = reference.conv_dw(x, dy, self.kernel, *how)
        self.bias.grad[...] = reference.conv_db(dy)
        dx = reference.conv_dx(self.weight.value, dy, x.shape[2:], *how)
        return dx.astype(dy.dtype)


class DepthwiseConv2D(Learned):
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
        self.kernel, *self.how = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride, padding, dilation)
        )
        shape = channels, *self.kernel
        super().__init__(shape, np.prod(self.kernel), rng)

    def forward(self, x):
        self.x, w, b = x, self.weight.value, self.bias.value
        return reference.depthwise_forward(x, w, b, *self.how).astype(x.dtype)

    def backward(self, dy):
        dw = reference.depthwise_dw(self.x, dy, self.kernel, *self.how)
        self.weight.grad[...] = dw
        self.bias.grad[...] = reference.conv_db(dy)
        w, size = self.weight.value, self.x.shape[2:]
        return reference.depthwise_dx(w, dy, size, *self.how).astype(dy.dtype)


class ConvTranspose2D:
    def __init__(
        self, channels, kernels, kernel_size, *, stride=1, padding=0, rng
    ):
        self.kernel, self.stride, self.padding = (
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride, padding)
        )
        fan_in = channels * np.prod(
            [-(-k // s) for k, s in zip(self.kernel, self.stride, strict=True)]
        )
        w = rng.normal(size=(channels, kernels, *self.kernel))
        self.weight = Parameter(w * np.sqrt(2 / fan_in))
        self.bias = Parameter(np.zeros(kernels))

    def forward(self, x):
        self.x, how = x, (self.stride, self.padding)
        w, b = self.weight.value, self.bias.value
        return reference.conv_transpose_forward(x, w, b, *how).astype(x.dtype)

    def backward(self, dy):
        x, how = self.x, (self.stride, self.padding)
        dw = reference.conv_transpose_dw(x, dy, self.kernel, *how)
        self.weight.grad[...] = dw
        self.bias.grad[...] = reference.conv_db(dy)
        w, size = self.weight.value, x.shape[2:]
        dx = reference.conv_transpose_dx(w, dy, size, *how)
        return dx.astype(dy.dtype)


class BlurPool2D:
    def __init__(self, stride=2):
        self.stride = stride if isinstance(stride, tuple) else (stride, stride)

    def forward(self, x):
        self.size = x.shape[2:]
        return reference.blur_pool_forward(x, self.stride).astype(x.dtype)

    def backward(self, dy):
        dx = reference.blur_pool_dx(dy, self.size, self.stride)
        return dx.astype(dy.dtype)


class MaxPool2D:
    def __init__(self, kernel_size, stride=None):
        self.how = tuple(
            size if isinstance(size, tuple) else (size, size)
            for size in (kernel_size, stride or kernel_size)
        )

    def forward(self, x):
        self.x = x
        return reference.max_pool_forward(x, *self.how).astype(x.dtype)

    def backward(self, dy):
        dx = reference.max_pool_dx(self.x, dy, *self.how)
        return dx.astype(dy.dtype)


class AvgPool2D(MaxPool2D):
    def forward(self, x):
        self.x = x
        return reference.avg_pool_forward(x, *self.how).astype(x.dtype)

    def backward(self, dy):
        dx = reference.avg_pool_dx(dy, self.x.shape[2:], *self.how)
        return dx.astype(dy.dtype)


class GlobalAvgPool2D:
    def forward(self, x):
        self.size = x.shape[2:]
        return reference.global_pool_forward(x).astype(x.dtype)

    def backward(self, dy):
        return reference.global_pool_dx(dy, self.size).astype(dy.dtype)


class BatchNorm2D:
    def __init__(self, channels, *, momentum=0.1, epsilon=1e-5):
        self.momentum, self.epsilon, self.training = momentum, epsilon, True
        self.weight = Parameter(np.ones(channels))
        self.bias = Parameter(np.zeros(channels))
        self.running_mean = np.zeros(channels)
        self.running_variance = np.ones(channels)

    def forward(self, x):
        self.mode = self.training
        mean, variance = self.running_mean, self.running_variance
        if self.mode:
            running = reference.batchnorm_running
            self.running_mean, self.running_variance = running(
                mean, variance, x, self.momentum
            )
            mean = reference.batchnorm_mean(x)
            variance = reference.batchnorm_variance(x)
        self.variance = variance
        self.xhat = reference.batchnorm_xhat(x, mean, variance, self.epsilon)
        gamma, beta = self.weight.value, self.bias.value
        y = reference.batchnorm_forward(self.xhat, gamma, beta)
        return y.astype(x.dtype)

    def backward(self, dy):
        self.weight.grad[...] = reference.batchnorm_dgamma(self.xhat, dy)
        self.bias.grad[...] = reference.batchnorm_dbeta(dy)
        rest = self.variance, self.weight.value, self.epsilon, dy
        if self.mode:
            dx = reference.batchnorm_dx(self.xhat, *rest)
        else:
            dx = reference.batchnorm_dx_evaluation(*rest)
        return dx.astype(dy.dtype)


class MeanSquaredError(Loss):
    threshold = 0.5

    def forward(self, y, t):
        if y.shape != t.shape:
            raise ValueError("the shapes differ")
        self.pair = y, t
        return reference.mse_forward(y, t)

    def backward(self):
        return reference.mse_dy(*self.pair).astype(self.pair[0].dtype)
