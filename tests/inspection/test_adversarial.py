"""Images that are moved uphill."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.adversarial import adversarial
from scratchcnn.layers.dense import Dense
from scratchcnn.losses.cross_entropy import SoftmaxCrossEntropy
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.lenet import lenet
from tests.cases import network_with_memory
from tests.comparing import LAYOUTS, assert_close, assert_untouched, frozen
from tests.gradients import torch_lenet
from tests.inspection.test_saliency import small_network
from tests.reference import moved_uphill, small_input_gradient

NUMBERS = st.integers(0, 99)


@pytest.mark.equation("fooled-linear")
@given(NUMBERS)
def test_no_corner_of_the_cube_gains_more_than_the_signs(seed):
    rng = np.random.default_rng(seed)
    w, x = rng.standard_normal(6), rng.uniform(0.4, 0.6, (1, 6))
    layer = Dense(6, 1, rng=rng)
    layer.astype(np.float64)
    layer.weight.value[...] = w
    t, epsilon = layer.forward(x) - 9, 0.1  # far below: the loss grows with y
    moved = adversarial(
        layer, MeanSquaredError(), x, frozen(t), epsilon=epsilon
    )
    gain = (layer.forward(moved) - layer.forward(x)).item()
    corners = [
        sum(epsilon * sign * w[d] for d, sign in enumerate(signs))
        for signs in itertools.product((-1, 1), repeat=6)
    ]
    assert_close(gain, max(corners))
    assert_close(gain, epsilon * sum(abs(weight) for weight in w))


@pytest.mark.equation("fooled-random")
@given(NUMBERS)
def test_the_square_of_a_random_gain_in_the_mean(seed):
    rng = np.random.default_rng(seed)
    w, epsilon = rng.standard_normal(8), 0.1
    gains = [
        sum(epsilon * sign * w[d] for d, sign in enumerate(signs))
        for signs in itertools.product((-1, 1), repeat=8)
    ]
    assert_close(sum(gains) / len(gains), 0.0)
    mean = sum(gain**2 for gain in gains) / len(gains)
    assert_close(mean, epsilon**2 * sum(weight**2 for weight in w))


@pytest.mark.equation("fooled-step")
@given(NUMBERS, st.sampled_from(sorted(LAYOUTS)), st.integers(1, 3))
def test_steps_are_those_of_the_loops(seed, layout, steps):
    rng = np.random.default_rng(seed)
    network, arrays = small_network(rng)
    start = LAYOUTS[layout](rng.uniform(0, 1, (2, 1, 6, 5)))
    t, epsilon, size = frozen(rng.integers(0, 4, 2)), 0.2, 0.15
    wanted = start
    for _ in range(steps):
        gradient = small_input_gradient(wanted, *arrays, t)
        wanted = moved_uphill(wanted, start, gradient, epsilon, size)
    moved = adversarial(
        network,
        SoftmaxCrossEntropy(),
        start,
        t,
        epsilon=epsilon,
        steps=steps,
        size=size,
    )
    assert_close(moved, wanted)


@pytest.mark.pytorch
def test_steps_are_those_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = lenet(rng=rng)
    network.astype(np.float64)
    x, t = rng.uniform(0, 1, (3, 1, 28, 28)), np.array([9, 0, 4])
    parameters = [torch.tensor(p.value) for p in network.parameters()]
    start = image = torch.tensor(x)
    for _ in range(4):
        image = image.detach().requires_grad_()
        y = torch_lenet(torch, image, *parameters)
        torch.nn.functional.cross_entropy(y, torch.tensor(t)).backward()
        image = image + 2.5 * 0.1 / 4 * image.grad.sign()
        image = (start + (image - start).clamp(-0.1, 0.1)).clamp(0, 1)
    moved = adversarial(
        network, SoftmaxCrossEntropy(), x, t, epsilon=0.1, steps=4
    )
    assert_close(moved, image.detach().numpy())


def test_nothing_else_is_touched(rng):
    network, loss = network_with_memory(rng), SoftmaxCrossEntropy()
    x = rng.uniform(0, 1, (4, 1, 3, 3)).astype(np.float32)
    t = np.array([0, 1, 2, 0])
    loss.forward(network.forward(x), t)
    dy = loss.backward()
    with assert_untouched(network, x, rng):
        moved = adversarial(network, loss, frozen(x), frozen(t), epsilon=0.1)
    assert np.array_equal(loss.backward(), dy)
    assert moved.dtype == np.float32
    assert 0.0 <= moved.min() <= moved.max() <= 1.0
    assert np.abs(moved - x).max() <= np.float32(0.1) + 1e-6


def test_an_accelerated_network_moves_the_same_pixels(rng):
    network = lenet(rng=rng)
    x = rng.uniform(0, 1, (8, 1, 28, 28)).astype(np.float32)
    t, loss = rng.integers(0, 10, 8), SoftmaxCrossEntropy()
    fast = accelerate(network, input_gradient=True)
    one, other = (
        adversarial(each, loss, x, t, epsilon=0.05) for each in (network, fast)
    )
    # A gradient of nearly zero may have either sign.
    assert np.mean(np.abs(one - other) > 1e-6) < 0.01
    with pytest.raises(ValueError, match="input_gradient=True"):
        adversarial(accelerate(network), loss, x, t, epsilon=0.05)


def test_more_steps_gain_more(rng):
    network, _ = small_network(rng)
    x, t = rng.uniform(0, 1, (20, 1, 6, 5)), rng.integers(0, 4, 20)
    loss = SoftmaxCrossEntropy()
    losses = [
        loss.forward(
            network.forward(
                adversarial(network, loss, x, t, epsilon=0.3, steps=steps)
            ),
            t,
        )
        for steps in (1, 20)
    ]
    assert loss.forward(network.forward(x), t) < losses[0] < losses[1]


def test_no_room_to_move_changes_nothing(rng):
    network, _ = small_network(rng)
    x = rng.uniform(0, 1, (2, 1, 6, 5))
    moved = adversarial(
        network, SoftmaxCrossEntropy(), x, np.array([0, 1]), epsilon=0
    )
    assert np.array_equal(moved, x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.full((2, 1, 6, 5), 1.5)}, "pixels from 0 to 1, got 1.5"),
        ({"x": np.full((2, 1, 6, 5), np.nan)}, "pixels from 0 to 1, got nan"),
        ({"epsilon": -0.1}, "0 <= epsilon"),
        ({"epsilon": np.nan}, "0 <= epsilon"),
        ({"size": -1}, "0 <= size"),
        ({"steps": 0}, "steps >= 1, got 0"),
        ({"x": np.zeros((2, 1, 6, 5), int)}, "x as an array of floats"),
        ({"t": np.array([0, 4])}, "from 0 to 3, got 0 to 4"),
    ],
)
def test_what_it_can_not_use_is_named(rng, change, message):
    network, _ = small_network(rng)
    asked = {"x": np.zeros((2, 1, 6, 5)), "t": np.array([0, 1])}
    asked |= {"epsilon": 0.1, **change}
    with pytest.raises((TypeError, ValueError), match=message):
        adversarial(network, SoftmaxCrossEntropy(), **asked)


def test_a_slope_that_is_no_number_shows_no_way(rng):
    layer = Dense(2, 1, rng=rng)
    layer.weight.value[0, 0] = np.nan
    x, t = np.full((1, 2), 0.5), np.zeros((1, 1))
    with pytest.raises(ValueError, match=r"^adversarial wants dL/dx .* NaN"):
        adversarial(layer, MeanSquaredError(), x, t, epsilon=0.1)
