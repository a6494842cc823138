"""The oracle: every formula of the book in naive loops, and SciPy's form.

Nothing here comes from the package, and nothing is clever. Float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import convolve2d, correlate2d

Array = npt.NDArray[np.float64]
Pair = tuple[int, int]


# Dense


def dense_forward(x: Array, w: Array, b: Array) -> Array:
    (N, D), M = x.shape, len(w)
    y = np.zeros((N, M))
    for n, m in np.ndindex(N, M):
        y[n, m] = sum(x[n, d] * w[m, d] for d in range(D)) + b[m]
    return y


def dense_dx(w: Array, dy: Array) -> Array:
    (N, M), D = dy.shape, w.shape[1]
    dx = np.zeros((N, D))
    for n, d, m in np.ndindex(N, D, M):
        dx[n, d] += dy[n, m] * w[m, d]
    return dx


def dense_dw(x: Array, dy: Array) -> Array:
    (N, M), D = dy.shape, x.shape[1]
    dw = np.zeros((M, D))
    for m, d, n in np.ndindex(M, D, N):
        dw[m, d] += dy[n, m] * x[n, d]
    return dw


def dense_db(dy: Array) -> Array:
    N, M = dy.shape
    db = np.zeros(M)
    for m, n in np.ndindex(M, N):
        db[m] += dy[n, m]
    return db


# ReLU


def relu_forward(x: Array) -> Array:
    y = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        y[k] = x[k] if x[k] > 0 else 0.0
    return y


def relu_dx(x: Array, dy: Array) -> Array:
    dx = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        dx[k] = dy[k] if x[k] > 0 else 0.0
    return dx


# Mean squared error


def mse_forward(y: Array, t: Array) -> float:
    total: Any = 0.0
    for k in np.ndindex(y.shape):
        total += (y[k] - t[k]) ** 2
    return total / y.size


def mse_dy(y: Array, t: Array) -> Array:
    dy = np.zeros(y.shape)
    for k in np.ndindex(y.shape):
        dy[k] = 2 * (y[k] - t[k]) / y.size
    return dy


# Logits, as their definitions stand: for numbers of moderate size


def sigmoid_forward(z: Array) -> Array:
    p = np.zeros(z.shape)
    for k in np.ndindex(z.shape):
        p[k] = 1 / (1 + math.exp(-z[k]))
    return p


def sigmoid_dx(x: Array, dy: Array) -> Array:
    dx, y = np.zeros(x.shape), sigmoid_forward(x)
    for k in np.ndindex(x.shape):
        dx[k] = dy[k] * y[k] * (1 - y[k])
    return dx


def log_sum_exp(z: Array) -> Array:
    N, K = z.shape
    y = np.zeros(N)
    for n in range(N):
        y[n] = math.log(sum(math.exp(z[n, k]) for k in range(K)))
    return y


def softmax(z: Array) -> Array:
    (N, K), p = z.shape, np.zeros(z.shape)
    for n, k in np.ndindex(N, K):
        total = sum(math.exp(z[n, j]) for j in range(K))
        p[n, k] = math.exp(z[n, k]) / total
    return p


def softmax_jacobian(z: Array) -> Array:
    """Return d p[k] / d z[j] for one row of logits."""
    (K,), p = z.shape, softmax(z[None])[0]
    jacobian = np.zeros((K, K))
    for k, j in np.ndindex(K, K):
        jacobian[k, j] = p[k] * ((k == j) - p[j])
    return jacobian


# Cross-entropy


def bce_of_probabilities(p: Array, t: Array) -> float:
    total: Any = 0.0
    for k in np.ndindex(p.shape):
        total -= t[k] * math.log(p[k]) + (1 - t[k]) * math.log(1 - p[k])
    return total / p.size


def bce_forward(y: Array, t: Array) -> float:
    total: Any = 0.0
    for k in np.ndindex(y.shape):
        total += max(float(y[k]), 0.0) - t[k] * y[k]
        total += math.log1p(math.exp(-abs(y[k])))
    return total / y.size


def bce_dy(y: Array, t: Array) -> Array:
    dy, p = np.zeros(y.shape), sigmoid_forward(y)
    for k in np.ndindex(y.shape):
        dy[k] = (p[k] - t[k]) / y.size
    return dy


def ce_of_probabilities(p: Array, t: Any) -> float:
    return sum(-math.log(p[n, t[n]]) for n in range(len(p))) / len(p)


def ce_forward(y: Array, t: Any) -> float:
    lse = log_sum_exp(y)
    return sum(lse[n] - y[n, t[n]] for n in range(len(y))) / len(y)


def ce_dy(y: Array, t: Any) -> Array:
    (N, K), p = y.shape, softmax(y)
    dy = np.zeros((N, K))
    for n, k in np.ndindex(N, K):
        dy[n, k] = (p[n, k] - (k == t[n])) / N
    return dy


# Label smoothing, and calibration


def smoothed_target(t: Any, classes: int, smoothing: float) -> Array:
    q = np.zeros((len(t), classes))
    for n, k in np.ndindex(q.shape):
        q[n, k] = (1 - smoothing) * (k == t[n]) + smoothing / classes
    return q


def smoothed_forward(y: Array, q: Array) -> float:
    total: Any = 0.0
    p = softmax(y)
    for n, k in np.ndindex(y.shape):
        total -= q[n, k] * math.log(p[n, k]) / len(y)
    return total


def smoothed_dy(y: Array, q: Array) -> Array:
    dy, p = np.zeros(y.shape), softmax(y)
    for n, k in np.ndindex(y.shape):
        dy[n, k] = (p[n, k] - q[n, k]) / len(y)
    return dy


def bins_of(y: Array, t: Any, bins: int) -> list[list[tuple[float, bool]]]:
    """Sort guesses into bins: how sure each is, and whether it is right."""
    found: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for row, p, label in zip(y, softmax(y), t, strict=True):
        guess = max(range(len(row)), key=row.__getitem__)
        for b in range(bins):
            if b < p[guess] * bins <= b + 1:
                found[b].append((p[guess], guess == label))
    return found


def calibration_error(y: Array, t: Any, bins: int) -> float:
    total = 0.0
    for found in bins_of(y, t, bins):
        if found:
            sure = sum(p for p, _ in found) / len(found)
            right = sum(r for _, r in found) / len(found)
            total += len(found) / len(y) * abs(right - sure)
    return total


def temperature_slope(z: Array, t: Any, beta: float) -> float:
    """Return the derivative of the mean cross-entropy of beta * z."""
    total: Any = 0.0
    p = softmax(beta * z)
    for n, k in np.ndindex(z.shape):
        total += (p[n, k] * z[n, k] - (k == t[n]) * z[n, k]) / len(z)
    return total


def temperature_curvature(z: Array, beta: float) -> float:
    """Return the mean variance of the logits under their softmax."""
    total: Any = 0.0
    p = softmax(beta * z)
    for n in range(len(z)):
        mean = sum(p[n, k] * z[n, k] for k in range(z.shape[1]))
        for k in range(z.shape[1]):
            total += p[n, k] * (z[n, k] - mean) ** 2 / len(z)
    return total


# Convolution, with a pair (vertical, horizontal) of strides and of paddings


def zero_padded(x: Array, padding: Pair) -> Array:
    (ph, pw), (N, C, H, W) = padding, x.shape
    padded = np.zeros((N, C, H + 2 * ph, W + 2 * pw))
    for n, c, p, q in np.ndindex(N, C, H, W):
        padded[n, c, p + ph, q + pw] = x[n, c, p, q]
    return padded


def positions(length: int, kernel: int, stride: int) -> int:
    """Count the places where a kernel fits, by trying them all."""
    return sum(i + kernel <= length for i in range(0, length, stride))


def conv_forward(
    x: Array, w: Array, b: Array, stride: Pair, padding: Pair
) -> Array:
    x = zero_padded(x, padding)
    (N, C, H, W), (F, _, KH, KW), (sh, sw) = x.shape, w.shape, stride
    y = np.zeros((N, F, positions(H, KH, sh), positions(W, KW, sw)))
    for n, f, i, j in np.ndindex(y.shape):
        y[n, f, i, j] = b[f]
        for c, u, v in np.ndindex(C, KH, KW):
            y[n, f, i, j] += x[n, c, sh * i + u, sw * j + v] * w[f, c, u, v]
    return y


def conv_dw(
    x: Array, dy: Array, kernel: Pair, stride: Pair, padding: Pair
) -> Array:
    x = zero_padded(x, padding)
    C, (F, OH, OW), (sh, sw) = x.shape[1], dy.shape[1:], stride
    dw = np.zeros((F, C, *kernel))
    for n, i, j in np.ndindex(len(x), OH, OW):
        for f, c, u, v in np.ndindex(dw.shape):
            dw[f, c, u, v] += dy[n, f, i, j] * x[n, c, sh * i + u, sw * j + v]
    return dw


def conv_db(dy: Array) -> Array:
    db = np.zeros(dy.shape[1])
    for n, f, i, j in np.ndindex(dy.shape):
        db[f] += dy[n, f, i, j]
    return db


def conv_dx(
    w: Array, dy: Array, size: Pair, stride: Pair, padding: Pair
) -> Array:
    (N, _, OH, OW), (F, C, KH, KW), (sh, sw) = dy.shape, w.shape, stride
    dx = np.zeros((N, C, *size))
    for n, c, p, q in np.ndindex(dx.shape):
        for f, u, v in np.ndindex(F, KH, KW):
            i, above = divmod(p + padding[0] - u, sh)
            j, left = divmod(q + padding[1] - v, sw)
            if above == left == 0 and 0 <= i < OH and 0 <= j < OW:
                dx[n, c, p, q] += dy[n, f, i, j] * w[f, c, u, v]
    return dx


# Ten classes


def confusion(labels: Array, guesses: Array, classes: int) -> Array:
    matrix = np.zeros((classes, classes))
    for i, j in np.ndindex(classes, classes):
        for t, g in zip(labels, guesses, strict=True):
            if t == i and g == j:
                matrix[i, j] += 1
    return matrix


# Augmentation


def moved(x: Array, down: Array, right: Array, mirrored: Array) -> Array:
    y = np.zeros(x.shape)
    _, _, H, W = x.shape
    for n, c, i, j in np.ndindex(x.shape):
        p = i - down[n]
        q = (W - 1 - j if mirrored[n] else j) - right[n]
        if 0 <= p < H and 0 <= q < W:
            y[n, c, i, j] = x[n, c, p, q]
    return y


def covered(
    x: Array, top: Array, left: Array, height: Array, width: Array, ink: Array
) -> Array:
    y = x.copy()
    for n, c, i, j in np.ndindex(x.shape):
        down, right = i - top[n], j - left[n]
        if 0 <= down < height[n] and 0 <= right < width[n]:
            y[n, c, i, j] = ink[n, c, i, j]
    return y


# Convolution with stride 1 and no padding, one image at a time, by SciPy


def conv2d_scipy(x: Array, w: Array, b: Array) -> Array:
    return np.array(
        [
            [
                sum(
                    correlate2d(channel, kernel, mode="valid")
                    for channel, kernel in zip(image, kernels, strict=True)
                )
                + bias
                for kernels, bias in zip(w, b, strict=True)
            ]
            for image in x
        ]
    )


def conv2d_scipy_backward(
    x: Array, w: Array, dy: Array
) -> tuple[Array, Array, Array]:
    """Return dx, dw and db."""
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for n, f, c in np.ndindex(len(x), *w.shape[:2]):
        dx[n, c] += convolve2d(dy[n, f], w[f, c], mode="full")
        dw[f, c] += correlate2d(x[n, c], dy[n, f], mode="valid")
    return dx, dw, dy.sum(axis=(0, 2, 3))


# Batch normalization; x and dy of shape (N, C, H, W), the rest (C,)


def batchnorm_mean(x: Array) -> Array:
    (N, C, H, W) = x.shape
    mean = np.zeros(C)
    for n, c, h, w in np.ndindex(N, C, H, W):
        mean[c] += x[n, c, h, w] / (N * H * W)
    return mean


def batchnorm_variance(x: Array) -> Array:
    (N, C, H, W), mean = x.shape, batchnorm_mean(x)
    variance = np.zeros(C)
    for n, c, h, w in np.ndindex(N, C, H, W):
        variance[c] += (x[n, c, h, w] - mean[c]) ** 2 / (N * H * W)
    return variance


def batchnorm_xhat(
    x: Array, mean: Array, variance: Array, epsilon: float
) -> Array:
    xhat = np.zeros(x.shape)
    for n, c, h, w in np.ndindex(x.shape):
        root = (variance[c] + epsilon) ** 0.5
        xhat[n, c, h, w] = (x[n, c, h, w] - mean[c]) / root
    return xhat


def batchnorm_forward(xhat: Array, gamma: Array, beta: Array) -> Array:
    y = np.zeros(xhat.shape)
    for n, c, h, w in np.ndindex(xhat.shape):
        y[n, c, h, w] = gamma[c] * xhat[n, c, h, w] + beta[c]
    return y


def batchnorm_running(
    old_mean: Array, old_variance: Array, x: Array, momentum: float
) -> tuple[Array, Array]:
    (N, C, H, W), mean = x.shape, batchnorm_mean(x)
    new_mean, new_variance = np.zeros(C), np.zeros(C)
    for c in range(C):
        squares = 0.0
        for n, h, w in np.ndindex(N, H, W):
            squares += (x[n, c, h, w] - mean[c]) ** 2
        unbiased = squares / (N * H * W - 1)
        kept = 1 - momentum
        new_mean[c] = kept * old_mean[c] + momentum * mean[c]
        new_variance[c] = kept * old_variance[c] + momentum * unbiased
    return new_mean, new_variance


def batchnorm_dgamma(xhat: Array, dy: Array) -> Array:
    dgamma = np.zeros(dy.shape[1])
    for n, c, h, w in np.ndindex(dy.shape):
        dgamma[c] += dy[n, c, h, w] * xhat[n, c, h, w]
    return dgamma


def batchnorm_dbeta(dy: Array) -> Array:
    dbeta = np.zeros(dy.shape[1])
    for n, c, h, w in np.ndindex(dy.shape):
        dbeta[c] += dy[n, c, h, w]
    return dbeta


def batchnorm_three_ways(
    x: Array, gamma: Array, epsilon: float, dy: Array
) -> tuple[Array, Array, Array]:
    """Send dy back directly, through the mean, and through the variance."""
    N, C, H, W = x.shape
    M, mean, variance = N * H * W, batchnorm_mean(x), batchnorm_variance(x)
    dmean, dvariance = np.zeros(C), np.zeros(C)
    for n, c, h, w in np.ndindex(N, C, H, W):
        dxhat = dy[n, c, h, w] * gamma[c]
        inside, centered = variance[c] + epsilon, x[n, c, h, w] - mean[c]
        dmean[c] += dxhat * -1 / inside**0.5
        dvariance[c] += dxhat * centered * -0.5 * inside**-1.5
    direct, by_mean, by_variance = (np.zeros(x.shape) for _ in range(3))
    for n, c, h, w in np.ndindex(N, C, H, W):
        k, centered = (n, c, h, w), x[n, c, h, w] - mean[c]
        direct[k] = dy[k] * gamma[c] / (variance[c] + epsilon) ** 0.5
        by_mean[k] = dmean[c] * 1 / M
        by_variance[k] = dvariance[c] * 2 * centered / M
    return direct, by_mean, by_variance


def batchnorm_dx(
    xhat: Array, variance: Array, gamma: Array, epsilon: float, dy: Array
) -> Array:
    N, C, H, W = dy.shape
    dx = np.zeros(dy.shape)
    for c in range(C):
        mean_dy, mean_product = 0.0, 0.0
        for n, h, w in np.ndindex(N, H, W):
            mean_dy += dy[n, c, h, w] / (N * H * W)
            mean_product += dy[n, c, h, w] * xhat[n, c, h, w] / (N * H * W)
        for n, h, w in np.ndindex(N, H, W):
            rest = dy[n, c, h, w] - mean_dy - xhat[n, c, h, w] * mean_product
            dx[n, c, h, w] = gamma[c] / (variance[c] + epsilon) ** 0.5 * rest
    return dx


def batchnorm_dx_evaluation(
    variance: Array, gamma: Array, epsilon: float, dy: Array
) -> Array:
    dx = np.zeros(dy.shape)
    for n, c, h, w in np.ndindex(dy.shape):
        root = (variance[c] + epsilon) ** 0.5
        dx[n, c, h, w] = dy[n, c, h, w] * gamma[c] / root
    return dx


# Dropout, given which numbers are kept


def dropout_forward(x: Array, keep: npt.NDArray[np.bool_], p: float) -> Array:
    y = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        y[k] = x[k] / (1 - p) if keep[k] else 0.0
    return y


def dropout_dx(keep: npt.NDArray[np.bool_], p: float, dy: Array) -> Array:
    dx = np.zeros(dy.shape)
    for k in np.ndindex(dy.shape):
        dx[k] = dy[k] / (1 - p) if keep[k] else 0.0
    return dx


def dropout_expectation(x: Array, p: float) -> Array:
    """Average over all masks, each with its probability; x is small."""
    mean = np.zeros(x.shape)
    for bits in np.ndindex((2,) * x.size):
        keep = np.array(bits, bool).reshape(x.shape)
        probability = (1 - p) ** keep.sum() * p ** (keep.size - keep.sum())
        mean += probability * dropout_forward(x, keep, p)
    return mean


# Optimizers, given the gradients of all steps, and one number at a time


def sgd_steps(
    p: Array,
    gradients: Iterable[Array],
    rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    decay: float = 0.0,
) -> Array:
    """Return the parameter's values after the last step."""
    p = p.copy()
    for i in np.ndindex(p.shape):
        v = 0.0
        for gradient in gradients:
            g: Any = gradient[i] + decay * p[i]
            v = momentum * v + g
            p[i] -= rate * (g + momentum * v if nesterov else v)
    return p


