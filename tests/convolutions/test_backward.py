"""Five backward algorithms: oracle, adjoint identity, slopes, PyTorch."""

import re

import numpy as np
import pytest
from hypothesis import given

from scratchcnn.convolutions.backward import ALGORITHMS, cut, dilate
from scratchcnn.convolutions.forward import (
    by_loops,
    fast_size,
    images,
    pixels_read,
    spectra,
    toeplitz,
)
from tests.comparing import assert_all_close, assert_close
from tests.convolutions.test_forward import problem, problems
from tests.gradients import numerical_gradient, torch_gradients
from tests.layers.test_convolution import FORM
from tests.reference import (
    conv_dw,
    conv_dx,
    dft2,
    toeplitz_matrix,
    zero_padded,
)

EACH = pytest.mark.parametrize("name", ALGORITHMS)


def gradient_of(y, seed=3):
    return np.random.default_rng(seed).standard_normal(y.shape)


# The equations


@given(problems())
def test_all_five_are_the_same_gradients(drawn):
    x, w, stride, padding = drawn
    dy = gradient_of(by_loops(*drawn))
    dx = conv_dx(w, dy, x.shape[2:], stride, padding)
    dw = conv_dw(x, dy, w.shape[2:], stride, padding)
    dy.flags.writeable = False
    for algorithm in ALGORITHMS.values():
        assert_all_close([*algorithm.backward(dy, *drawn)], [dx, dw])


@pytest.mark.equation("five-adjoint")
@given(problems())
def test_backward_is_the_adjoint_of_forward(drawn):
    x, w, *_ = drawn
    for algorithm in ALGORITHMS.values():
        y = algorithm.forward(*drawn)
        dy = gradient_of(y)
        dx, dw = algorithm.backward(dy, *drawn)
        scale = np.linalg.norm(y) * np.linalg.norm(dy) + 1
        assert abs(np.vdot(y, dy) - np.vdot(x, dx)) < 1e-12 * scale
        assert abs(np.vdot(y, dy) - np.vdot(w, dw)) < 1e-12 * scale


@pytest.mark.equation("five-fft-back")
@FORM
def test_gradients_are_products_of_spectra(kernel, stride, padding, size, rng):
    x, w = problem(rng, kernel, size)
    x = zero_padded(x, padding)
    dy = gradient_of(by_loops(x, w, stride, (0, 0)))
    size, spaced = fast_size(x), dilate(dy, x, w, stride)
    dx = np.zeros((*size, 2, 3), complex)
    dw = np.zeros((*size, 4, 3), complex)
    for n, f, c in np.ndindex(2, 4, 3):
        spectrum = dft2(spaced[n, f], size)
        dx[:, :, n, c] += spectrum * dft2(w[f, c], size)
        dw[:, :, f, c] += spectrum.conj() * dft2(x[n, c], size)
    half = size[1] // 2 + 1
    dys = spectra(spaced, size)
    assert_close(dys @ spectra(w, size), dx[:, :half])
    ours = dys.conj().swapaxes(2, 3) @ spectra(x, size)
    assert_close(ours, dw[:, :half])
    wanted = conv_dw(x, dy, kernel, stride, (0, 0))
    assert_close(images(ours, size)[:, :, : kernel[0], : kernel[1]], wanted)


@pytest.mark.equation("five-toeplitz-back")
@FORM
def test_toeplitz_back(kernel, stride, padding, size, rng):
    x, w = problem(rng, kernel, size)
    x = zero_padded(x, padding)
    dy = gradient_of(by_loops(x, w, stride, (0, 0)))
    dx, dw = ALGORITHMS["Toeplitz"].backward(dy, x, w, stride, (0, 0))
    matrix = toeplitz_matrix(w, x.shape[2:], stride)
    assert_close(dx.reshape(2, -1), dy.reshape(2, -1) @ matrix)

    # The matrix of dy: rows (f, u, v), columns (n, p, q).
    wanted = np.zeros((4, *kernel, 2, *x.shape[2:]))
    for f, u, v, n, i, j in np.ndindex(4, *kernel, 2, *dy.shape[2:]):
        p, q = stride[0] * i + u, stride[1] * j + v
        wanted[f, u, v, n, p, q] = dy[n, f, i, j]
    wanted = wanted.reshape(dw[:, 0].size, -1)
    swapped = x.swapaxes(0, 1)
    read = pixels_read(swapped, kernel, stride).transpose(1, 2, 0, 3, 4)
    ours = toeplitz(dy.swapaxes(0, 1), read, swapped[0].size)
    assert_close(ours.toarray(), wanted)
    columns = swapped.reshape(3, -1).T
    assert_close(dw.transpose(0, 2, 3, 1).reshape(-1, 3), wanted @ columns)


# The same numbers by other ways


@pytest.mark.finite_differences
@EACH
@FORM
def test_gradients_are_those_that_can_be_measured(
    name, kernel, stride, padding, size, rng
):
    if name == "loops":
        size = np.minimum(size, 6)  # it is slow enough
    x, w = problem(rng, kernel, size)
    x, w = x[:1, :2].copy(), w[:2, :2].copy()
    algorithm = ALGORITHMS[name]
    dy = gradient_of(algorithm.forward(x, w, stride, padding))

    def projected():
        return float(np.sum(dy * algorithm.forward(x, w, stride, padding)))

    stated = [*algorithm.backward(dy, x, w, stride, padding)]
    wanted = [numerical_gradient(projected, array) for array in (x, w)]
    assert_all_close(stated, wanted, tolerance=1e-8)


