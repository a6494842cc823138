"""Convolution and pooling as stages: the equations, in naive loops."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.compiler.convolution import (
    DIRECT,
    AvgPoolStage,
    BiasStage,
    BlurPoolStage,
    ConvStage,
    GlobalAvgPoolStage,
    MaxPoolStage,
    cuts,
    matrices,
    strips,
)
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from tests import reference
from tests.comparing import assert_close
from tests.compiler.test_stage import assert_equal_to_layer, buffer, run
from tests.reference import conv_dw, conv_dx, conv_forward

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.tuples(st.integers(0, 2), st.integers(0, 2))


@st.composite
def examples(draw):
    """Draw a convolution in float64, with x and dy for it."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    n, c, f = (draw(st.integers(1, 3)) for _ in range(3))
    layer = Conv2D(
        c,
        f,
        draw(pairs),
        stride=draw(pairs),
        padding=draw(paddings),
        rng=rng,
    )
    layer.astype(np.float64)
    x = rng.standard_normal((n, c, draw(st.integers(3, 7)), 6))
    return layer, x, rng.standard_normal(layer.forward(x).shape)


def forms(layer):
    return layer.stride, layer.padding


@pytest.mark.equation("rows-strips")
def test_strips(rng):
    x = rng.standard_normal((2, 3, 9, 4))
    view = strips(x, 3, 2)
    assert view.shape == (3, 3, 2, 4, 4)
    assert np.shares_memory(view, x)
    for h, v, c, j, n in np.ndindex(view.shape):
        assert view[h, v, c, j, n] == x[c, h, 2 * j + v, n]


@pytest.mark.parametrize("parts", [1, 2, 6])
def test_matrices_are_views(parts, rng):
    rows = rng.standard_normal((5, 4, 6, 3))
    view = matrices(rows, 2, parts)
    assert view.shape == (4, parts, 8, 18 // parts)
    assert np.shares_memory(view, rows)
    for i in range(4):
        whole = np.concatenate([*view[i]], axis=1)
        np.testing.assert_array_equal(whole, rows[i : i + 2].reshape(8, 18))


@pytest.mark.parametrize("direct", [1, 40, DIRECT])
@pytest.mark.equation("rows-forward")
@given(case=examples())
def test_forward(direct, case):
    layer, x, dy = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scratchcnn.compiler.convolution.DIRECT", direct)
        y, _ = run(ConvStage(layer, buffer(x)), x, dy)
    zeros = np.zeros(layer.out_channels)
    wanted = conv_forward(x, layer.weight.value, zeros, *forms(layer))
    assert_close(y, wanted)


@pytest.mark.equation("rows-dw")
@given(examples())
def test_dw(case):
    layer, x, dy = case
    run(ConvStage(layer, buffer(x)), x, dy)
    wanted = conv_dw(x, dy, layer.kernel_size, *forms(layer))
    assert_close(layer.weight.grad, wanted)


@pytest.mark.equation("rows-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    _, dx = run(ConvStage(layer, buffer(x)), x, dy)
    wanted = conv_dx(layer.weight.value, dy, x.shape[2:], *forms(layer))
    assert_close(dx, wanted)


@given(examples())
def test_a_second_batch_finds_clean_buffers(case):
    layer, x, dy = case
    layer.bias.value[...] = 0
    plain = copy.deepcopy(layer)
    stage = ConvStage(layer, buffer(x))
    for sign in 1, -2:
        y, dx = run(stage, sign * x, dy)
        assert_close(y, plain.forward(sign * x))
        assert_close(dx, plain.backward(dy))
        assert_close(layer.weight.grad, plain.weight.grad)


@given(examples())
def test_bias(case):
    layer, _, y = case
    layer.bias.value[...] = np.arange(layer.out_channels)
    shifted, dx = run(BiasStage(layer, buffer(y)), y, y)
    assert_close(shifted, y + layer.bias.value[:, None, None])
    assert_close(dx, y)
    assert_close(layer.bias.grad, reference.conv_db(y))


@pytest.mark.equation("rows-challenge")
@given(pairs, st.integers(0, 99))
def test_of_several_largest_pixels_the_first_wins(kernel, seed):
    rng = np.random.default_rng(seed)
    layer = MaxPool2D(kernel)
    x = rng.integers(0, 3, (2, 2, 7, 6)).astype(float)
    dy = rng.standard_normal(layer.forward(x).shape)
    y, dx = run(MaxPoolStage(layer, buffer(x)), x, dy)
    wanted = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dy.shape):
        best, winner = -np.inf, (0, 0)
        for u, v in np.ndindex(kernel):
            pixel = x[n, c, kernel[0] * i + u, kernel[1] * j + v]
            if pixel > best:
                best, winner = pixel, (u, v)
        assert y[n, c, i, j] == best
        u, v = winner
        wanted[n, c, kernel[0] * i + u, kernel[1] * j + v] = dy[n, c, i, j]
    assert_close(dx, wanted)


@given(pairs, pairs, st.integers(0, 99))
def test_pooling_stages_do_what_the_layers_do(kernel, stride, seed):
    rng = np.random.default_rng(seed)
    x = np.empty((3, 2, 7, 5))
    assert_equal_to_layer(MaxPoolStage, MaxPool2D(kernel), x, rng)
    assert_equal_to_layer(AvgPoolStage, AvgPool2D(kernel, stride), x, rng)


@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_the_mean_of_a_map_is_the_layer_s(size, rng):
    x = np.empty((3, 2, *size))
    assert_equal_to_layer(GlobalAvgPoolStage, GlobalAvgPool2D(), x, rng)


@given(pairs, st.integers(0, 99))
def test_a_blur_is_the_layer_s(stride, seed):
    rng = np.random.default_rng(seed)
    x = np.empty((3, 2, 7, 5))
    assert_equal_to_layer(BlurPoolStage, BlurPool2D(stride), x, rng)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_mean_of_a_large_map_keeps_its_digits(dtype):
    x = np.full((1, 300, 300, 1), 0.1, dtype)
    stage = GlobalAvgPoolStage(GlobalAvgPool2D(), x)
    stage.forward()
    assert stage.y.tolist() == [[float(dtype(0.1))]]


def test_large_products_are_cut_into_equal_parts():
    assert cuts(28, DIRECT) == 1
    assert cuts(28, DIRECT + 1) == 2
    assert cuts(28, 3 * DIRECT) == 4
    assert cuts(7, 2 * DIRECT) == 7
    assert cuts(7, 7 * DIRECT) == 7


def test_a_product_that_no_cut_makes_small_stays_whole():
    assert cuts(7, 7 * DIRECT + 1) == 1
    assert cuts(1, 99 * DIRECT) == 1


@pytest.mark.parametrize("middle", [[], [ReLU()], [ReLU(), ReLU()]])
def test_no_pixel_of_a_window_with_nan_wins(middle, rng):
    layers = [Conv2D(1, 2, 1, rng=rng), *middle, MaxPool2D(2)]
    network, x = Network(layers), rng.standard_normal((2, 1, 5, 4))
    x[0, 0, 1, 1] = np.nan
    x[1, 0, 2, 2] = np.inf
    fast = accelerate(copy.deepcopy(network), input_gradient=True)
    with np.errstate(invalid="ignore"):
        y = network(x)
        np.testing.assert_array_equal(fast(x), y)
        dy = rng.standard_normal(y.shape)
        np.testing.assert_allclose(
            fast.backward(dy), network.backward(dy), atol=1e-14
        )