def weighted_mean(gradients: list[Array], beta: float, power: int) -> Array:
    """Sum the gradients to a power, the last one weighted heaviest."""
    total = np.zeros(gradients[0].shape)
    for k in np.ndindex(total.shape):
        for i, gradient in enumerate(gradients):
            age = len(gradients) - 1 - i
            total[k] += (1 - beta) * beta**age * gradient[k] ** power
    return total


def adam_steps(
    p: Array,
    gradients: Iterable[Array],
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    decay: float = 0.0,
) -> Array:
    """Return the parameter's values after the last step."""
    p, (b1, b2) = p.copy(), betas
    for i in np.ndindex(p.shape):
        m = s = 0.0
        for k, gradient in enumerate(gradients, 1):
            g: Any = gradient[i] + decay * p[i]
            m = b1 * m + (1 - b1) * g
            s = b2 * s + (1 - b2) * g**2
            corrected = s / (1 - b2**k)
            p[i] -= rate * m / (1 - b1**k) / (corrected**0.5 + epsilon)
    return p


def averaged(values: list[Array], share: float) -> Array:
    """Average what a parameter was, by the weight of each time."""
    total = np.zeros(values[0].shape)
    for i in np.ndindex(total.shape):
        for k in range(1, len(values) + 1):
            weight = max(1 / k, share)
            for later in range(k + 1, len(values) + 1):
                weight *= 1 - max(1 / later, share)
            total[i] += weight * values[k - 1][i]
    return total


