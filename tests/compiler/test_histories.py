"""Whatever is done to a network, its accelerated form does the same."""

import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D, Pooling
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.residual import Residual
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from scratchcnn.training.gradient_descent import gradient_step
from scratchcnn.training.optimizers import SGD
from tests.comparing import LAYOUTS, assert_all_close
from tests.compiler.test_accelerate import networks

REFUSALS = TypeError, ValueError, RuntimeError


class History:
    """A network with a past; what is done to it depends on a seed alone."""

    def __init__(self, network, shape):
        self.network, self.shape, self.y = network, shape, None

    def batch(self, rng, dtype):
        """Draw a batch of any size, in any layout."""
        n = int(rng.integers(2, 5))
        layout = LAYOUTS[str(rng.choice([*LAYOUTS]))]
        return layout(rng.standard_normal((n, *self.shape)).astype(dtype))

    def forget(self):
        """Leave the last pass behind, as an accelerated network does."""
        self.y = None
        for _, layer in self.network.walk():
            layer.forget()

    def forward(self, rng):
        """Look at a batch."""
        self.y = self.network.forward(self.batch(rng, np.float64))
        return [self.y]

    def narrow(self, rng):
        """Look at a batch of less precision, which must not be confused."""
        x = self.batch(rng, np.float32)
        with evaluation_mode(self.network):
            self.network.forward(x)
        self.y = self.network.forward(x.astype(np.float64))
        return [self.y]

    def backward(self, rng):
        """Go back, once; then take a step."""
        shape = (3, 2) if self.y is None else self.y.shape
        dx = self.network.backward(rng.standard_normal(shape))
        parameters = self.network.parameters()
        self.forget()
        for p in parameters:
            p.value -= 0.01 * np.tanh(p.grad)
        return [dx, *(p.grad.copy() for p in parameters)]

    def mode(self, rng):
        """Change the mode, or keep it."""
        self.network.train(bool(rng.integers(2)))
        return []

    def evaluate(self, rng):
        """Look at other examples in between."""
        with evaluation_mode(self.network):
            return [self.network.forward(self.batch(rng, np.float64))]

    def replace(self, rng):
        """Put a new layer of the same kind where an old one is."""
        layers = self.network.layers
        i = int(rng.integers(len(layers)))
        layers[i] = copy.deepcopy(layers[i])
        for p in layers[i].parameters():
            p.value += rng.standard_normal(p.value.shape)
        return []

    def rebuild(self, rng):
        """Give the network another list of layers."""
        layer = ReLU() if rng.integers(2) else Sigmoid()
        self.network.layers = [*self.network.layers, layer]
        return []

    def retune(self, rng):
        """Change what a layer has been made with."""
        leaves = [*self.network.leaves()]
        layer = leaves[int(rng.integers(len(leaves)))]
        if isinstance(layer, (Conv2D, Pooling)):
            layer.stride = tuple(int(s) for s in rng.integers(1, 4, 2))
        elif isinstance(layer, BatchNorm2D):
            layer.momentum, layer.epsilon = 0.5, 0.25
        elif isinstance(layer, Dropout):
            layer.p = 0.75
        self.forget()
        return []

    def reload(self, rng):
        """Change all weights where they are, and put one somewhere else."""
        parameters = self.network.parameters()
        for p in parameters:
            p.value[...] = rng.standard_normal(p.value.shape)
        if parameters:
            parameters[-1].value = parameters[-1].value.copy()
        return []

    def twin(self, rng):
        """Go on with a copy."""
        way = (copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n)))
        self.network = way[int(rng.integers(2))](self.network)
        return []

    def do(self, action, seed):
        """Do something; return its results, or the kind of refusal."""
        try:
            with np.errstate(all="ignore"):
                results = getattr(self, action)(np.random.default_rng(seed))
        except REFUSALS as error:
            return type(error), []
        buffers = [
            array.copy()
            for _, layer in self.network.walk()
            for array in layer.buffers().values()
        ]
        return None, [*results, *buffers]


HELPERS = "batch", "do", "forget"
ACTIONS = ["forward", "backward", *vars(History)]
ACTIONS = [a for a in ACTIONS if a[0] != "_" and a not in HELPERS]


