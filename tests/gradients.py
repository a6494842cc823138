"""Gradients that need no derivation: measured, and PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from scratchcnn.gradient_check import check_layer, check_loss
from tests.comparing import assert_all_close, assert_close
from tests.reference import Array


def numerical_gradient(
    f: Callable[[], float], array: Array, step: float = 1e-5
) -> Array:
    """Move one number of `array` at a time, and see what f() does.

    For an f that is at most quadratic in each number, as all those of
    Part I are away from kinks, only rounding is left: about
    ``eps * |f| / step``, so less than 1e-8 while ``|f| < 100``.
    """
    gradient = np.zeros(array.shape)
    for k in np.ndindex(array.shape):
        start = array[k]
        array[k] = start + step
        ahead = f()
        array[k] = start - step
        behind = f()
        array[k] = start
        gradient[k] = (ahead - behind) / (2 * step)
    return gradient


def measured_gradients(layer: Any, x: Array, r: Array) -> list[Array]:
    """Measure those of ``sum(r * layer(x))`` by x and each parameter."""

    def projected() -> float:
        return float(np.sum(r * layer.forward(x)))

    arrays = [x, *(p.value for p in layer.parameters())]
    return [numerical_gradient(projected, array) for array in arrays]


def stated_gradients(layer: Any, x: Array, r: Array) -> list[Array]:
    """Ask the layer for the same, by its backward pass."""
    layer.forward(x)
    return [layer.backward(r), *(p.grad for p in layer.parameters())]


def assert_measured(
    layer: Any,
    x: Array,
    dy: Array,
    rng: np.random.Generator,
    *,
    most: float = 1e-7,
) -> None:
    """Measure all gradients, and let the package's own check do it."""
    wanted = measured_gradients(layer, x, dy)
    stated = stated_gradients(layer, x, dy)
    assert_all_close(stated, wanted, tolerance=1e-8)
    assert check_layer(layer, x, rng=rng) < most


def assert_loss_measured(
    loss: Any, y: Array, t: Any, rng: np.random.Generator
) -> None:
    """Do the same for the gradient of a loss."""
    wanted = numerical_gradient(lambda: loss.forward(y, t), y)
    loss.forward(y, t)
    assert_close(loss.backward(), wanted, tolerance=1e-8)
    assert check_loss(loss, y, t, rng=rng) < 1e-7


def assert_same_passes(
    one: Any, other: Any, x: Array, rng: np.random.Generator
) -> None:
    """Compare y and all gradients of two layers, which may share them."""
    y = one.forward(x)
    dy = rng.standard_normal(y.shape)
    wanted = [array.copy() for array in stated_gradients(one, x, dy)]
    assert_close(other.forward(x), y)
    assert_all_close(stated_gradients(other, x, dy), wanted)


def assert_adjoint(layer: Any, x: Array, dy: Array) -> None:
    """Compare two products, of y with dy and of x with dx."""
    y = layer.forward(x)
    assert_close(np.vdot(y, dy), np.vdot(x, layer.backward(dy)))


def torch_gradients(
    torch: Any,
    function: Callable[..., Any],
    arrays: Iterable[Array],
    dy: Array | None = None,
) -> tuple[Array, list[Array]]:
    """Let PyTorch work out function(*arrays) and its gradients."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    y = function(*tensors)
    y.backward(None if dy is None else torch.tensor(dy))
    return y.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]


def assert_as_in_torch(
    torch: Any,
    function: Callable[..., Any],
    layer: Any,
    x: Array,
    dy: Array,
) -> None:
    """Compare y and all gradients with those of a function of PyTorch."""
    arrays = [x, *(p.value for p in layer.parameters())]
    y, wanted = torch_gradients(torch, function, arrays, dy)
    assert_close(layer.forward(x), y)
    assert_all_close(stated_gradients(layer, x, dy), wanted)


def torch_lenet(torch: Any, x: Any, *parameters: Any) -> Any:
    """Let PyTorch compute the logits of `models.lenet`."""
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    f = torch.nn.functional
    y = f.max_pool2d(f.relu(f.conv2d(x, w1, b1, padding=2)), 2)
    y = f.max_pool2d(f.relu(f.conv2d(y, w2, b2)), 2).flatten(1)
    return f.linear(f.relu(f.linear(y, w3, b3)), w4, b4)