# Convolution without a bias, as five algorithms compute it


def dft2(image: Array, size: Pair) -> npt.NDArray[np.complex128]:
    """Transform one image (H, W), filled up with zeros to `size`."""
    P, Q = size
    spectrum = np.zeros((P, Q), complex)
    for k, m in np.ndindex(P, Q):
        for p, q in np.ndindex(image.shape):
            turn = np.exp(-2j * np.pi * (k * p / P + m * q / Q))
            spectrum[k, m] += image[p, q] * turn
    return spectrum


def toeplitz_matrix(w: Array, size: Pair, stride: Pair) -> Array:
    """Return the matrix of all rows (f, i, j) and columns (c, p, q)."""
    (F, C, KH, KW), (H, W), (sh, sw) = w.shape, size, stride
    OH, OW = positions(H, KH, sh), positions(W, KW, sw)
    matrix = np.zeros((F, OH, OW, C, H, W))
    for f, i, j, c, p, q in np.ndindex(matrix.shape):
        u, v = p - sh * i, q - sw * j
        if 0 <= u < KH and 0 <= v < KW:
            matrix[f, i, j, c, p, q] = w[f, c, u, v]
    return matrix.reshape(F * OH * OW, C * H * W)


def window_columns(x: Array, kernel: Pair, stride: Pair) -> Array:
    """Return rows (c, u, v) and columns (n, i, j)."""
    (N, C, H, W), (KH, KW), (sh, sw) = x.shape, kernel, stride
    OH, OW = positions(H, KH, sh), positions(W, KW, sw)
    columns = np.zeros((C, KH, KW, N, OH, OW))
    for c, u, v, n, i, j in np.ndindex(columns.shape):
        columns[c, u, v, n, i, j] = x[n, c, sh * i + u, sw * j + v]
    return columns.reshape(C * KH * KW, N * OH * OW)


