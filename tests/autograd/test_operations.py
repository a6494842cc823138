"""Operations: their gradients, constants, precision."""

import operator

import numpy as np
import pytest

from scratchcnn.autograd import operations
from scratchcnn.autograd.tensor import Tensor, add, matmul, multiply
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
)
from tests.comparing import assert_close, frozen
from tests.gradients import numerical_gradient

OPERATIONS = {
    "add": (add, (4, 3), (3,)),
    "add a column": (add, (2, 4, 3), (4, 1)),
    "multiply": (multiply, (4, 3), (4, 1)),
    "multiply by a number": (lambda x: multiply(x, -0.5), (4, 3)),
    "+": (operator.add, (4, 3), (3,)),
    "-": (operator.sub, (4, 3), (4, 1)),
    "-x": (operator.neg, (4, 3)),
    "*": (operator.mul, (3,), (4, 3)),
    "@": (operator.matmul, (4, 3), (5, 3, 2)),
    "numbers": (lambda x: 2 * (1 - x * 3 + 4), (4, 3)),
    "matmul": (matmul, (4, 3), (3, 2)),
    "matmul of stacks": (matmul, (4, 3), (5, 3, 2)),
    "matmul of two stacks": (matmul, (5, 4, 3), (5, 3, 2)),
    "transpose": (operations.transpose, (4, 3)),
    "axes": (lambda x: operations.transpose(x, (2, 0, 1)), (4, 3, 2)),
    "reshape": (lambda x: operations.reshape(x, (2, -1)), (4, 3)),
    "total": (operations.total, (4, 3)),
    "mean": (operations.mean, (4, 3)),
    "take": (lambda x: operations.take(x, [0, 2, 2]), (4, 3)),
    "relu": (operations.relu, (4, 3)),
    "log_sum_exp": (operations.log_sum_exp, (4, 3)),
    "pad": (lambda x: operations.pad(x, (1, 2)), (2, 2, 3, 4)),
    "gather": (lambda x: operations.gather(x, (2, 3), (2, 1)), (2, 2, 5, 4)),
    "scatter": (
        lambda x: operations.scatter(x, (5, 4), (2, 1)),
        (2, 2, 2, 3, 2, 2),
    ),
    "blur": (lambda x: operations.blur(x, 2, 2), (2, 2, 5, 4)),
    "map_means": (operations.map_means, (2, 3, 5, 4)),
    "max_pool": (
        lambda x: operations.max_pool(x, (2, 3), (2, 1)),
        (2, 2, 5, 4),
    ),
}


@pytest.mark.finite_differences
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_have_the_gradients_that_can_be_measured(name, rng):
    operation, *shapes = OPERATIONS[name]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    dy = rng.standard_normal(operation(*arrays).shape)
    tensors = [Tensor(x) for x in arrays]
    operation(*tensors).backward(dy)
    for tensor, x in zip(tensors, arrays, strict=True):
        wanted = numerical_gradient(
            lambda: float(np.sum(dy * operation(*arrays))), x
        )
        assert_close(tensor.grad, wanted, tolerance=1e-8)


