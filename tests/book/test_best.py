"""The network that the book looks into: the one that the record is of."""

import best
import numpy as np
import pytest

from scratchcnn import DataError, fashion_mnist
from scratchcnn.data.drawn import dataset
from scratchcnn.data.fashion_mnist import FashionMNIST
from scratchcnn.training.weights import named_arrays


def test_the_committed_weights_have_the_hash_of_the_record():
    assert best.is_whole()
    assert best.WEIGHTS.stat().st_size <= 500_000


def test_other_weights_are_refused(monkeypatch, tmp_path):
    other = tmp_path / "record.npz"
    other.write_bytes(best.WEIGHTS.read_bytes()[:-1])
    monkeypatch.setattr(best, "WEIGHTS", other)
    official = FashionMNIST(None, None, (), stand_in=False)
    with pytest.raises(DataError, match="restore both"):
        best.best(official)


def test_drawn_garments_get_a_network_of_their_own(tmp_path):
    dataset.write(tmp_path, train=30, test=10)
    data = fashion_mnist.load(range(10), data_dir=tmp_path)
    start, end = best.best(data)
    again = named_arrays(best.best(data)[1])
    assert not end.training
    for name, array in named_arrays(end).items():
        np.testing.assert_array_equal(array, again[name])
    before, after = (one.layers[0].weight.value for one in (start, end))
    assert not np.array_equal(before, after)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.5
