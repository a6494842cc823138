"""What a reader reads, and what a program does."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.doctor.diagnosis import known
from scratchcnn.doctor.kinds import KINDS
from scratchcnn.doctor.reports import (
    Diagnosis,
    Finding,
    cut,
    plain,
    sentence,
    shown,
)

FINDING = Finding(
    results=["dx", "dw"],
    causes=["one", "two"],
    where="in every probe",
    what="is 1/2 times the right one",
    why="Because.",
    read="chapter Dense",
    probe="Dense(1, 1), with care",
    place=(1,),
    mine=np.array([[[0.0]], [[1.0]]]),
    right=np.array([[[0.0]], [[2.0]]]),
)


def test_a_finding_is_told_in_plain_words():
    assert str(FINDING).split("\n   ") == [
        "dx and dw are wrong in every probe.",
        "Most likely: one.",
        "Because.",
        "Or else: two.",
        "Yours is 1/2 times the right one.",
        "The smallest probe that shows it: Dense(1, 1), with care",
        "yours at [1]: [[1.]]",
        "right at [1]: [[2.]]",
        "Read chapter Dense.",
    ]


@pytest.mark.parametrize(
    ("result", "verb"),
    [
        ("the loss", "is"),
        ("the losses", "are"),
        ("the precision of y", "is"),
        ("the sizes of the batches", "are"),
    ],
)
def test_several_are_wrong_and_one_is(result, verb):
    told = str(replace(FINDING, results=[result]))
    assert told.startswith(f"{result} {verb} wrong in every probe.")


def test_a_diagnosis_counts_its_findings():
    ill = Diagnosis("dense", [FINDING], ["y", "x afterwards"], 7)
    assert not ill.healthy
    assert ill.written
    first, second = str(ill).split("\n\n")
    assert first == "dense: right in all 7 probes: y, 1 other result"
    assert second.startswith("1. dx and dw")
    assert str(Diagnosis("relu", [], ["y"], 3)) == (
        "relu: healthy in all 3 probes (y)"
    )
    nothing = Diagnosis("dense", [FINDING], [], 7)
    others = str(Diagnosis("dense", [FINDING], ["x afterwards"], 7))
    assert others.startswith("dense: right in all 7 probes: 1 result\n")
    assert str(nothing).startswith("dense: nothing is right in all 7 probes")
    few = [str(Diagnosis("relu", [], ["y"], count)) for count in (1, 2)]
    assert few == [
        "relu: healthy in the only probe (y)",
        "relu: healthy in both probes (y)",
    ]


def test_a_diagnosis_in_brief_is_its_causes_or_what_is_wrong():
    other = replace(FINDING, causes=[])
    found = Diagnosis("dense", [FINDING, other], ["y"], 7)
    assert found.brief() == "one; dx and dw are wrong in every probe"


def test_numbers_go_into_json():
    found = Diagnosis("dense", [FINDING], ["y"], 7).to_dict()
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found))
    assert found["findings"][0]["mine"] == [[[0.0]], [[1.0]]]
    assert plain(np.array([1.0, np.nan])) == ["1.0", "nan"]
    assert plain("text") == "text"


def test_arrays_are_shown_in_a_few_lines():
    assert shown("text") == cut("text", (1,)) == "text"
    assert shown(np.eye(2)) == "[[1. 0.]\n           [0. 1.]]"
    assert len(shown(np.zeros((50, 50))).split("\n")) < 10


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_yes_or_no_is_a_sentence(kind):
    right, _ = known(kind)
    bare = {
        result
        for (_, result), value in right.items()
        if getattr(value, "dtype", "") == "bool" and not sentence(result)
    }
    assert bare <= {"tails of w", "the modes"}


def test_sentences_are_denied_and_things_are_wrong():
    results = ["y", "dx, a second time", "x afterwards"]
    lines = str(replace(FINDING, results=results)).split("\n   ")
    assert lines[0] == "y and the second dx are wrong in every probe."
    assert lines[1] == "It is not so that x stays as it was."
    denied = str(replace(FINDING, results=["a step against dw"]))
    assert denied.startswith(
        "It is not so that backward takes no step against dw, in every probe."
    )
    assert "yours" not in denied


def test_yes_and_no_are_words():
    assert shown(np.array([True, False])) == "[yes no]"
    assert shown(np.array(False)) == "no"
