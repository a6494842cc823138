"""Words for differences."""

import numpy as np
import pytest

from scratchcnn.doctor.comparison import (
    circumstances,
    contrast,
    first_place,
    listed,
    places,
)
from scratchcnn.doctor.experiments import Probe

A = np.array([[1.0, 2.0, 4.0], [8.0, -16.0, 32.0]])


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        ("ValueError: no", "stopped: ValueError: no"),
        (A[:1], "has shape (1, 3), not (2, 3)"),
        (0 * A, "is zero everywhere"),
        (0 * A + 31, "has the sum of the right ones everywhere"),
        (0 * A + 30, "has one number everywhere"),
        (A * [1, np.inf, 1], "has numbers that are not finite"),
        (-A, "is -1 times the right one"),
        (A / 7, "is 1/7 times the right one"),
        (A * np.sqrt(2), "is 1.4142 times the right one"),
        (A * 3 / 35, "is 3/35 times the right one"),
        (A * 20 / 19, "is 20/19 times the right one"),
        (A * 25 / 27, ""),
        (A * np.pi, ""),
        (A * 1e160, ""),
        (A * 1e306, ""),
        (A[:, ::-1], "is the right one mirrored"),
        (A[::-1, ::-1], "is the right one with rows and columns backwards"),
        (A[::-1], "has the right numbers in another order"),
        (A + 1, ""),
    ],
)
def test_arrays_are_contrasted(mine, words):
    assert contrast(mine, A, "y") == words


def test_of_what_should_be_yes_or_no_nothing_is_told():
    assert contrast(np.full(2, 2), np.array([True, False]), "the modes") == ""


def test_of_numbers_that_are_equal_no_factor_is_told():
    assert contrast(np.ones(2), np.full(2, 4.0), "the losses") == ""


def test_a_transposed_square_is_seen():
    assert contrast(A[:, :2].T, A[:, :2], "y") == "is the right one transposed"
    assert "refuses" in contrast(A, "ValueError", "y")


def test_places_have_names():
    wrong = A.copy()
    wrong[1, 2] += 1
    assert places(wrong, A, "y", "nm") == "only in example 1, output 2"
    wrong[1, 0] += 1
    assert places(wrong, A, "y", "nk") == "only in example 1, classes 0 and 2"
    assert (
        places(np.add(A, [0, 1, 1]), A, "y", "nm") == "only in outputs 1 and 2"
    )
    wide = np.tile(A, 2)
    many = places(np.add(wide, [0, 1, 1, 1, 0, 0]), wide, "y", "nm")
    assert many == "only in outputs 1 to 3"
    assert places(A + 1, A, "y", "nm") == ""
    assert places(wrong, A, "y", "") == ""
    assert first_place(wrong[None], A[None], "y") == (0,)
    assert first_place(wrong, A, "y") == ()


def test_circumstances_are_what_probes_share():
    probes = [
        Probe("one"),
        Probe("two", traits="a stride"),
        Probe("three", traits="a stride, padding"),
        Probe("four"),
    ]
    assert circumstances({p.name for p in probes}, probes) == "in every probe"
    stride = circumstances({"two", "three"}, probes)
    assert stride == "with a stride, and only there"
    rest = circumstances({"one", "four"}, probes)
    assert rest == "in every probe but those with a stride"
    some = circumstances({"one", "two"}, probes)
    assert some == "with one, or with two, and only there"
    probes += [Probe("five"), Probe("six"), Probe("seven")]
    three = circumstances({"one", "four", "six"}, probes)
    assert three == "with one, or with four, or with six, and only there"
    most = circumstances({"one", "two", "four", "six"}, probes)
    assert most == (
        "in every probe but those with three, or with five, or with seven"
    )
    assert circumstances({"one"}, probes[:1]) == (
        "in the only probe that asks for it"
    )
    assert circumstances(set(), []) == "as a whole"


def test_lists_end_with_and():
    assert listed("a") == "a"
    assert listed("abc") == "a, b and c"


def test_of_arrays_of_two_shapes_the_first_matrices_are_shown():
    assert first_place(np.ones((2, 3, 4, 5)), np.ones((2, 3, 5, 5)), "y") == (
        0,
        0,
    )
    assert first_place(np.ones((0, 3, 4)), np.ones((1, 3, 4)), "y") == ()
    assert first_place(np.ones((3, 4)), np.ones((2, 3, 4)), "y") == ()
    assert first_place("ValueError", np.ones((2, 3, 4)), "y") == ()


def test_a_precision_has_a_name():
    assert contrast(np.array(64), np.array(32), "the precision of y") == (
        "is float64, and should be float32"
    )
