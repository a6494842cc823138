"""Accelerated networks equal the plain ones, whatever they are made of."""

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import PLANS, accelerate
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.gradient_check import check_layer
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from scratchcnn.losses.cross_entropy import SoftmaxCrossEntropy
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from scratchcnn.training.gradient_descent import gradient_step
from scratchcnn.training.loop import train
from scratchcnn.training.optimizers import SGD
from scratchcnn.training.weights import load, save
from tests.comparing import LAYOUTS, assert_all_close, assert_close


class Square(Layer):
    """A layer that the compiler does not know."""

    def forward(self, x):
        """Return x**2."""
        self.keep(x)
        return x**2

    def backward(self, dy):
        """Return dL/dx."""
        return 2 * dy * self.recall()


class Halved(Dense):
    """A kind of Dense that is not what it seems."""

    def forward(self, x):
        """Return the output for x / 2."""
        return super().forward(x / 2)

    def backward(self, dy):
        """Return dL/dx."""
        return super().backward(dy) / 2


def pairs(least, most):
    """Draw one number for both axes, or one for each."""
    sizes = st.integers(least, most)
    return sizes | st.tuples(sizes, sizes)


@st.composite
def image_layers(draw, channels, size, rng):
    """Draw layers for images, and return what they make of one."""
    layers, x = [], np.zeros((1, channels, *size))
    kinds = st.sampled_from(
        [
            *("conv", "conv", "depth", "back", "relu", "max", "max"),
            *("avg", "blur", "norm", "drop", "any"),
        ]
    )
    for kind in draw(st.lists(kinds, max_size=7)):
        c, *size = x.shape[1:]
        window = draw(pairs(1, 3) | st.just(2))
        stride = draw(st.none() | pairs(1, 3))
        if kind == "conv":
            layer = Conv2D(
                c,
                draw(st.integers(1, 3)),
                window,
                stride=draw(st.just(1) | pairs(1, 3)),
                padding=draw(pairs(0, 2)),
                rng=rng,
            )
        elif kind == "depth":
            layer = DepthwiseConv2D(
                c,
                window,
                stride=draw(st.just(1) | pairs(1, 3)),
                padding=draw(pairs(0, 2)),
                dilation=draw(st.just(1) | pairs(1, 3)),
                rng=rng,
            )
        elif kind in ("max", "avg"):
            layer = {"max": MaxPool2D, "avg": AvgPool2D}[kind](window, stride)
        else:
            layer = {
                "back": ConvTranspose2D(
                    c,
                    2,
                    window,
                    stride=draw(pairs(1, 2)),
                    padding=draw(pairs(0, 1)),
                    rng=rng,
                ),
                "blur": BlurPool2D(draw(pairs(1, 3))),
                "relu": ReLU(),
                "norm": BatchNorm2D(c),
                "drop": Dropout(0.4, rng=rng),
                "any": Square(),
            }[kind]
        try:
            trial = copy.deepcopy(layer)
            trial.eval()
            x = trial.forward(x)
        except ValueError:
            continue  # it doesn't fit on what is left of the image
        layers.append(layer)
    return layers, x.shape[1:]