@given(
    networks(), st.lists(st.sampled_from(ACTIONS), max_size=9), st.integers(0)
)
def test_both_have_the_same_history(case, actions, seed):
    (network, shape), seed = case, seed % 2**32
    network.astype(np.float64)
    fast = accelerate(copy.deepcopy(network), input_gradient=True)
    plain, quick = History(network, shape), History(fast, shape)
    for i, action in enumerate(actions):
        refused, wanted = plain.do(action, [seed, i])
        also_refused, actual = quick.do(action, [seed, i])
        assert also_refused == refused
        if refused and action != "backward":
            return  # half of a pass may have been made
        assert_all_close(actual, wanted, tolerance=1e-8)


# One entry of the list each


def example(rng, input_gradient=False):
    network = Network([Dense(2, 2, rng=rng), ReLU(), Dense(2, 1, rng=rng)])
    return network, accelerate(network, input_gradient=input_gradient)


def test_a_replaced_layer_is_seen_and_trained(rng):
    network, fast = example(rng)
    x, t = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    fast(x)
    network.layers[0] = Dense(2, 2, rng=rng)
    np.testing.assert_allclose(fast(x), network(x), rtol=1e-12)
    before = network.layers[0].weight.value.copy()
    optimizer, loss = SGD(fast.parameters(), 0.1), MeanSquaredError()
    first = loss.forward(fast(x), t)
    for _ in range(20):
        loss.forward(fast(x), t)
        fast.backward(loss.backward())
        optimizer.step()
    assert loss.forward(fast(x), t) < first
    assert not np.array_equal(network.layers[0].weight.value, before)


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n.layers.append(Sigmoid()),
        lambda n: n.layers.pop(),
        lambda n: setattr(n.layers[0], "stride", (2, 1)),
        lambda n: setattr(n, "layers", n.layers[:1]),
        lambda n: setattr(n.layers[1], "stride", (1, 1)),
        lambda n: n.layers[2].layers.append(Sigmoid()),
        lambda n: n.layers[3].inside.layers.pop(),
        lambda n: setattr(n.layers[3], "shortcut", Sigmoid()),
        lambda n: setattr(n.layers[3], "inside", ReLU()),
    ],
    ids=[
        *("append", "pop", "stride", "layers", "window", "inside"),
        *("inside a residual", "its shortcut", "its inside"),
    ],
)
def test_a_changed_network_gets_a_new_plan(change, rng):
    inside = Network([ReLU()])
    around = Residual(Network([Sigmoid(), ReLU()]))
    layers = [Conv2D(1, 2, 2, rng=rng), MaxPool2D(2), inside, around]
    network, x = Network(layers), rng.standard_normal((3, 1, 7, 7))
    fast = accelerate(network, input_gradient=True)
    y = fast(x)
    change(network)
    with pytest.raises(RuntimeError, match="has changed"):
        fast.backward(y)
    np.testing.assert_allclose(fast(x), network(x), rtol=1e-12)
    dx = fast.backward(np.ones_like(fast(x)))
    network(x)
    wanted = network.backward(np.ones_like(network(x)))
    np.testing.assert_allclose(dx, wanted, atol=1e-12)


def test_threads_do_not_disturb_each_other_s_outputs(rng):
    network = two_class(rng=rng)
    network.layers.insert(2, BatchNorm2D(4))
    network.eval()
    batches = [rng.standard_normal((5, 1, 28, 28)) for _ in range(4)]
    for one in network, accelerate(network):
        wanted = [one(x) for x in batches]
        wrong, start = [], threading.Barrier(len(batches))

        def work(i, one=one, wanted=wanted, wrong=wrong, start=start):
            start.wait()
            wrong.extend(
                i
                for _ in range(40)
                if not np.array_equal(one(batches[i]), wanted[i])
            )

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_another_thread_s_forward_pass_is_not_gone_back_from(rng):
    network, fast = example(rng)
    x = rng.standard_normal((3, 2))
    for one in network, fast:
        one(x)
        thread = threading.Thread(target=one, args=(x,))
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="in the same thread"):
            one.backward(np.ones((3, 1)))


def test_evaluation_between_the_passes_is_refused(rng):
    network, fast = example(rng)
    x = rng.standard_normal((3, 2))
    for one in network, fast:
        one(x)
        with evaluation_mode(one):
            one(-x)
        with pytest.raises(RuntimeError, match="needs a forward pass"):
            one.backward(np.ones((3, 1)))
        one(x)
        one.eval()
        one(-x)
        one.train()
        with pytest.raises(RuntimeError, match="needs a forward pass"):
            one.backward(np.ones((3, 1)))


