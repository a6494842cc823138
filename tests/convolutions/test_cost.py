"""The costs, counted by formula, against arrays and loops that count."""

import math

import numpy as np
import pytest
from scipy.fft import next_fast_len

from scratchcnn.convolutions.backward import ALGORITHMS
from scratchcnn.convolutions.cost import COSTS, least_time, sizes_of, spectrum
from scratchcnn.convolutions.forward import (
    by_loops,
    fast_size,
    pixels_read,
    spectra,
    toeplitz,
    unroll,
)
from scratchcnn.layers.convolution import pad
from tests.layers.test_convolution import FORM
from tests.reference import butterflies, positions


def arrays(kernel, stride, padding, size, dtype=np.float32):
    """Return x with its padding, w and y, and their sizes."""
    x, w = np.ones((2, 3, *size), dtype), np.ones((4, 3, *kernel), dtype)
    y = by_loops(x, w, stride, padding)
    return pad(x, padding), w, y, sizes_of(x.shape, w.shape, stride, padding)


def test_every_algorithm_has_its_costs():
    assert [*COSTS] == [*ALGORITHMS]


@FORM
def test_sizes(kernel, stride, padding, size):
    x, w, y, s = arrays(kernel, stride, padding, size)
    assert (s.n, s.c, s.h, s.w) == x.shape
    assert (s.f, s.c, s.kh, s.kw) == w.shape
    assert (s.n, s.f, s.oh, s.ow) == y.shape


@pytest.mark.equation("roofline-flops")
@FORM
def test_direct_flops(kernel, stride, padding, size):
    x, w, _, s = arrays(kernel, stride, padding, size)
    strides = {"loops": stride, "Toeplitz": stride, "im2col": stride}
    strides["SciPy"] = 1, 1
    for name, taken in strides.items():
        places = [*map(positions, x.shape[2:], kernel, taken)]
        count = 0
        for _ in np.ndindex(2, 4, *places):
            for _ in np.ndindex(w.shape[1:]):
                count += 2  # one multiplication, one addition
        assert COSTS[name].flops(s) == count


@pytest.mark.equation("roofline-fft-flops")
@pytest.mark.parametrize("size", [(8, 4), (16, 8), (2, 32)])
def test_fft_flops(size):
    # A butterfly is a complex product, 6 operations, and two complex sums,
    # 2 each; a real image takes half the work.
    s = sizes_of((2, 3, *size), (4, 3, 2, 2))
    p, q, _ = spectrum(s)
    assert (p, q) == size
    count = 0.0
    for _ in range(2 * 3 + 4 * 3 + 2 * 4):
        count += 10 * (q * butterflies(p) + p * butterflies(q)) / 2
    for _ in np.ndindex(2, 4, 3, p, q // 2 + 1):
        count += 6 + 2
    assert COSTS["FFT"].flops(s) == pytest.approx(count, rel=1e-12)


@pytest.mark.equation("roofline-bytes")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@FORM
def test_bytes(kernel, stride, padding, size, dtype):
    x, w, y, s = arrays(kernel, stride, padding, size, dtype)
    least = x.nbytes + w.nbytes + y.nbytes
    for name in "loops", "SciPy":
        assert COSTS[name].bytes(s, x.itemsize) == least

    columns = unroll(x, kernel, stride).nbytes
    assert COSTS["im2col"].bytes(s, x.itemsize) == least + 2 * columns

    read = pixels_read(x, kernel, stride).transpose(3, 4, 0, 1, 2)
    matrix = toeplitz(w, read, x[0].size)
    entries = matrix.data.nbytes + matrix.nnz * 4
    assert COSTS["Toeplitz"].bytes(s, x.itemsize) == least + 2 * entries

    frequencies = sum(spectra(a, fast_size(x)).nbytes for a in (x, w, y))
    assert COSTS["FFT"].bytes(s, x.itemsize) == least + 2 * frequencies


def test_the_index_of_an_entry_takes_4_bytes():
    x, w = np.ones((1, 2, 6, 6)), np.ones((3, 2, 2, 2))
    read = pixels_read(x, (2, 2), (1, 1)).transpose(3, 4, 0, 1, 2)
    assert toeplitz(w, read, x[0].size).indices.itemsize == 4


@pytest.mark.equation("roofline-time")
def test_least_time():
    peak, bandwidth = 100.0, 10.0
    assert least_time(1000, 50, peak=peak, bandwidth=bandwidth) == 10
    assert least_time(1000, 200, peak=peak, bandwidth=bandwidth) == 20
    for flops, moved in (1, 1), (7, 2), (3, 40):
        second = least_time(flops, moved, peak=peak, bandwidth=bandwidth)
        rate, intensity = flops / second, flops / moved
        assert math.isclose(rate, min(peak, bandwidth * intensity))


def test_the_transforms_have_the_programs_size():
    for length in range(1, 60):
        s = sizes_of((1, 1, length, 3), (1, 1, 1, 1))
        assert spectrum(s)[:2] == fast_size(np.ones((1, 1, length, 3)))
        assert spectrum(s)[0] == next_fast_len(length, real=True)


def test_one_number_stands_for_both_strides_and_paddings():
    shapes = (2, 3, 7, 6), (4, 3, 3, 2)
    assert sizes_of(*shapes, 2, 1) == sizes_of(*shapes, (2, 2), (1, 1))
    with pytest.raises(ValueError, match="sizes_of wants stride >= 1, got 0"):
        sizes_of(*shapes, 0)


@pytest.mark.parametrize(
    "w", [(4, 2, 3, 3), (4, 3, 6, 3), (4, 3, 3, 8), (4, 3, 0, 3)]
)
def test_a_convolution_that_is_none_has_no_sizes(w):
    message = f"sizes_of wants kernels of 3 channels .*(5, 7) .*, got {w}"
    message = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=message):
        sizes_of((1, 3, 5, 5), w, padding=(0, 1))
    assert sizes_of((1, 3, 5, 5), (4, 3, 5, 7), padding=(0, 1))[-2:] == (1, 1)
