"""The checks at every door: what may enter, and what is said."""

import re

import numpy as np
import pytest

from scratchcnn.arrays import (
    brief,
    check_array,
    check_labels,
    check_number,
    check_share,
    check_size,
    pair,
)


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


@pytest.mark.parametrize("size", [[3, 3], "33", None, 3.0, np.ones(2), {3}])
def test_a_pair_is_an_integer_or_a_tuple(size):
    message = "^me wants size as an integer, or as a tuple"
    with pytest.raises(TypeError, match=message) as caught:
        pair("me", "size", size, 1)
    assert str(caught.value).endswith(f"got {size!r}")


@pytest.mark.parametrize("size", [3, np.int64(3), (3, np.uint8(3))])
def test_a_pair_becomes_plain_integers(size):
    assert pair("me", "size", size, 1) == (3, 3)
    assert {type(s) for s in pair("me", "size", size, 1)} == {int}


@pytest.mark.parametrize("size", [3, (2, 3), (3, 2)])
def test_a_size_is_written_as_it_may_have_been_given(size):
    assert brief(pair("me", "size", size, 1)) == str(size)


@pytest.mark.parametrize(
    "share", [0, 1, 0.5, 1.0, np.float32(1), np.int64(1), np.float16(0.1)]
)
def test_a_share_becomes_a_plain_number(share):
    assert type(check_share("me", "share", share)) is float
    assert check_share("me", "share", share) == share


@pytest.mark.parametrize("number", [-1, 10**400, -(10**400), float("nan")])
def test_no_number_is_too_large_to_be_refused(number):
    with pytest.raises(ValueError, match=r"^me wants 0 <= rate < inf, got"):
        check_number("me", "rate", number)


NO_NUMBERS = None, True, np.True_, "1", 1j, (0.5,)
BEYOND = -1e-9, 1 + 2**-52, 2, 10**400, *map(float, ("-inf", "inf", "nan"))


@pytest.mark.parametrize(
    ("error", "wanted", "share"),
    [
        *((TypeError, "share as a number", share) for share in NO_NUMBERS),
        *((ValueError, "share from 0 to 1", share) for share in BEYOND),
    ],
)
def test_a_share_is_a_number_from_0_to_1(error, wanted, share):
    message = re.escape(f"me wants {wanted}, got {share!r}")
    with pytest.raises(error, match=f"^{message}$"):
        check_share("me", "share", share)


@pytest.mark.parametrize(
    "labels",
    [
        np.ma.masked_array([0, 1], [True, False]),
        np.array([[0, 1]]).view(np.matrix),
        np.array([True, False]),
        np.array([0.0, 1.0]),
        [0, 1],
        np.array(["a", "b"]),
        np.array([0, 1], "timedelta64[s]"),
    ],
    ids=["masked", "matrix", "bool", "float", "list", "str", "time"],
)
def test_labels_are_an_array_of_integers(labels):
    with pytest.raises(TypeError, match="wants t as an array of integers"):
        check_labels("me", "t", labels, 2, 2)


@pytest.mark.parametrize("kind", ["u1", ">i4", "i8"])
def test_labels_may_be_integers_of_any_kind(kind):
    check_labels("me", "t", np.array([0, 1], kind), 2, 2)
