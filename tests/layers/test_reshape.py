"""Reshape and Flatten: where each number goes, and what doesn't fit."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layers.reshape import Flatten, Reshape
from tests.comparing import LAYOUTS
from tests.gradients import assert_as_in_torch, assert_measured


@st.composite
def batches(draw):
    """Draw images (N, C, H, W) in any layout in memory."""
    shape = draw(st.tuples(*[st.integers(1, 4)] * 4))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    return layout(np.random.default_rng(sum(shape)).standard_normal(shape))


@pytest.mark.equation("reshape-index")
@given(batches())
def test_flatten_is_row_major_whatever_the_memory(x):
    N, C, H, W = x.shape
    y = Flatten().forward(x)
    assert y.shape == (N, C * H * W)
    for n, c, h, w in np.ndindex(N, C, H, W):
        assert y[n, (c * H + h) * W + w] == x[n, c, h, w]


@given(batches())
def test_images_come_back_from_vectors(x):
    vectors = Flatten().forward(x)
    images = Reshape(x.shape[1:]).forward(vectors)
    np.testing.assert_array_equal(images, x)


@given(batches())
def test_backward_undoes_forward(x):
    layer = Reshape((x.shape[3], -1))
    y = layer.forward(x)
    np.testing.assert_array_equal(layer.backward(y), x)


@pytest.mark.parametrize(
    ("given_shape", "wanted"),
    [
        ((24,), (5, 24)),
        ((-1,), (5, 24)),
        ((4, 6), (5, 4, 6)),
        ((4, -1), (5, 4, 6)),
        ((-1, 2, 3), (5, 4, 2, 3)),
        ((24, -1), (5, 24, 1)),
    ],
)
def test_a_missing_length_is_worked_out(given_shape, wanted):
    layer = Reshape(given_shape)
    x = np.zeros((5, 2, 3, 4))
    assert layer.forward(x).shape == wanted
    assert layer.backward(np.zeros(wanted)).shape == x.shape


@pytest.mark.finite_differences
@pytest.mark.parametrize(
    "layer", [Reshape((4, -1)), Reshape((24,)), Flatten()]
)
def test_gradients_are_those_that_can_be_measured(layer, rng):
    x = rng.standard_normal((2, 2, 3, 4))
    r = rng.standard_normal(layer.forward(x).shape)
    assert_measured(layer, x, r, rng)


@pytest.mark.pytorch
def test_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, r = rng.standard_normal((5, 2, 3, 4)), rng.standard_normal((5, 24))
    for layer, theirs in [
        (Flatten(), torch.nn.Flatten()),
        (Reshape((24,)), lambda x: x.reshape(-1, 24)),
    ]:
        assert_as_in_torch(torch, theirs, layer, x, r)


def test_the_batch_may_change_its_length_and_its_images_their_shape():
    layer = Reshape((2, -1))
    for shape in (3, 4), (5, 2, 2), (1, 6):
        x = np.zeros(shape)
        assert layer.backward(layer.forward(x)).shape == shape


def test_their_names_and_their_lack_of_parameters():
    assert repr(Reshape((4, -1))) == "Reshape((4, -1))"
    assert repr(Flatten()) == "Flatten()"
    assert Reshape((4,)).parameters() == Flatten().parameters() == []


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        ((7,), (5, 2, 3)),
        ((2, 2), (5, 2, 3)),
        ((4, -1), (5, 2, 3)),
        ((30,), (5, 2, 3)),
        ((2,), (6,)),
        ((2, 3), (5, 12)),
    ],
)
def test_numbers_are_neither_lost_nor_invented(wanted, shape):
    layer = Reshape(wanted)
    message = rf"^{re.escape(repr(layer))} can't .* {re.escape(str(shape))}$"
    with pytest.raises(ValueError, match=message):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((0,), ValueError),
        ((3, -2), ValueError),
        ((-1, -1), ValueError),
        ((2.0,), TypeError),
        ((True, 3), TypeError),
        (("2",), TypeError),
    ],
)
def test_a_shape_is_made_of_sizes(shape, error):
    with pytest.raises(error, match=r"^Reshape wants .*got"):
        Reshape(shape)


@pytest.mark.parametrize("shape", [24, [4, 6], None])
def test_a_shape_is_a_tuple(shape):
    message = f"Reshape wants shape as a tuple, got {shape}"
    with pytest.raises(TypeError, match=re.escape(message)):
        Reshape(shape)
