"""The network that the book looks into: the one that the record is of."""

import os
from zlib import crc32

import best
import numpy as np
import pytest

from scratchcnn import DataError, fashion_mnist
from scratchcnn.data.drawn import dataset
from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from scratchcnn.models.record import record
from scratchcnn.training.weights import load, named_arrays


def test_the_committed_weights_have_the_hash_of_the_record():
    assert best.is_whole()
    assert best.WEIGHTS.stat().st_size <= 500_000


@pytest.fixture
def known(monkeypatch):
    """Return an excerpt of images that begins as the official ones do."""
    images = np.zeros((1, 1, 28, 28), np.float32)
    monkeypatch.setattr(best, "FIRST", crc32(images[0].tobytes()))
    test = Split(images, np.zeros(1, int))
    return FashionMNIST(test, test, ("one",), stand_in=True)


def test_it_is_the_network_of_the_record(known):
    start, end = best.best(known)
    wanted = record(rng=np.random.default_rng(0))
    before = named_arrays(start)
    for name, array in named_arrays(wanted).items():
        np.testing.assert_array_equal(before[name], array)
    load(wanted, best.WEIGHTS)
    after = named_arrays(end)
    for name, array in named_arrays(wanted).items():
        np.testing.assert_array_equal(after[name], array)
    assert not end.training


def test_other_weights_are_refused(known, monkeypatch, tmp_path):
    other = tmp_path / "record.npz"
    other.write_bytes(best.WEIGHTS.read_bytes()[:-1])
    monkeypatch.setattr(best, "WEIGHTS", other)
    with pytest.raises(DataError, match="restore both"):
        best.best(known)


@pytest.mark.skipif("SCRATCHCNN_DATA" not in os.environ, reason="no images")
def test_the_official_images_are_known():
    data = fashion_mnist.load(range(10))
    known = crc32(data.test.images[0].tobytes()) == best.FIRST
    assert known or data.stand_in


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
