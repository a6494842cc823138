"""Training by hand: batches, steps and the loop."""

import copy

import numpy as np
import pytest

from scratchcnn.data.batches import minibatches
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.training.gradient_descent import (
    gradient_descent,
    gradient_step,
)
from tests.comparing import (
    assert_all_close,
    assert_close,
    frozen,
    global_random_state,
)
from tests.reference import (
    dense_db,
    dense_dw,
    dense_forward,
    mse_dy,
    mse_forward,
)
from tests.showing import Showing


def small_network(rng, dtype=np.float64):
    network = Network(
        [
            Conv2D(1, 2, 3, rng=rng),
            ReLU(),
            Flatten(),
            Dense(12, 1, rng=rng),
        ]
    )
    network.astype(dtype)
    return network


def small_data(rng, n=20, dtype=np.float64):
    x, t = rng.standard_normal((n, 1, 4, 5)), rng.standard_normal((n, 1))
    return frozen(x.astype(dtype)), frozen(t.astype(dtype))


def descend(network, x, t, **changes):
    """Set up gradient descent, with some arguments changed."""
    arguments = {
        "learning_rate": 0.01,
        "epochs": 2,
        "batch_size": 8,
        "rng": np.random.default_rng(6),
    }
    loss = MeanSquaredError()
    return gradient_descent(network, loss, x, t, **(arguments | changes))


# Minibatches


def two_examples(x=(1, 2), t=(1, 2)):
    return np.array(x, np.float64)[:, None], np.array(t, np.float64)[:, None]


REFUSED = pytest.mark.parametrize(
    ("x", "t", "size", "error", "message"),
    [
        (*two_examples(), 3, ValueError, "batch_size <= 2, .* got 3"),
        (*two_examples(), 0, ValueError, "batch_size >= 1, got 0"),
        (*two_examples(), -1, ValueError, "batch_size >= 1, got -1"),
        (*two_examples(), 1.0, TypeError, "batch_size as an integer, got 1.0"),
        (*two_examples(), True, TypeError, "batch_size as an integer, got Tr"),
        (*two_examples(x=(1, 2, 3)), 1, ValueError, r"\(3, 1\), got \(2, 1\)"),
        (*two_examples(x=(), t=()), 1, ValueError, "examples, got none"),
        (*two_examples(x=(np.nan, 1)), 1, ValueError, "x finite, got NaN"),
        (*two_examples(x=(-np.inf, 1)), 1, ValueError, "x finite, got NaN"),
        (*two_examples(t=(1, np.nan)), 1, ValueError, "t finite, got NaN"),
        (*two_examples(t=(np.inf, 1)), 1, ValueError, "t finite, got NaN"),
    ],
)


@REFUSED
def test_batches_that_can_not_be_made_are_refused_at_once(
    x, t, size, error, message, rng
):
    with pytest.raises(error, match=rf"^minibatches wants .*{message}"):
        minibatches(x, t, size, rng=rng)
    with pytest.raises(error, match=rf"^gradient_descent wants .*{message}"):
        descend(Showing(), x, t, batch_size=size)


@pytest.mark.parametrize("rng", [0, None, np.random])
def test_a_seed_is_no_generator(rng):
    with pytest.raises(TypeError, match=r"^minibatches wants rng as a numpy"):
        minibatches(*two_examples(), 1, rng=rng)
    with pytest.raises(TypeError, match=r"^gradient_descent wants rng as a"):
        descend(Showing(), *two_examples(), batch_size=1, rng=rng)


@pytest.mark.parametrize("bad", [[[1.0], [2.0]], np.array([[1], [2]])])
def test_examples_are_floats_in_an_array(bad, rng):
    with pytest.raises(TypeError, match=r"^minibatches wants x as an array"):
        minibatches(bad, np.ones((2, 1)), 1, rng=rng)


def test_targets_are_an_array(rng):
    message = r"^minibatches wants t as an array .*got list"
    with pytest.raises((TypeError, ValueError), match=message):
        minibatches(np.ones((2, 1)), [[1.0], [2.0]], 1, rng=rng)


# Gradient descent


