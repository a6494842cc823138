"""BatchNorm2D: both modes, the three ways back, and PyTorch's statistics."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradient_check import check_layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import assert_measured, stated_gradients
from tests.reference import (
    batchnorm_dbeta,
    batchnorm_dgamma,
    batchnorm_dx,
    batchnorm_dx_evaluation,
    batchnorm_forward,
    batchnorm_mean,
    batchnorm_running,
    batchnorm_three_ways,
    batchnorm_variance,
    batchnorm_xhat,
)


def example(rng, shape=(3, 2, 4, 3), **settings):
    """Return a layer in float64 with a past, and x and dy for it."""
    layer = BatchNorm2D(shape[1], **settings)
    layer.astype(np.float64)
    layer.weight.value[...] = rng.standard_normal(shape[1])
    layer.bias.value[...] = rng.standard_normal(shape[1])
    layer.running_mean[...] = rng.standard_normal(shape[1])
    layer.running_variance[...] = rng.uniform(0.5, 2, shape[1])
    return layer, rng.standard_normal(shape), rng.standard_normal(shape)


@st.composite
def examples(draw):
    """Draw the same, of any size that has a variance, in any layout."""
    shape = draw(
        st.tuples(*[st.integers(1, 4)] * 4).filter(
            lambda s: s[0] * s[2] * s[3] > 1
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    momentum = draw(st.sampled_from([0.1, 0, 0.5, 0.99]))
    epsilon = draw(st.sampled_from([1e-5, 0.1]))
    layer, x, dy = example(rng, shape, momentum=momentum, epsilon=epsilon)
    return layer, layout(x), layout(dy)


def statistics(layer, x):
    """Return what x is normalized with in the layer's mode."""
    if layer.training:
        return batchnorm_mean(x), batchnorm_variance(x)
    return layer.running_mean, layer.running_variance


@pytest.mark.equation("batchnorm-mean")
@pytest.mark.equation("batchnorm-variance")
@given(examples())
def test_statistics_of_the_batch(case):
    layer, x, _ = case
    mean, variance = layer.measure(x)
    assert_close(mean, batchnorm_mean(x))
    assert_close(variance, batchnorm_variance(x))


@pytest.mark.equation("batchnorm-xhat")
@pytest.mark.equation("batchnorm-forward")
@given(examples(), st.booleans())
def test_forward(case, training):
    layer, x, _ = case
    layer.train(training)
    xhat = batchnorm_xhat(x, *statistics(layer, x), layer.epsilon)
    gamma, beta = layer.weight.value, layer.bias.value
    wanted = batchnorm_forward(xhat, gamma, beta)
    assert_close(layer.forward(x), wanted, tolerance=1e-10)


@pytest.mark.equation("batchnorm-running")
@given(examples())
def test_running_statistics_are_changed_in_place(case):
    layer, x, _ = case
    arrays = layer.buffers()
    before = copy.deepcopy(arrays)
    mean, variance = batchnorm_running(
        before["running_mean"], before["running_variance"], x, layer.momentum
    )
    layer.forward(x)
    assert arrays["running_mean"] is layer.running_mean
    assert arrays["running_variance"] is layer.running_variance
    assert_close(layer.running_mean, mean)
    assert_close(layer.running_variance, variance)


@pytest.mark.equation("batchnorm-dgamma")
@pytest.mark.equation("batchnorm-dbeta")
@given(examples(), st.booleans())
def test_dgamma_and_dbeta(case, training):
    layer, x, dy = case
    layer.train(training)
    xhat = batchnorm_xhat(x, *statistics(layer, x), layer.epsilon)
    stated_gradients(layer, x, dy)
    wanted = batchnorm_dgamma(xhat, dy)
    assert_close(layer.weight.grad, wanted, tolerance=1e-10)
    assert_close(layer.bias.grad, batchnorm_dbeta(dy))


