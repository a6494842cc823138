"""Give every channel mean 0 and variance 1: `BatchNorm2D`."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_array, check_number, check_size
from scratchcnn.layer import Layer, Parameter

PIXELS = (0, 2, 3)  # the axes n, h, w that one channel extends over


def per_channel(v: Array, x: Array) -> Array:
    """Return v, (C,), as (C, 1, 1) in the precision of x, (N, C, H, W)."""
    return v.astype(x.dtype, copy=False)[:, None, None]


class BatchNorm2D(Layer):
    """Normalize every channel over the batch; then scale and shift it.

    ``y = gamma * xhat + beta``, ``xhat = (x - mean) / sqrt(variance +
    epsilon)``, with x and y of shape (N, C, H, W) and all others of one
    number a channel. In training, mean and variance are those of the
    batch; in evaluation, the running ones.

    Parameters
    ----------
    channels : int
        C.
    momentum : float
        The share of each new batch in the running mean and variance,
        at least 0 and less than 1.
    epsilon : float
        Keeps a constant channel from a division by zero; positive.

    Attributes
    ----------
    weight, bias : Parameter
        gamma and beta, of shape (C,); they start at ones and zeros.
    running_mean, running_variance : ndarray
        float64, (C,), changed in place by each forward pass in
        training; the variance is the unbiased one.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, if `x` or `dy` is not a
        floating-point array of the shape above, or if, in training, a
        channel of `x` has fewer than two numbers.

    Notes
    -----
    Chapter *Batch normalization*; Ioffe and Szegedy, "Batch
    normalization: accelerating deep network training by reducing
    internal covariate shift" (2015).

    Examples
    --------
    >>> layer = BatchNorm2D(1)
    >>> layer(np.array([[[[5.0, 9.0]]]])).round(4)
    array([[[[-1.,  1.]]]])
    """

    def __init__(
        self, channels: int, *, momentum: float = 0.1, epsilon: float = 1e-5
    ) -> None:
        name = "BatchNorm2D"
        self.channels = check_size(name, "channels", channels)
        self.momentum = check_number(name, "momentum", momentum, below=1)
        self.epsilon = check_number(name, "epsilon", epsilon, positive=True)
        self.weight = Parameter(np.ones(self.channels, np.float32))
        self.bias = Parameter(np.zeros(self.channels, np.float32))
        self.running_mean = np.zeros(self.channels)
        self.running_variance = np.ones(self.channels)

    def __repr__(self) -> str:
        return f"BatchNorm2D({self.channels})"

    def buffers(self) -> dict[str, Array]:
        """Return the running mean and variance, the arrays themselves."""
        return {
            "running_mean": self.running_mean,
            "running_variance": self.running_variance,
        }

    def measure(self, x: Array) -> tuple[Array, Array]:
        """Return mean and variance of each channel, and remember them."""
        count = x.size // self.channels
        if count < 2:
            raise ValueError(
                f"{self!r} wants more than one number a channel in "
                f"training, got x of shape {x.shape}"
            )
        mean = x.mean(axis=PIXELS, dtype=np.float64)
        squares = np.square(x - per_channel(mean, x), dtype=np.float64)
        variance = squares.mean(axis=PIXELS)
        unbiased = variance * (count / (count - 1))
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_variance += self.momentum * (
            unbiased - self.running_variance
        )
        return mean, variance

    def forward(self, x: Array) -> Array:
        """Return ``gamma * xhat + beta``, of the shape of x."""
        check_array(self, "x", x, "N", self.channels, "H", "W")
        if self.training:
            mean, variance = self.measure(x)
        else:
            mean, variance = self.running_mean, self.running_variance
        scale = 1 / np.sqrt(variance + self.epsilon)
        xhat = (x - per_channel(mean, x)) * per_channel(scale, x)
        self.keep((xhat, scale, self.training))
        gamma, beta = self.weight.value, self.bias.value
        return per_channel(gamma, x) * xhat + per_channel(beta, x)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, of the shape of x, in the mode of `forward`."""
        xhat, scale, measured = self.recall()
        check_array(self, "dy", dy, *xhat.shape)
        dgamma = (dy * xhat).sum(axis=PIXELS, dtype=np.float64)
        dbeta = dy.sum(axis=PIXELS, dtype=np.float64)
        self.weight.grad[...] = dgamma
        self.bias.grad[...] = dbeta
        factor = per_channel(self.weight.value * scale, dy)
        if not measured:
            return factor * dy
        count = xhat.size // self.channels
        shift, stretch = (
            per_channel(dbeta / count, dy),
            per_channel(dgamma / count, dy),
        )
        return factor * (dy - shift - xhat * stretch)
