"""The board: five mistakes are found, mended, and gone."""

from scratchcnn.workbook import board as module
from scratchcnn.workbook.board import board, check, curves
from scratchcnn.workbook.templates import write_new
from tests.workbook.filling import fill, spoil

MISTAKES = {
    "dense": "mean taken twice",
    "relu": "mask of the gradient",
    "mean_squared_error": "mean forgotten",
    "convolution": "kernel not flipped",
    "gradient_descent": "uphill",
}


def test_a_reader_is_led_out_of_five_mistakes(tmp_path):
    write_new(tmp_path, [*MISTAKES, "network"])
    states = {row["state"] for row in check(tmp_path, ["dense", "network"])}
    assert states == {"not yet written"}
    for name, cause in MISTAKES.items():
        spoil(tmp_path, name, cause)
    rows = check(tmp_path, [*MISTAKES])
    assert {row["state"] for row in rows} == {"ill"}
    for row in rows:
        cause = MISTAKES[row["chapter"]]
        first = row["diagnosis"]["findings"][0]["causes"][0]
        assert first == cause
        assert f"Most likely: {cause}." in board(rows)
    fill(tmp_path, *MISTAKES)
    rows = check(tmp_path, [*MISTAKES])
    assert {row["state"] for row in rows} == {"healthy"}
    shown = board(rows).splitlines()
    assert shown[0] == "Part I"
    assert len(shown) == 1 + len(rows)


def test_a_process_that_is_stopped_is_ill(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 3.0)
    (tmp_path / "relu.py").write_text("while True:\n    pass\n")
    (row,) = check(tmp_path, ["relu"])
    assert row["state"] == "ill"
    assert "relu: stopped after 3 seconds" in board([row])


def test_curves_stand_side_by_side():
    found = {"own": ["ReLU"], "ill": {}, "mine": [[0.5, 0.25], 0.9]}
    found["ours"] = [[1, 2], 1]
    lines = curves(found).splitlines()
    assert lines[0] == "Yours: ReLU"
    assert "as in Part I" in lines[1]
    assert lines[4].split() == ["1", "0.5000", "1.0000"]
    assert lines[-2].split() == ["yours", "0.9000"]
    assert "nothing yet" in curves({**found, "own": []})
    lines = curves({**found, "ill": {"ReLU": "mask"}}).splitlines()
    assert lines[2] == "Ill: ReLU (mask); see `check ReLU`"


def test_a_print_that_was_forgotten_is_shown_once(tmp_path):
    fill(tmp_path, "relu", "reshape")
    for name in "relu", "reshape":
        path = tmp_path / f"{name}.py"
        text = path.read_text().replace("return dy", "print(1); return dy")
        path.write_text(text + "print('here')\n" * (name == "relu"))
    rows = check(tmp_path, ["relu", "reshape"])
    assert {row["state"] for row in rows} == {"healthy"}
    said = {row["kind"]: row["printed"].split() for row in rows}
    assert said["relu"][:2] == ["here", "1"]
    assert said["reshape"] == said["flatten"]
    shown = board(rows)
    assert shown.count("relu.py printed:\n   here\n   1\n") == 1
    assert shown.count("reshape.py printed:\n   1\n") == 1


def test_who_calls_what_is_ill_is_told_what_that_is(tmp_path):
    fill(tmp_path, "gradient_descent")
    path = tmp_path / "gradient_descent.py"
    in_place = "p.value -= learning_rate * p.grad"
    replaced = "p.value = p.value - learning_rate * p.grad"
    path.write_text(path.read_text().replace(in_place, replaced))
    step, descent = check(tmp_path, ["gradient_descent"])
    assert step["state"] == descent["state"] == "ill"
    cause = step["diagnosis"]["findings"][0]["causes"][0]
    assert descent["text"] == (
        "gradient_descent: calls your gradient_step, which is ill "
        f"({cause}). Mend it first."
    )