@st.composite
def residuals(draw, layers, before, after, rng):
    """Put layers that take and give such images into one with a way around.

    What goes around is a convolution where it has to be, or is drawn; its
    kernel is as large as its stride leaves it.
    """
    (c, *size), (f, *left) = before, after
    if before == after and draw(st.booleans()):
        return [Residual(Network(layers))]
    stride = [max(1, p // q) for p, q in zip(size, left, strict=True)]
    both = zip(size, left, stride, strict=True)
    kernel = [p - s * (q - 1) for p, q, s in both]
    if min(kernel) < 1:  # the layers have padded: no convolution fits
        return [Network(layers)]
    around = Conv2D(c, f, tuple(kernel), stride=tuple(stride), rng=rng)
    return [Residual(Network(layers), around)]


@st.composite
def networks(draw):
    """Draw a network, perhaps of networks, and the shape of its inputs."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    channels, size = (
        draw(st.integers(1, 3)),
        draw(st.tuples(*[st.integers(3, 9)] * 2)),
    )
    layers, shape = draw(image_layers(channels, size, rng))
    if layers and draw(st.booleans()):
        layers = [Network(layers)]
    elif layers and draw(st.booleans()):
        before = channels, *size
        layers = draw(residuals(layers, before, shape, rng))
        more, shape = draw(image_layers(shape[0], shape[1:], rng))
        layers += more
    if draw(st.integers(0, 3)) == 0:
        layers, shape = [*layers, GlobalAvgPool2D()], shape[:1]
    if not layers or draw(st.booleans()):
        d = int(np.prod(shape))
        flatten = draw(st.sampled_from([Flatten(), Reshape((d,))]))
        kind = draw(st.sampled_from([Dense, Halved]))
        layers += [flatten, kind(d, 3, rng=rng), ReLU(), Dense(3, 2, rng=rng)]
    for p in Network(layers).parameters():
        p.value[...] = rng.standard_normal(p.value.shape) / 2
    return Network(layers), (channels, *size)


def both(network, x, dy_seed=0):
    """Return output and all gradients of a network, and its arrays."""
    y = network.forward(x)
    dy = np.random.default_rng(dy_seed).standard_normal(y.shape)
    dx = network.backward(dy.astype(y.dtype))
    gradients = [p.grad for p in network.parameters()]
    kept = [a for _, layer in network.walk() for a in layer.buffers().values()]
    return [y, dx, *gradients, *kept]


def draw_batch(data, shape, rng):
    """Draw a batch of any size, in any layout, and one of the modes."""
    n, training = data.draw(st.integers(2, 5)), data.draw(st.booleans())
    layout = LAYOUTS[data.draw(st.sampled_from([*LAYOUTS]))]
    return layout(rng.standard_normal((n, *shape))), training


def results(network, batch):
    """Return output, all gradients, and all buffers after a batch."""
    x, training = batch
    network.train(training)
    y = network.forward(x)
    dy = np.random.default_rng(7).standard_normal(y.shape)
    dx = network.backward(dy.astype(y.dtype))
    gradients = [p.grad for p in network.parameters()]
    kept = [a for _, layer in network.walk() for a in layer.buffers().values()]
    return [array.copy() for array in (y, dx, *gradients, *kept)]


@given(networks(), st.data())
def test_in_float64_all_results_are_those_of_the_plain_network(case, data):
    (network, shape), rng = case, np.random.default_rng(1)
    network.astype(np.float64)
    fast = accelerate(copy.deepcopy(network), input_gradient=True)
    for _ in range(3):
        batch = draw_batch(data, shape, rng)
        wanted, actual = results(network, batch), results(fast, batch)
        assert_all_close(actual, wanted, tolerance=1e-10)


@given(networks(), st.data())
def test_in_float32_all_results_are_as_exact_as_the_plain_network_s(
    case, data
):
    (network, shape), rng = case, np.random.default_rng(1)
    exact = copy.deepcopy(network)
    exact.astype(np.float64)
    fast = accelerate(copy.deepcopy(network), input_gradient=True)
    x, training = draw_batch(data, shape, rng)
    narrow = x.astype(np.float32), training
    truth = results(exact, (narrow[0].astype(np.float64), training))
    plain, actual = results(network, narrow), results(fast, narrow)
    scale = max(float(np.abs(one).max(initial=1)) for one in truth)
    rounding = max(
        float(np.abs(one - true).max(initial=0))
        for one, true in zip(plain, truth, strict=True)
    )
    for one, other, true in zip(actual, plain, truth, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, true, 0, 1e-5 * scale + 4 * rounding)


@given(networks(), st.booleans())
def test_twenty_steps_of_training_end_at_the_same_parameters(case, plainly):
    (network, shape), rng = case, np.random.default_rng(2)
    network.astype(np.float64)
    fast = accelerate(copy.deepcopy(network))
    for step in range(20):
        x = rng.standard_normal((1 + plainly + step % 3, *shape))
        for one in network, fast:
            one.train(plainly)
            y = one.forward(x)
            one.backward(np.tanh(y) / y.size)
            for p in one.parameters():
                p.value -= 0.01 * np.tanh(p.grad)
    both = zip(network.parameters(), fast.parameters(), strict=True)
    for one, other in both:
        assert_close(other.value, one.value, tolerance=1e-10)


def lenet(rng):
    return Network(
        [
            Conv2D(1, 3, 5, padding=2, rng=rng),
            BatchNorm2D(3),
            ReLU(),
            MaxPool2D(2),
            Network([Conv2D(3, 4, 3, rng=rng), ReLU(), MaxPool2D(2)]),
            Flatten(),
            Dropout(0.2, rng=rng),
            Dense(16, 2, rng=rng),
        ]
    )


def images(rng, n=4):
    return rng.standard_normal((n, 1, 12, 12)).astype(np.float32)


def test_without_input_gradient_dx_of_a_residual_is_not_asked_for(rng):
    inside = accelerate(Network([Dense(3, 3, rng=rng)]))
    residual, x = Residual(inside), rng.standard_normal((4, 3))
    assert not residual.input_gradient
    assert Residual(ReLU()).input_gradient
    network = Network([ReLU(), residual])
    with pytest.raises(ValueError, match="input_gradient=True"):
        network.backward(network.forward(x))


def test_it_is_a_layer_with_the_network_s_own_parts(rng):
    network = lenet(rng)
    fast = accelerate(network)
    assert isinstance(fast, Layer)
    assert [*fast.walk()] == [("", fast), *network.walk()]
    leaves = [*network.leaves()]
    assert [*fast.leaves()] == [*Network([fast]).leaves()] == leaves
    for one, other in zip(
        fast.parameters(), network.parameters(), strict=True
    ):
        assert one is other
    fast.eval()
    assert not any(layer.training for _, layer in fast.walk())
    assert not network.layers[1].training
    assert repr(fast) == f"accelerate({network})"


def test_where_nothing_learns_nothing_goes_back(rng):
    fast = accelerate(Network([Square(), ReLU(), MaxPool2D(2)]))
    y = fast.forward(images(rng))
    assert np.isnan(fast.backward(y)).all()


def test_without_input_gradient_dx_is_nan_and_can_t_be_written(rng):
    fast, x = accelerate(lenet(rng)), images(rng)
    dx = fast.backward(fast.forward(x))
    assert dx.shape == x.shape
    assert dx.dtype == x.dtype
    assert np.isnan(dx).all()
    assert not fast.input_gradient
    with pytest.raises(ValueError, match="read-only"):
        dx[...] = 0


@pytest.mark.finite_differences
def test_gradients_can_be_measured_and_copies_work_alone(rng):
    network = lenet(rng)
    network.layers.pop(-2)
    fast = accelerate(network, input_gradient=True)
    assert fast.input_gradient
    fast.eval()  # in training, the norm cancels the gradient of a bias
    x = images(rng)
    fast.forward(x)
    assert check_layer(fast, x, rng=rng) < 1e-6
    for other in copy.deepcopy(fast), pickle.loads(pickle.dumps(fast)):
        np.testing.assert_array_equal(other.forward(x), fast.forward(x))
        assert other.parameters()[0] is not fast.parameters()[0]
        with pytest.raises(RuntimeError, match="forward pass before it"):
            copy.deepcopy(other).backward(x)
    assert "accelerate" in Network([fast]).summary((1, 12, 12))


def test_what_it_returns_is_the_caller_s(rng):
    fast, x = accelerate(lenet(rng), input_gradient=True), images(rng)
    fast.eval()
    y = fast.forward(x)
    kept = y.copy()
    dx = fast.backward(kept)
    kept_dx = dx.copy()
    assert y.flags.c_contiguous
    assert dx.flags.c_contiguous
    again = fast.forward(-x)
    again[...] = np.nan
    np.testing.assert_array_equal(y, kept)
    np.testing.assert_array_equal(dx, kept_dx)
    np.testing.assert_array_equal(fast.forward(x), kept)


def test_backward_works_once_after_each_forward_pass(rng):
    fast, x = accelerate(lenet(rng)), images(rng)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        fast.backward(np.zeros((4, 2), np.float32))
    y = fast.forward(x)
    fast.backward(y)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        fast.backward(y)


def test_after_half_a_pass_there_is_nothing_to_go_back_from(rng):
    class Stubborn(Square):
        """A layer that refuses what is large."""

        def forward(self, x):
            """Return x**2."""
            if np.abs(x).max(initial=0) > 1:
                raise KeyboardInterrupt
            return super().forward(x)

    x, network = np.eye(2), Network([Dense(2, 2, rng=rng), Stubborn()])
    fast = accelerate(network)
    for wrong, error in (1e9 * x, KeyboardInterrupt), (x[:, 0], ValueError):
        y = fast.forward(x / 2)
        with pytest.raises(error):
            fast.forward(wrong)
        with pytest.raises(RuntimeError, match="needs a forward pass"):
            fast.backward(y)


def test_plans_are_made_once_a_size_and_few_are_kept(rng):
    fast = accelerate(lenet(rng))
    for n in (2, 3, 2):
        fast.forward(images(rng, n))
    assert [key[0][0] for key in fast.plans.kept] == [3, 2]
    plan = fast.plan_for(images(rng, 2))
    fast.forward(images(rng, 2).astype(np.float64))
    assert fast.plan_for(images(rng, 2)) is plan
    for n in range(2, 10):
        fast.forward(images(rng, n))
    assert len(fast.plans.kept) == PLANS


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 2, 12, 12), "Conv2D(1, 3, 5, stride=1, padding=2) wants x of "),
        ((3, 1, 4, 4), "Conv2D(3, 4, 3, stride=1, padding=0) wants images"),
        ((3, 1, 16, 16), "Dense(16, 2) wants x of shape (N, 16), got (3, 36)"),
        ((3, 12), "Conv2D(1, 3, 5, stride=1, padding=2) wants x of shape"),
        ((), "wants x of shape (N, ...), got ()"),
    ],
)
def test_errors_are_those_of_the_layers(shape, message, rng):
    with pytest.raises(ValueError, match=re.escape(message)):
        accelerate(lenet(rng)).forward(np.zeros(shape, np.float32))


def test_wrong_arrays_and_networks_are_refused(rng):
    fast = accelerate(lenet(rng))
    with pytest.raises(TypeError, match="wants x as an array of floats"):
        fast.forward(np.zeros((2, 1, 12, 12), int))
    fast.forward(images(rng))
    with pytest.raises(ValueError, match=r"wants dy of shape \(4, 2\), got"):
        fast.backward(np.zeros((4, 3), np.float32))
    with pytest.raises(TypeError, match="accelerate wants a Network, got"):
        accelerate(ReLU())


def test_it_trains_by_hand_as_any_network(rng):
    plain = two_class(rng=rng)
    fast = accelerate(copy.deepcopy(plain))
    x = rng.random((8, 1, 28, 28), np.float32)
    t = rng.random((8, 1), np.float32)
    for one in plain, fast:
        losses = [
            gradient_step(one, MeanSquaredError(), x, t, 0.01)
            for _ in range(20)
        ]
        assert losses[-1] < losses[0]
    for one, other in zip(plain.parameters(), fast.parameters(), strict=True):
        assert_close(other.value, one.value, tolerance=1e-5)


def test_it_is_saved_and_trained_as_the_network(rng, tmp_path):
    plain, x = lenet(rng), images(rng, 10)
    fast, t = accelerate(copy.deepcopy(plain)), np.arange(10) % 2
    histories = []
    for one in plain, fast:
        optimizer = SGD(one.parameters(), 0.05, momentum=0.9)
        histories.append(
            train(
                one,
                SoftmaxCrossEntropy(),
                optimizer,
                x,
                t,
                epochs=3,
                batch_size=4,
                rng=np.random.default_rng(4),
                score=lambda network: accuracy(
                    network, MeanSquaredError(), x, t
                ),
            )
        )
    assert_close(histories[1].losses, histories[0].losses, tolerance=1e-5)
    save(fast, tmp_path / "fast.npz")
    load(plain, tmp_path / "fast.npz")
    for one, other in zip(plain.parameters(), fast.parameters(), strict=True):
        np.testing.assert_array_equal(one.value, other.value)


def test_an_empty_batch_is_no_special_case(rng):
    network = lenet(rng)
    network.eval()
    x = images(rng, 0)
    y = accelerate(network).forward(x)
    assert y.shape == network.forward(x).shape == (0, 2)