def butterflies(length: int) -> int:
    """Count those of a fast Fourier transform, halving as it does."""
    return 0 if length == 1 else 2 * butterflies(length // 2) + length // 2


# Transposed convolution, with pairs of strides and of paddings


def meetings(
    size: Any, kernel: Any, output: Any, stride: Pair, padding: Pair
) -> list[tuple[Pair, Pair, Pair]]:
    """List all (i, j), (u, v), (p, q) where pixel, weight, output meet."""
    (sh, sw), (ph, pw), (OH, OW) = stride, padding, output
    found = []
    for (i, j), (u, v) in product(np.ndindex(*size), np.ndindex(*kernel)):
        p, q = sh * i + u - ph, sw * j + v - pw
        if 0 <= p < OH and 0 <= q < OW:
            found.append(((i, j), (u, v), (p, q)))
    return found


def conv_transpose_size(
    size: int, kernel: int, stride: int, padding: int
) -> int:
    """Count the rows that any kernel reaches, from first to last, inside."""
    last = max(stride * i + u for i in range(size) for u in range(kernel))
    return sum(1 for p in range(last + 1) if padding <= p <= last - padding)


def conv_transpose_forward(
    x: Array, w: Array, b: Array, stride: Pair, padding: Pair
) -> Array:
    (N, C, *size), (_, F, *kernel) = x.shape, w.shape
    output = [*map(conv_transpose_size, size, kernel, stride, padding)]
    y = np.zeros((N, F, *output))
    for n, f in np.ndindex(N, F):
        y[n, f] = b[f]
    for ij, uv, pq in meetings(size, kernel, output, stride, padding):
        for n, c, f in np.ndindex(N, C, F):
            y[n, f][pq] += x[n, c][ij] * w[c, f][uv]
    return y


def conv_transpose_dx(
    w: Array, dy: Array, size: Pair, stride: Pair, padding: Pair
) -> Array:
    (N, F, *output), (C, _, *kernel) = dy.shape, w.shape
    dx = np.zeros((N, C, *size))
    for ij, uv, pq in meetings(size, kernel, output, stride, padding):
        for n, c, f in np.ndindex(N, C, F):
            dx[n, c][ij] += dy[n, f][pq] * w[c, f][uv]
    return dx


def conv_transpose_dw(
    x: Array, dy: Array, kernel: Pair, stride: Pair, padding: Pair
) -> Array:
    (N, C, *size), (_, F, *output) = x.shape, dy.shape
    dw = np.zeros((C, F, *kernel))
    for ij, uv, pq in meetings(size, kernel, output, stride, padding):
        for n, c, f in np.ndindex(N, C, F):
            dw[c, f][uv] += x[n, c][ij] * dy[n, f][pq]
    return dw


def kernels_on_row(p: int, size: int, kernel: int, stride: int) -> int:
    """Count the kernels that reach row p, by trying them all."""
    return sum(0 <= p - stride * i < kernel for i in range(size))


# Pooling, with a pair (vertical, horizontal) of sizes and of strides


def max_pool_forward(x: Array, kernel: Pair, stride: Pair) -> Array:
    (N, C, H, W), (KH, KW), (sh, sw) = x.shape, kernel, stride
    y = np.zeros((N, C, positions(H, KH, sh), positions(W, KW, sw)))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = x[n, c, sh * i, sw * j]
        for u, v in np.ndindex(KH, KW):
            y[n, c, i, j] = max(y[n, c, i, j], x[n, c, sh * i + u, sw * j + v])
    return y


def max_pool_winner(window: Array) -> Pair:
    """Return the place of the largest, of several the first."""
    best = 0, 0
    for place in np.ndindex(window.shape):
        if window[place] > window[best]:
            best = place
    return best


def max_pool_dx(x: Array, dy: Array, kernel: Pair, stride: Pair) -> Array:
    (KH, KW), (sh, sw) = kernel, stride
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dy.shape):
        p, q = sh * i, sw * j
        u, v = max_pool_winner(x[n, c, p : p + KH, q : q + KW])
        dx[n, c, p + u, q + v] += dy[n, c, i, j]
    return dx


