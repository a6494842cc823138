"""Saliency and occlusion."""

import functools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.saliency import occlusion, saliency
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.logits import softmax
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.models.lenet import lenet
from tests.cases import network_with_memory
from tests.comparing import LAYOUTS, assert_close, assert_untouched, frozen
from tests.gradients import (
    numerical_gradient,
    torch_gradients,
    torch_lenet,
)
from tests.reference import occluded, small_logits, small_saliency


def small_network(rng, size=(6, 5), channels=1):
    """Return convolution, ReLU and Dense in float64, and their arrays."""
    width = 2 * (size[0] - 2) * (size[1] - 2)
    layers = [
        Conv2D(channels, 2, 3, rng=rng),
        ReLU(),
        Flatten(),
        Dense(width, 4, rng=rng),
    ]
    network = Network(layers)
    network.astype(np.float64)
    for p in network.parameters():
        p.value[...] = rng.standard_normal(p.value.shape)
    return network, [p.value for p in network.parameters()]


# Saliency


@pytest.mark.equation("saliency-gradient")
@given(st.integers(0, 99), st.sampled_from(sorted(LAYOUTS)))
def test_saliency_is_the_gradient_of_one_logit(seed, layout):
    rng = np.random.default_rng(seed)
    network, (w, b, v, _) = small_network(rng)
    x = LAYOUTS[layout](rng.standard_normal((3, 1, 6, 5)))
    classes = frozen(rng.integers(0, 4, 3))
    assert_close(
        saliency(network, x, classes), small_saliency(x, w, b, v, classes)
    )


def test_saliency_against_small_differences(rng):
    network, _ = small_network(rng)
    x, classes = rng.standard_normal((2, 1, 6, 5)), np.array([3, 0])

    def chosen():
        y = network.forward(x)
        return float(y[0, 3] + y[1, 0])

    assert_close(
        saliency(network, x, classes),
        numerical_gradient(chosen, x),
        tolerance=1e-8,
    )


@pytest.mark.pytorch
def test_saliency_against_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = lenet(rng=rng)
    network.astype(np.float64)
    x, classes = rng.uniform(0, 1, (3, 1, 28, 28)), np.array([9, 0, 4])

    def theirs(x, *parameters):
        return torch_lenet(torch, x, *parameters)[range(3), classes].sum()

    arrays = [x, *(p.value for p in network.parameters())]
    _, (wanted, *_) = torch_gradients(torch, theirs, arrays)
    assert_close(saliency(network, x, classes), wanted)


@pytest.mark.equation("saliency-first-order")
def test_between_kinks_the_logit_is_linear(rng):
    network, arrays = small_network(rng, channels=2)
    x = rng.standard_normal((2, 2, 6, 5))
    small = 1e-7 * rng.standard_normal(x.shape)  # too small to reach a kink
    classes = np.array([1, 2])
    ds = saliency(network, x, classes)
    before, after = small_logits(x, *arrays), small_logits(x + small, *arrays)
    for n, k in enumerate(classes):
        change = 0.0
        for place in np.ndindex(x.shape[1:]):
            change += ds[n][place] * small[n][place]
        assert abs(after[n, k] - before[n, k] - change) < 1e-13


def test_nothing_of_the_network_changes(rng):
    network, classes = network_with_memory(rng), np.arange(4) % 3
    x = rng.standard_normal((4, 1, 3, 3)).astype(np.float32)
    with assert_untouched(network, x, rng):
        one = saliency(network, x, classes)
        assert np.array_equal(one, saliency(network, x, classes))
    assert one.dtype == np.float32


def test_accelerated_or_not(rng):
    network = lenet(rng=rng)
    x = rng.uniform(0, 1, (4, 1, 28, 28)).astype(np.float32)
    classes = np.arange(4)
    fast = accelerate(network, input_gradient=True)
    np.testing.assert_allclose(
        saliency(fast, x, classes), saliency(network, x, classes), atol=1e-6
    )
    closed = accelerate(network)
    around = accelerate(Network([closed]), input_gradient=True)
    np.testing.assert_allclose(
        saliency(around, x, classes), saliency(network, x, classes), atol=1e-6
    )
    for one in closed, Network([closed]), Network([Network([closed])]):
        with pytest.raises(ValueError, match="needs input_gradient=True"):
            saliency(one, x, classes)