@pytest.mark.equation("gradient-step")
def test_one_step_moves_against_the_gradient(rng):
    layer = Dense(3, 2, rng=rng)
    layer.astype(np.float64)
    x, t = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
    w, b = (p.value.copy() for p in layer.parameters())
    y = dense_forward(x, w, b)
    dy = mse_dy(y, t)
    dw, db, rate = dense_dw(x, dy), dense_db(dy), 0.3
    value = gradient_step(layer, MeanSquaredError(), x, t, rate)
    assert_close(value, mse_forward(y, t))
    for m, d in np.ndindex(2, 3):
        w[m, d] = w[m, d] - rate * dw[m, d]
    for m in range(2):
        b[m] = b[m] - rate * db[m]
    assert_all_close([p.value for p in layer.parameters()], [w, b])


def test_a_step_without_a_finite_loss_moves_nothing(rng):
    layer, t = Dense(2, 1, rng=rng), np.ones((3, 1))
    before = [p.value.copy() for p in layer.parameters()]
    x = np.full((3, 2), np.inf)
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(FloatingPointError, match=r"than 0\.125$"),
    ):
        gradient_step(layer, MeanSquaredError(), x, t, 0.125)
    for p, value in zip(layer.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value)
        assert not p.grad.any()


@pytest.mark.pytorch
def test_ten_steps_are_those_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network, (x, t) = small_network(rng), small_data(rng)
    weights = [
        torch.tensor(p.value, requires_grad=True) for p in network.parameters()
    ]
    optimizer = torch.optim.SGD(weights, lr=0.05)
    order, losses = np.random.default_rng(6), []
    for _ in range(5):
        total = 0.0
        for xs, ts in minibatches(x, t, 12, rng=order):
            w1, b1, w2, b2 = weights
            F = torch.nn.functional
            y = F.relu(F.conv2d(torch.tensor(xs), w1, b1)).flatten(1)
            loss = F.mse_loss(F.linear(y, w2, b2), torch.tensor(ts))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xs) / len(x)
        losses.append(total)
    run = descend(network, x, t, learning_rate=0.05, epochs=5, batch_size=12)
    assert_close(list(run), losses, tolerance=1e-10)
    values = [p.value for p in network.parameters()]
    wanted = [weight.detach().numpy() for weight in weights]
    assert_all_close(values, wanted, tolerance=1e-10)


def test_the_loss_of_a_linear_problem_falls_at_every_step(rng):
    layer = Dense(3, 2, rng=rng)
    x, t = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    # The loss is quadratic, and falls while rate < 2 / curvature.
    columns = np.hstack([x, np.ones((30, 1))])
    curvature = 2 * np.linalg.norm(columns, 2) ** 2 / t.size
    run = descend(
        layer, x, t, learning_rate=1 / curvature, epochs=20, batch_size=30
    )
    losses = list(run)
    assert len(losses) == 20
    assert np.all(np.diff(losses) < 0)


def test_a_network_learns_a_handful_of_examples_by_heart(rng):
    network = small_network(rng, np.float32)
    x, _ = small_data(rng, 8, np.float32)
    labels = np.arange(8) % 2
    t = labels[:, None].astype(np.float32)
    run = descend(network, x, t, learning_rate=0.1, epochs=300)
    assert list(run)[-1] < 0.01
    assert accuracy(network, MeanSquaredError(), x, labels) == 1


@pytest.mark.parametrize("batch_size", [1, 7, 20])
def test_the_reported_loss_is_that_of_each_example_once(batch_size, rng):
    network, (x, t) = small_network(rng), small_data(rng)
    wanted = mse_forward(copy.deepcopy(network).forward(x), t)
    run = descend(
        network, x, t, learning_rate=1e-300, epochs=1, batch_size=batch_size
    )
    assert_close(list(run), [wanted])


