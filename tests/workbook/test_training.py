"""The reader's own network, beside ours."""

import sys

import pytest

from scratchcnn.data.drawn import dataset
from scratchcnn.workbook.board import curves
from scratchcnn.workbook.child import ask
from scratchcnn.workbook.templates import write_new
from scratchcnn.workbook.training import PARTS, mixed, ours
from tests.workbook.filling import fill, spoil

WRITTEN = "dense", "relu", "mean_squared_error", "convolution"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder with a few drawn garments."""
    return dataset.write(tmp_path_factory.mktemp("data"), train=40, test=20)


def test_what_is_written_is_used_and_the_rest_is_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    write_new(tmp_path, ["dense", "relu", "network"])
    fill(tmp_path, "relu")
    parts, own, ill = mixed(tmp_path)
    assert (own, ill) == (["ReLU"], {})
    assert parts.Dense is ours().Dense
    assert parts.ReLU is not ours().ReLU
    assert len(vars(parts)) == len(PARTS)
    for name in "dense", "relu", "network":
        sys.modules.pop(name)


def test_healthy_layers_have_our_curve(tmp_path, data):
    fill(tmp_path, *WRITTEN, "gradient_descent")
    settings = {"epochs": 2, "seed": 3, "data": str(data)}
    found = ask("train", tmp_path, 120, **settings).found
    assert len(found["own"]) == 6
    assert found["mine"] == found["ours"]
    losses, accuracy = found["mine"]
    assert losses[1] < losses[0]
    assert 0 <= accuracy <= 1


def test_what_is_ill_runs_and_is_named(tmp_path, data):
    fill(tmp_path, "relu")
    spoil(tmp_path, "relu", "mask of the gradient")
    settings = {"epochs": 1, "seed": 3, "data": str(data)}
    found = ask("train", tmp_path, 120, **settings).found
    assert found["own"] == [*found["ill"]] == ["ReLU"]
    line = "Ill: ReLU (mask of the gradient); see `check ReLU`"
    assert line in curves(found).splitlines()


def test_an_error_is_one_line_that_says_where(tmp_path, data):
    fill(tmp_path, "relu")
    path = tmp_path / "relu.py"
    text = path.read_text()
    path.write_text(text.replace("return dy * mask", "return nobody"))
    line = 1 + text.splitlines().index("        return dy * mask")
    told = ask("train", tmp_path, 120, epochs=1, seed=3, data=str(data))
    assert told.error.startswith(f"relu.py, line {line}: NameError")


def test_who_returns_nothing_is_named_and_not_the_next_one(tmp_path, data):
    fill(tmp_path, "relu")
    path = tmp_path / "relu.py"
    text = path.read_text()
    path.write_text(text.replace("return dy * mask", "dy * mask"))
    told = ask("train", tmp_path, 120, epochs=1, seed=3, data=str(data))
    assert "ReLU.backward returned nothing" in told.error
