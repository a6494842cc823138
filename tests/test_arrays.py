"""The checks at every door: what may enter, and what is said."""

import re

import numpy as np
import pytest

from scratchcnn.arrays import check_array, check_size


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        ((), ()),
        (("N", 3), (0, 3)),
        (("N", "C", 2, 2), (5, 7, 2, 2)),
        (("N", ...), (4,)),
        (("N", ...), (4, 5, 6)),
        (("N", 5, ...), (4, 5, 6, 7)),
        ((...,), ()),
    ],
)
def test_fitting_shapes_may_enter(wanted, shape):
    check_array("me", "x", np.zeros(shape), *wanted)


@pytest.mark.parametrize(
    ("wanted", "shape", "said"),
    [
        ((), (1,), "()"),
        (("N", 3), (3, 4), "(N, 3)"),
        (("N", 3), (3,), "(N, 3)"),
        (("N", 3), (5, 3, 1), "(N, 3)"),
        (("N", ...), (), "(N, ...)"),
        (("N", 5, ...), (5,), "(N, 5, ...)"),
        (("N", 5, ...), (5, 4, 5), "(N, 5, ...)"),
    ],
)
def test_other_shapes_may_not(wanted, shape, said):
    message = re.escape(f"me wants x of shape {said}, got {shape}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_array("me", "x", np.zeros(shape), *wanted)


@pytest.mark.parametrize("size", [3, np.int64(3), np.uint8(3)])
def test_sizes_become_plain_integers(size):
    assert type(check_size("me", "size", size)) is int
    assert check_size("me", "size", size, least=3) == 3


@pytest.mark.parametrize("size", [True, np.True_, 3.0, "3", None, (3,)])
def test_sizes_are_integers(size):
    with pytest.raises(TypeError, match="me wants size as an integer, got"):
        check_size("me", "size", size)


@pytest.mark.parametrize(("size", "least"), [(0, 1), (-1, 0), (2, 3)])
def test_sizes_have_a_least_value(size, least):
    message = f"^me wants size >= {least}, got {size}$"
    with pytest.raises(ValueError, match=message):
        check_size("me", "size", size, least)


def test_the_shape_of_a_vector_is_written_as_python_writes_it():
    with pytest.raises(ValueError, match=r"of shape \(3,\), got \(2,\)$"):
        check_array("f", "x", np.ones(2), 3)
