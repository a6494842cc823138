"""A training run: train, and its history."""

import copy
import itertools
import math

import numpy as np
import pytest

from scratchcnn.data.batches import minibatches
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.loss import Loss
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.training.gradient_descent import gradient_descent
from scratchcnn.training.loop import LOOKS, History, train
from scratchcnn.training.optimizers import SGD, Adam
from scratchcnn.training.schedules import constant, cosine, warm_up
from tests.comparing import assert_all_close, frozen, global_random_state

EXAMPLES = 20


def small_network(rng, dtype=np.float64):
    network = Network(
        [
            Conv2D(1, 2, 3, rng=rng),
            ReLU(),
            Network([Flatten(), Dense(12, 1, rng=rng)]),
        ]
    )
    network.astype(dtype)
    return network


def small_data(rng, dtype=np.float64):
    x = rng.standard_normal((EXAMPLES, 1, 4, 5))
    t = rng.standard_normal((EXAMPLES, 1))
    return frozen(x.astype(dtype)), frozen(t.astype(dtype))


def run(network, x, t, optimizer=None, **changes):
    """Train with plain SGD, MSE and some arguments changed."""
    arguments = {
        "loss": MeanSquaredError(),
        "epochs": 2,
        "batch_size": 8,
        "rng": np.random.default_rng(6),
    }
    if optimizer is None:
        optimizer = SGD(network.parameters(), 0.01)
    arguments |= changes
    loss = arguments.pop("loss")
    return train(network, loss, optimizer, x, t, **arguments)


def values(network):
    return [p.value.copy() for p in network.parameters()]


def same(network, other):
    for p, q in zip(network.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)


class Noting(Layer):
    """Add a learned number, and note modes and examples."""

    def __init__(self):
        self.shift = Parameter(np.zeros(1))
        self.modes, self.seen = [], []

    def forward(self, x):
        """Return x + shift."""
        self.modes.append(self.training)
        self.seen.append(x)
        return x + self.shift.value

    def backward(self, dy):
        """Return dy."""
        self.shift.grad[...] = dy.sum()
        return dy


class Failing(Loss):
    """Say 1, until it is told to say something else."""

    def __init__(self, value, after):
        self.value, self.left = value, after

    def forward(self, y, t):
        """Return 1, or in the end the value."""
        self.left -= 1
        self.keep(y)
        return 1.0 if self.left >= 0 else self.value

    def backward(self):
        """Return ones."""
        return np.ones_like(self.recall())


# The loop