@pytest.mark.pytorch
@EACH
@FORM
def test_agrees_with_pytorch(name, kernel, stride, padding, size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, w = problem(rng, kernel, size)
    dy = gradient_of(ALGORITHMS[name].forward(x, w, stride, padding))

    def theirs(x, w):
        conv2d = torch.nn.functional.conv2d
        return conv2d(x, w, stride=stride, padding=padding)

    _, wanted = torch_gradients(torch, theirs, (x, w), dy)
    ours = ALGORITHMS[name].backward(dy, x, w, stride, padding)
    assert_all_close([*ours], wanted)


def test_dilate_and_cut(rng):
    x, w = np.ones((1, 1, 7, 6)), np.ones((1, 1, 2, 2))
    dy = np.array([[[[1.0, 2], [3, 4]]]])  # stride (4, 3): a leftover row
    spaced = dilate(dy, x, w, (4, 3))
    wanted = np.zeros((6, 5))
    wanted[0, 0], wanted[0, 3], wanted[4, 0], wanted[4, 3] = 1, 2, 3, 4
    np.testing.assert_array_equal(spaced, wanted[None, None])
    a, b = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 3, 6, 9))
    assert_close(
        np.vdot(zero_padded(a, (1, 2)), b), np.vdot(a, cut(b, (1, 2)))
    )


# What goes in and what comes out


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_images_decide_on_the_precision(name, dtype, rng):
    x, w = problem(rng, (3, 2), (5, 4))
    dy = np.ones((2, 4, 3, 3), np.float32)
    gradients = ALGORITHMS[name].backward(
        dy, x.astype(dtype), w.astype(np.float32), (1, 1), (0, 0)
    )
    assert [gradient.dtype for gradient in gradients] == [dtype, dtype]


@EACH
def test_a_batch_may_be_empty(name):
    x, w, dy = (
        np.ones((0, 2, 5, 5)),
        np.ones((3, 2, 2, 3)),
        np.ones((0, 3, 4, 3)),
    )
    dx, dw = ALGORITHMS[name].backward(dy, x, w, (1, 1), (0, 0))
    assert dx.shape == x.shape
    np.testing.assert_array_equal(dw, np.zeros(w.shape))


@EACH
def test_a_gradient_of_another_shape_is_refused(name):
    x, w = np.ones((2, 3, 5, 5)), np.ones((4, 3, 2, 2))
    message = "convolution wants dy of shape (2, 4, 4, 4), got (2, 4, 5, 4)"
    with pytest.raises(ValueError, match=re.escape(message)):
        ALGORITHMS[name].backward(np.ones((2, 4, 5, 4)), x, w, (1, 1), (0, 0))


@EACH
def test_one_number_stands_for_both_strides_and_paddings(name, rng):
    x, w = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 2))
    algorithm = ALGORITHMS[name]
    y = algorithm.forward(x, w, 2, 1)
    np.testing.assert_array_equal(y, algorithm.forward(x, w, (2, 2), (1, 1)))
    for one, other in zip(
        algorithm.backward(y, x, w, 2, 1),
        algorithm.backward(y, x, w, (2, 2), (1, 1)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@EACH
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f4", ">f8"])
def test_every_precision_is_computed_in_and_kept(name, dtype, rng):
    """The bound is that of sums of 18 and of 60 products near 1, rounded."""
    x = rng.uniform(-1, 1, (2, 3, 6, 5)).astype(dtype)
    w = rng.uniform(-1, 1, (4, 3, 3, 2)).astype(dtype)
    y = ALGORITHMS[name].forward(x, w, 1, 0)
    dy = y.clip(-1, 1)
    dx, dw = ALGORITHMS[name].backward(dy, x, w, 1, 0)
    sizes = {(a.dtype.kind, a.itemsize) for a in (x, y, dx, dw)}
    assert len(sizes) == 1
    wide = [a.astype(np.float64) for a in (x, w, dy)]
    right = ALGORITHMS["loops"].forward(*wide[:2], 1, 0)
    rights = right, *ALGORITHMS["loops"].backward(wide[2], *wide[:2], 1, 0)
    epsilon = max(np.finfo(dtype).eps, np.finfo(np.float64).eps)
    for got, wanted in zip((y, dx, dw), rights, strict=True):
        error = np.abs(got.astype(np.float64) - wanted).max()
        assert error <= 60 * 60 * epsilon


@EACH
@pytest.mark.parametrize("empty", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_no_images_no_channels_no_kernels(name, empty):
    n, c, f = (0 if i in empty else 2 for i in range(3))
    x, w = np.ones((n, c, 5, 6)), np.ones((f, c, 3, 2))
    y = ALGORITHMS[name].forward(x, w, 1, 0)
    assert y.shape == (n, f, 3, 5)
    assert not y.any()
    dy = np.ones_like(y)
    wanted = ALGORITHMS["loops"].backward(dy, x, w, 1, 0)
    for got, right in zip(
        ALGORITHMS[name].backward(dy, x, w, 1, 0), wanted, strict=True
    ):
        assert got.shape == right.shape
        assert_close(got, right)
