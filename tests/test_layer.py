"""The contract, kept by every layer; parameters, checks at the door."""

import copy
import pickle
import re

import numpy as np
import pytest

from scratchcnn.autograd.replay import learned
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.gradient_check import check_layer
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.training.gradient_descent import gradient_step
from scratchcnn.training.optimizers import SGD
from scratchcnn.training.weights import load, save
from tests.comparing import (
    LAYOUTS,
    assert_all_close,
    assert_close,
    frozen,
    global_random_state,
)
from tests.gradients import stated_gradients

# Each layer of the package, and a batch that fits it.
LAYERS = {
    "Dense": (lambda rng: Dense(3, 2, rng=rng), (4, 3)),
    "ReLU": (lambda rng: ReLU(), (4, 3)),
    "Reshape": (lambda rng: Reshape((3, -1)), (4, 6)),
    "Flatten": (lambda rng: Flatten(), (4, 3, 2)),
    "Conv2D": (
        lambda rng: Conv2D(2, 3, (3, 2), stride=2, padding=(0, 1), rng=rng),
        (4, 2, 6, 5),
    ),
    "ConvTranspose2D": (
        lambda rng: ConvTranspose2D(
            2, 3, (3, 2), stride=2, padding=(0, 1), rng=rng
        ),
        (4, 2, 3, 4),
    ),
    "DepthwiseConv2D": (
        lambda rng: DepthwiseConv2D(
            2, (3, 2), stride=2, padding=(0, 1), dilation=(1, 3), rng=rng
        ),
        (4, 2, 6, 5),
    ),
    "BlurPool2D": (lambda rng: BlurPool2D((2, 1)), (4, 2, 5, 4)),
    "MaxPool2D": (lambda rng: MaxPool2D(2, stride=(2, 1)), (4, 2, 5, 4)),
    "AvgPool2D": (lambda rng: AvgPool2D((2, 3)), (4, 2, 5, 7)),
    "GlobalAvgPool2D": (lambda rng: GlobalAvgPool2D(), (4, 2, 3, 5)),
    "BatchNorm2D": (lambda rng: BatchNorm2D(2), (4, 2, 3, 3)),
    "Dropout": (lambda rng: Dropout(0.5, rng=rng), (4, 3)),
    "Sigmoid": (lambda rng: Sigmoid(), (4, 3)),
    "Network": (
        lambda rng: Network(
            [
                Network([Conv2D(2, 3, 2, rng=rng), ReLU()]),
                Flatten(),
                Dense(12, 2, rng=rng),
            ]
        ),
        (4, 2, 3, 3),
    ),
    "Residual": (
        lambda rng: Residual(
            Network([Conv2D(2, 2, 3, padding=1, rng=rng), ReLU()])
        ),
        (4, 2, 3, 4),
    ),
    "Residual with a shortcut": (
        lambda rng: Residual(
            Network([Dense(3, 4, rng=rng), ReLU(), Dense(4, 2, rng=rng)]),
            Dense(3, 2, rng=rng),
        ),
        (4, 3),
    ),
}


@pytest.fixture(params=LAYERS)
def case(request, rng):
    """Return each layer of the package in turn, with x and dy, float64.

    In evaluation mode: in training, some mean examples to see each other,
    or to draw random numbers.
    """
    make, shape = LAYERS[request.param]
    layer, x = make(rng), frozen(rng.standard_normal(shape))
    layer.eval()
    for p in layer.parameters():
        p.value += rng.standard_normal(p.value.shape, np.float32)
    dy = frozen(rng.standard_normal(copy.deepcopy(layer).forward(x).shape))
    return layer, x, dy


class Doubled(Layer):
    """Twice a learned number, for what the base class does alone."""

    def __init__(self):
        self.factor = Parameter(np.ones(1))

    def forward(self, x):
        """Return y."""
        self.keep(x)
        return 2 * self.factor.value * x

    def backward(self, dy):
        """Return dx."""
        self.factor.grad[...] = 2 * np.sum(dy * self.recall())
        return 2 * self.factor.value * dy


# The contract of every layer


