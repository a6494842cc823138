"""Residual: both ways forward and back, paths, and what is refused."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradient_check import check_layer
from scratchcnn.layer import Layer
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.training.weights import load, save
from tests.comparing import LAYOUTS, assert_all_close, assert_close
from tests.gradients import (
    measured_gradients,
    stated_gradients,
    torch_gradients,
)
from tests.reference import residual_dx, residual_forward, residual_paths

SIZES = st.integers(1, 4)


def matrix(w):
    """Return a layer that multiplies by w, without a bias."""
    layer = Dense(w.shape[1], w.shape[0], rng=np.random.default_rng(0))
    layer.astype(np.float64)
    layer.weight.value[...] = w
    return layer


@st.composite
def examples(draw):
    """Draw matrices for both ways, or for one, with x and dy."""
    n, d, m = draw(st.integers(0, 3)), draw(SIZES), draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    v = rng.standard_normal((m, d)) if draw(st.booleans()) or m != d else None
    layout = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))]
    x, dy = rng.standard_normal((n, d)), rng.standard_normal((n, m))
    return layout(x), rng.standard_normal((m, d)), v, layout(dy)


def residual(w, v):
    return Residual(matrix(w), None if v is None else matrix(v))


# The equations


@pytest.mark.equation("residual-forward")
@given(examples())
def test_forward(case):
    x, w, v, _ = case
    assert_close(residual(w, v).forward(x), residual_forward(x, w, v))


@pytest.mark.equation("residual-dx")
@given(examples())
def test_dx(case):
    x, w, v, dy = case
    layer = residual(w, v)
    layer.forward(x)
    assert_close(layer.backward(dy), residual_dx(dy, w, v))


@pytest.mark.equation("residual-chain")
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_signal_is_the_first_one_and_all_that_was_added(count, rng):
    blocks = [Residual(Network([matrix(w), ReLU()])) for w in squares(count)]
    x = start = rng.standard_normal((3, 2))
    added = np.zeros((3, 2))
    for block in blocks:
        y = block.forward(x)
        for k in np.ndindex(y.shape):
            added[k] += max(0.0, sum(x[k[0]] * block_row(block, k[1])))
        x = y
    assert_close(Network(blocks).forward(start), start + added)


def block_row(block, m):
    """Return the weights of output m of what is inside."""
    return block.inside.layers[0].weight.value[m]


def squares(count):
    """Draw matrices for blocks of two numbers."""
    return np.random.default_rng(count).standard_normal((count, 2, 2))


@pytest.mark.equation("residual-paths")
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_gradient_comes_back_on_every_path(count, rng):
    blocks = squares(count)
    network = Network([Residual(matrix(w)) for w in blocks])
    network.forward(rng.standard_normal((3, 2)))
    dy = rng.standard_normal((3, 2))
    assert_close(network.backward(dy), residual_paths(dy, [*blocks]))


@pytest.mark.equation("residual-variance")
@pytest.mark.parametrize("d", [1, 2, 3])
def test_mean_squares_of_both_ways_add_up(d, rng):
    x = rng.standard_normal((4, d))
    squared, inside, count = 0.0, 0.0, 0
    for signs in product((-1.0, 1.0), repeat=d * d):
        layer = residual(np.reshape(signs, (d, d)), None)
        squared += np.mean(layer.forward(x) ** 2)
        inside += np.mean(layer.inside.forward(x) ** 2)
        count += 1
    wanted = sum(x[k] ** 2 for k in np.ndindex(x.shape)) / x.size
    assert_close(squared / count, wanted + inside / count)


# The same numbers by other ways


def convolutions(rng, shortcut):
    """Return a block of convolutions, with a shortcut of another shape."""
    size = {"stride": 2} if shortcut else {}
    f = 3 if shortcut else 2
    inside = [
        BatchNorm2D(2),
        ReLU(),
        Conv2D(2, 4, 3, padding=1, rng=rng),
        ReLU(),
        Conv2D(4, f, 3, padding=1, **size, rng=rng),
    ]
    around = Conv2D(2, f, 1, stride=2, rng=rng) if shortcut else None
    return Residual(Network(inside), around)


@pytest.mark.finite_differences
@pytest.mark.parametrize("shortcut", [False, True])
def test_gradients_are_those_that_can_be_measured(shortcut, rng):
    layer, x = convolutions(rng, shortcut), rng.standard_normal((2, 2, 4, 4))
    layer.astype(np.float64)
    layer.eval()
    dy = rng.standard_normal(layer.forward(x).shape)
    wanted = measured_gradients(layer, x, dy)
    assert_all_close(stated_gradients(layer, x, dy), wanted, tolerance=1e-8)
    layer.train()
    assert check_layer(layer, x, rng=rng) < 1e-6


@pytest.mark.pytorch
@pytest.mark.parametrize("shortcut", [False, True])
def test_agrees_with_pytorch(shortcut, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer, x = convolutions(rng, shortcut), rng.standard_normal((3, 2, 6, 6))
    layer.astype(np.float64)
    nn, stride = torch.nn.functional, 2 if shortcut else 1

    def theirs(x, gamma, beta, w1, b1, w2, b2, *around):
        h = nn.relu(nn.batch_norm(x, None, None, gamma, beta, training=True))
        h = nn.relu(nn.conv2d(h, w1, b1, padding=1))
        h = nn.conv2d(h, w2, b2, padding=1, stride=stride)
        return h + (nn.conv2d(x, *around, stride=2) if around else x)

    dy = rng.standard_normal(layer.forward(x).shape)
    arrays = [x, *(p.value for p in layer.parameters())]
    y, wanted = torch_gradients(torch, theirs, arrays, dy)
    assert_close(layer.forward(x), y)
    assert_all_close(stated_gradients(layer, x, dy), wanted, tolerance=1e-10)


@pytest.mark.pytorch
def test_its_arrays_have_the_names_of_a_sequential_that_adds(rng, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    class Around(torch.nn.Sequential):
        """Adds what goes around its first layer."""

        def forward(self, x):
            """Return the sum."""
            inside, *around = self
            return inside(x) + (around[0](x) if around else x)

    theirs = torch.nn.Sequential(
        Around(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU())),
        Around(torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)),
    )
    ours = Network(
        [
            Residual(Network([Dense(3, 3, rng=rng), ReLU()])),
            Residual(Dense(3, 2, rng=rng), Dense(3, 2, rng=rng)),
        ]
    )
    state = {
        k: torch.tensor(p.value) for k, p in ours.named_parameters().items()
    }
    theirs.load_state_dict(state)
    x = rng.standard_normal((4, 3), np.float32)
    y = theirs(torch.tensor(x)).detach().numpy()
    assert_close(ours.forward(x), y, tolerance=1e-6)


# What it starts with, and what it keeps


def test_a_block_that_adds_nothing_hands_on_what_it_gets(rng):
    last = Conv2D(2, 2, 3, padding=1, rng=rng)
    last.weight.value[...] = 0
    first = Conv2D(2, 2, 3, padding=1, rng=rng)
    block = Residual(Network([first, ReLU(), last]))
    x, dy = rng.standard_normal((2, 3, 2, 4, 4))
    np.testing.assert_array_equal(block.forward(x), x)
    np.testing.assert_array_equal(block.backward(dy), dy)
    assert last.weight.grad.any()  # so it will not stay like this
    assert not first.weight.grad.any()


class Same(Layer):
    """Returns what it is given, and not a copy of it."""

    def forward(self, x):
        """Return x."""
        return x

    def backward(self, dy):
        """Return dy."""
        return dy


@pytest.mark.parametrize("inside", [Same(), Reshape((3,))])
def test_a_layer_that_copies_nothing_is_not_written_to(inside, rng):
    x, dy = rng.standard_normal((2, 4, 3))
    before, layer = (x.copy(), dy.copy()), Residual(inside)
    y = layer.forward(x)
    dx = layer.backward(dy)
    np.testing.assert_array_equal((x, dy), before)
    np.testing.assert_array_equal((y, dx), (2 * x, 2 * dy))


def test_it_stands_anywhere_and_is_saved_by_name(rng, tmp_path):
    def block():
        return Residual(Residual(Dense(2, 2, rng=rng)), Dense(2, 2, rng=rng))

    one, other = block(), block()
    assert [*one.named_parameters()] == [
        *("0.0.weight", "0.0.bias", "1.weight", "1.bias"),
    ]
    save(one, tmp_path / "one.npz")
    load(other, tmp_path / "one.npz")
    x = rng.standard_normal((3, 2))
    np.testing.assert_array_equal(other(x), one(x))
    one.eval()
    assert not any(layer.training for _, layer in one.walk())


def test_its_name_tells_what_is_inside(rng):
    assert repr(Residual(ReLU())) == "Residual(ReLU())"
    both = Residual(ReLU(), Dense(2, 3, rng=rng))
    assert repr(both) == "Residual(ReLU(), Dense(2, 3))"


# Refusing


@pytest.mark.parametrize(
    ("layers", "came"),
    [((None,), "None"), ((ReLU,), "<class"), ((ReLU(), [ReLU()]), r"\[ReLU")],
)
def test_both_ways_are_layers(layers, came):
    with pytest.raises(TypeError, match=f"Residual wants layers, got {came}"):
        Residual(*layers)


def test_no_layer_stands_on_both_ways():
    relu = ReLU()
    for layers in (relu, relu), (Network([relu]), relu):
        with pytest.raises(ValueError, match="wants distinct layers"):
            Residual(*layers)


def test_x_has_a_batch_axis():
    message = "Residual(ReLU()) wants x of shape (N, ...), got ()"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Residual(ReLU()).forward(np.array(1.0))


@pytest.mark.parametrize("outputs", [1, 3])
def test_outputs_are_of_one_shape_even_if_they_broadcast(outputs, rng):
    layer = Residual(Dense(2, outputs, rng=rng))
    message = (
        f"{layer} wants to add arrays of one shape, got (4, {outputs}) from "
        "inside and (4, 2) from around"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(rng.standard_normal((4, 2)))


def test_half_of_a_pass_is_nothing_to_go_back_from(rng):
    layer = Residual(ReLU(), Dense(2, 2, rng=rng))
    x = rng.standard_normal((4, 2))
    layer.forward(x)
    layer.shortcut = Dense(3, 2, rng=rng)
    with pytest.raises(ValueError, match="wants x of shape"):
        layer.forward(x)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(x)