def test_plain_sgd_is_gradient_descent(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    other = copy.deepcopy(network)
    history = run(network, x, t, epochs=3)
    wanted = gradient_descent(
        other,
        MeanSquaredError(),
        x,
        t,
        learning_rate=0.01,
        epochs=3,
        batch_size=8,
        rng=np.random.default_rng(6),
    )
    assert history.losses == list(wanted)
    assert history.scores == []
    assert history.learning_rates == [0.01] * 3
    assert len(history) == 3
    same(network, other)


@pytest.mark.pytorch
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_run_with_a_schedule_is_that_of_pytorch(kind, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network, (x, t) = small_network(rng), small_data(rng)
    weights = [
        torch.tensor(p.value, requires_grad=True) for p in network.parameters()
    ]
    settings = {"momentum": 0.9, "nesterov": True} if kind == "SGD" else {}
    optimizer = getattr(torch.optim, kind)(weights, lr=0.02, **settings)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
    order, losses, rates = np.random.default_rng(6), [], []
    functional = torch.nn.functional
    for _ in range(4):
        total = 0.0
        for xs, ts in minibatches(x, t, 8, rng=order):
            w1, b1, w2, b2 = weights
            y = functional.conv2d(torch.tensor(xs), w1, b1)
            y = functional.linear(functional.relu(y).flatten(1), w2, b2)
            loss = functional.mse_loss(y, torch.tensor(ts))
            optimizer.zero_grad()
            loss.backward()
            rate = optimizer.param_groups[0]["lr"]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(xs) / len(x)
        losses.append(total)
        rates.append(rate)
    ours = {"SGD": SGD, "Adam": Adam}[kind](
        network.parameters(), 0.02, **settings
    )
    history = run(network, x, t, ours, epochs=4, schedule=cosine())
    assert history.losses == pytest.approx(losses, rel=1e-10)
    assert history.learning_rates == pytest.approx(rates, rel=1e-10)
    wanted = [weight.detach().numpy() for weight in weights]
    assert_all_close(values(network), wanted, tolerance=1e-10)


def test_labels_may_be_integers(rng):
    class OnLabels(MeanSquaredError):  # noqa: N818
        def forward(self, y, t):
            assert t.dtype == np.int64
            return super().forward(y, t[:, None].astype(y.dtype))

    network, (x, _) = small_network(rng), small_data(rng)
    labels = np.arange(EXAMPLES) % 2
    history = run(network, x, labels, loss=OnLabels(), epochs=30)
    assert history.losses[-1] < history.losses[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_keeps_the_precision(dtype, rng):
    network, (x, t) = small_network(rng, dtype), small_data(rng, dtype)

    def schedule(done):
        return np.float64(1 - done)

    run(network, x, t, Adam(network.parameters()), schedule=schedule)
    for p in network.parameters():
        assert p.value.dtype == p.grad.dtype == dtype


def test_global_randomness_is_left_alone(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    before = global_random_state()
    run(network, x, t)
    assert global_random_state() == before


def test_some_parameters_may_be_left_as_they_are(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    before = values(network)
    run(network, x, t, SGD(network.layers[2].parameters(), 0.01))
    moved = [np.any(a != b) for a, b in zip(before, values(network))]  # noqa: B905
    assert moved == [False, False, True, True]


# Schedules


@pytest.mark.equation("run-rate")
@pytest.mark.parametrize("size", [1, 7, EXAMPLES])
def test_each_step_has_a_rate_of_its_own(size, rng):
    class Watched(SGD):
        def step(self, factor=1.0):
            rates.append(self.learning_rate * factor)
            super().step(factor)

    network, (x, t) = small_network(rng), small_data(rng)
    rates, schedule = [], warm_up(0.3, cosine(0.1))
    optimizer = Watched(network.parameters(), 0.02)
    history = run(
        network,
        x,
        t,
        optimizer,
        epochs=3,
        batch_size=size,
        schedule=schedule,
    )
    per_epoch = math.ceil(EXAMPLES / size)
    wanted = []
    for step in range(3 * per_epoch):
        wanted.append(0.02 * schedule(step / (3 * per_epoch)))
    assert rates == wanted
    assert history.learning_rates == wanted[per_epoch - 1 :: per_epoch]
    assert optimizer.learning_rate == 0.02


def test_a_constant_schedule_is_none(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    other = copy.deepcopy(network)
    one = run(network, x, t)
    assert run(other, x, t, schedule=constant()) == one
    same(network, other)


def test_the_rate_is_its_own_when_others_look(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    optimizer, seen = SGD(network.parameters(), 0.02), []

    def look(_):
        seen.append(optimizer.learning_rate)
        return 0.0

    run(
        network,
        x,
        t,
        optimizer,
        schedule=cosine(),
        score=look,
        after_epoch=look,
    )
    assert seen == [0.02] * 4


def test_the_rate_is_its_own_when_an_error_leaves(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    optimizer, loss = SGD(network.parameters(), 0.02), Failing(np.nan, 4)
    with pytest.raises(FloatingPointError, match=r"learning_rate than 0\.02$"):
        run(network, x, t, optimizer, schedule=cosine(), loss=loss)
    assert optimizer.learning_rate == 0.02


@pytest.mark.parametrize("factor", [-0.1, np.nan, np.inf])
def test_a_schedule_gives_factors(factor, rng):
    network, (x, t) = small_network(rng), small_data(rng)
    before = values(network)
    message = rf"^train wants 0 <= the factor of .* < inf, got {factor}$"
    for late in (0, 0.9):
        with pytest.raises(ValueError, match=message):
            run(
                network,
                x,
                t,
                epochs=5,
                schedule=lambda done, late=late: 1 if done < late else factor,
            )
        assert_all_close(values(network), before)


def test_a_long_schedule_is_looked_at_a_thousand_times(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    epochs, asked = 8_000_000, []
    steps = epochs * 2  # of ten examples each

    class StartedError(Exception):
        pass

    def schedule(done):
        asked.append(done)
        return 1.0

    def augment(x, rng):
        raise StartedError

    with pytest.raises(StartedError):
        run(
            network,
            x,
            t,
            epochs=epochs,
            batch_size=10,
            schedule=schedule,
            augment=augment,
        )
    assert len(asked) == LOOKS == 1000
    assert (asked[0], asked[-1]) == (0, (steps - 1) / steps)
    np.testing.assert_allclose(np.diff(asked), 1 / 999, rtol=1e-3)


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_a_short_schedule_is_looked_at_whole(rng, epochs):
    network, (x, t) = small_network(rng), small_data(rng)
    asked = []
    run(
        network,
        x,
        t,
        epochs=epochs,
        schedule=lambda done: asked.append(done) or 1.0,
    )
    steps = 3 * epochs
    assert asked[:steps] == [k / steps for k in range(steps)]


def test_a_factor_that_nobody_has_looked_at_is_checked_in_its_step(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    steps, bad = 2000 * 20, 7 / (2000 * 20)
    message = r"^train wants 0 <= the factor of .* < inf, got -1"
    with pytest.raises(ValueError, match=message):
        run(
            network,
            x,
            t,
            epochs=2000,
            batch_size=1,
            schedule=lambda done: -1 if done == bad else 1.0,
        )
    assert steps * bad == 7


def test_a_rate_changed_between_epochs_holds_from_then_on(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    optimizer = SGD(network.parameters(), 0.02)

    def halve(_):
        optimizer.learning_rate /= 2

    history = run(network, x, t, optimizer, epochs=3, after_epoch=halve)
    assert history.learning_rates == [0.02, 0.01, 0.005]


# What is asked after an epoch


def test_a_score_is_taken_in_evaluation_mode():
    layer, x = Noting(), np.ones((4, 1))
    network = Network([layer, ReLU()])
    modes = []

    def score(network):
        modes.append([one.training for _, one in network.walk()])
        return np.float32(len(modes))

    history = run(network, x, x, batch_size=2, epochs=2, score=score)
    assert modes == [[False] * 3] * 2
    assert layer.modes == [True] * 4
    assert network.training
    assert history.scores == [1, 2]
    assert type(history.scores[0]) is float


def test_training_happens_in_training_mode_whatever_came_before():
    network, x = Network([Noting()]), np.ones((4, 1))
    network.eval()
    run(network, x, x, batch_size=4, after_epoch=lambda _: network.eval())
    assert network.layers[0].modes == [True, True]


def test_after_each_epoch_the_history_is_shown(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    shown = []
    history = run(
        network,
        x,
        t,
        epochs=3,
        score=lambda _: 0.5,
        after_epoch=lambda h: shown.append(copy.deepcopy(h)),
    )
    assert [len(h) for h in shown] == [1, 2, 3]
    assert shown[-1] == history
    for h in shown:
        assert len(h.losses) == len(h.scores) == len(h.learning_rates)


def test_a_score_that_fails_leaves_no_half_of_an_epoch(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    history = History()
    with pytest.raises(ZeroDivisionError):
        run(network, x, t, history=history, score=lambda _: 1 / 0)
    assert history == History()


def test_a_score_may_be_an_accuracy(rng):
    network, (x, _) = small_network(rng), small_data(rng)
    labels = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    t = labels[:, None].astype(float)
    optimizer = Adam(network.parameters(), 0.01)
    history = run(
        network,
        x,
        t,
        optimizer,
        epochs=200,
        score=lambda network: accuracy(network, MeanSquaredError(), x, labels),
    )
    assert (
        history.scores[-1]
        == accuracy(network, MeanSquaredError(), x, labels)
        == 1
    )


# Augmented examples


def test_the_network_sees_augmented_examples():
    layer, x = Noting(), np.arange(6.0)[:, None]
    noise = np.random.default_rng(6)
    wanted = []
    for xs, _ in minibatches(x, x, 4, rng=noise):
        wanted.append(xs + noise.random(xs.shape))
    run(
        layer,
        frozen(x),
        x,
        epochs=1,
        batch_size=4,
        augment=lambda xs, rng: xs + rng.random(xs.shape),
    )
    assert_all_close(layer.seen, wanted)


# Interrupted and resumed


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_is_an_unbroken_one(kind, stop, rng):
    network, (x, t) = small_network(rng), small_data(rng)
    first, order = copy.deepcopy(network), np.random.default_rng(3)

    def go(network, optimizer, order, history=None, after_epoch=None):
        return run(
            network,
            x,
            t,
            optimizer,
            epochs=5,
            rng=order,
            schedule=warm_up(0.2, cosine()),
            augment=lambda xs, rng: xs + rng.normal(0, 0.1, xs.shape),
            score=lambda network: float(network.forward(x).sum()),
            history=history,
            after_epoch=after_epoch,
        )

    settings = {"momentum": 0.9} if kind is SGD else {}
    unbroken = go(network, kind(network.parameters(), 0.02, **settings), order)

    optimizer = kind(first.parameters(), 0.02, **settings)
    order, saved = np.random.default_rng(3), {}

    def keep_and_stop(history):
        if len(history) == stop:
            saved.update(
                network=copy.deepcopy(first),
                state=copy.deepcopy(optimizer.state()),
                order=copy.deepcopy(order),
                history=copy.deepcopy(history),
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(first, optimizer, order, after_epoch=keep_and_stop)
    second = saved["network"]
    optimizer = kind(second.parameters(), 0.02, **settings)
    for name, array in optimizer.state().items():
        array[...] = saved["state"][name]
    resumed = go(second, optimizer, saved["order"], saved["history"])
    assert resumed is saved["history"]
    assert resumed == unbroken
    same(second, network)


def test_an_empty_history_is_filled_in_place(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    history = History()
    assert run(network, x, t, history=history) is history
    assert len(history) == 2


def test_a_finished_run_is_left_as_it_is(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    history = run(network, x, t)
    before = values(network)
    assert run(network, x, t, history=history) is history
    assert len(history) == 2
    assert_all_close(values(network), before)


def test_a_longer_history_is_refused(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    history = run(network, x, t)
    with pytest.raises(ValueError, match=r"^train wants epochs >= 2, got 1$"):
        run(network, x, t, history=history, epochs=1)


# Things that go wrong


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_stops_the_run(value):
    layer, x = Noting(), np.ones((6, 1))
    message = (
        rf"^train: the loss is {value} in epoch 2, batch 2; the largest "
        r"gradient of the last step was 2, in parameter 1 of 1, \(1,\): "
        r"try a smaller learning_rate than 0\.01$"
    )
    history = History()
    loss = Failing(value, 4)
    with pytest.raises(FloatingPointError, match=message):
        run(layer, x, x, batch_size=2, loss=loss, history=history)
    assert len(history) == 1
    # Four steps against a gradient of 2; the fifth is not taken.
    np.testing.assert_allclose(layer.shift.value, -4 * 0.01 * 2)


def test_the_largest_of_all_gradients_is_named(rng):
    layer, x = Dense(1, 2, rng=rng), np.full((4, 1), 1e-3)
    message = r"in parameter 2 of 2, \(2,\): try"
    with pytest.raises(FloatingPointError, match=message):
        run(layer, x, np.zeros((4, 2)), batch_size=2, loss=Failing(np.nan, 1))


def test_a_loss_that_is_not_finite_from_the_start_blames_no_rate():
    x = np.ones((6, 1))
    message = (
        r"^train: the loss is nan in epoch 1, batch 1, before any gradient: "
        r"are the initial weights and the targets numbers of a usual size\?$"
    )
    with pytest.raises(FloatingPointError, match=message):
        run(Noting(), x, x, batch_size=2, loss=Failing(np.nan, 0))


def test_an_absurd_rate_is_reported_without_other_noise(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    message = r"loss is (inf|nan) in epoch \d+, batch [123]; the largest"
    with pytest.raises(FloatingPointError, match=message):
        run(network, x, t, SGD(network.parameters(), 1e9), epochs=1000)


def test_a_last_step_that_diverges_is_seen(rng):
    layer = Dense(1, 1, rng=rng)
    x, optimizer = np.full((1, 1), 1e15, np.float32), None
    optimizer = SGD(layer.parameters(), 1e30)
    message = "parameter is no longer finite in epoch 1, batch 1; the largest"
    with pytest.raises(FloatingPointError, match=message):
        run(layer, x, x, optimizer, batch_size=1)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"batch_size": EXAMPLES + 1}, ValueError, "batch_size <= 20, .* 21"),
        ({"batch_size": 0}, ValueError, "batch_size >= 1, got 0"),
        ({"batch_size": 2.0}, TypeError, "batch_size as an integer"),
        ({"epochs": 0}, ValueError, "epochs >= 1, got 0"),
        ({"epochs": 1.5}, TypeError, "epochs as an integer, got 1.5"),
        ({"rng": 0}, TypeError, "rng as a numpy.random.Generator"),
    ],
)
def test_settings_that_can_not_be_used_are_refused(
    changes, error, message, rng
):
    network, (x, t) = small_network(rng), small_data(rng)
    with pytest.raises(error, match=f"^train wants {message}"):
        run(network, x, t, **changes)


def test_examples_that_can_not_be_used_are_refused(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    bad = x.copy()
    bad[3, 0, 1, 1] = np.nan
    with pytest.raises(ValueError, match=r"^train wants x finite, got NaN"):
        run(network, bad, t)
    with pytest.raises(ValueError, match=r"^train wants t as an array"):
        run(network, x, t[1:])
    with pytest.raises(ValueError, match=r"^train wants one or .*, got none"):
        run(network, x[:0], t[:0])
    with pytest.raises(TypeError, match=r"^train wants x as an array of flo"):
        run(network, x.astype(int), t)


def test_the_parameters_of_another_network_are_refused(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    other = SGD(copy.deepcopy(network).parameters(), 0.01)
    with pytest.raises(ValueError, match=r"^train wants an optimizer of the"):
        run(network, x, t, other)


# The bar


def test_progress_is_shown_on_stderr_if_wanted(rng, capsys):
    network, (x, t) = small_network(rng), small_data(rng)
    run(network, x, t)
    assert capsys.readouterr() == ("", "")
    history = run(network, x, t, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "epoch 2 of 2" in err
    assert "6/6" in err
    assert f"loss {history.losses[-1]:.4f}" in err


def test_the_bar_of_a_resumed_run_begins_where_it_stopped(rng, capsys):
    network, (x, t) = small_network(rng), small_data(rng)
    history = run(network, x, t, epochs=1)
    run(network, x, t, history=history, progress=True)
    _, err = capsys.readouterr()
    assert "3/6" in err
    assert "0/6" not in err


@pytest.mark.equation("heart-bits")
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("images", [1, 2, 5])
def test_fewer_bits_can_not_hold_all_labelings(images, classes):
    labelings = {*itertools.product(range(classes), repeat=images)}
    bits = 0
    while len({*range(2**bits)}) < len(labelings):
        bits += 1
    assert bits == math.ceil(images * math.log2(classes))
    assert 2**bits >= classes**images > 2 ** (bits - 1)