def test_modes_reach_the_network_that_is_accelerated(rng):
    network, fast = example(rng)
    fast.eval()
    assert not network.training
    fast.train()
    assert network.training


def test_an_accelerated_end_is_no_place_to_stop(rng):
    network, fast = example(rng)
    whole = Network([Dense(3, 2, rng=rng), fast])
    x, t = rng.standard_normal((4, 3)), rng.standard_normal((4, 1))
    with pytest.raises(ValueError, match="input_gradient=True"):
        gradient_step(whole, MeanSquaredError(), x, t, 0.1)
    whole.layers[1] = accelerate(network, input_gradient=True)
    before = whole.layers[0].weight.value.copy()
    gradient_step(whole, MeanSquaredError(), x, t, 0.1)
    assert np.isfinite(whole.layers[0].weight.value).all()
    assert not np.array_equal(whole.layers[0].weight.value, before)
    # An accelerated network of accelerated ones knows them all.
    whole.layers[1] = fast
    outer = accelerate(whole, input_gradient=True)
    y = outer(x)
    np.testing.assert_allclose(y, whole(x), rtol=1e-12)
    assert np.isfinite(outer.backward(y)).all()


def test_a_parameter_of_another_size_is_seen(rng):
    dense = Dense(3, 4, rng=rng)
    network, x = Network([dense, ReLU()]), rng.standard_normal((2, 3))
    fast = accelerate(network)
    fast(x)
    dense.weight.value = rng.standard_normal((5, 3))
    dense.bias.value = rng.standard_normal(5)
    dense.out_features = 5
    np.testing.assert_allclose(fast(x), network(x), rtol=1e-12)


def test_shapes_of_unknown_layers_may_not_change_in_secret(rng):
    class Moody(ReLU):
        """Gives what it is told to."""

        width = 2

        def forward(self, x):
            """Return as many columns as it likes."""
            return super().forward(x[:, : self.width])

    fast, x = accelerate(Network([Moody()])), rng.standard_normal((3, 2))
    fast(x)
    Moody.width = 1
    with pytest.raises(ValueError, match="wants its output of shape"):
        fast(x)


def test_both_forms_may_be_used_in_turn(rng):
    layers = [Dense(2, 3, rng=rng), Sigmoid(), Dropout(0.5, rng=rng)]
    network = Network([*layers, Dense(3, 2, rng=rng)])
    x, other, dy = rng.standard_normal((3, 4, 2))
    fast = accelerate(network, input_gradient=True)
    generator = layers[2].rng

    def gradients(one, between=None):
        generator.bit_generator.state = start
        one(x)
        if between is not None:
            between(other)
        return [one.backward(dy), *(p.grad.copy() for p in one.parameters())]

    start = generator.bit_generator.state
    wanted = gradients(network)
    assert_all_close(gradients(network, fast), wanted, tolerance=0)
    assert_all_close(gradients(fast, network), wanted)


def test_half_of_a_pass_is_nothing_to_go_back_from(rng):
    network = Network([Dense(2, 3, rng=rng), Dense(4, 2, rng=rng)])
    x, layer = rng.standard_normal((4, 2)), network.layers[1]
    network.layers[1] = Dense(3, 2, rng=rng)
    network(x)
    network.layers[1] = layer
    with pytest.raises(ValueError, match="wants x"):
        network(-x)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        network.layers[0].backward(np.ones((4, 3)))


def test_attributes_that_can_t_be_compared_are_no_trouble(rng):
    class Weighted(ReLU):
        """Keeps arrays in a tuple."""

        def __init__(self):
            self.w = (np.ones(2),)

        def forward(self, x):
            """Return y."""
            return super().forward(x) * self.w[0]

    network, x = Network([Weighted()]), rng.standard_normal((3, 2))
    fast = accelerate(network)
    fast(x)
    network.layers[0].w = (np.full(2, 3.0),)
    np.testing.assert_array_equal(fast(x), network(x))


def test_a_kept_gradient_is_seen_however_deep_it_is_kept(rng):
    _, fast = example(rng)
    whole = Network([Dense(3, 2, rng=rng), Network([Network([fast])])])
    y = whole(rng.standard_normal((4, 3)))
    with pytest.raises(ValueError, match="input_gradient=True"):
        whole.backward(y)