def avg_pool_forward(x: Array, kernel: Pair, stride: Pair) -> Array:
    (N, C, H, W), (KH, KW), (sh, sw) = x.shape, kernel, stride
    y = np.zeros((N, C, positions(H, KH, sh), positions(W, KW, sw)))
    for n, c, i, j in np.ndindex(y.shape):
        for u, v in np.ndindex(KH, KW):
            y[n, c, i, j] += x[n, c, sh * i + u, sw * j + v]
        y[n, c, i, j] /= KH * KW
    return y


def avg_pool_dx(dy: Array, size: Pair, kernel: Pair, stride: Pair) -> Array:
    (N, C, OH, OW), (KH, KW), (sh, sw) = dy.shape, kernel, stride
    dx = np.zeros((N, C, *size))
    for n, c, i, j in np.ndindex(N, C, OH, OW):
        for u, v in np.ndindex(KH, KW):
            dx[n, c, sh * i + u, sw * j + v] += dy[n, c, i, j] / (KH * KW)
    return dx


# Blur-pooling, beyond whose border the pixels there are repeated


def blur_kernel(u: int, v: int) -> float:
    """Return the weight at (u, v), from -1 to 1, of (1, 2, 1) both ways."""
    return (2 - abs(u)) * (2 - abs(v)) / 16


