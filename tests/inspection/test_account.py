"""The account, by hand, by what layers hold, and by what Python has traced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.account import account, short
from scratchcnn.layer import Layer
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.models import lenet, record, two_class
from scratchcnn.training.optimizers import Adam
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
