"""The account, by hand, by what layers hold, and by what Python has traced."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.convolutions.cost import COSTS, sizes_of
from scratchcnn.inspection.account import account, short
from scratchcnn.layer import Layer
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
from scratchcnn.models import lenet, record, two_class
from scratchcnn.training.optimizers import SGD, Adam
from tests.cases import network_with_memory
from tests.comparing import assert_untouched

SHAPE = 1, 28, 28
MODELS = [two_class, lenet, record]


class Unknown(Layer):
    """Doubles its input, and keeps what came out in its own way."""

    def forward(self, x):
        """Return 2 * x."""
        self.remembered = 2 * x
        return self.remembered.copy()

    def backward(self, dy):
        """Return 2 * dy."""
        return 2 * dy


class Closed(Network):
    """A network whose forward pass is its own."""


def rows(network, shape=SHAPE, **options):
    """Return the entries of an account by path."""
    found = account(network, shape, **options)
    return {one.path: one for one in found.entries}, found.total


# By hand


def test_the_network_of_part_one_by_hand(rng):
    entries, total = rows(two_class(rng=rng), batch_size=8)
    conv, relu, reshape, dense, second, last = entries.values()
    assert (conv.layer, conv.output) == ("Conv2D", (8, 4, 26, 26))
    assert conv.parameters == 4 * 9 + 4
    assert conv.kept == 8 * 9 * 26 * 26 * 4  # columns
    assert conv.forward == 2 * 8 * 4 * 26 * 26 * 9
    assert conv.backward == 2 * conv.forward + 8 * 4 * 26 * 26
    assert conv.moved == 4 * (2 * 8 * 784 + 2 * 8 * 2704 + 3 * 40)
    assert relu.kept == 8 * 2704  # one byte each
    assert (relu.forward, relu.backward) == (8 * 2704, 8 * 2704)
    assert relu.moved == 4 * 4 * 8 * 2704
    assert reshape.kept == reshape.operations == reshape.moved == 0
    assert reshape.intensity is None
    assert dense.parameters == 2704 * 32 + 32
    assert dense.kept == 8 * 2704 * 4  # its input
    assert dense.forward == 2 * 8 * 32 * 2704
    assert dense.backward == 2 * dense.forward + 8 * 32
    assert (second.kept, last.kept) == (8 * 32, 8 * 32 * 4)
    assert last.forward == 2 * 8 * 32
    assert dense.intensity == dense.operations / dense.moved
    assert total.parameters == 40 + 86_560 + 33
    assert total.output == (8, 1)


def test_lenet_by_hand(rng):
    entries, total = rows(lenet(rng=rng), batch_size=2)
    kept = [
        4 * 25 * 784,  # columns
        8 * 784,  # where it was positive
        4 * 8 * (784 + 196),  # before and after
        4 * 200 * 100,
        16 * 100,
        4 * 16 * (100 + 25),
        0,
        0,  # its input belongs to the pooling already
        64,
        4 * 64,
    ]
    assert [one.kept for one in entries.values()] == [2 * k for k in kept]
    assert entries["2"].forward == 2 * 8 * 196 * 3
    assert entries["3"].operations == 2 * 1600 * (6 * 200 + 1)
    assert total.kept == 2 * sum(kept)
    assert total.operations == sum(e.operations for e in entries.values())
    assert total.moved == sum(e.moved for e in entries.values())


# What is kept


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


# Operations and bytes


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


# Accelerated networks


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


# Optimizers


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


# What is not known


def test_what_is_not_known_is_not_zero(rng):
    network = Network(
        [Unknown(), Closed([ReLU()]), Flatten(), Dense(4, 2, rng=rng)]
    )
    entries, total = rows(network, (4,), batch_size=3)
    unknown, closed = entries["0"], entries["1"]
    assert (unknown.forward, unknown.backward) == (None, None)
    assert unknown.operations is unknown.intensity is None
    assert (unknown.kept, unknown.moved) == (4 * 12, 4 * 48)
    assert closed.operations is closed.moved is None
    assert entries["1.0"].operations == 24
    assert total.operations is total.moved is None
    text = str(account(network, (4,), batch_size=3))
    assert text.splitlines()[-1] == "? account can't count Closed, Unknown"
    assert "?" in text.splitlines()[1]
    assert "?" not in str(account(lenet(rng=rng), SHAPE))


def test_a_layer_that_is_not_called_is_there(rng):
    class Lazy(Unknown):
        def __init__(self):
            self.inside = Dense(4, 2, rng=rng)

    entries, _ = rows(Lazy(), (4,))
    assert entries["0"].parameters == 10
    assert entries["0"].output == ()
    assert entries["0"].operations is entries["0"].moved is None


# The table


@given(st.floats(0, 1e15))
def test_short_numbers_are_as_good_as_three_digits(number):
    text = short(number)
    power = "kMGT".find(text[-1]) + 1
    value = float(text.rstrip("kMGT")) * 1000**power
    assert value == pytest.approx(number, rel=0.005)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7, "7"),
        (0.125, "0.125"),
        (999, "999"),
        (999.6, "1.00k"),
        (1000, "1.00k"),
        (12_345, "12.3k"),
        (123_456, "123k"),
        (999_600, "1.00M"),
        (2.5e9, "2.50G"),
        (1e12, "1.00T"),
        (None, "?"),
    ],
)
def test_short_numbers(number, text):
    assert short(number) == text


@pytest.mark.parametrize("model", MODELS)
def test_the_table_fits_a_page(model, rng):
    network = model(rng=rng)
    for one in network, accelerate(network), Network([Network([network])]):
        found = account(one, SHAPE, optimizer=Adam(network.parameters()))
        lines = str(found).splitlines()
        assert len(lines) == len(found.entries) + 2
        assert len({len(line) for line in lines}) == 1
        assert len(lines[0]) <= 79


# Nothing else is touched


@pytest.mark.parametrize("training", [True, False])
def test_nothing_of_the_network_changes(training, rng):
    network = network_with_memory(rng)
    network.train(training)
    with assert_untouched(network, rng.standard_normal((4, 1, 3, 3)), rng):
        account(network, (1, 3, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "lenet"}, "account wants a layer"),
        ({"input_shape": 784}, "input_shape as a tuple, got 784"),
        ({"batch_size": 0}, "batch_size >= 1, got 0"),
        ({"dtype": int}, "a type of floats"),
        ({"input_shape": (1, 2, 2)}, "Conv2D"),
    ],
)
def test_what_it_can_not_use_is_named(rng, change, message):
    asked = {"network": lenet(rng=rng), "input_shape": SHAPE, **change}
    with pytest.raises((TypeError, ValueError), match=message):
        account(**asked)