def inside(p: int, size: int) -> int:
    """Return the nearest row that there is."""
    return min(max(p, 0), size - 1)


def blur_pool_forward(x: Array, stride: Pair) -> Array:
    (N, C, H, W), (sh, sw) = x.shape, stride
    y = np.zeros((N, C, positions(H, 1, sh), positions(W, 1, sw)))
    for n, c, i, j in np.ndindex(y.shape):
        for u, v in np.ndindex(3, 3):
            p, q = inside(sh * i + u - 1, H), inside(sw * j + v - 1, W)
            y[n, c, i, j] += blur_kernel(u - 1, v - 1) * x[n, c, p, q]
    return y


def blur_pool_dx(dy: Array, size: Pair, stride: Pair) -> Array:
    (N, C, OH, OW), (H, W), (sh, sw) = dy.shape, size, stride
    dx = np.zeros((N, C, H, W))
    for n, c, i, j in np.ndindex(N, C, OH, OW):
        for u, v in np.ndindex(3, 3):
            p, q = inside(sh * i + u - 1, H), inside(sw * j + v - 1, W)
            dx[n, c, p, q] += blur_kernel(u - 1, v - 1) * dy[n, c, i, j]
    return dx


# One number a map, and kernels of one pixel


def global_pool_forward(x: Array) -> Array:
    (N, C, H, W) = x.shape
    y = np.zeros((N, C))
    for n, c, p, q in np.ndindex(x.shape):
        y[n, c] += x[n, c, p, q] / (H * W)
    return y


def global_pool_dx(dy: Array, size: Pair) -> Array:
    H, W = size
    dx = np.zeros((*dy.shape, H, W))
    for n, c, p, q in np.ndindex(dx.shape):
        dx[n, c, p, q] = dy[n, c] / (H * W)
    return dx


def pixel_dense_forward(x: Array, w: Array, b: Array) -> Array:
    """Send the channels of each pixel through one dense layer."""
    (N, _, H, W), F = x.shape, len(w)
    y = np.zeros((N, F, H, W))
    for n, p, q in np.ndindex(N, H, W):
        y[n, :, p, q] = dense_forward(x[n, None, :, p, q], w, b)[0]
    return y


