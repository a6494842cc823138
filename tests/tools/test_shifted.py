"""The experiment of the chapter *Equivariance and its loss*."""

import numpy as np
import pytest

from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from scratchcnn.layers import BlurPool2D, MaxPool2D
from tools import shifted


def test_kinds_differ_in_their_pooling_and_their_head_alone():
    rng = np.random.default_rng(0)
    for kind in shifted.KINDS[1:]:
        network = shifted.build(kind, rng)
        layers = [type(layer) for _, layer in network.walk()]
        assert layers.count(MaxPool2D) == 2
        assert layers.count(BlurPool2D) == 2 * kind.startswith("blurred")
        assert network(np.zeros((2, 1, 32, 32))).shape == (2, 10)
    sizes = {
        (kind.endswith("global"), sum(p.value.size for p in net.parameters()))
        for kind in shifted.KINDS[1:]
        for net in [shifted.build(kind, rng)]
    }
    assert len(sizes) == 2


def test_nothing_leaves_a_framed_image_that_moves(rng):
    x = rng.random((3, 1, 28, 28))
    for far in range(1, shifted.FRAME + 1):
        moved = shifted.moves(shifted.framed(x), far)
        assert len(moved) == 4
        for one in moved:
            assert one.shape == (3, 1, 32, 32)
            np.testing.assert_allclose(one.sum(axis=(2, 3)), x.sum((2, 3)))
    down, up, right, left = moved
    np.testing.assert_array_equal(down[:, :, 4:, 2:-2], x)
    np.testing.assert_array_equal(up[:, :, :-4, 2:-2], x)
    np.testing.assert_array_equal(right[:, :, 2:-2, 4:], x)
    np.testing.assert_array_equal(left[:, :, 2:-2, :-4], x)


@pytest.mark.parametrize("kind", ["linear", "moved, flat"])
def test_a_run_counts_the_answers_that_change(kind, rng, monkeypatch):
    labels = np.arange(400) % 10
    x = rng.uniform(0, 0.1, (400, 1, 28, 28)).astype(np.float32)
    x[np.arange(400), 0, 2 * labels + 4] += 0.8  # a stripe in every class
    names = tuple(map(str, range(10)))
    halves = Split(x[:200], labels[:200]), Split(x[200:], labels[200:])
    wardrobe = FashionMNIST(*halves, names, stand_in=True)
    small = {"data": lambda: wardrobe, "IMAGES": 200, "EPOCHS": 20}
    for name, value in small.items():
        monkeypatch.setattr(shifted, name, value)
    found = shifted.run(kind, 0)
    assert found == shifted.run(kind, 0)
    assert 0 <= found["changed by 1"] <= 1
    if kind == "linear":
        assert found["right"] > 0.9
        assert found["changed by 2"] > 0.4  # two rows on: the next stripe
