"""Dropout: which numbers stay, what they become, and who draws."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchcnn.gradient_check import check_layer
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.network import Network
from tests.comparing import (
    LAYOUTS,
    assert_all_close,
    assert_close,
    global_random_state,
)
from tests.gradients import (
    measured_gradients,
    stated_gradients,
    torch_gradients,
)
from tests.reference import dropout_dx, dropout_expectation, dropout_forward


def kept(layer, shape):
    """Return which numbers the layer is going to keep next."""
    draws = copy.deepcopy(layer.rng).random(shape, np.float32)
    return draws >= layer.p


@st.composite
def examples(draw):
    """Draw a layer, and x and dy of any shape and in any layout."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    layer = Dropout(draw(st.sampled_from([0, 0.2, 0.5, 0.9])), rng=rng)
    x, dy = rng.standard_normal(shape), rng.standard_normal(shape)
    return layer, layout(x), layout(dy)


@pytest.mark.equation("dropout-forward")
@given(examples())
def test_forward(case):
    layer, x, _ = case
    keep = kept(layer, x.shape)
    assert_close(layer.forward(x), dropout_forward(x, keep, layer.p))


@pytest.mark.equation("dropout-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    keep = kept(layer, x.shape)
    layer.forward(x)
    assert_close(layer.backward(dy), dropout_dx(keep, layer.p, dy))


@pytest.mark.equation("dropout-expectation")
@pytest.mark.parametrize("p", [0, 0.1, 0.5, 0.8])
def test_the_mean_over_all_masks_is_the_input(p, rng):
    x = rng.standard_normal((2, 4))
    assert_close(dropout_expectation(x, p), x)
    many, trials = np.repeat(x[None], 20_000, axis=0), 20_000
    mean = Dropout(p, rng=rng).forward(many).mean(axis=0)
    sigma = np.abs(x) * np.sqrt(p / (1 - p) / trials)
    assert np.all(np.abs(mean - x) <= 5 * sigma + 1e-12)


def test_numbers_are_dropped_independently_with_probability_p(rng):
    y = Dropout(0.3, rng=rng).forward(np.ones((100_000, 2)))
    dropped = y == 0
    assert abs(dropped.mean() - 0.3) < 0.005
    assert abs(dropped.all(axis=1).mean() - 0.09) < 0.005


@given(examples())
def test_evaluation_is_the_identity_and_draws_nothing(case):
    layer, x, dy = case
    layer.eval()
    state = copy.deepcopy(layer.rng.bit_generator.state)
    y = layer.forward(x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(layer.backward(dy), dy)
    np.testing.assert_equal(layer.rng.bit_generator.state, state)
    assert not np.shares_memory(y, x)


def test_the_same_generator_drops_the_same(rng):
    x, state = rng.standard_normal((5, 7)), global_random_state()
    one = Dropout(0.5, rng=np.random.default_rng(3))
    two = Dropout(0.5, rng=np.random.default_rng(3))
    first = one.forward(x)
    np.testing.assert_array_equal(first, two.forward(x))
    assert np.any(one.forward(x) != first)
    assert global_random_state() == state


def test_the_mask_does_not_depend_on_precision_or_layout(rng):
    x = rng.uniform(1, 2, (4, 3, 5))
    wanted = Dropout(0.5, rng=np.random.default_rng(3)).forward(x) == 0
    variants = [x.astype(np.float32), np.asfortranarray(x)]
    for variant in variants:
        y = Dropout(0.5, rng=np.random.default_rng(3)).forward(variant)
        np.testing.assert_array_equal(y == 0, wanted)


@pytest.mark.finite_differences
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_that_can_be_measured(training, rng):
    layer = Dropout(0.4, rng=rng)
    layer.train(training)
    x, dy = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    start = layer.rng.bit_generator.state

    class SameDraw:
        """The layer, with its generator set back before each pass."""

        def forward(self, x):
            layer.rng.bit_generator.state = start
            return layer.forward(x)

        def backward(self, dy):
            return layer.backward(dy)

        def parameters(self):
            return []

    wanted = measured_gradients(SameDraw(), x, dy)
    stated = stated_gradients(SameDraw(), x, dy)
    assert_all_close(stated, wanted, tolerance=1e-8)


def test_a_copy_of_the_layer_has_a_copy_of_its_generator(rng):
    layer, x = Dropout(0.5, rng=rng), np.ones((4, 8))
    twin = copy.deepcopy(layer)
    assert twin.rng is not layer.rng
    np.testing.assert_array_equal(twin.forward(x), layer.forward(x))


@pytest.mark.finite_differences
@pytest.mark.parametrize("training", [True, False])
def test_so_check_layer_can_check_what_is_random(training, rng):
    layer = Dropout(0.5, rng=np.random.default_rng(1))
    network = Network(
        [
            Dense(6, 8, rng=rng),
            layer,
            Dense(8, 5, rng=rng),
            Dropout(0.2, rng=layer.rng),
        ]
    )
    network.train(training)
    x = rng.standard_normal((4, 6))
    state = copy.deepcopy(layer.rng.bit_generator.state)
    assert check_layer(layer, x, rng=rng) < 1e-7
    assert check_layer(network, x, rng=rng) < 1e-7
    np.testing.assert_equal(layer.rng.bit_generator.state, state)


@pytest.mark.pytorch
def test_agrees_with_pytorch_given_its_mask(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer, x = Dropout(0.3, rng=rng), rng.standard_normal((6, 5))
    dy = rng.standard_normal(x.shape)
    keep = kept(layer, x.shape)

    def dropout(tensor):
        """Scale as PyTorch does, by its own backward formula's scale."""
        mask = torch.tensor(keep)
        return torch.ops.aten.native_dropout_backward(tensor, mask, 1 / 0.7)

    y = dropout(torch.tensor(x)).numpy()
    assert_close(layer.forward(x), y)
    wanted = dropout(torch.tensor(dy)).numpy()
    assert_close(layer.backward(dy), wanted)

    torch.manual_seed(0)
    theirs, gradients = torch_gradients(
        torch, lambda t: torch.nn.functional.dropout(t, 0.3), [x], dy
    )
    mask = theirs != 0
    assert_close(theirs, dropout_forward(x, mask, 0.3))
    assert_close(gradients[0], dropout_dx(mask, 0.3, dy))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_precision_changes(dtype, training, rng):
    layer, x = Dropout(0.3, rng=rng), np.ones((3, 4), dtype)
    layer.train(training)
    assert layer.forward(x).dtype == dtype
    assert layer.backward(x).dtype == dtype


def test_a_nan_is_not_hidden(rng):
    y = Dropout(0.5, rng=rng).forward(np.full((100,), np.nan))
    assert np.isnan(y).all()


def test_backward_wants_the_mode_of_its_forward_pass(rng):
    layer, x = Dropout(0.5, rng=rng), np.ones((4, 8))
    y = layer.forward(x)
    layer.train()  # which changes nothing
    np.testing.assert_array_equal(layer.backward(x), y)
    layer.eval()
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(x)


def test_its_name_and_its_lack_of_parameters(rng):
    layer = Dropout(np.float32(0.5), rng=rng)
    assert repr(layer) == "Dropout(0.5)"
    assert layer.rng is rng
    assert layer.parameters() == []
    assert layer.buffers() == {}


@pytest.mark.parametrize(
    ("p", "error"),
    [
        (-0.1, ValueError),
        (1, ValueError),
        (float("nan"), ValueError),
        (None, TypeError),
        (True, TypeError),
        ("0.5", TypeError),
    ],
)
def test_p_out_of_range_is_refused(p, error, rng):
    with pytest.raises(error, match=r"Dropout wants .*\bp\b.*got"):
        Dropout(p, rng=rng)


@pytest.mark.parametrize("rng", [0, None])
def test_a_seed_is_no_generator(rng):
    with pytest.raises(TypeError, match=r"Dropout wants rng as a numpy\.ran"):
        Dropout(0.5, rng=rng)


def test_the_generator_must_be_named(rng):
    with pytest.raises(TypeError, match="positional"):
        Dropout(0.5, rng)


@pytest.mark.parametrize("x", [np.array(1.0), np.ones((2, 3), int)])
def test_x_is_a_batch_of_floats(x, rng):
    with pytest.raises(
        (TypeError, ValueError), match=r"^Dropout\(0.5\) wants x"
    ):
        Dropout(0.5, rng=rng).forward(x)


def test_dy_that_would_broadcast_is_refused(rng):
    layer = Dropout(0.5, rng=rng)
    layer.forward(np.ones((2, 3)))
    message = "Dropout(0.5) wants dy of shape (2, 3), got (1, 3)"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.backward(np.ones((1, 3)))


def test_backward_needs_a_forward_pass(rng):
    with pytest.raises(RuntimeError, match=r"Dropout\(0.5\): backward"):
        Dropout(0.5, rng=rng).backward(np.ones((1, 3)))
