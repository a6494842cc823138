"""Comparing arrays, and handing them over in awkward forms."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.reference import Array


def assert_close(
    actual: Any, wanted: Any, *, tolerance: float = 1e-12
) -> None:
    """Compare shapes, and all numbers on the scale of the largest.

    The tests draw numbers of size 1, so 1 is the least scale: a small
    sum of such numbers is as exact as its terms are.
    """
    assert np.shape(actual) == np.shape(wanted)
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
    np.testing.assert_allclose(actual, wanted, 0, tolerance * scale)


def assert_all_close(
    actual: list[Array], wanted: list[Array], *, tolerance: float = 1e-12
) -> None:
    for one, other in zip(actual, wanted, strict=True):
        assert_close(one, other, tolerance=tolerance)


def frozen(array: Array) -> Array:
    """Return the same array, which nobody may write to any more."""
    array.flags.writeable = False
    return array


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "row-major": lambda x: frozen(x.copy()),
    "column-major": lambda x: frozen(np.asfortranarray(x)),
    "every other number": lambda x: frozen(np.repeat(x, 2, axis=-1)[..., ::2]),
    "backwards in memory": lambda x: frozen(np.flip(np.flip(x).copy())),
    "inside a larger array": lambda x: frozen(
        np.pad(x, 1)[(slice(1, -1),) * x.ndim]
    ),
    "other byte order": lambda x: frozen(x.astype(x.dtype.newbyteorder())),
}


@contextmanager
def assert_untouched(
    network: Any, x: Array, rng: np.random.Generator
) -> Iterator[None]:
    """Compare before and after all that a network and its generator hold."""
    dy = np.ones_like(network.forward(x))
    dx = network.backward(dy)
    before, state = copy.deepcopy(network), rng.bit_generator.state
    yield
    assert rng.bit_generator.state == state
    pairs = zip(network.walk(), before.walk(), strict=True)
    for (_, layer), (_, old) in pairs:
        assert layer.training == old.training
        for name, value in layer.buffers().items():
            assert np.array_equal(value, old.buffers()[name])
    for p, old in zip(network.parameters(), before.parameters(), strict=True):
        assert np.array_equal(p.value, old.value)
        assert np.array_equal(p.grad, old.grad)
    # Even the forward pass is remembered.
    assert np.array_equal(network.backward(dy), dx)


def global_random_state() -> bytes:
    """Return the state of NumPy's global generator, to be compared."""
    return pickle.dumps(np.random.get_state())  # noqa: NPY002
