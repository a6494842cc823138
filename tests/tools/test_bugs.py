"""The planted bugs, and the records of who has noticed them."""

import json
from pathlib import Path

import pytest

from scratchcnn.doctor.catalog import Cause, edited
from tools import mutants, survivors
from tools.bugs import BUGS, ROOT, plant

MATRIX = json.loads((ROOT / "book" / "records" / "mutants.json").read_text())
SURVIVORS = json.loads(
    (ROOT / "book" / "records" / "survivors.json").read_text()
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_killer_exists(bug):
    module, _, name = bug.killer.partition("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / f"{module}.py").read_text()


def test_there_are_enough_and_each_has_a_name_of_its_own():
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25


def test_the_recorded_matrix_is_of_these_bugs_and_all_were_killed():
    recorded = {bug["name"]: bug for bug in MATRIX["bugs"]}
    assert tuple(MATRIX["kinds"]) == mutants.KINDS
    assert [*recorded] == [bug.name for bug in BUGS]
    for bug in BUGS:
        row = recorded[bug.name]
        said = row["module"], row["why"], row["killer"]
        assert said == (bug.module, bug.why, bug.killer)
        assert row["killed"] is True
        assert tuple(row["noticed"]) == mutants.KINDS
        assert any(row["noticed"].values())


def test_a_text_that_has_changed_is_refused():
    bug = BUGS[0]._replace(edits=[("no such line", "")])
    with pytest.raises(ValueError, match=r"kernels redrawn.*0 times"):
        edited(bug)


def test_a_bug_is_planted_in_a_copy_alone(tmp_path):
    edits = [("import numpy", "import  numpy")]
    bug = Cause("name", "layers/relu", edits, "")
    path = Path("scratchcnn", "layers", "relu.py")
    before = (ROOT / path).read_text()
    plant(bug, tmp_path)
    assert "import  numpy" in (tmp_path / path).read_text()
    assert (ROOT / path).read_text() == before
    assert (tmp_path / "tests" / "layers" / "test_relu.py").exists()


def symptoms(*losses):
    """Return what `tools.symptoms` prints, of these curves."""
    runs = [{"losses": list(values), "accuracy": 0.5} for values in losses]
    return {"plain": runs, "full": [{"losses": [2, 1], "accuracy": 0.75}]}


def test_a_curve_notices_what_does_not_fall_and_what_fails():
    assert not mutants.curve_notices(symptoms([3, 2, 1], [5, 1]))
    assert mutants.curve_notices(symptoms([3, 2, 1], [1, 5]))
    assert mutants.curve_notices(symptoms([1, float("nan")]))
    failed = {"plain": [{"error": "no"}], "full": []}
    assert mutants.curve_notices(failed)
    assert mutants.accuracies(failed) == {"plain": [None], "full": []}


def test_accuracies_are_those_of_the_seeds():
    found = mutants.accuracies(symptoms([2, 1], [2, 1]))
    assert found == {"plain": [0.5, 0.5], "full": [0.75]}


def test_nine_of_ten_mutants_were_killed_and_the_others_have_reasons():
    counts = SURVIVORS["counts"]
    assert sum(counts.values()) == SURVIVORS["mutants"] > 1000
    assert SURVIVORS["killed"] > 0.9 * SURVIVORS["mutants"]
    left = SURVIVORS["mutants"] - SURVIVORS["killed"]
    assert len(SURVIVORS["survivors"]) == left
    for survivor in SURVIVORS["survivors"]:
        assert survivor["reason"] == survivors.reason(survivor["change"])
        assert survivor["reason"]


def test_a_file_without_mutants_is_found(tmp_path, monkeypatch):
    pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text(
        '[tool.mutmut]\nonly_mutate = ["a/b/dense.py", "a/relu.py"]\n'
    )
    found = ["a.b.dense.xǁDenseǁforward__mutmut_1", "a.b.relu.x_f__mutmut_2"]
    assert survivors.untouched(found) == {"a/relu.py"}


def test_a_reason_is_given_for_words_alone():
    words = ['-    check_array(a, "x", x)', "+    check_array(a, None, x)"]
    assert survivors.reason(words) == survivors.WORDS
    more = ['-    check_array(a, "x", x, 2)', '+    check_array(a, "x", x)']
    assert survivors.reason(more) is None
    assert survivors.reason(["-    return x", "+    return None"]) is None