def class_map(x: Array, w: Array, k: int) -> Array:
    """Weigh the maps of each image as class k weighs their means."""
    (N, C, H, W) = x.shape
    found = np.zeros((N, H, W))
    for n, c, p, q in np.ndindex(N, C, H, W):
        found[n, p, q] += w[k, c] * x[n, c, p, q]
    return found


# One kernel for each channel, whose pixels may lie apart


def depthwise_forward(
    x: Array, w: Array, b: Array, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    x, (C, KH, KW) = zero_padded(x, padding), w.shape
    (sh, sw), (dh, dw) = stride, dilation
    OH = positions(x.shape[2], dh * (KH - 1) + 1, sh)
    OW = positions(x.shape[3], dw * (KW - 1) + 1, sw)
    y = np.zeros((len(x), C, OH, OW))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = b[c]
        for u, v in np.ndindex(KH, KW):
            pixel = x[n, c, sh * i + dh * u, sw * j + dw * v]
            y[n, c, i, j] += pixel * w[c, u, v]
    return y


def depthwise_dx(
    w: Array,
    dy: Array,
    size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Array:
    (N, C, OH, OW), (_, KH, KW) = dy.shape, w.shape
    (sh, sw), (dh, dw) = stride, dilation
    dx = np.zeros((N, C, *size))
    for n, c, p, q in np.ndindex(dx.shape):
        for u, v in np.ndindex(KH, KW):
            i, above = divmod(p + padding[0] - dh * u, sh)
            j, left = divmod(q + padding[1] - dw * v, sw)
            if above == left == 0 and 0 <= i < OH and 0 <= j < OW:
                dx[n, c, p, q] += dy[n, c, i, j] * w[c, u, v]
    return dx


def depthwise_dw(
    x: Array,
    dy: Array,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Array:
    x, (N, C, OH, OW) = zero_padded(x, padding), dy.shape
    (sh, sw), (down, right) = stride, dilation
    dw = np.zeros((C, *kernel))
    for c, u, v in np.ndindex(dw.shape):
        for n, i, j in np.ndindex(N, OH, OW):
            pixel = x[n, c, sh * i + down * u, sw * j + right * v]
            dw[c, u, v] += dy[n, c, i, j] * pixel
    return dw


def with_holes(w: Array, dilation: Pair) -> Array:
    """Write kernels (C, KH, KW) out, with zeros between their pixels."""
    (C, KH, KW), (dh, dw) = w.shape, dilation
    wide = np.zeros((C, dh * (KH - 1) + 1, dw * (KW - 1) + 1))
    for c, u, v in np.ndindex(w.shape):
        wide[c, dh * u, dw * v] = w[c, u, v]
    return wide


# Residual connections, around matrices: f(x) = x @ w.T for each w


def residual_forward(x: Array, w: Array, v: Array | None) -> Array:
    """Add what w makes of x, and what v makes of it, or else x itself."""
    (N, D), M = x.shape, len(w)
    y = np.zeros((N, M))
    for n, m in np.ndindex(N, M):
        for d in range(D):
            y[n, m] += x[n, d] * w[m, d]
            around = x[n, m] / D if v is None else x[n, d] * v[m, d]
            y[n, m] += around
    return y


def residual_dx(dy: Array, w: Array, v: Array | None) -> Array:
    (N, M), D = dy.shape, w.shape[1]
    dx = np.zeros((N, D))
    for n, d in np.ndindex(N, D):
        for m in range(M):
            dx[n, d] += dy[n, m] * w[m, d]
            dx[n, d] += dy[n, d] / M if v is None else dy[n, m] * v[m, d]
    return dx


def residual_paths(dy: Array, blocks: list[Array]) -> Array:
    """Send dy back along every path, through each block or around it."""
    dx = np.zeros(dy.shape)
    for choice in np.ndindex((2,) * len(blocks)):
        back = dy
        for through, w in zip(reversed(choice), reversed(blocks), strict=True):
            if through:
                back = dense_dx(w, back)
        dx += back
    return dx


# The graph of a computation: jacobians[j, i][q, p] is dv_j[q] / dv_i[p]


def sum_over_paths(
    jacobians: dict[tuple[int, int], Array], start: int, end: int
) -> Array:
    """Return dv_end / dv_start: one product for each path between them."""
    size = max(len(j) for j in jacobians.values())
    if start == end:
        return np.eye(size)
    total = np.zeros((size, size))
    for (after, before), step in jacobians.items():
        if before == start:
            rest = sum_over_paths(jacobians, after, end)
            for q, p, r in np.ndindex(size, size, size):
                total[q, p] += rest[q, r] * step[r, p]
    return total


def reverse_sweep(
    jacobians: dict[tuple[int, int], Array], end: int, dy: Array
) -> list[Array]:
    """Return the gradient by every node up to the last one."""
    dv = [np.zeros(len(dy)) for _ in range(end + 1)]
    dv[end] = dy
    for i in reversed(range(end)):
        for (after, before), step in jacobians.items():
            if before == i:
                for q, p in np.ndindex(step.shape):
                    dv[i][p] += dv[after][q] * step[q, p]
    return dv


def stretched_sum(dy: Array, shape: tuple[int, ...]) -> Array:
    """Return the gradient by an array that was stretched to dy's shape."""
    dx = np.zeros(shape)
    for k in np.ndindex(dy.shape):
        last = k[len(k) - len(shape) :]
        here = [0 if n == 1 else i for i, n in zip(last, shape, strict=True)]
        dx[tuple(here)] += dy[k]
    return dx


def from_shares(gradients: list[Array], counts: list[int]) -> Array:
    """Return the gradient of a batch from those of its shares."""
    total = np.zeros(gradients[0].shape)
    for k in np.ndindex(total.shape):
        for gradient, count in zip(gradients, counts, strict=True):
            total[k] += count / sum(counts) * gradient[k]
    return total


# Receptive fields along one axis, by following what every output reads


def pixels_read(layers: list[tuple[int, ...]], output: int) -> list[int]:
    """Follow one output down to the pixels, counted from -infinity.

    Each layer is (kernel, stride, padding, dilation), the first one first.
    """
    read = {output}
    for kernel, stride, padding, dilation in reversed(layers):
        below = set()
        for i in read:
            for u in range(kernel):
                below.add(stride * i + dilation * u - padding)
        read = below
    return sorted(read)


def cut_patch(x: Array, corner: Pair, size: Pair) -> Array:
    """Copy a window of an image (C, H, W), which has zeros around it."""
    C, H, W = x.shape
    patch = np.zeros((C, *size))
    for c, u, v in np.ndindex(patch.shape):
        p, q = corner[0] + u, corner[1] + v
        if 0 <= p < H and 0 <= q < W:
            patch[c, u, v] = x[c, p, q]
    return patch


def squared_distances(features: Array, queries: Array) -> Array:
    (N, D), Q = features.shape, len(queries)
    far = np.zeros((Q, N))
    for q, n, d in np.ndindex(Q, N, D):
        far[q, n] += (queries[q, d] - features[n, d]) ** 2
    return far


# A small network, convolution, ReLU and Dense, and what its logits depend on


def small_logits(x: Array, w: Array, b: Array, v: Array, a: Array) -> Array:
    y = relu_forward(conv_forward(x, w, b, (1, 1), (0, 0)))
    return dense_forward(y.reshape(len(y), -1), v, a)


def small_saliency(
    x: Array, w: Array, b: Array, v: Array, classes: Any
) -> Array:
    """Walk the chain rule back from one logit of each image."""
    before = conv_forward(x, w, b, (1, 1), (0, 0))
    dy = np.zeros((len(x), len(v)))
    for n in range(len(x)):
        dy[n, classes[n]] = 1
    dy = relu_dx(before, dense_dx(v, dy).reshape(before.shape))
    return conv_dx(w, dy, x.shape[2:], (1, 1), (0, 0))


def small_input_gradient(
    x: Array, w: Array, b: Array, v: Array, a: Array, classes: Any
) -> Array:
    """Walk the chain rule back from the mean cross-entropy."""
    before = conv_forward(x, w, b, (1, 1), (0, 0))
    dy = ce_dy(small_logits(x, w, b, v, a), classes)
    dy = relu_dx(before, dense_dx(v, dy).reshape(before.shape))
    return conv_dx(w, dy, x.shape[2:], (1, 1), (0, 0))


def grad_cam_weights(dmaps: Array) -> Array:
    """Take the mean of the gradient over each map."""
    (N, C, H, W) = dmaps.shape
    found = np.zeros((N, C))
    for n, c, p, q in np.ndindex(N, C, H, W):
        found[n, c] += dmaps[n, c, p, q] / (H * W)
    return found


def grad_cam_map(maps: Array, weights: Array) -> Array:
    """Add up the maps, each with its weight; keep what is positive."""
    (N, C, H, W) = maps.shape
    found = np.zeros((N, H, W))
    for n, p, q in np.ndindex(N, H, W):
        total = sum(weights[n, c] * maps[n, c, p, q] for c in range(C))
        found[n, p, q] = total if total > 0 else 0.0
    return found


def moved_uphill(
    x: Array, start: Array, gradient: Array, epsilon: float, size: float
) -> Array:
    """Move each pixel by a step, and back to where it may be."""
    moved = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        sign = 1 if gradient[k] > 0 else -1 if gradient[k] < 0 else 0
        to: Any = x[k] + size * sign
        to = min(max(to, start[k] - epsilon), start[k] + epsilon)
        moved[k] = min(max(to, 0.0), 1.0)
    return moved


def occluded(x: Array, corner: Pair, size: Pair, fill: float) -> Array:
    """Cover one window of every image."""
    x = x.copy()
    for n, c, u, v in np.ndindex(*x.shape[:2], *size):
        x[n, c, corner[0] + u, corner[1] + v] = fill
    return x
