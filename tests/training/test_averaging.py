"""Averages of weights: their formula, their use, and going on from them."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.layer import Parameter
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.layers.residual import Residual
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.training.averaging import (
    Averaged,
    averages,
    estimate_statistics,
)
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.loop import History, train
from scratchcnn.training.optimizers import SGD, Adam
from scratchcnn.training.weights import named_arrays
from tests.comparing import assert_all_close, assert_close
from tests.reference import (
    averaged,
    batchnorm_mean,
    batchnorm_variance,
)

KINDS = {
    "sgd": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: Adam(p, 0.1),
}


def same_bits(one, other):
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def drawn(rng, dtype=np.float64):
    return [Parameter(rng.standard_normal(s).astype(dtype)) for s in (3, 2)]


def walk(optimizer, rng, steps):
    """Take steps by random gradients; return where each has led."""
    places = []
    for _ in range(steps):
        for p in optimizer.parameters:
            p.grad[...] = rng.standard_normal(p.value.shape)
        optimizer.step()
        places.append([p.value.copy() for p in optimizer.parameters])
    return places


@pytest.mark.equation("averaging-update")
@given(
    st.sampled_from([*KINDS]),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.1, 0.5, 0.99]),
)
def test_average(kind, start, share):
    rng = np.random.default_rng(3)
    optimizer = Averaged(KINDS[kind](drawn(rng)), start=start, share=share)
    places = walk(optimizer, rng, 12)[start:]
    assert optimizer.steps == 12
    for i, average in enumerate(optimizer.average):
        assert_close(average, averaged([one[i] for one in places], share))
        if share == 0:
            assert_close(average, np.mean([one[i] for one in places], axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_those_of_the_other_optimizer(kind, rng):
    parameters = drawn(rng)
    twins = copy.deepcopy(parameters)
    one, other = Averaged(KINDS[kind](parameters)), KINDS[kind](twins)
    for factor, rate in (1.0, 0.1), (0.5, 0.1), (0.0, 0.2), (2.0, 0.05):
        one.learning_rate = other.learning_rate = rate
        for p, q in zip(parameters, twins, strict=True):
            p.grad[...] = q.grad[...] = rng.standard_normal(p.value.shape)
        one.step(factor)
        other.step(factor)
        for p, q in zip(parameters, twins, strict=True):
            assert same_bits(p.value, q.value)


@pytest.mark.pytorch
@pytest.mark.parametrize("start", [0, 3])
def test_averages_are_those_of_pytorch(start, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weight = rng.standard_normal((2, 3))
    p = Parameter(weight)
    linear = torch.nn.Linear(3, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
    theirs = torch.optim.swa_utils.AveragedModel(linear)
    sgd = torch.optim.SGD(linear.parameters(), lr=0.1, momentum=0.5)
    ours = Averaged(SGD([p], 0.1, momentum=0.5), start=start)
    for k in range(9):
        p.grad[...] = rng.standard_normal((2, 3))
        linear.weight.grad = torch.tensor(p.grad)
        ours.step()
        sgd.step()
        if k >= start:
            theirs.update_parameters(linear)
    wanted = theirs.module.weight.detach().numpy()
    assert_close(ours.average[0], wanted)


@pytest.mark.pytorch
def test_statistics_are_those_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn
    ours = Network([BatchNorm2D(2), ReLU(), BatchNorm2D(2)])
    theirs = nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2))
    theirs.double()
    x = rng.standard_normal((12, 2, 5, 4)) + 3
    estimate_statistics(ours, x, batch_size=4)
    batches = [torch.tensor(x[i : i + 4]) for i in (0, 4, 8)]
    torch.optim.swa_utils.update_bn(batches, theirs)
    for i in 0, 2:
        found = ours.layers[i].buffers().values()
        wanted = theirs[i].running_mean, theirs[i].running_var
        assert_all_close([*found], [tensor.numpy() for tensor in wanted])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_averages_are_of_double_precision_and_parameters_as_before(dtype, rng):
    parameters = drawn(rng, dtype)
    optimizer = Averaged(SGD(parameters, 0.1), start=1)
    values = [p.value for p in parameters]
    places = walk(optimizer, rng, 6)[1:]
    optimizer.put()
    for i, (p, value) in enumerate(zip(parameters, values, strict=True)):
        mean = np.mean([one[i] for one in places], axis=0, dtype=np.float64)
        assert p.value is value
        assert p.value.dtype == dtype
        assert optimizer.average[i].dtype == np.float64
        assert_close(optimizer.average[i], mean)
        assert_close(p.value, mean, tolerance=np.finfo(dtype).eps)


def test_a_small_change_late_is_not_lost():
    p = Parameter(np.ones(1, np.float32))
    optimizer = Averaged(SGD([p], 1.0))
    p.grad[...] = -np.finfo(np.float32).eps
    for _ in range(1000):
        optimizer.step()
    steps = np.arange(1, 1001)
    wanted = 1 + np.finfo(np.float32).eps * steps.mean()
    np.testing.assert_allclose(optimizer.average[0], wanted, 1e-13)


def test_before_the_first_step_that_counts_there_is_nothing_to_put(rng):
    parameters = drawn(rng)
    optimizer = Averaged(SGD(parameters, 0.1), start=4)
    walk(optimizer, rng, 4)
    before = [p.value.copy() for p in parameters]
    optimizer.put()
    for p, value in zip(parameters, before, strict=True):
        assert same_bits(p.value, value)
    (last,) = walk(optimizer, rng, 1)
    optimizer.put()
    assert_all_close([p.value for p in parameters], last)


def test_the_state_has_names_and_changes_in_place(rng):
    p = drawn(rng)
    optimizer = Averaged(Adam(p, 0.1))
    state = optimizer.state()
    names = ["mean.0", "mean.1", "square.0", "square.1", "steps"]
    assert list(state) == [
        *(f"of.{name}" for name in names),
        *("average.0", "average.1", "steps"),
    ]
    walk(optimizer, rng, 3)
    for name, array in optimizer.state().items():
        assert array is state[name]
    assert state["steps"] == state["of.steps"] == 3
    assert state["steps"].dtype == np.int64


def test_it_shows_its_rate(rng):
    optimizer = Averaged(SGD(drawn(rng), 0.25))
    assert repr(optimizer) == "Averaged(learning_rate=0.25)"


# Batch normalization


def normalized(rng):
    return Network(
        [
            Conv2D(1, 3, 3, rng=rng),
            BatchNorm2D(3, momentum=0.3),
            ReLU(),
            Dropout(0.5, rng=rng),
            Residual(Network([BatchNorm2D(3), ReLU()])),
            Flatten(),
            Dense(3 * 4 * 3, 2, rng=rng),
        ]
    )


@pytest.mark.parametrize("fast", [False, True])
def test_statistics_are_the_means_of_those_of_the_batches(fast, rng):
    network = normalized(rng)
    x = rng.standard_normal((10, 1, 6, 5))
    network.train()
    for _ in range(3):
        network.forward(x[:4] + 1)
    first, second = network.layers[1], network.layers[4].inside.layers[0]
    maps = network.layers[0].forward(x)
    parts = [maps[i : i + 4] for i in (0, 4, 8)]
    shares = [0.4, 0.4, 0.2]
    state = network.layers[3].rng.bit_generator.state
    used = accelerate(network) if fast else network
    estimate_statistics(used, x, batch_size=4)
    tolerance = 1e-6 if fast else 1e-12
    mean, variance = np.zeros(3), np.zeros(3)
    for part, share in zip(parts, shares, strict=True):
        mean += share * batchnorm_mean(part)
        count = len(part) * 4 * 3
        unbiased = count / (count - 1)
        variance += share * batchnorm_variance(part) * unbiased
    assert_close(first.running_mean, mean, tolerance=tolerance)
    assert_close(first.running_variance, variance, tolerance=tolerance)
    assert (first.momentum, second.momentum) == (0.3, 0.1)
    assert network.training
    assert second.training
    assert not np.allclose(second.running_mean, 0)
    # Nothing is drawn for dropout, and nothing left of what was there before.
    assert network.layers[3].rng.bit_generator.state == state
    again = [a.copy() for a in (*first.buffers().values(),)]
    first.running_mean += 1e9
    estimate_statistics(used, x, batch_size=4)
    for a, wanted in zip(first.buffers().values(), again, strict=True):
        assert same_bits(a, wanted)


def test_where_nothing_is_normalized_nothing_is_computed(rng):
    layer = Dense(2, 1, rng=rng)
    estimate_statistics(layer, np.zeros((3, 99)))  # which it would refuse


def test_a_batch_has_250_images_if_nobody_says_how_many(rng):
    x, (one, other) = rng.random((251, 1, 1, 2)), map(BatchNorm2D, (1, 1))
    estimate_statistics(one, x)
    estimate_statistics(other, x, batch_size=250)
    assert same_bits(one.running_variance, other.running_variance)


def test_small_statistics_keep_their_digits():
    layer = BatchNorm2D(1)
    estimate_statistics(layer, np.array([[[[5e-20, 9e-20]]]]))
    found = layer.running_mean.item(), layer.running_variance.item()
    np.testing.assert_allclose(found, [7e-20, 8e-40])


def test_after_an_error_the_statistics_are_as_before(rng):
    network = normalized(rng)
    network.forward(rng.standard_normal((4, 1, 6, 5)))
    before = {n: a.copy() for n, a in named_arrays(network).items()}
    with pytest.raises(ValueError, match="wants x of shape"):
        estimate_statistics(network, rng.standard_normal((4, 1, 9, 9)))
    for name, array in named_arrays(network).items():
        assert same_bits(array, before[name])
    assert network.layers[1].momentum == 0.3
    assert network.training


@pytest.mark.parametrize("fast", [False, True])
def test_averages_are_used_and_taken_out_again(fast, rng):
    network = normalized(rng)
    used = accelerate(network) if fast else network
    optimizer = Averaged(SGD(network.parameters(), 0.1))
    x = rng.standard_normal((8, 1, 6, 5)).astype(np.float32)
    used.forward(x)
    walk(optimizer, rng, 5)
    before = {n: a.copy() for n, a in named_arrays(network).items()}
    twin = normalized(rng)
    for p, average in zip(twin.parameters(), optimizer.average, strict=True):
        p.value[...] = average
    estimate_statistics(twin, x)
    twin.eval()
    with averages(optimizer, used, x):
        network.eval()
        y = used.forward(x)
    assert_close(y, twin.forward(x), tolerance=1e-5)
    for name, array in named_arrays(network).items():
        assert same_bits(array, before[name])
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        averages(optimizer, used, x),
    ):
        raise RuntimeError("on purpose")
    for name, array in named_arrays(network).items():
        assert same_bits(array, before[name])


def test_without_an_average_the_statistics_are_not_measured_either(rng):
    network = normalized(rng)
    x = rng.standard_normal((8, 1, 6, 5)).astype(np.float32)
    network.forward(x + 1)
    optimizer = Averaged(SGD(network.parameters(), 0.1), start=2)
    walk(optimizer, rng, 2)
    before = {n: a.copy() for n, a in named_arrays(network).items()}
    with averages(optimizer, network, x):
        for name, array in named_arrays(network).items():
            assert same_bits(array, before[name])


@pytest.mark.parametrize("batch_size", [3, 8])
def test_the_statistics_are_measured_in_batches_of_that_size(batch_size, rng):
    network, twin = normalized(rng), normalized(rng)
    x = rng.standard_normal((8, 1, 6, 5)).astype(np.float32)
    optimizer = Averaged(SGD(network.parameters(), 0.1))
    walk(optimizer, rng, 3)
    for p, average in zip(twin.parameters(), optimizer.average, strict=True):
        p.value[...] = average
    estimate_statistics(twin, x, batch_size=batch_size)
    wanted = named_arrays(twin)
    with averages(optimizer, network, x, batch_size=batch_size):
        for name, array in named_arrays(network).items():
            assert same_bits(array, wanted[name])


# A run that is interrupted


class Run:
    """A small run, scored by its averages after each epoch."""

    def __init__(self, path, kind="momentum", **settings):
        self.rng = np.random.default_rng(5)
        self.network = normalized(self.rng)
        inner = KINDS[kind](self.network.parameters())
        self.optimizer = Averaged(inner, **{"start": 3} | settings)
        self.checkpoint = Checkpoint(
            path, self.network, self.optimizer, self.rng
        )
        data = np.random.default_rng(7)
        self.x = data.standard_normal((20, 1, 6, 5)).astype(np.float32)

    def score(self, network):
        """Return a number of the network with its averages."""
        with averages(self.optimizer, network, self.x):
            return float(np.abs(network.forward(self.x)).mean())

    def go(self, after_epoch=None, score=True):
        """Train on from the checkpoint; return how it went and ended."""
        history = train(
            self.network,
            MeanSquaredError(),
            self.optimizer,
            self.x,
            np.ones((20, 2), np.float32),
            epochs=4,
            batch_size=8,
            rng=self.rng,
            score=self.score if score else None,
            after_epoch=after_epoch or self.checkpoint.save,
            history=self.checkpoint.restore(),
        )
        arrays = self.checkpoint.arrays()
        return history, {name: a.tobytes() for name, a in arrays.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("done", [1, 2, 3])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_resumed_run_ends_like_an_unbroken_one(tmp_path, kind, done, share):
    wanted = Run(tmp_path / "whole.npz", kind, share=share).go()

    class StopError(Exception):
        pass

    first = Run(tmp_path / "parts.npz", kind, share=share)

    def save_and_stop(history):
        first.checkpoint.save(history)
        if len(history) == done:
            raise StopError

    with pytest.raises(StopError):
        first.go(save_and_stop)
    assert Run(tmp_path / "parts.npz", kind, share=share).go() == wanted


def test_to_score_the_averages_does_not_change_the_run(tmp_path):
    _, wanted = Run(tmp_path / "one.npz").go()
    _, found = Run(tmp_path / "other.npz").go(score=False)
    assert found == wanted


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (
            "momentum",
            {"start": 4},
            "optimizer is Averaged(optimizer=SGD(momentum=0.9, "
            "weight_decay=0.01, nesterov=False), start=3, share=0.0), not ",
        ),
        ("momentum", {"share": 0.5}, "start=3, share=0.5)"),
        ("sgd", {}, "not Averaged(optimizer=SGD(momentum=0.0, weight_decay=0"),
    ],
)
def test_other_settings_are_not_resumed(tmp_path, kind, settings, message):
    Run(tmp_path / "run.npz").checkpoint.save(History())
    with pytest.raises(ValueError, match="does not fit") as caught:
        Run(tmp_path / "run.npz", kind, **settings).checkpoint.restore()
    assert message in str(caught.value)


def test_the_rate_is_restored_and_goes_to_the_other_optimizer(tmp_path):
    run = Run(tmp_path / "run.npz")
    run.optimizer.learning_rate = 0.375
    run.checkpoint.save(History())
    other = Run(tmp_path / "run.npz")
    other.checkpoint.restore()
    other.optimizer.step()
    assert other.optimizer.optimizer.learning_rate == 0.375


# At the door


@pytest.mark.parametrize("bad", [None, 0.1, [Parameter(np.zeros(1))]])
def test_only_an_optimizer_can_be_averaged(bad):
    with pytest.raises(TypeError, match=r"^Averaged wants an Optimizer, got"):
        Averaged(bad)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"start": -1}, ValueError),
        ({"start": 1.0}, TypeError),
        *(({"share": bad}, ValueError) for bad in (-0.1, 1, np.nan)),
        ({"share": "0.1"}, TypeError),
    ],
)
def test_a_setting_out_of_its_range_is_named(settings, error, rng):
    (name,) = settings
    with pytest.raises(error, match=rf"^Averaged wants .*{name}"):
        Averaged(SGD(drawn(rng), 0.1), **settings)


def test_before_the_first_step_that_counts_averages_change_nothing(rng):
    layer = Dense(2, 1, rng=rng)
    optimizer = Averaged(SGD(layer.parameters(), 0.1), start=9)
    walk(optimizer, rng, 4)
    before = [p.value.copy() for p in layer.parameters()]
    with averages(optimizer, layer, np.zeros((1, 2))):
        inside = [p.value.copy() for p in layer.parameters()]
    for p, kept, value in zip(layer.parameters(), inside, before, strict=True):
        assert same_bits(kept, value)
        assert same_bits(p.value, value)


def test_averages_are_those_of_the_network_s_own_parameters(rng):
    one, other = Dense(2, 1, rng=rng), Dense(2, 1, rng=rng)
    both = SGD([*one.parameters(), *other.parameters()], 0.1)
    for bad, error, message in (
        (Averaged(both), ValueError, r"network's own parameters, got \[Para"),
        (both, TypeError, r"an Averaged, got SGD\(learning_rate=0\.1\)$"),
    ):
        walk(bad, rng, 3)
        before = [p.value.copy() for p in both.parameters]
        with (
            pytest.raises(error, match=rf"^averages wants .*{message}"),
            averages(bad, one, np.zeros((1, 2))),
        ):
            pass
        for p, value in zip(both.parameters, before, strict=True):
            assert same_bits(p.value, value)
    some = Averaged(SGD([one.weight], 0.1))
    walk(some, rng, 3)
    with averages(some, one, np.zeros((1, 2))):
        assert_close(one.weight.value, some.average[0], tolerance=1e-6)


def test_statistics_want_more_than_one_number_a_channel(rng):
    x, layer = rng.random((5, 1, 1, 1)), BatchNorm2D(1)
    with pytest.raises(ValueError, match="more than one number a channel"):
        estimate_statistics(layer, x, batch_size=4)
    assert (layer.running_mean, layer.running_variance) == (0, 1)
    estimate_statistics(layer, x, batch_size=3)


def test_statistics_want_images_and_a_size(rng):
    message = r"^estimate_statistics wants images, got none$"
    with pytest.raises(ValueError, match=message):
        estimate_statistics(BatchNorm2D(1), np.zeros((0, 1, 2, 2)))
    for bad, error in (0, ValueError), (1.5, TypeError):
        with pytest.raises(error, match="wants batch_size"):
            estimate_statistics(
                BatchNorm2D(1), np.zeros((2, 1, 2, 2)), batch_size=bad
            )


# A bowl with noisy gradients. The places are sums of the noise of all steps,
# so that the mean of a square is the sum of the squares of what each has done.


def impulses(rate, curvature, last, steps=400):
    """Return places and mean: one walker for the noise of each step."""
    p = Parameter(np.zeros(steps))
    optimizer = Averaged(SGD([p], rate), start=steps - last)
    places = []
    for step in range(steps):
        p.grad[...] = curvature * p.value
        p.grad[step] += 1
        optimizer.step()
        places.append(p.value.copy())
    return places, optimizer.average[0]


BOWLS = pytest.mark.parametrize(
    ("rate", "curvature"), [(0.3, 1.0), (0.5, 3.0), (0.2, 0.5), (1.0, 1.0)]
)


def floor(rate, curvature):
    return rate / (curvature * (2 - rate * curvature))


@pytest.mark.equation("averaging-floor")
@BOWLS
def test_the_last_place_is_on_the_floor(rate, curvature):
    places, _ = impulses(rate, curvature, 1)
    assert_close(sum(c**2 for c in places[-1]), floor(rate, curvature))


@pytest.mark.equation("averaging-covariance")
@BOWLS
def test_two_places_forget_each_other(rate, curvature):
    places, _ = impulses(rate, curvature, 1)
    for m in 1, 2, 5:
        shared = sum(
            a * b for a, b in zip(places[-1], places[-1 - m], strict=True)
        )
        wanted = (1 - rate * curvature) ** m * floor(rate, curvature)
        assert_close(shared, wanted)


@pytest.mark.equation("averaging-variance")
@BOWLS
@pytest.mark.parametrize("n", [1, 2, 3, 20, 100])
def test_the_mean_of_places(n, rate, curvature):
    _, mean = impulses(rate, curvature, n)
    rho, d = 1 - rate * curvature, floor(rate, curvature)
    pairs = sum(rho ** abs(i - j) for i in range(n) for j in range(n))
    tail = 2 * rho * (1 - rho**n) / (n * (1 - rho) ** 2)
    wanted = d / n * ((1 + rho) / (1 - rho) - tail)
    assert_close(sum(c**2 for c in mean), d * pairs / n**2)
    assert_close(sum(c**2 for c in mean), wanted)


@pytest.mark.equation("averaging-limit")
@BOWLS
def test_the_rate_does_not_matter_in_the_limit(rate, curvature):
    _, mean = impulses(rate, curvature, 1000, steps=1100)
    square = sum(c**2 for c in mean)
    np.testing.assert_allclose(1000 * square, 1 / curvature**2, rtol=0.02)
