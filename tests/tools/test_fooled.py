"""The experiment of the chapter *Fooled*."""

import numpy as np
import pytest

from scratchcnn import SoftmaxCrossEntropy
from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from tools import fooled


@pytest.fixture
def wardrobe(rng):
    """Return images whose class is the row of their bright stripe."""
    labels = np.arange(400) % 10
    x = rng.uniform(0, 0.3, (400, 1, 28, 28)).astype(np.float32)
    x[np.arange(400), 0, 2 * labels + 4] += 0.4
    names = tuple(map(str, range(10)))
    halves = Split(x[:200], labels[:200]), Split(x[200:], labels[200:])
    return FashionMNIST(*halves, names, stand_in=True)


@pytest.mark.parametrize("kind", fooled.KINDS)
def test_a_network_learns_and_is_the_same_again(kind, wardrobe):
    one, again = (
        fooled.trained(kind, *wardrobe.train, seed=3, epochs=30)
        for _ in range(2)
    )
    y = one(wardrobe.test.images)
    assert not one.training
    assert np.array_equal(y, again(wardrobe.test.images))
    right = SoftmaxCrossEntropy().decide(y) == wardrobe.test.labels
    assert np.mean(right) > 0.9


def test_a_run_counts_what_each_way_of_moving_leaves(wardrobe, monkeypatch):
    small = {"data": lambda: wardrobe, "IMAGES": 200, "EPOCHS": 20}
    for name, value in small.items():
        monkeypatch.setattr(fooled, name, value)
    found = fooled.run("linear", 0)
    assert found.pop("right") > 0.9
    assert list(map(float, found)) == list(fooled.EPSILONS)
    for ways in found.values():
        assert (
            1 >= ways["random"] >= ways["one step"] >= ways["ten steps"] >= 0
        )
    assert found["0.1"]["ten steps"] < found["0.01"]["ten steps"]