@pytest.mark.equation("batchnorm-three-ways")
@pytest.mark.equation("batchnorm-dx")
@given(examples())
def test_dx_in_training(case):
    layer, x, dy = case
    gamma, epsilon = layer.weight.value, layer.epsilon
    mean, variance = batchnorm_mean(x), batchnorm_variance(x)
    xhat = batchnorm_xhat(x, mean, variance, epsilon)
    ways = batchnorm_three_ways(x, gamma, epsilon, dy)
    layer.forward(x)
    dx = layer.backward(dy)
    assert_close(dx, sum(ways), tolerance=1e-10)
    wanted = batchnorm_dx(xhat, variance, gamma, epsilon, dy)
    assert_close(dx, wanted, tolerance=1e-10)


@pytest.mark.equation("batchnorm-dx-evaluation")
@given(examples())
def test_dx_in_evaluation(case):
    layer, x, dy = case
    layer.eval()
    layer.forward(x)
    variance, gamma = layer.running_variance, layer.weight.value
    wanted = batchnorm_dx_evaluation(variance, gamma, layer.epsilon, dy)
    assert_close(layer.backward(dy), wanted)


@pytest.mark.finite_differences
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_that_can_be_measured(training, rng):
    layer, x, dy = example(rng)
    layer.train(training)
    # Measuring moves the running statistics, which training ignores.
    assert_measured(layer, x, dy, rng)


@pytest.mark.parametrize("training", [True, False])
def test_inside_a_network_too(training, rng):
    network = Network(
        [
            Conv2D(2, 3, 3, rng=rng),
            ReLU(),
            BatchNorm2D(3),
            Conv2D(3, 2, 2, rng=rng),
            ReLU(),
            BatchNorm2D(2),
        ]
    )
    x = rng.standard_normal((4, 2, 7, 6))
    network.forward(x.astype(np.float32))
    before = [copy.deepcopy(layer.buffers()) for _, layer in network.walk()]
    network.train(training)
    assert check_layer(network, x, rng=rng) < 1e-6
    after = [layer.buffers() for _, layer in network.walk()]
    np.testing.assert_equal(after, before)


