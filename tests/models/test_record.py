"""The network of the record: its size, and what it is made of."""

import numpy as np

from scratchcnn import Conv2D
from scratchcnn.layers import Residual
from scratchcnn.models.record import record


def test_the_network_of_the_record_is_small():
    network = record(rng=np.random.default_rng(0))
    pairs = [(1, 28), (28, 28), (28, 28), (28, 56), (56, 56), (56, 56)]
    kernels = sum(9 * before * after for before, after in pairs)
    others = 3 * sum(after for _, after in pairs) + (56 * 10 + 10)
    count = sum(p.value.size for p in network.parameters())
    assert count == kernels + others < 100_000


def test_four_of_its_six_convolutions_have_a_way_around():
    network = record(rng=np.random.default_rng(0))
    around = [one for one in network.layers if isinstance(one, Residual)]
    inside = [layer for one in around for _, layer in one.walk()]
    every = [layer for _, layer in network.walk()]
    counts = [
        sum(isinstance(layer, Conv2D) for layer in some)
        for some in (every, inside)
    ]
    assert counts == [6, 4]