def test_the_first_axis_is_the_batch(case):
    layer, x, dy = case
    assert len(layer.forward(x)) == len(x)
    assert layer.backward(dy).shape == x.shape


def test_examples_do_not_see_each_other(case):
    layer, x, _ = case
    together = layer.forward(x)
    alone = [layer.forward(one[None]) for one in x]
    assert_close(together, np.concatenate(alone))


def test_gradients_of_parameters_add_up_over_the_batch(case):
    layer, x, dy = case
    layer.astype(np.float64)
    together = copy.deepcopy(stated_gradients(layer, x, dy))
    alone = [
        copy.deepcopy(stated_gradients(layer, x[n : n + 1], dy[n : n + 1]))
        for n in range(len(x))
    ]
    dx, *grads = map(list, zip(*alone, strict=True))
    wanted = [np.concatenate(dx), *(np.sum(grad, axis=0) for grad in grads)]
    assert_all_close(together, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_in_memory_gives_the_same(case, layout):
    layer, x, dy = case
    layer.astype(np.float64)
    wanted = layer.forward(x)
    gradients = copy.deepcopy(stated_gradients(layer, x, dy))
    x, dy = LAYOUTS[layout](x), LAYOUTS[layout](dy)
    assert_close(layer.forward(x), wanted)
    assert_all_close(stated_gradients(layer, x, dy), gradients)


def test_inputs_and_parameters_are_only_read(case):
    layer, x, dy = case
    for p in layer.parameters():
        frozen(p.value)
    x_before, dy_before = x.copy(), dy.copy()
    layer.forward(x)
    layer.backward(dy)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(dy, dy_before)


def test_only_a_change_of_shape_shares_memory(case):
    layer, x, dy = case
    y = layer.forward(x)
    dx = layer.backward(dy)
    shares = isinstance(layer, Reshape)
    assert np.shares_memory(x, y) == np.shares_memory(dy, dx) == shares
    for p in layer.parameters():
        assert not np.shares_memory(p.grad, dy)
        assert not np.shares_memory(p.value, y)


def test_backward_is_the_adjoint_of_the_slope_of_forward(case):
    layer, x, dy = case
    layer.astype(np.float64)
    v = np.random.default_rng(3).standard_normal(x.shape)
    step = 1e-3 * np.abs(x).min()  # across no kink, and no change of winner
    rise = layer.forward(x + step * v) - layer.forward(x - step * v)
    layer.forward(x)
    told = np.vdot(layer.backward(dy), 2 * step * v)
    bent = isinstance(layer, Sigmoid)  # the others are straight
    error = step**2 * abs(told) if bent else 1e-12
    assert abs(np.vdot(dy, rise) - told) < error


def test_backward_overwrites_the_gradients(case):
    layer, x, dy = case
    wanted = copy.deepcopy(stated_gradients(layer, x, dy))
    layer.forward(3 * x)
    layer.backward(5 * dy)
    assert_all_close(stated_gradients(layer, x, dy), wanted, tolerance=0)
    again = [layer.backward(dy), *(p.grad for p in layer.parameters())]
    assert_all_close(again, wanted, tolerance=0)


@pytest.mark.parametrize("parameters", [np.float32, np.float64])
@pytest.mark.parametrize("data", [np.float32, np.float64])
def test_precision_is_that_of_the_data(case, data, parameters):
    layer, x, dy = case
    exact = copy.deepcopy(layer)
    exact.astype(np.float64)
    layer.astype(parameters)
    y = layer.forward(x.astype(data))
    assert y.dtype == data
    gradients = stated_gradients(layer, x.astype(data), dy.astype(data))
    assert gradients[0].dtype == data
    for p in layer.parameters():
        assert p.value.dtype == p.grad.dtype == parameters
    all_double = data == parameters == np.float64
    tolerance = 1e-12 if all_double else 1e-5
    assert_close(y, exact.forward(x), tolerance=tolerance)
    wanted = stated_gradients(exact, x, dy)
    assert_all_close(gradients, wanted, tolerance=tolerance)


def test_backward_before_forward_names_the_layer(case):
    layer, _, dy = case
    asked = layer.layers[-1] if isinstance(layer, Network) else layer
    with pytest.raises(RuntimeError, match=re.escape(repr(asked))) as caught:
        layer.backward(dy)
    assert "forward pass" in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "came"),
    [
        (lambda x: x.tolist(), "list"),
        (lambda x: x.astype(np.int64), "int64"),
        (lambda x: np.abs(x).astype(np.uint8), "uint8"),
        (lambda x: x > 0, "bool"),
        (lambda x: x.astype(complex), "complex128"),
        (lambda x: x.astype(object), "object"),
        (lambda x: None, "NoneType"),
    ],
    ids=["list", "int64", "uint8", "bool", "complex", "object", "None"],
)
def test_only_arrays_of_floats_may_enter(case, spoil, came):
    layer, x, dy = case
    message = f"wants {{}} as an array of floats, got {came}$"
    with pytest.raises(TypeError, match=message.format("x")):
        layer.forward(spoil(x))
    layer.forward(x)
    with pytest.raises(TypeError, match=message.format("dy")):
        layer.backward(spoil(dy))