@pytest.mark.pytorch
def test_agrees_with_pytorch_over_several_steps(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer, _, _ = example(rng)
    theirs = torch.nn.BatchNorm2d(2, dtype=torch.float64)
    pairs = [
        (theirs.weight, layer.weight.value),
        (theirs.bias, layer.bias.value),
        (theirs.running_mean, layer.running_mean),
        (theirs.running_var, layer.running_variance),
    ]
    with torch.no_grad():
        for tensor, array in pairs:
            tensor.copy_(torch.tensor(array))
    for training in True, True, False, True, False, True:
        x = 3 * rng.standard_normal((3, 2, 4, 3)) + 5
        dy = rng.standard_normal(x.shape)
        tensor = torch.tensor(x, requires_grad=True)
        theirs.zero_grad()
        theirs.train(training)
        y = theirs(tensor)
        y.backward(torch.tensor(dy))
        layer.train(training)
        assert_close(layer.forward(x), y.detach().numpy(), tolerance=1e-10)
        assert_all_close(
            [
                layer.backward(dy),
                layer.weight.grad,
                layer.bias.grad,
                layer.running_mean,
                layer.running_variance,
            ],
            [
                tensor.grad.numpy(),
                theirs.weight.grad.numpy(),
                theirs.bias.grad.numpy(),
                theirs.running_mean.numpy(),
                theirs.running_var.numpy(),
            ],
            tolerance=1e-10,
        )
        with torch.no_grad():
            for p, tensor in zip(
                layer.parameters(), theirs.parameters(), strict=True
            ):
                p.value -= 0.1 * p.grad
                tensor -= 0.1 * tensor.grad


def test_a_fresh_layer_gives_mean_zero_and_variance_one(rng):
    layer = BatchNorm2D(2)
    x = 7 + 30 * rng.standard_normal((5, 2, 6, 6))
    y = layer.forward(x)
    assert_close(y.mean(axis=(0, 2, 3)), np.zeros(2))
    assert_close(y.var(axis=(0, 2, 3)), np.ones(2), tolerance=1e-6)
    assert repr(layer) == "BatchNorm2D(2)"
    assert layer.parameters() == [layer.weight, layer.bias]


def test_a_fresh_layer_does_nothing_in_evaluation(rng):
    layer, x = (
        BatchNorm2D(2, epsilon=1e-300),
        rng.standard_normal((1, 2, 1, 1)),
    )
    layer.eval()
    assert_close(layer.forward(x), x)
    assert not np.shares_memory(layer.forward(x), x)


def test_evaluation_changes_no_statistics_and_treats_images_alone(rng):
    layer, x, _ = example(rng)
    before = copy.deepcopy(layer.buffers())
    layer.eval()
    y = layer.forward(x)
    for n in range(len(x)):
        np.testing.assert_array_equal(layer.forward(x[n : n + 1])[0], y[n])
    np.testing.assert_equal(layer.buffers(), before)


@given(examples())
def test_dx_knows_nothing_of_shifts_and_scales(case):
    layer, x, dy = case
    layer.epsilon = 1e-12
    layer.forward(x)
    dx = layer.backward(dy)
    size = np.abs(layer.weight.value).max() * np.abs(dy).sum()
    size /= np.sqrt(x.var(axis=(0, 2, 3)).min())
    assert np.all(np.abs(dx.sum(axis=(0, 2, 3))) < 1e-9 * size)
    assert np.all(np.abs((dx * x).sum(axis=(0, 2, 3))) < 1e-6 * size)


def test_a_bias_right_before_it_learns_nothing(rng):
    network = Network([Conv2D(2, 3, 3, rng=rng), BatchNorm2D(3)])
    network.astype(np.float64)
    x = rng.standard_normal((4, 2, 7, 6))
    y = network.forward(x)
    network.backward(rng.standard_normal(y.shape))
    conv = network.layers[0]
    assert (
        np.abs(conv.bias.grad).max() < 1e-12 * np.abs(conv.weight.grad).max()
    )
    conv.bias.value[...] = 3
    assert_close(network.forward(x), y)
    conv.weight.value *= 2
    assert_close(network.forward(x), y, tolerance=1e-4)


@pytest.mark.parametrize("mode", [True, False])
def test_backward_wants_the_mode_of_its_forward_pass(mode, rng):
    layer, x, dy = example(rng)
    layer.train(mode)
    layer.forward(x)
    wanted = layer.backward(dy)
    layer.train(mode)  # which changes nothing
    np.testing.assert_array_equal(layer.backward(dy), wanted)
    layer.train(not mode)
    layer.train(mode)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(dy)


def test_a_large_mean_does_not_drown_the_variance():
    x = np.array([1e8, 1e8 + 1, 1e8 + 2]).reshape(3, 1, 1, 1)
    _, variance = BatchNorm2D(1).measure(x)
    np.testing.assert_allclose(variance, 2 / 3, rtol=1e-12)
    x = (x - 1e8 + 1e4).astype(np.float32)
    _, variance = BatchNorm2D(1).measure(x)
    np.testing.assert_allclose(variance, 2 / 3, rtol=1e-5)


def test_a_constant_channel_gives_its_beta(rng):
    layer, _, dy = example(rng)
    x = np.full((3, 2, 4, 3), 4.0)
    y = layer.forward(x)
    assert_close(y, np.zeros_like(x) + layer.bias.value[:, None, None])
    assert np.isfinite(layer.backward(dy)).all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_precision_changes_but_statistics_are_float64(dtype, training, rng):
    layer, x, dy = BatchNorm2D(2), *example(rng)[1:]
    layer.train(training)
    x, dy = x.astype(dtype), dy.astype(dtype)
    assert layer.forward(x).dtype == dtype
    assert layer.backward(dy).dtype == dtype
    layer.astype(dtype)
    assert layer.forward(x).dtype == dtype
    assert layer.backward(dy).dtype == dtype
    assert all(p.grad.dtype == dtype for p in layer.parameters())
    assert all(array.dtype == np.float64 for array in layer.buffers().values())


def test_float32_is_close_to_float64(rng):
    layer, x, dy = example(rng, (8, 2, 14, 14))
    stated = [layer.forward(x), *stated_gradients(layer, x, dy)]
    single = copy.deepcopy(layer)
    single.astype(np.float32)
    x, dy = x.astype(np.float32), dy.astype(np.float32)
    rough = [single.forward(x), *stated_gradients(single, x, dy)]
    assert_all_close(rough, stated, tolerance=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (0, 3, 4, 4)])
