"""He's weights: their law, and what they do to the size of a signal.

The bounds are five standard errors wide: a sound generator oversteps one
of them once in a million seeds, and the seeds are fixed.
"""

import numpy as np
import pytest

from scratchcnn.layers.dense import Dense
from scratchcnn.layers.initialization import he_normal
from scratchcnn.layers.relu import ReLU
from tests.comparing import assert_close, global_random_state
from tests.reference import relu_forward

SIGMAS = 5


@pytest.mark.equation("init-he")
@pytest.mark.parametrize("fan_in", [1, 9, 784])
def test_the_variance_is_two_over_the_fan_in(fan_in, rng):
    n = 200_000
    w = he_normal((n // 8, 2, 4), fan_in=fan_in, rng=rng).astype(np.float64)
    z = w.ravel() / np.sqrt(2 / fan_in)
    # The k-th power of a standard normal number has the mean and the
    # variance given here.
    for power, mean, variance in (1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96):
        off = abs(np.mean(z**power) - mean)
        assert off < SIGMAS * np.sqrt(variance / n)


def test_weights_are_independent_of_each_other(rng):
    n = 200_000
    w = he_normal((n + 1,), fan_in=2, rng=rng).astype(np.float64)
    assert abs(np.mean(w[1:] * w[:-1])) < SIGMAS / np.sqrt(n)


@pytest.mark.equation("init-variance")
@pytest.mark.parametrize("D", [1, 5, 60])
def test_a_sum_of_products_has_the_variance_of_its_terms(D, rng):
    M = 20_000
    layer = Dense(D, M, rng=rng)
    layer.astype(np.float64)
    x = 1 + rng.uniform(-1, 2, (1, D))
    z = layer.forward(x)[0]
    mean_square = sum(x[0, d] ** 2 for d in range(D)) / D
    wanted = D * (2 / D) * mean_square
    assert abs(np.var(z) / wanted - 1) < SIGMAS * np.sqrt(2 / M)


@pytest.mark.equation("init-relu-half")
@pytest.mark.parametrize("law", ["standard_normal", "standard_cauchy"])
def test_relu_halves_the_mean_square_of_a_symmetric_signal(law, rng):
    some = getattr(rng, law)((50, 3))
    z = np.concatenate([some, -some])
    half = sum(value**2 for value in z.flat) / z.size / 2
    assert np.mean(ReLU().forward(z) ** 2) == pytest.approx(half, rel=1e-12)
    assert_close(ReLU().forward(z), relu_forward(z))


def test_a_signal_keeps_its_size_through_ten_layers(rng):
    width, depth = 500, 10
    x = start = rng.standard_normal((1, width)).astype(np.float32)
    for _ in range(depth):
        x = ReLU().forward(Dense(width, width, rng=rng).forward(x))
    # z is normal; relu(z)**2 has the mean 1/2 and the variance 5/4, so
    # each layer adds about 5/width to the relative variance.
    bound = SIGMAS * np.sqrt(depth * 5 / width)
    assert abs(np.log(np.mean(x**2) / (np.mean(start**2) / 2))) < bound


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 3, 2, 1)])
def test_weights_are_float32_of_the_wanted_shape(shape, rng):
    w = he_normal(shape, fan_in=3, rng=rng)
    assert w.shape == shape
    assert w.dtype == np.float32


def test_weights_come_from_the_passed_generator_alone():
    before = global_random_state()
    rng = np.random.default_rng(1)
    first, second = (he_normal((9,), fan_in=3, rng=rng) for _ in range(2))
    again = he_normal((9,), fan_in=3, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == second)
    assert global_random_state() == before


@pytest.mark.parametrize("rng", [0, None, np.random, np.random.PCG64(0)])
def test_a_seed_is_no_generator(rng):
    with pytest.raises(TypeError, match=r"he_normal wants rng .*default_rng"):
        he_normal((3,), fan_in=3, rng=rng)


@pytest.mark.parametrize(
    ("fan_in", "error"),
    [(0, ValueError), (-3, ValueError), (True, TypeError), (2.0, TypeError)],
)
def test_the_fan_in_is_a_positive_integer(fan_in, error, rng):
    with pytest.raises(error, match=f"he_normal wants fan_in .*got {fan_in}"):
        he_normal((3,), fan_in=fan_in, rng=rng)