def test_each_epoch_sees_every_example_in_a_new_order():
    layer, x = Showing(), np.arange(20.0)[:, None]
    list(descend(layer, x, x, epochs=3, batch_size=6))
    assert [len(seen) for seen in layer.seen] == [6, 6, 6, 2] * 3
    epochs = np.concatenate(layer.seen).reshape(3, 20).tolist()
    assert all(sorted(epoch) == x.ravel().tolist() for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 3


def test_a_run_is_decided_by_its_generator(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    first, second = copy.deepcopy(network), copy.deepcopy(network)
    assert list(descend(first, x, t)) == list(descend(second, x, t))
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)
    other = np.random.default_rng(7)
    assert list(descend(network, x, t, rng=other)) != list(
        descend(copy.deepcopy(second), x, t)
    )


def test_global_randomness_is_left_alone(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    before = global_random_state()
    list(descend(network, x, t))
    accuracy(network, MeanSquaredError(), x, np.zeros(20, int))
    assert global_random_state() == before


def test_nothing_is_trained_before_the_first_loss_is_asked_for(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    start = [p.value.copy() for p in network.parameters()]
    run = descend(network, x, t, epochs=2)
    assert_all_close([p.value for p in network.parameters()], start)
    next(run)
    moved = [p.value.copy() for p in network.parameters()]
    assert all(np.any(a != b) for a, b in zip(start, moved, strict=True))
    next(run)
    assert all(
        np.any(p.value != b)
        for p, b in zip(network.parameters(), moved, strict=True)
    )
    with pytest.raises(StopIteration):
        next(run)


def test_training_happens_in_training_mode():
    layer, x = Showing(), np.ones((4, 1))
    layer.eval()
    for _ in descend(layer, x, x, batch_size=4, epochs=2):
        layer.eval()
    assert layer.modes == [True, True]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.01, np.float64(0.01), np.float32(0.01)])
def test_training_keeps_the_precision(dtype, rate, rng):
    network = small_network(rng, dtype)
    x, t = small_data(rng, dtype=dtype)
    list(descend(network, x, t, learning_rate=rate))
    for p in network.parameters():
        assert p.value.dtype == p.grad.dtype == dtype


def test_an_absurd_rate_is_reported_without_other_noise(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    run = descend(network, x, t, learning_rate=1e9, epochs=1000)
    message = r"loss is (inf|nan): try a smaller learning_rate than 1000000000"
    with pytest.raises(FloatingPointError, match=message):
        list(run)


@pytest.mark.parametrize("rate", [0, -0.1, np.inf, np.nan])
def test_a_rate_is_positive_and_finite(rate, rng):
    message = rf"^gradient_descent wants 0 < learning_rate < inf, got {rate}$"
    with pytest.raises(ValueError, match=message):
        descend(Showing(), *two_examples(), batch_size=1, learning_rate=rate)


@pytest.mark.parametrize("rate", ["0.1", True, None])
def test_a_rate_is_a_number(rate, rng):
    message = rf"^gradient_descent wants learning_rate as a .*got {rate!r}$"
    with pytest.raises(TypeError, match=message):
        descend(Showing(), *two_examples(), batch_size=1, learning_rate=rate)


@pytest.mark.parametrize(
    ("epochs", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_epochs_are_counted(epochs, error, rng):
    with pytest.raises(error, match=r"^gradient_descent wants epochs .*got"):
        descend(Showing(), *two_examples(), batch_size=1, epochs=epochs)


def test_targets_of_another_shape_than_the_outputs_are_refused(rng):
    network, (x, t) = small_network(rng), small_data(rng)
    with pytest.raises(
        ValueError, match=r"wants t of shape \(8, 1\), got \(8,"
    ):
        next(descend(network, x, t[:, 0]))


def test_a_loss_without_a_value_is_told_by_one_error(rng):
    layer, x = Dense(2, 1, rng=rng), np.ones((1, 2))
    layer.weight.value[...] = np.inf, -np.inf
    run = descend(layer, x, x[:, :1], epochs=1, batch_size=1)
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        next(run)


def test_a_last_step_that_diverges_is_seen(rng):
    layer = Dense(1, 1, rng=rng)
    x = np.full((1, 1), 1e15, np.float32)
    run = descend(layer, x, x, learning_rate=1e30, epochs=1, batch_size=1)
    with pytest.raises(FloatingPointError, match=r"^a parameter is no longer"):
        next(run)
