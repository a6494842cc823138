"""Hints: one step at a call, never the code."""

import pytest

from scratchcnn.doctor import KINDS
from scratchcnn.workbook.hints import HINTS, derivation, hint, listing


def test_there_are_hints_for_all_that_is_derived():
    assert HINTS.keys() == KINDS.keys()
    for kind, results in HINTS.items():
        assert results.keys() == KINDS[kind].equations.keys()
        assert all(results.values())


@pytest.mark.parametrize("kind", KINDS)
def test_no_hint_is_a_line_of_the_code(kind):
    lines = {line.strip() for line in listing(kind).splitlines()}
    for steps in HINTS[kind].values():
        for step in steps:
            assert step[-1] in ".?"
            assert "self." not in step
            assert step not in lines


def test_each_call_opens_one_step_more(tmp_path):
    steps = HINTS["conv2d"]["dx"]
    seen = [hint(tmp_path, "conv2d.dx") for _ in range(len(steps) + 1)]
    of = f"of {len(steps)}."
    assert seen[0] == f"1 {of} {steps[0]}"
    assert seen[1].splitlines() == [
        f"1 {of} {steps[0]}",
        f"2 {of} {steps[1]}",
    ]
    assert "chapter Convolution, backward" in seen[-1]
    assert seen[-1] == seen[-2]
    assert hint(tmp_path, "dense.dw").startswith("1 of 3. ")


@pytest.mark.parametrize(
    "text", ["[1", "[1]", '{"relu.dx": "one"}', '{"relu.dx": -9}', "\0"]
)
def test_a_memory_that_is_damaged_is_begun_again(text, tmp_path):
    (tmp_path / ".hints.json").write_text(text)
    assert hint(tmp_path, "relu.dx").startswith("1 of ")
    assert "\n2 of " in hint(tmp_path, "relu.dx")


@pytest.mark.parametrize("name", ["conv2d.dy", "conv3d.dx", "conv2d"])
def test_a_name_without_hints_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"there are hints for .*conv2d\.dx"):
        hint(tmp_path, name)


@pytest.mark.parametrize("name", ["conv2d.dx", "Conv2D.dx", "convolution.dx"])
def test_a_chapter_of_one_thing_has_its_hints(name):
    assert derivation(name) == ("conv2d", "dx")


def test_a_method_stands_for_what_it_returns():
    assert derivation("conv2d.forward") == ("conv2d", "y")
    assert derivation("relu.backward") == ("relu", "dx")
    assert derivation("gradient_descent") == ("gradient_descent", "step")
    with pytest.raises(ValueError, match=r"for conv2d\.dx, .*db$"):
        derivation("conv2d.backward")


def test_a_name_that_is_close_has_the_hints_of_what_is_meant():
    with pytest.raises(ValueError, match=r"for meansquarederror\.loss, "):
        derivation("mse")


def test_a_chapter_of_two_things_says_which():
    with pytest.raises(ValueError, match=r"maxpool2d\.dx, .*avgpool2d\.dx"):
        derivation("pooling.dx")


def test_a_listing_is_the_package_s_own():
    assert listing("relu.backward").count("return dy * mask") == 1
    assert listing("gradient_step").startswith("def gradient_step(")
    assert listing("Pooling").count("class ") == 2
    for name in "nobody", "relu.sideways":
        with pytest.raises(ValueError, match="there is no"):
            listing(name)
