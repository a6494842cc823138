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
    found = {"own": ["ReLU"], "ill": [], "mine": [[0.5, 0.25], 0.9]}
    found["ours"] = [[1, 2], 1]
    lines = curves(found).splitlines()
    assert lines[0] == "Yours: ReLU"
    assert "as in Part I" in lines[1]
    assert lines[4].split() == ["1", "0.5000", "1.0000"]
    assert lines[-2].split() == ["yours", "0.9000"]
    assert "nothing yet" in curves({**found, "own": []})
