"""Minibatches: every example once, with its target, in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.data.batches import minibatches
from tests.comparing import frozen


def small_data(rng, n=20, dtype=np.float64):
    x, t = rng.standard_normal((n, 1, 4, 5)), rng.standard_normal((n, 1))
    return frozen(x.astype(dtype)), frozen(t.astype(dtype))


@given(n=st.integers(1, 40), size=st.integers(1, 40), seed=st.integers(0, 99))
def test_every_example_is_dealt_once_with_its_target(n, size, seed):
    size = min(size, n)
    x = frozen(np.arange(2 * n, dtype=np.float32).reshape(n, 2))
    t = frozen(10 * x[:, :1])
    rng = np.random.default_rng(seed)
    batches = list(minibatches(x, t, size, rng=rng))
    lengths = [len(xs) for xs, _ in batches]
    assert lengths == [size] * (n // size) + [n % size] * (n % size > 0)
    for xs, ts in batches:
        np.testing.assert_array_equal(ts, 10 * xs[:, :1])
        assert xs.dtype == ts.dtype == np.float32
    dealt = np.concatenate([xs for xs, _ in batches])
    np.testing.assert_array_equal(np.sort(dealt, axis=0), x)


def test_the_generator_decides_the_order():
    x = np.arange(30.0)[:, None]

    def order(rng):
        batches = minibatches(x, x, 7, rng=rng)
        return np.concatenate([xs for xs, _ in batches]).ravel().tolist()

    rng = np.random.default_rng(1)
    first, second = order(rng), order(rng)
    assert first == order(np.random.default_rng(1))
    assert first != second
    assert x.ravel().tolist() not in (first, second)


def test_targets_may_be_class_numbers(rng):
    labels = np.arange(5)
    ((_, ts),) = minibatches(np.ones((5, 2)), labels, 5, rng=rng)
    assert sorted(ts) == [0, 1, 2, 3, 4]
    assert ts.dtype == labels.dtype


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (np.array(3.0), r"one target for each .* \(2, 1\), got \(\)"),
        (np.array([None, 1]), "t as numbers, got object"),
        (np.array(["a", "b"]), "t as numbers, got <U1"),
    ],
)
def test_targets_are_numbers_one_an_example(t, message, rng):
    error = TypeError if t.ndim else ValueError
    with pytest.raises(error, match=f"^minibatches wants .*{message}$"):
        minibatches(np.ones((2, 1)), t, 1, rng=rng)