@pytest.mark.parametrize(
    "function", [saliency, functools.partial(occlusion, size=2)]
)
@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        (np.array([0, 4]), ValueError, "classes from 0 to 3, got 0 to 4"),
        (np.array([0]), ValueError, r"classes of shape \(2,\), got \(1,\)"),
        (np.zeros(2), TypeError, "classes as an array of integers"),
    ],
)
def test_classes_are_checked(rng, function, classes, error, message):
    network, _ = small_network(rng)
    x = rng.standard_normal((2, 1, 6, 5))
    with pytest.raises(error, match=f"(saliency|occlusion) wants {message}"):
        function(network, x, classes)


def test_there_are_logits(rng):
    x = rng.standard_normal((2, 1, 6, 5))
    message = re.escape("the network's output of shape (2, K)")
    with pytest.raises(ValueError, match=f"saliency wants {message}"):
        saliency(ReLU(), x, np.array([0, 0]))
    with pytest.raises(ValueError, match=f"occlusion wants {message}"):
        occlusion(ReLU(), x, np.array([0, 0]), size=1)


# Occlusion

sizes = st.tuples(st.integers(1, 6), st.integers(1, 5))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.equation("saliency-occlusion")
@given(sizes, strides, st.booleans())
def test_occlusion_is_the_drop_of_one_logit(size, stride, as_softmax):
    rng = np.random.default_rng(5)
    network, arrays = small_network(rng)
    x = frozen(rng.standard_normal((2, 1, 6, 5)))
    classes = np.array([3, 1])
    score = softmax if as_softmax else None
    drops = occlusion(
        network, x, classes, size=size, stride=stride, fill=0.25, score=score
    )
    shape = [
        (n - k) // s + 1 for n, k, s in zip((6, 5), size, stride, strict=True)
    ]
    assert drops.shape == (2, *shape)
    for i, j in np.ndindex(*shape):
        corner = stride[0] * i, stride[1] * j
        before = small_logits(x, *arrays)
        after = small_logits(occluded(x, corner, size, 0.25), *arrays)
        if as_softmax:
            before, after = softmax(before), softmax(after)
        for n, k in enumerate(classes):
            assert_close(drops[n, i, j], before[n, k] - after[n, k])


def test_occlusion_uses_evaluation_mode_and_restores(rng):
    network = Network(
        [Dropout(0.5, rng=rng), Flatten(), Dense(12, 3, rng=rng)]
    )
    x = rng.standard_normal((4, 1, 3, 4)).astype(np.float32)
    state = rng.bit_generator.state
    drops = occlusion(network, x, np.zeros(4, int), size=3, stride=1)
    assert rng.bit_generator.state == state
    assert all(layer.training for _, layer in network.walk())
    assert drops.dtype == np.float32
    assert drops.shape == (4, 1, 2)


def test_an_image_that_is_all_fill_loses_nothing(rng):
    network, _ = small_network(rng)
    x = np.full((1, 1, 6, 5), 0.5)
    assert not occlusion(network, x, np.array([0]), size=2).any()


@pytest.mark.parametrize(
    ("size", "stride", "message"),
    [
        (7, 1, r"size <= \(6, 5\), got \(7, 7\)"),
        (0, 1, "size >= 1, got 0"),
        (1, 0, "stride >= 1, got 0"),
    ],
)
def test_windows_that_do_not_fit_are_named(rng, size, stride, message):
    network, _ = small_network(rng)
    with pytest.raises(ValueError, match=f"occlusion wants {message}"):
        occlusion(
            network,
            np.zeros((1, 1, 6, 5)),
            np.array([0]),
            size=size,
            stride=stride,
        )


def test_occlusion_wants_images(rng):
    with pytest.raises(ValueError, match=r"x of shape \(N, C, H, W\)"):
        occlusion(
            Dense(3, 2, rng=rng), np.zeros((1, 3)), np.array([0]), size=1
        )


@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf])
def test_what_covers_is_a_number(fill):
    x, classes = np.zeros((1, 1, 2, 2)), np.array([0])
    with pytest.raises(ValueError, match=f"wants a finite fill, got {fill}"):
        occlusion(Flatten(), x, classes, size=1, fill=fill)
