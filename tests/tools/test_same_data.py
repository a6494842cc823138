"""An experiment goes on with the images that it was begun with."""

import json
import sys

import numpy as np
import pytest

from scratchcnn import fashion_mnist
from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from tools import ablation, fooled
from tools.same_data import same_data

MAINS = {
    "fooled": lambda: fooled.main(fooled.run, [], []),
    "ablation": lambda: ablation.main({}, [], []),
}


@pytest.fixture
def data(rng):
    """Return a few images, which are said to be no stand-ins."""
    labels = np.arange(20) % 10
    split = Split(rng.random((20, 1, 28, 28), np.float32), labels)
    return FashionMNIST(split, split, tuple("0123456789"), stand_in=False)


def test_a_record_that_is_new_or_old_gets_a_checksum(data):
    new = same_data({"runs": {}}, data)
    old = same_data({"runs": {"a": 1}, "stand_in": False}, data)
    assert new == old == {"stand_in": False, "checksum": new["checksum"]}
    assert same_data({"runs": {"a": 1}, **new}, data) == new
    assert same_data({"runs": {}, "stand_in": True}, data) == new


@pytest.mark.parametrize("name", MAINS)
@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({"stand_in": True}, "of stand_in True, as its runs had, got False"),
        ({"stand_in": False, "checksum": 1}, "of checksum 1, as its runs had"),
    ],
)
def test_runs_on_other_images_are_not_mixed(
    name, kept, told, data, tmp_path, monkeypatch
):
    file = tmp_path / "record.json"
    text = json.dumps({"runs": {"a": 1}, "variants": {}, **kept})
    file.write_text(text)
    monkeypatch.setattr(sys, "argv", ["", str(file)])
    monkeypatch.setattr(fashion_mnist, "load", lambda classes: data)
    monkeypatch.setattr(fooled, "data", lambda: data)
    monkeypatch.setattr(ablation, "heaps", lambda: (*data[:2], data.test))
    with pytest.raises(ValueError, match=told):
        MAINS[name]()
    assert file.read_text() == text


def test_the_checksum_is_one_of_all_images(data):
    other = data._replace(test=Split(data.test.images + 1, data.test.labels))
    record = {"runs": {"a": 1}, **same_data({"runs": {}}, data)}
    with pytest.raises(ValueError, match="begin another file"):
        same_data(record, other)
