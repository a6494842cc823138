"""The network of the record: its size, and its weights."""

import numpy as np

from scratchcnn.models.record import record


def test_the_network_of_the_record_is_small():
    network = record(rng=np.random.default_rng(0))
    kernels = 24 * 9 + 48 * 24 * 9 + 96 * 48 * 9
    others = 3 * (24 + 48 + 96) + (864 * 10 + 10)
    count = sum(p.value.size for p in network.parameters())
    assert count == kernels + others < 100_000
    assert len(network.layers) == 14
