"""What is kept and moved, by formulas and as Python has traced it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.convolutions.cost import COSTS, sizes_of
from scratchcnn.inspection.account import account
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
from scratchcnn.layers.reshape import Flatten
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from scratchcnn.models import two_class
from scratchcnn.training.optimizers import SGD, Adam
from tests.inspection.test_account import MODELS, SHAPE, rows


def alone(layer, shape, item):
    """Return the bytes that a layer alone has to keep, by its formula."""
    n, *_ = shape
    x, y = np.prod(shape), layer.forward(np.zeros(shape)).size
    if isinstance(layer, Conv2D):
        _, _, oh, ow = layer.forward(np.zeros(shape)).shape
        return item * n * layer.weight.value[0].size * oh * ow
    if isinstance(layer, DepthwiseConv2D):
        (ph, pw), (_, c, h, w) = layer.padding, shape
        return item * n * c * (h + 2 * ph) * (w + 2 * pw)
    return {
        AvgPool2D: 0,
        BatchNorm2D: item * x + 8 * shape[1],
        BlurPool2D: 0,
        ConvTranspose2D: item * x,
        Dense: item * x,
        Dropout: item * x,
        Flatten: 0,
        GlobalAvgPool2D: 0,
        MaxPool2D: item * (x + y),
        ReLU: x,
        Residual: x,  # which is its ReLU's
        Sigmoid: item * y,
    }[type(layer)]


LAYERS = [
    (lambda rng: AvgPool2D(2), True),
    (lambda rng: BatchNorm2D(3), True),
    (lambda rng: BlurPool2D(), True),
    (lambda rng: Conv2D(3, 2, 3, rng=rng), True),
    (lambda rng: Conv2D(3, 4, 2, stride=2, padding=1, rng=rng), True),
    (lambda rng: ConvTranspose2D(3, 2, 2, stride=2, rng=rng), True),
    (lambda rng: Dense(6, 5, rng=rng), False),
    (lambda rng: DepthwiseConv2D(3, 2, rng=rng), True),
    (lambda rng: DepthwiseConv2D(3, 3, padding=(1, 2), rng=rng), True),
    (lambda rng: Dropout(0.3, rng=rng), True),
    (lambda rng: Flatten(), True),
    (lambda rng: GlobalAvgPool2D(), True),
    (lambda rng: MaxPool2D(2), True),
    (lambda rng: MaxPool2D(3, stride=1), True),
    (lambda rng: ReLU(), False),
    (lambda rng: Residual(ReLU()), False),
    (lambda rng: Sigmoid(), False),
]


@pytest.mark.equation("account-kept")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("build", "images"), LAYERS)
@given(n=st.integers(1, 5), h=st.integers(3, 6))
def test_what_is_kept_is_what_formulas_say(build, images, dtype, n, h):
    layer = build(np.random.default_rng(0))
    shape = (3, h, 4) if images else (6,)
    total = account(layer, shape, batch_size=n, dtype=dtype).total
    assert total.kept == alone(layer, (n, *shape), np.dtype(dtype).itemsize)


def traced(network, x):
    """Return the bytes that a forward pass leaves behind, but for y."""
    tracemalloc.start()
    y = network.forward(x)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held - y.nbytes


@pytest.mark.parametrize("model", MODELS)
def test_what_is_kept_is_what_python_has_traced(model, rng):
    network = model(rng=rng)
    x = rng.random((64, *SHAPE), np.float32)
    kept = account(network, SHAPE, batch_size=64).total.kept
    network.forward(x)  # once, for what is made once
    for _, layer in network.walk():
        layer.forget()
    assert traced(network, x) == pytest.approx(kept, rel=0.002)


@pytest.mark.parametrize("model", MODELS)
def test_what_an_accelerated_network_keeps_is_traced_too(model, rng):
    network = accelerate(model(rng=rng))
    x = rng.random((64, *SHAPE), np.float32)
    kept = account(network, SHAPE, batch_size=64).total.kept
    network.forward(x[:2])
    assert traced(network, x) == pytest.approx(kept, rel=0.01)


def test_what_two_layers_hold_is_counted_once(rng):
    network = Network([MaxPool2D(2), Flatten(), Dense(4, 2, rng=rng)])
    entries, total = rows(network, (1, 4, 4), batch_size=3)
    assert entries["2"].kept == 0
    assert total.kept == entries["0"].kept == 4 * 3 * (16 + 4)


def test_running_statistics_are_not_kept_for_the_way_back(rng):
    layer = BatchNorm2D(2)
    layer.forward(rng.standard_normal((4, 2, 3, 3)))  # and no older pass
    kept = account(layer, (2, 3, 3), batch_size=4).total.kept
    assert kept == 4 * 4 * 2 * 9 + 8 * 2


@pytest.mark.equation("account-moved")
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_each_number_is_moved_once_each_way(n, stride, f):
    layer = Conv2D(2, f, 3, stride=stride, rng=np.random.default_rng(0))
    x = np.ones((n, 2, 7, 6), np.float32)
    y = layer.forward(x)
    dx = layer.backward(y)
    arrays = [x, y, dx, y]
    for p in layer.parameters():
        arrays += [p.value, p.value, p.grad]
    moved = sum(array.nbytes for array in arrays)
    assert account(layer, x.shape[1:], batch_size=n).total.moved == moved


def test_a_convolution_counts_as_on_the_page_of_the_roofline(rng):
    layer = Conv2D(8, 16, 5, rng=rng)
    total = account(layer, (8, 14, 14), batch_size=32).total
    s = sizes_of((32, 8, 14, 14), (16, 8, 5, 5))
    assert total.forward == COSTS["im2col"].flops(s)


def test_a_residual_adds_both_ways(rng):
    network = Residual(Network([ReLU()]))
    entries, total = rows(network, (2, 3), batch_size=5)
    own, inside = entries.values()
    assert (own.layer, inside.layer, inside.path) == (
        "Residual",
        "ReLU",
        "0.0",
    )
    assert (own.forward, own.backward, own.kept) == (30, 30, 0)
    assert own.moved == 4 * 6 * 30  # two sums, each of two arrays
    assert total.operations == own.operations + inside.operations


@pytest.mark.parametrize("model", MODELS)
def test_an_accelerated_network_saves_the_first_dx(model, rng):
    network = model(rng=rng)
    plain, _ = rows(network)
    for dx in (True, False):
        entries, _ = rows(accelerate(network, input_gradient=dx))
        assert [*entries] == [*plain]
        first, *others = entries.values()
        weights = network.layers[0].weight.value
        saved = 2 * np.prod(first.output) * weights[0].size
        assert plain["0"].backward - first.backward == (0 if dx else saved)
        assert plain["0"].moved - first.moved == (0 if dx else 4 * 32 * 784)
        for one, other in zip(others, [*plain.values()][1:], strict=True):
            assert one.operations == other.operations
            assert one.moved == other.moved


def test_what_comes_before_the_first_weights_has_no_way_back(rng):
    network = Network([ReLU(), Flatten(), Dense(4, 2, rng=rng), ReLU()])
    entries, _ = rows(accelerate(network), (1, 4), batch_size=3)
    relu, flatten, dense, _ = entries.values()
    assert (relu.forward, relu.backward, relu.moved) == (12, 0, 4 * 24)
    assert flatten.moved == 0
    assert dense.backward == 2 * 6 * 4 + 6
    assert dense.moved == 4 * (12 + 2 * 6 + 3 * 10)


def test_a_residual_in_front_goes_all_the_way_back(rng):
    network = Network([Residual(Conv2D(1, 1, 3, padding=1, rng=rng))])
    plain, _ = rows(network)
    entries, _ = rows(accelerate(network))
    assert [e.operations for e in entries.values()] == [
        e.operations for e in plain.values()
    ]


def test_a_residual_s_buffers_belong_to_those_who_work_in_them(rng):
    inside = Network([Conv2D(2, 2, 3, padding=1, rng=rng), BatchNorm2D(2)])
    network = accelerate(Network([Residual(inside)]))
    entries, total = rows(network, (2, 6, 6))
    assert min(entries["0.0.0"].kept, entries["0.0.1"].kept) > 0
    assert total.kept == sum(one.kept for one in entries.values())


@pytest.mark.equation("account-state")
def test_state_is_that_of_each_layer_s_parameters(rng):
    network = two_class(rng=rng)
    size = sum(p.value.size for p in network.parameters())
    for optimizer, arrays, more in [
        (SGD(network.parameters(), 0.1), 0, 0),
        (SGD(network.parameters(), 0.1, momentum=0.9), 1, 0),
        (Adam(network.parameters()), 2, 8),  # and a count of steps
    ]:
        entries, total = rows(network, optimizer=optimizer)
        assert entries["0"].state == arrays * 40 * 4
        assert total.state == arrays * size * 4 + more
    half = SGD(network.layers[0].parameters(), 0.1, momentum=0.9)
    entries, total = rows(network, optimizer=half)
    assert (entries["3"].state, total.state) == (0, 160)
    entries, _ = rows(accelerate(network), optimizer=half)
    assert entries["0"].state == 160


def test_an_optimizer_of_others_is_refused(rng):
    other = SGD(two_class(rng=rng).parameters(), 0.1)
    with pytest.raises(ValueError, match="of the network's own parameters"):
        account(two_class(rng=rng), SHAPE, optimizer=other)