def test_one_number_is_no_batch(case):
    layer, *_ = case
    with pytest.raises(ValueError, match=r"wants x .*, got \(\)"):
        layer.forward(np.ones(()))


@pytest.mark.parametrize(
    "spoil",
    [lambda dy: dy[:-1], lambda dy: dy[..., None], lambda dy: dy[..., :-1]],
    ids=["batch", "rank", "length"],
)
def test_dy_must_have_the_shape_of_y(case, spoil):
    layer, x, dy = case
    layer.forward(x)
    asked = layer.layers[-1] if isinstance(layer, Network) else layer
    shape = ", ".join(map(str, dy.shape))
    message = f"{asked} wants dy of shape ({shape}), got {spoil(dy).shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.backward(spoil(dy))


def test_an_empty_batch_passes_through(case):
    layer, x, dy = case
    y = layer.forward(x[:0])
    assert y.shape == (0, *dy.shape[1:])
    assert layer.backward(dy[:0]).shape == (0, *x.shape[1:])
    for p in layer.parameters():
        assert not p.grad.any()


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))],
    ids=["deepcopy", "pickle"],
)
def test_a_copy_is_equal_and_independent(case, duplicate):
    layer, x, dy = case
    start = duplicate(layer)
    layer.forward(x)
    twin = duplicate(layer)
    assert repr(twin) == repr(layer)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        twin.backward(dy)
    for one in start, twin:
        vars(one).update(vars(duplicate(start)))
        one.forward(x)
        np.testing.assert_array_equal(one.backward(dy), layer.backward(dy))
    for p, q in zip(layer.parameters(), twin.parameters(), strict=True):
        before = p.value.copy(), p.grad.copy()
        q.value += 1
        q.grad += 1
        np.testing.assert_array_equal((p.value, p.grad), before)


def test_nothing_random_happens_behind_the_back(case):
    layer, x, dy = case
    before = global_random_state()
    stated_gradients(layer, x, dy)
    assert global_random_state() == before


# What the base class gives to all


def test_a_layer_must_define_both_passes():
    with pytest.raises(TypeError, match=r"abstract.*backward.*forward"):
        Layer()


def test_a_layer_finds_its_own_parameters():
    layer = Doubled()
    assert layer.parameters() == [layer.factor]
    assert layer.children() == []
    assert layer.buffers() == {}
    assert repr(layer) == "Doubled()"
    assert_all_close(
        stated_gradients(layer, np.ones(3), np.ones(3))[1:], [[6]]
    )


@pytest.mark.parametrize("name", LAYERS)
def test_layers_start_in_training_mode_and_switch(name, rng):
    layer = LAYERS[name][0](rng)
    assert layer.training
    layer.eval()
    assert not layer.training
    layer.train()
    assert layer.training
    layer.train(False)
    assert not layer.training


def test_astype_turns_values_and_gradients(case):
    layer, *_ = case
    before = [p.value.copy() for p in layer.parameters()]
    for dtype in np.float64, np.float32:
        layer.astype(dtype)
        for p, value in zip(layer.parameters(), before, strict=True):
            assert p.value.dtype == p.grad.dtype == dtype
            np.testing.assert_array_equal(p.value, value)


