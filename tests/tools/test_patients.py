"""The record of what the doctor says of mutants, and how it is counted."""

import ast
import json

import pytest

from scratchcnn.doctor import KINDS
from tools import patients
from tools.patients import ROOT, at_the_door, beside, examine, mutants

RECORD = json.loads((ROOT / "book" / "records" / "doctor.json").read_text())
TEXT = """
def f(x):
    check_array("f", "x", x)
    n = check_size("f", "n", len(x))
    if n == 1:
        raise ValueError(
            "one"
        )
    return np.exp(x)
"""


def test_checks_and_what_they_say_are_at_the_door():
    assert at_the_door(ast.parse(TEXT)) == {3, 4, 5, 6, 7, 8}


@pytest.mark.parametrize(
    ("old", "new", "only"),
    [
        ("dy.sum(axis=0, dtype=np.float64)", "dy.sum(axis=0, )", True),
        ("np.zeros(n, x.dtype)", "np.zeros(n, None)", True),
        ('name = "SGD"', "name = None", True),
        ("x.astype(w.dtype, copy=False)", "x.astype(w.dtype, )", True),
        ("x.astype(w.dtype, copy=False)", "x.astype(copy=False)", False),
        ("zip(x, y, strict=True)", "zip(x, y, strict=None)", True),
        ("zip(x, y, strict=True)", "zip(x, None, strict=True)", False),
        ('below_largest("SGD", y)', "below_largest(None, y)", True),
        ('below_largest("SGD", y)', "below_largest(y)", False),
        ('z = below_largest("SGD", y)', "z = None", False),
        ("np.exp(x)", "np.exp(None)", False),
        ("dy.sum(axis=0)", "dy.sum(axis=1)", False),
    ],
)
def test_a_type_or_a_name_is_beside_the_point(old, new, only):
    assert beside([f"-    {old}", f"+    {new}"]) == only


def test_a_change_in_two_lines_is_read_as_a_whole():
    whole = ["-    for a in zip(x, strict=True", "-    ):"]
    assert beside([*whole, "+    for a in zip(x, ):"])
    assert not beside([*whole, "+    for a in zip(None, ):"])


def test_only_who_has_survived_the_tests_is_harmless():
    known = patients.survivors()
    name, place = '"SoftmaxCrossEntropy"', ("losses/cross_entropy",)
    place += "SoftmaxCrossEntropy", "forward"
    line = f"-{' ' * 8}z = below_largest({name}, y.astype(np.float64))"
    assert patients.key(*place, [line, f"+{' ' * 8}z = None"]) not in known
    (one, *_) = [lived for lived in known if lived[:3] == place]
    assert patients.key(*place, [*one[3:]]) in known
    assert len(known) > 100


def test_a_change_is_known_by_its_function():
    pytest.importorskip("mutmut", reason="mutmut is not installed")
    made = [m for m in mutants("layers/relu") if not m.door]
    back = [m for m in made if m.function == "backward"]
    assert {m.owner for m in made} == {"ReLU"}
    assert any("+        return dy / mask" in m.change for m in back)
    (one,) = [m for m in back if "+        return dy / mask" in m.change]
    found = examine(one)
    assert found
    assert patients.right_place(one, found)
    assert patients.kinds_of(one) == ["relu"]


def test_the_doctor_overlooks_few_and_blames_what_is_to_blame():
    parts = "harmless", "door", "beside", "examined"
    assert sum(RECORD[part] for part in parts) == RECORD["mutants"] > 1000
    assert RECORD["healthy"] == len(RECORD["overlooked"])
    assert RECORD["healthy"] <= 0.02 * RECORD["examined"]
    assert RECORD["placed"] >= 0.8 * RECORD["examined"]
    modules = {kind.module for kind in KINDS.values()}
    assert {one["module"] for one in RECORD["overlooked"]} <= modules
