"""Ten classes: the network, and who is taken for whom."""

import re

import numpy as np
import pytest

from scratchcnn.gradient_check import check_layer
from scratchcnn.models.lenet import lenet
from tests.comparing import assert_all_close, assert_close
from tests.gradients import stated_gradients, torch_gradients

# The network


def test_the_layers_and_their_shapes(rng):
    table = lenet(rng=rng).summary((1, 28, 28))
    shapes = re.findall(r"\(N, [\d, ]+\)", table)
    assert shapes == [
        "(N, 1, 28, 28)",
        "(N, 8, 28, 28)",
        "(N, 8, 28, 28)",
        "(N, 8, 14, 14)",
        "(N, 16, 10, 10)",
        "(N, 16, 10, 10)",
        "(N, 16, 5, 5)",
        "(N, 400)",
        "(N, 64)",
        "(N, 64)",
        "(N, 10)",
    ]
    count = (1 * 25 + 1) * 8 + (8 * 25 + 1) * 16 + 401 * 64 + 65 * 10
    assert table.endswith(f"{count:,}")


@pytest.mark.pytorch
def test_it_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = lenet(rng=rng)
    network.astype(np.float64)
    x, dy = rng.uniform(0, 1, (2, 1, 28, 28)), rng.standard_normal((2, 10))

    def theirs(x, w1, b1, w2, b2, w3, b3, w4, b4):
        F = torch.nn.functional
        y = F.max_pool2d(F.relu(F.conv2d(x, w1, b1, padding=2)), 2)
        y = F.max_pool2d(F.relu(F.conv2d(y, w2, b2)), 2).flatten(1)
        return F.linear(F.relu(F.linear(y, w3, b3)), w4, b4)

    arrays = [x, *(p.value for p in network.parameters())]
    y, wanted = torch_gradients(torch, theirs, arrays, dy)
    assert_close(network.forward(x), y)
    assert_all_close(stated_gradients(network, x, dy), wanted)


@pytest.mark.finite_differences
def test_its_gradients_are_those_that_can_be_measured(rng):
    # Thousands of ReLUs and maxima: a kink within reach of the small step
    # spoils some of the points, a wrong gradient would spoil them all.
    network = lenet(rng=rng)
    points = rng.uniform(0, 1, (8, 1, 1, 28, 28))
    assert min(check_layer(network, x, rng=rng) for x in points) < 1e-6


def test_the_same_generator_draws_the_same_weights():
    one, two, other = (
        lenet(rng=np.random.default_rng(seed)).parameters()
        for seed in (1, 1, 2)
    )
    for p, same, different in zip(one, two, other, strict=True):
        assert np.array_equal(p.value, same.value)
        assert p.value.ndim == 1 or not np.array_equal(
            p.value, different.value
        )
        assert p.value.dtype == np.float32


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match=r"wants rng as a numpy\.random"):
        lenet(rng=0)


# The confusion matrix