@pytest.mark.parametrize("name", OPERATIONS)
def test_arrays_are_constants_and_nothing_is_recorded(name, rng):
    operation, *shapes = OPERATIONS[name]
    arrays = [frozen(rng.standard_normal(shape)) for shape in shapes]
    y = operation(*arrays)
    assert isinstance(y, np.ndarray)
    for i in range(len(arrays)):
        mixed = [Tensor(x) if i == k else x for k, x in enumerate(arrays)]
        end = operation(*mixed)
        assert_close(end.value, y)
        inputs = [t for t in end.recording() if not t.edges]
        assert inputs == [mixed[i]]


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_the_precision(name, rng):
    operation, *shapes = OPERATIONS[name]
    tensors = [
        Tensor(rng.standard_normal(shape).astype(np.float32))
        for shape in shapes
    ]
    y = operation(*tensors)
    assert y.value.dtype == np.float32
    y.backward(np.ones_like(y.value))
    assert {t.grad.dtype for t in y.recording()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "kinds", [(Tensor, Tensor), (np.array, Tensor), (Tensor, np.array)]
)
@pytest.mark.parametrize(
    ("sign", "function"),
    [
        ("+", add),
        ("*", multiply),
        ("@", matmul),
    ],
)
def test_an_operator_is_the_function_that_it_calls(sign, function, kinds, rng):
    symbol, *shapes = OPERATIONS[sign]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    found = []
    for operation in symbol, function:
        operands = [kind(x) for kind, x in zip(kinds, arrays, strict=True)]
        tensors = [x for x in operands if isinstance(x, Tensor)]
        y = operation(*operands)
        y.backward(np.ones_like(y.value))
        assert {*y.recording()} == {y, *tensors}
        found.append([y.value, *(x.grad for x in tensors)])
    np.testing.assert_equal(*found)


def test_the_first_of_several_largest_pixels_wins(rng):
    x = rng.integers(0, 2, (3, 2, 5, 6)).astype(float)
    layer, tensor = MaxPool2D(2), Tensor(x)
    y = operations.max_pool(tensor, (2, 2), (2, 2))
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    assert_close(y.value, layer.forward(x))
    assert_close(tensor.grad, layer.backward(dy))


def test_no_pixel_of_a_window_with_nan_wins(rng):
    x = rng.standard_normal((1, 1, 4, 4))
    x[0, 0, 1, 1] = np.nan
    layer, pixels = MaxPool2D(2), Tensor(x)
    y = operations.max_pool(pixels, (2, 2), (2, 2))
    np.testing.assert_array_equal(y.value, layer(x))
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    np.testing.assert_array_equal(pixels.grad, layer.backward(dy))


@pytest.mark.parametrize("axes", [(0, -1, 1), (-1, 0, 1), (-2, -1, 0)])
def test_axes_may_be_counted_from_the_end(axes, rng):
    x = Tensor(rng.standard_normal((2, 3, 4)))
    y = operations.transpose(x, axes)
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    normal = tuple(axis % 3 for axis in axes)
    wanted = np.empty((2, 3, 4))
    for index in np.ndindex(dy.shape):
        place = [0, 0, 0]
        for axis, i in zip(normal, index, strict=True):
            place[axis] = i
        wanted[tuple(place)] = dy[index]
    np.testing.assert_array_equal(x.grad, wanted)


def test_sums_and_means_lose_no_digits():
    for dtype in np.float16, np.float32:
        x = Tensor(np.full((60_000, 1), 0.1, dtype))
        one = float(x.value[0, 0])
        y = operations.mean(x)
        assert y.value.dtype == dtype
        assert y.value == dtype(one)
        y.backward()
        assert x.grad.dtype == dtype
        b = Tensor(np.zeros(1, dtype))
        (b + x.value).backward(x.value)
        assert b.grad.dtype == dtype
        np.testing.assert_allclose(b.grad, 60_000 * one, rtol=1e-3)
    wide = operations.total(Tensor(x.value))
    assert wide.value == np.float32(60_000 * one)


@pytest.mark.parametrize("bad", [10, -1])
def test_a_label_that_is_no_class_is_named(bad):
    message = "softmax_cross_entropy wants t from 0 to 9, got"
    with pytest.raises(ValueError, match=message):
        operations.softmax_cross_entropy(np.zeros((2, 10)), np.array([0, bad]))


def test_two_logits_are_binary_cross_entropy(rng):
    y, t = Tensor(rng.standard_normal((5, 1))), rng.integers(0, 2, 5)
    both = y * np.array([[0.0, 1.0]])
    end = operations.softmax_cross_entropy(both, t)
    end.backward()
    loss = BinaryCrossEntropy()
    assert_close(end.value, loss.forward(y.value, t[:, None].astype(float)))
    assert_close(y.grad, loss.backward())
