"""Five forward algorithms: their equations, each other, PyTorch, refusals."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.convolutions.forward import (
    by_fft,
    by_im2col,
    by_loops,
    by_scipy,
    by_toeplitz,
    fast_size,
    images,
    pixels_read,
    spectra,
    toeplitz,
    unroll,
)
from scratchcnn.layers.convolution import Conv2D
from tests.cases import pairs
from tests.comparing import LAYOUTS, assert_close
from tests.layers.test_convolution import FORM
from tests.reference import (
    conv_forward,
    dft2,
    toeplitz_matrix,
    window_columns,
    zero_padded,
)

ALGORITHMS = [by_loops, by_scipy, by_fft, by_toeplitz, by_im2col]
EACH = pytest.mark.parametrize("algorithm", ALGORITHMS)


@st.composite
def problems(draw):
    """Draw x, w, stride and padding of any form, in any layout."""
    n, c, f = draw(st.tuples(*[st.integers(1, 3)] * 3))
    kernel, stride, padding = (
        draw(pairs(1, 4)),
        draw(pairs(1, 3)),
        draw(pairs(0, 2)),
    )
    size = [
        max(1, k - 2 * p + e)
        for k, p, e in zip(kernel, padding, draw(pairs(0, 4)), strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x = layout(rng.standard_normal((n, c, *size)))
    w = layout(rng.standard_normal((f, c, *kernel)))
    return x, w, stride, padding


def problem(rng, kernel, size):
    w = rng.standard_normal((4, 3, *kernel))
    return rng.standard_normal((2, 3, *size)), w


# The equations


@pytest.mark.equation("five-convolution")
@given(problems())
def test_all_five_are_the_same_sum(drawn):
    x, w, stride, padding = drawn
    wanted = conv_forward(x, w, np.zeros(len(w)), stride, padding)
    for algorithm in ALGORITHMS:
        assert_close(algorithm(*drawn), wanted)


@pytest.mark.equation("five-fft")
@FORM
def test_a_correlation_is_a_product_of_spectra(
    kernel, stride, padding, size, rng
):
    x, w = problem(rng, kernel, size)
    x = zero_padded(x, padding)
    size = fast_size(x)
    assert all(np.greater_equal(size, x.shape[2:]))
    wanted = np.zeros((*size, 2, 4), complex)
    for n, f, c in np.ndindex(2, 4, 3):
        product = dft2(x[n, c], size) * dft2(w[f, c], size).conj()
        wanted[:, :, n, f] += product
    wanted = wanted[:, : size[1] // 2 + 1]  # the others are conjugates
    ours = spectra(x, size) @ spectra(w, size).conj().swapaxes(2, 3)
    assert_close(ours, wanted)
    oh, ow = (np.subtract(x.shape[2:], kernel) + 1).tolist()
    y = by_loops(x, w, (1, 1), (0, 0))
    assert_close(images(ours, size)[:, :, :oh, :ow], y)


@pytest.mark.equation("five-toeplitz")
@FORM
def test_toeplitz(kernel, stride, padding, size, rng):
    x, w = problem(rng, kernel, size)
    x = zero_padded(x, padding)
    read = pixels_read(x, kernel, stride).transpose(3, 4, 0, 1, 2)
    matrix = toeplitz(w, read, x[0].size)
    assert_close(matrix.toarray(), toeplitz_matrix(w, x.shape[2:], stride))
    assert matrix.nnz == read[..., 0, 0, 0].size * w.size


@pytest.mark.equation("five-im2col")
@FORM
def test_im2col(kernel, stride, padding, size, rng):
    x, w = problem(rng, kernel, size)
    x = zero_padded(x, padding)
    columns = window_columns(x, kernel, stride)
    np.testing.assert_array_equal(unroll(x, kernel, stride), columns)
    y = by_im2col(x, w, stride, (0, 0))
    assert_close(y.swapaxes(0, 1).reshape(4, -1), w.reshape(4, -1) @ columns)


# The same numbers by other ways


@pytest.mark.pytorch
@EACH
@FORM
def test_agrees_with_pytorch(algorithm, kernel, stride, padding, size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, w = problem(rng, kernel, size)
    tensors = torch.tensor(x), torch.tensor(w)
    wanted = torch.nn.functional.conv2d(
        *tensors, stride=stride, padding=padding
    )
    assert_close(algorithm(x, w, stride, padding), wanted.numpy())


@EACH
def test_agrees_with_the_layer(algorithm, rng):
    layer = Conv2D(3, 4, (3, 2), stride=(2, 1), padding=(0, 1), rng=rng)
    x = rng.standard_normal((2, 3, 6, 5), dtype=np.float32)
    y = algorithm(x, layer.weight.value, (2, 1), (0, 1))
    assert_close(y, layer.forward(x), tolerance=1e-5)


# What goes in and what comes out


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_images_decide_on_the_precision(algorithm, dtype, rng):
    x, w = problem(rng, (3, 2), (5, 4))
    y = algorithm(x.astype(dtype), w.astype(np.float32), (1, 1), (0, 0))
    assert y.dtype == dtype
    assert not np.shares_memory(y, x)


@EACH
def test_a_batch_may_be_empty(algorithm):
    y = algorithm(np.ones((0, 2, 5, 5)), np.ones((3, 2, 2, 3)), (1, 1), (0, 0))
    assert y.shape == (0, 3, 4, 3)


@EACH
@pytest.mark.parametrize(
    ("x", "w", "message"),
    [
        ((2, 5, 5), (4, 3, 2, 2), "wants x of shape (N, C, H, W), got"),
        ((2, 3, 5, 5), (4, 2, 2, 2), "wants w of shape (F, 3, KH, KW), got"),
        ((2, 3, 5, 5), (4, 3, 6, 1), "wants kernels of (1, 1) to (5, 5)"),
        ((2, 3, 5, 5), (4, 3, 1, 6), "wants kernels of (1, 1) to (5, 5)"),
        ((2, 3, 5, 5), (4, 3, 0, 2), "wants kernels of (1, 1) to (5, 5)"),
    ],
)
def test_shapes_that_do_not_fit(algorithm, x, w, message):
    with pytest.raises(ValueError, match="^convolution " + re.escape(message)):
        algorithm(np.ones(x), np.ones(w), (1, 1), (0, 0))


@EACH
def test_strides_and_paddings_that_make_no_sense(algorithm):
    x, w = np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))
    with pytest.raises(ValueError, match="wants stride >= 1, got 0"):
        algorithm(x, w, (1, 0), (0, 0))
    with pytest.raises(ValueError, match="wants padding >= 0, got -1"):
        algorithm(x, w, (1, 1), (-1, 0))
    with pytest.raises(TypeError, match="wants x as an array of floats"):
        algorithm(x.astype(int), w, (1, 1), (0, 0))
    with pytest.raises(TypeError, match="wants w as an array of floats"):
        algorithm(x, w.astype(int), (1, 1), (0, 0))