# Parameters


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_a_parameter_has_a_gradient_of_its_form(shape, dtype):
    parameter = Parameter(np.ones(shape, dtype))
    assert parameter.value.shape == parameter.grad.shape == shape
    assert parameter.value.dtype == parameter.grad.dtype == dtype
    assert not parameter.grad.any()
    assert repr(parameter) == f"Parameter{shape}"


def test_a_parameter_copies_its_value():
    value = np.ones(3)
    parameter = Parameter(value)
    parameter.value += 1
    assert value.tolist() == [1, 1, 1]


def test_a_cast_copies_only_if_need_be():
    parameter = Parameter(np.ones(3, np.float32))
    assert parameter.cast(np.float32) is parameter.value
    assert parameter.cast(np.float64).dtype == np.float64


@pytest.mark.parametrize("value", [[1.0], 1.0, np.ones(2, int), None])
def test_a_parameter_is_made_of_floats(value):
    with pytest.raises(TypeError, match="Parameter wants value as an array"):
        Parameter(value)


# The checks at the door


def test_weights_are_not_made_integers(rng):
    layer = Dense(2, 1, rng=rng)
    with pytest.raises(TypeError, match=r"^Dense\(2, 1\) wants a type of fl"):
        layer.astype(int)
    assert layer.weight.value.dtype == np.float32


# Nothing silently wrong


@pytest.mark.parametrize(
    ("spoil", "came"),
    [
        (np.ma.masked_array, "MaskedArray"),
        (lambda x: x.view(np.recarray), "recarray"),
    ],
)
def test_arrays_that_are_more_than_arrays_are_refused(case, spoil, came):
    layer, x, dy = case
    with pytest.raises(TypeError, match=f"wants x .*, got {came}$"):
        layer.forward(spoil(x))
    layer.forward(x)
    with pytest.raises(TypeError, match=f"wants dy .*, got {came}$"):
        layer.backward(spoil(dy))


def test_arrays_in_files_are_arrays(case, tmp_path):
    layer, x, dy = case
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    wanted = layer.forward(x)
    np.testing.assert_array_equal(layer.forward(mapped), wanted)
    assert layer.backward(dy).shape == x.shape


def test_a_pickle_does_not_grow_by_a_forward_pass(case):
    layer, x, _ = case
    before = len(pickle.dumps(layer))
    layer.forward(np.repeat(x, 100, axis=0))
    assert len(pickle.dumps(layer)) <= before + 100


class Twice(Layer):
    """Two layers in attributes, and parameters in a list and a dict."""

    def __init__(self, rng):
        self.inside = Dense(3, 3, rng=rng)
        self.others = [{"last": Dense(3, 3, rng=rng)}]
        self.scales = [Parameter(np.ones(3)), {"b": Parameter(np.ones(3))}]

    def forward(self, x):
        """Return what both make of x, scaled."""
        y = self.others[0]["last"].forward(self.inside.forward(x))
        self.keep(y)
        return y * self.scales[0].value + self.scales[1]["b"].value

    def backward(self, dy):
        """Return dx."""
        self.scales[0].grad[...] = (dy * self.recall()).sum(axis=0)
        self.scales[1]["b"].grad[...] = dy.sum(axis=0)
        dy = dy * self.scales[0].value
        return self.inside.backward(self.others[0]["last"].backward(dy))


def test_layers_and_parameters_in_attributes_are_found(rng, tmp_path):
    layer, other = Twice(rng), Twice(rng)
    first, last = layer.inside, layer.others[0]["last"]
    assert layer.children() == [first, last]
    assert [*layer.named_parameters()] == [
        "scales.0",
        "scales.1.b",
        *("0.weight", "0.bias", "1.weight", "1.bias"),
    ]
    assert check_layer(layer, rng.standard_normal((4, 3)), rng=rng) < 1e-8
    layer.eval()
    assert not (first.training)
    assert not (last.training)
    save(layer, tmp_path / "twice.npz")
    load(other, tmp_path / "twice.npz")
    x = rng.standard_normal((2, 3))
    np.testing.assert_array_equal(other(x), layer(x))
    fast = accelerate(Network([layer]))
    np.testing.assert_array_equal(fast(x), layer(x))
    assert fast.parameters() == layer.parameters()


