"""Global pooling and kernels of one pixel: loops, class maps, PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D
from scratchcnn.layers.reshape import Flatten
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import (
    assert_as_in_torch,
    assert_measured,
    stated_gradients,
)
from tests.reference import (
    class_map,
    global_pool_dx,
    global_pool_forward,
    pixel_dense_forward,
)

SIZES = st.tuples(*[st.integers(1, 4)] * 3)


@st.composite
def examples(draw):
    """Draw x and dy of any shape, in any layout."""
    n, (c, *size) = draw(st.integers(0, 3)), draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x, dy = rng.standard_normal((n, c, *size)), rng.standard_normal((n, c))
    return layout(x), layout(dy)


# The equations


@pytest.mark.equation("global-pool-forward")
@given(examples())
def test_forward(case):
    x, _ = case
    assert_close(GlobalAvgPool2D().forward(x), global_pool_forward(x))


@pytest.mark.equation("global-pool-dx")
@given(examples())
def test_dx(case):
    x, dy = case
    layer = GlobalAvgPool2D()
    layer.forward(x)
    assert_close(layer.backward(dy), global_pool_dx(dy, x.shape[2:]))


def pixel_dense(x, f, rng):
    """Return a convolution of one pixel for x, and a Dense of its weights."""
    conv = Conv2D(x.shape[1], f, 1, rng=rng)
    dense = Dense(x.shape[1], f, rng=rng)
    conv.bias.value[...] = rng.standard_normal(f)
    for layer in conv, dense:
        layer.astype(np.float64)
    dense.weight.value[...] = conv.weight.value[:, :, 0, 0]
    dense.bias.value[...] = conv.bias.value
    return conv, dense


@pytest.mark.equation("pixel-dense")
@given(examples(), st.integers(1, 3))
def test_a_kernel_of_one_pixel_is_a_dense_layer_at_every_pixel(case, f):
    x, _ = case
    rng = np.random.default_rng(0)
    conv, dense = pixel_dense(x, f, rng)
    y = conv.forward(x)
    w, b = dense.weight.value, dense.bias.value
    assert_close(y, pixel_dense_forward(x, w, b))
    dy = rng.standard_normal(y.shape)
    rows, drows = (
        np.moveaxis(a, 1, 3).reshape(-1, a.shape[1]) for a in (x, dy)
    )
    wanted = stated_gradients(dense, rows, drows)
    dx, dw, db = stated_gradients(conv, x, dy)
    actual = [np.moveaxis(dx, 1, 3).reshape(rows.shape), dw[..., 0, 0], db]
    assert_all_close(actual, wanted)


@pytest.mark.equation("class-map")
@given(examples(), st.integers(1, 3))
def test_the_mean_of_a_class_s_map_is_its_logit_without_bias(case, classes):
    x, _ = case
    dense = Dense(x.shape[1], classes, rng=np.random.default_rng(0))
    dense.astype(np.float64)
    dense.bias.value[...] = np.arange(classes)
    logits = Network([GlobalAvgPool2D(), dense]).forward(x)
    for k in range(classes):
        maps = class_map(x, dense.weight.value, k)
        means = [np.sum(one) / one.size for one in maps]
        assert_close(logits[:, k], np.array(means) + k)


# The same numbers by other ways


@pytest.mark.finite_differences
@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_gradients_are_those_that_can_be_measured(size, rng):
    layer, x = GlobalAvgPool2D(), rng.standard_normal((2, 3, *size))
    dy = rng.standard_normal((2, 3))
    assert_measured(layer, x, dy, rng, most=1e-8)


@pytest.mark.pytorch
@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_agrees_with_pytorch(size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    def theirs(x):
        return torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)

    x, dy = rng.standard_normal((2, 3, *size)), rng.standard_normal((2, 3))
    assert_as_in_torch(torch, theirs, GlobalAvgPool2D(), x, dy)


def test_it_is_average_pooling_by_one_window(rng):
    x, dy = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 3))
    window = Network([AvgPool2D((4, 5)), Flatten()])
    layer = GlobalAvgPool2D()
    assert_close(layer.forward(x), window.forward(x))
    assert_close(layer.backward(dy), window.backward(dy))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_mean_of_a_large_map_keeps_its_digits(dtype):
    x = np.full((1, 1, 300, 300), 0.1, dtype)
    y = GlobalAvgPool2D().forward(x)
    assert y.dtype == dtype
    assert y.tolist() == [[float(dtype(0.1))]]


def test_images_may_change_their_size_between_batches(rng):
    layer = GlobalAvgPool2D()
    for n, size in (3, (4, 5)), (0, (7, 2)), (1, (1, 1)):
        assert layer.forward(np.ones((n, 2, *size))).shape == (n, 2)
        assert layer.backward(np.ones((n, 2))).shape == (n, 2, *size)


def test_it_has_no_settings():
    assert GlobalAvgPool2D().settings() == {}