def test_one_number_a_channel_has_no_variance(shape):
    layer = BatchNorm2D(3)
    before = copy.deepcopy(layer.buffers())
    message = (
        "BatchNorm2D(3) wants more than one number a channel in training, "
        f"got x of shape {shape}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.ones(shape))
    np.testing.assert_equal(layer.buffers(), before)
    layer.eval()
    assert layer.forward(np.ones(shape)).shape == shape


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 5, 5), (4, 3, 5)])
def test_x_of_another_shape_is_refused(shape):
    message = f"BatchNorm2D(3) wants x of shape (N, 3, H, W), got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        BatchNorm2D(3).forward(np.ones(shape))


def test_dy_that_would_broadcast_is_refused(rng):
    layer, x, _ = example(rng)
    layer.forward(x)
    message = "wants dy of shape (3, 2, 4, 3), got (1, 2, 4, 3)"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.backward(np.ones((1, 2, 4, 3)))


def test_backward_needs_a_forward_pass():
    with pytest.raises(RuntimeError, match=r"BatchNorm2D\(3\): backward"):
        BatchNorm2D(3).backward(np.ones((1, 3, 1, 1)))


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"channels": 0}, ValueError),
        ({"channels": 2.0}, TypeError),
        ({"channels": 2, "momentum": -0.1}, ValueError),
        ({"channels": 2, "momentum": 1}, ValueError),
        ({"channels": 2, "momentum": None}, TypeError),
        ({"channels": 2, "momentum": True}, TypeError),
        ({"channels": 2, "epsilon": 0}, ValueError),
        ({"channels": 2, "epsilon": float("nan")}, ValueError),
        ({"channels": 2, "epsilon": float("inf")}, ValueError),
        ({"channels": 2, "epsilon": "1e-5"}, TypeError),
    ],
)
def test_settings_out_of_range_are_refused(settings, error):
    with pytest.raises(error, match=r"BatchNorm2D wants .*got"):
        BatchNorm2D(**settings)


def test_numbers_of_numpy_are_numbers():
    layer = BatchNorm2D(2, momentum=np.float32(0.5), epsilon=np.float64(1e-3))
    assert (layer.momentum, layer.epsilon) == (0.5, 1e-3)


def test_parameters_start_in_float32_and_statistics_are_kept_in_float64(rng):
    layer = BatchNorm2D(3)
    assert [p.value.dtype for p in layer.parameters()] == [np.float32] * 2
    x = 100 + rng.standard_normal((16, 3, 40, 40), np.float32)
    layer.forward(x)
    mean = x.mean(axis=(0, 2, 3), dtype=np.float64)
    assert_close(layer.running_mean, 0.1 * mean)
    centered = x - mean.astype(np.float32)[:, None, None]
    squares = np.square(centered, dtype=np.float64).mean(axis=(0, 2, 3))
    count = x.size // 3
    wanted = 0.9 + 0.1 * squares * count / (count - 1)
    assert_close(layer.running_variance, wanted)