def tied(how, rng):
    """Return a network of two equal layers that share something."""
    one, two = Dense(2, 2, rng=rng), Dense(2, 2, rng=rng)
    if how == "parameter":
        two.weight = one.weight
    elif how == "array":
        two.weight.value = one.weight.value
    elif how == "view":
        two.weight.value = one.weight.value.T
    network = Network([one, ReLU(), two])
    if how == "layer":
        network.layers.append(network.layers[1])
    return network


@pytest.mark.parametrize("how", ["parameter", "array", "view", "layer"])
@pytest.mark.parametrize(
    "use",
    [
        lambda n, path: n.parameters(),
        lambda n, path: SGD(n.parameters(), 0.1),
        lambda n, path: gradient_step(
            n, MeanSquaredError(), np.ones((1, 2)), np.ones((1, 2)), 0.1
        ),
        lambda n, path: save(n, path),
        lambda n, path: check_layer(
            n, np.ones((1, 2)), rng=np.random.default_rng(0)
        ),
        lambda n, path: accelerate(n).forward(np.ones((1, 2))),
        lambda n, path: learned(n),
        lambda n, path: n.astype(np.float64),
    ],
    ids=[
        "parameters",
        "SGD",
        "step",
        "save",
        "check",
        "accelerate",
        "replay",
        "astype",
    ],
)
def test_what_is_shared_is_refused_by_name(how, use, rng, tmp_path):
    names = {
        "parameter": "'0.weight' again as '2.weight'",
        "array": "'0.weight' again as '2.weight'",
        "view": "'0.weight' again as '2.weight'",
        "layer": "'1.' again as '3.'",
    }
    network = tied(how, rng)
    before = network.layers[0].weight.value.copy()
    with pytest.raises(ValueError, match=re.escape(names[how])):
        use(network, tmp_path / "n.npz")
    np.testing.assert_array_equal(network.layers[0].weight.value, before)
    assert list(tmp_path.iterdir()) == []


def test_an_optimizer_moves_no_array_twice(rng):
    one, two = Parameter(np.ones(2)), Parameter(np.ones(2))
    two.value = one.value
    with pytest.raises(ValueError, match="distinct parameters"):
        SGD([one, two], 0.1)


def test_a_layer_describes_itself(rng):
    layer = Conv2D(1, 2, 3, stride=(1, 2), padding=1, rng=rng)
    assert layer.settings() == {
        "in_channels": 1,
        "out_channels": 2,
        "kernel_size": (3, 3),
        "stride": (1, 2),
        "padding": (1, 1),
    }
    norm = BatchNorm2D(2, momentum=0.25)
    norm.eval()
    norm.tags = ("a", (1, 2.5)), ("b", [])  # a list is no setting
    assert norm.settings() == {
        "channels": 2,
        "momentum": 0.25,
        "epsilon": 1e-5,
    }
    assert Dropout(0.25, rng=rng).settings() == {"p": 0.25}
    assert ReLU().settings() == {}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_sums_over_a_long_batch_lose_no_digits(dtype):
    n = 60_000
    dy = np.full((n, 1), 0.1, dtype)
    dense = Dense(1, 1, rng=np.random.default_rng(0))
    conv = Conv2D(1, 1, 1, rng=np.random.default_rng(0))
    norm = BatchNorm2D(1)
    norm.weight.value[...] = 1
    images = dy.reshape(n, 1, 1, 1)
    wanted = n * float(dtype(0.1))
    for layer, x, g in [
        (dense, dy, dy),
        (conv, images, images),
        (norm, images, images),
        (accelerate(Network([dense])), dy, dy),
        (accelerate(Network([conv])), images, images),
        (accelerate(Network([norm])), images, images),
    ]:
        layer.forward(x)
        layer.backward(g)
        bias = layer.parameters()[-1].grad
        np.testing.assert_allclose(bias, wanted, rtol=1e-6)
