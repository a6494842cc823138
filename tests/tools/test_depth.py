"""The networks of the depth experiment: what differs, and what does not."""

import numpy as np
import pytest

from scratchcnn.layers import BatchNorm2D, Conv2D, Residual
from tools.ablation import key
from tools.depth import DEPTHS, KINDS, VARIANTS, Deep


def built(count, normalized=False, around=False):
    """Return a network, and all layers in it."""
    setup = Deep(convolutions=count, normalized=normalized, around=around)
    network = setup.build(np.random.default_rng(0))
    return network, [layer for _, layer in network.walk()]


@pytest.mark.parametrize("count", DEPTHS)
def test_kinds_differ_in_norms_and_ways_around_alone(count):
    for normalized, around in KINDS.values():
        network, layers = built(count, normalized, around)
        kinds = [type(layer) for layer in layers]
        assert kinds.count(Conv2D) == count
        assert kinds.count(Residual) == around * (count - 3) // 2
        assert kinds.count(BatchNorm2D) == normalized * count
        assert network(np.zeros((2, 1, 28, 28))).shape == (2, 10)


def test_a_deep_one_with_ways_around_begins_as_a_shallow_one():
    deep, layers = built(9, around=True)
    shallow, _ = built(3)
    strides = [
        one for one in layers if isinstance(one, Conv2D) and one.stride[0] == 2
    ]
    pairs = zip(shallow.network.layers[::2], strides, strict=False)
    for one, other in pairs:
        one.weight.value[...] = other.weight.value
    shallow.network.layers[-1].weight.value[...] = layers[-1].weight.value
    x = np.random.default_rng(1).random((3, 1, 28, 28))
    np.testing.assert_allclose(deep(x), shallow(x), rtol=1e-12)


def test_every_variant_has_runs_of_its_own():
    names = {key(setup, 0, True) for setup, _ in VARIANTS.values()}
    assert len(names) == len(VARIANTS) == 15


def test_the_linear_model_has_no_convolution():
    network = VARIANTS["linear"][0].build(np.random.default_rng(0))
    assert [p.value.shape for p in network.parameters()] == [(10, 784), (10,)]
