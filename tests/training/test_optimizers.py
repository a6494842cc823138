"""What to do with a gradient: SGD and Adam."""

import copy
import re
import tracemalloc

import numpy as np
import pytest

from scratchcnn.layer import Parameter
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from scratchcnn.training.gradient_descent import gradient_step
from scratchcnn.training.optimizers import SGD, Adam, Optimizer
from tests.comparing import assert_all_close, assert_close, frozen
from tests.reference import adam_steps, sgd_steps, weighted_mean

SGD_SETTINGS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.02},
    {"momentum": 0.5, "weight_decay": 0.02},
    {"momentum": 0.99, "nesterov": True, "weight_decay": 0.1},
]
ADAM_SETTINGS = [
    {},
    {"betas": (0.5, 0.9)},
    {"betas": (0.0, 0.0)},
    {"epsilon": 0.1},
    {"weight_decay": 0.02},
    {"betas": (0.8, 0.99), "epsilon": 1e-3, "weight_decay": 0.1},
]
MAKERS = [
    *((SGD, settings) for settings in SGD_SETTINGS),
    *((Adam, settings) for settings in ADAM_SETTINGS),
]
EVERY = pytest.mark.parametrize(("kind", "settings"), MAKERS, ids=str)


def drawn(rng, steps=7, shape=(2, 3)):
    """Draw a parameter, and a gradient for every step."""
    gradients = [rng.standard_normal(shape) for _ in range(steps)]
    return Parameter(rng.standard_normal(shape)), gradients


def follow(optimizer, p, gradients):
    """Step once for every gradient."""
    for gradient in gradients:
        p.grad[...] = gradient
        optimizer.step()


# The formulas


@pytest.mark.equation("sgd-momentum")
@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
def test_momentum_keeps_a_part_of_the_velocity(momentum, rng):
    p, gradients = drawn(rng)
    wanted = sgd_steps(p.value, gradients, 0.1, momentum)
    follow(SGD([p], 0.1, momentum=momentum), p, gradients)
    assert_close(p.value, wanted)


@pytest.mark.equation("sgd-nesterov")
def test_nesterov_looks_ahead(rng):
    p, gradients = drawn(rng)
    wanted = sgd_steps(p.value, gradients, 0.1, 0.9, nesterov=True)
    follow(SGD([p], 0.1, momentum=0.9, nesterov=True), p, gradients)
    assert_close(p.value, wanted)


def test_nesterov_takes_its_gradient_at_the_point_ahead():
    """Undo the change of variables: q is where nesterov's p looks from."""
    rate, momentum, curvature = 0.2, 0.7, np.array([1.0, 3.0])
    p = Parameter(np.array([1.0, -2.0]))
    optimizer = SGD([p], rate, momentum=momentum, nesterov=True)
    q, v = p.value.copy(), np.zeros(2)
    for _ in range(8):
        v = momentum * v + curvature * (q - rate * momentum * v)
        q = q - rate * v
        p.grad[...] = curvature * p.value
        optimizer.step()
        assert_close(p.value, q - rate * momentum * v)


@pytest.mark.equation("sgd-decay")
@pytest.mark.parametrize("settings", SGD_SETTINGS[3:])
def test_decay_is_part_of_the_gradient(settings, rng):
    p, gradients = drawn(rng)
    settings = settings.copy()
    decay = settings.pop("weight_decay")
    wanted = sgd_steps(p.value, gradients, 0.1, decay=decay, **settings)
    follow(SGD([p], 0.1, weight_decay=decay, **settings), p, gradients)
    assert_close(p.value, wanted)


def test_decay_alone_shrinks_every_value_by_the_same_share(rng):
    p, _ = drawn(rng)
    wanted = p.value * (1 - 0.5 * 0.1) ** 4
    follow(SGD([p], 0.5, weight_decay=0.1), p, [np.zeros((2, 3))] * 4)
    assert_close(p.value, wanted)


@pytest.mark.equation("bowl-descent")
@pytest.mark.parametrize("rate", [0.05, 0.19, 0.2, 0.21])
def test_each_axis_of_a_bowl_goes_its_own_way(rate, rng):
    curvatures, start = np.array([10.0, 1.0]), np.array([1.0, 1.0])
    p = Parameter(start)
    optimizer = SGD([p], rate)
    for step in range(1, 31):
        p.grad[...] = curvatures * p.value
        optimizer.step()
        wanted = [
            (1 - rate * curvature) ** step * begin
            for curvature, begin in zip(curvatures, start, strict=True)
        ]
        assert_close(p.value, np.array(wanted))
    assert (abs(p.value[0]) < 1) == (rate < 2 / 10)


@pytest.mark.equation("adam-means")
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5)])
def test_means_of_adam_are_weighted_sums(betas, rng):
    p, gradients = drawn(rng)
    optimizer = Adam([p], betas=betas)
    follow(optimizer, p, gradients)
    assert_close(optimizer.mean[0], weighted_mean(gradients, betas[0], 1))
    assert_close(optimizer.square[0], weighted_mean(gradients, betas[1], 2))


@pytest.mark.equation("adam-bias")
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999])
def test_the_correction_is_the_missing_weight(beta):
    one = [np.ones(1)] * 9
    p = Parameter(one[0])
    optimizer = Adam([p], betas=(beta, beta))
    follow(optimizer, p, one)
    assert_close(optimizer.mean[0], [1 - beta**9])
    assert_close(weighted_mean(one, beta, 2), [1 - beta**9])


@pytest.mark.equation("adam-step")
@pytest.mark.parametrize("settings", ADAM_SETTINGS)
def test_adam_divides_the_mean_by_the_size(settings, rng):
    p, gradients = drawn(rng)
    settings = settings.copy()
    decay = settings.pop("weight_decay", 0.0)
    wanted = adam_steps(p.value, gradients, 0.1, decay=decay, **settings)
    follow(Adam([p], 0.1, weight_decay=decay, **settings), p, gradients)
    assert_close(p.value, wanted)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_first_step_of_adam_has_the_length_of_the_rate(scale):
    p = Parameter(np.zeros(2))
    follow(Adam([p], 0.01), p, [np.array([-scale, scale])])
    assert_close(p.value, [0.01, -0.01], tolerance=1e-5)


# The steps of others


def torch_optimizer(torch, kind, weights, rate, settings):
    settings = settings.copy()
    if "epsilon" in settings:
        settings["eps"] = settings.pop("epsilon")
    return getattr(torch.optim, kind.__name__)(weights, lr=rate, **settings)


@pytest.mark.pytorch
@EVERY
def test_twenty_steps_are_those_of_pytorch(kind, settings, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = Network([Dense(5, 4, rng=rng), ReLU(), Dense(4, 2, rng=rng)])
    network.astype(np.float64)
    x, t = rng.standard_normal((6, 5)), rng.standard_normal((6, 2))
    weights = [
        torch.tensor(p.value, requires_grad=True) for p in network.parameters()
    ]
    ours = kind(network.parameters(), 0.05, **settings)
    theirs = torch_optimizer(torch, kind, weights, 0.05, settings)
    loss, functional = MeanSquaredError(), torch.nn.functional
    for _ in range(20):
        loss.forward(network.forward(x), t)
        network.backward(loss.backward())
        ours.step()
        w, b, v, a = weights
        hidden = functional.relu(functional.linear(torch.tensor(x), w, b))
        y = functional.linear(hidden, v, a)
        theirs.zero_grad()
        functional.mse_loss(y, torch.tensor(t)).backward()
        theirs.step()
        assert_all_close(
            [p.value for p in network.parameters()],
            [weight.detach().numpy() for weight in weights],
            tolerance=1e-10,
        )


def test_without_momentum_a_step_is_the_one_of_part_one(rng):
    network, loss = two_class(rng=rng), MeanSquaredError()
    other = copy.deepcopy(network)
    x = rng.random((4, 1, 28, 28), np.float32)
    t = np.ones((4, 1), np.float32)
    optimizer = SGD(other.parameters(), 0.01)
    for _ in range(3):
        gradient_step(network, loss, x, t, 0.01)
        loss.forward(other.forward(x), t)
        other.backward(loss.backward())
        optimizer.step()
    for p, q in zip(network.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)


# In place, in the same precision, from a saved state


@EVERY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind_of_rate", [float, np.float64, np.float32])
def test_everything_happens_in_place(kind, settings, dtype, kind_of_rate, rng):
    p = Parameter(rng.standard_normal((3, 2)).astype(dtype))
    gradient = frozen(rng.standard_normal((3, 2)).astype(dtype))
    p.grad = gradient
    optimizer = kind([p], kind_of_rate(0.5), **settings)
    value, before, state = p.value, p.value.copy(), optimizer.state()
    for _ in range(3):
        optimizer.step()
    assert p.value is value
    assert p.grad is gradient
    assert p.value.dtype == dtype
    assert np.all(p.value != before)
    assert optimizer.state().keys() == state.keys()
    for name, array in optimizer.state().items():
        assert array is state[name]
        assert array.dtype == (np.int64 if name == "steps" else dtype)


def test_the_state_has_names(rng):
    layer = Dense(3, 2, rng=rng)
    assert SGD(layer.parameters(), 0.1).state() == {}
    state = SGD(layer.parameters(), 0.1, momentum=0.9).state()
    assert list(state) == ["velocity.0", "velocity.1"]
    assert [array.shape for array in state.values()] == [(2, 3), (2,)]
    state = Adam(layer.parameters()).state()
    names = ["mean.0", "mean.1", "square.0", "square.1", "steps"]
    assert list(state) == names
    assert state["steps"].shape == ()
    assert not any(array.any() for array in state.values())


@EVERY
def test_a_factor_is_for_one_step(kind, settings, rng):
    p, gradients = drawn(rng)
    q = Parameter(p.value)
    one, other = kind([p], 0.1, **settings), kind([q], 0.1, **settings)
    for gradient, factor in zip(gradients, [1, 0.5, 0, 2] * 2, strict=False):
        p.grad[...] = q.grad[...] = gradient
        before = p.value.copy()
        one.step(factor)
        other.learning_rate = 0.1 * factor
        other.step()
        np.testing.assert_array_equal(p.value, q.value)
        assert np.array_equal(p.value, before) == (factor == 0)
        assert one.learning_rate == 0.1
    for name, array in one.state().items():
        np.testing.assert_array_equal(array, other.state()[name])


@EVERY
def test_a_restored_state_goes_on_as_if_nothing_had_happened(
    kind, settings, rng
):
    p, gradients = drawn(rng)
    optimizer = kind([p], 0.1, **settings)
    follow(optimizer, p, gradients[:4])
    q = Parameter(p.value)
    other = kind([q], 0.1, **settings)
    for name, array in other.state().items():
        array[...] = optimizer.state()[name]
    follow(optimizer, p, gradients[4:])
    follow(other, q, gradients[4:])
    np.testing.assert_array_equal(p.value, q.value)


def test_a_number_without_a_gradient_stays_where_it_is():
    p = Parameter(np.ones(2, np.float32))
    follow(Adam([p]), p, [np.array([0.0, 1.0])] * 3)
    assert p.value[0] == 1
    assert p.value[1] < 1


def test_the_rate_may_change_between_steps():
    p = Parameter(np.zeros(1))
    optimizer = SGD([p], 0.5)
    follow(optimizer, p, [np.ones(1)])
    optimizer.learning_rate = 0.25
    follow(optimizer, p, [np.ones(1)])
    assert p.value == -0.75


@EVERY
def test_a_step_takes_little_memory(kind, settings):
    p = Parameter(np.ones(100_000, np.float32))
    p.grad[...] = 1
    optimizer = kind([p], 0.1, **settings)
    optimizer.step()
    tracemalloc.start()
    optimizer.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4.1 * p.value.nbytes


# At the door


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_parameters_are_some_and_distinct(kind):
    p, name = Parameter(np.zeros(2)), kind.__name__
    for wrong in [], [p, p], (p, Parameter(np.zeros(2)), p):
        message = rf"^{name} wants one or more distinct parameters, got \["
        with pytest.raises(ValueError, match=message):
            kind(wrong, 0.1)
    for wrong in [np.zeros(2)], [p, None]:
        with pytest.raises(TypeError, match=rf"^{name} wants parameters, got"):
            kind(wrong, 0.1)
    assert kind((p for _ in range(1)), 0.1).parameters == [p]


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("learning_rate", {"learning_rate": -0.1}),
        ("learning_rate", {"learning_rate": 0}),
        ("learning_rate", {"learning_rate": np.nan}),
        ("learning_rate", {"learning_rate": np.inf}),
        ("weight_decay", {"weight_decay": -1e-4}),
        ("weight_decay", {"weight_decay": np.nan}),
    ],
)
def test_numbers_are_in_their_range(kind, name, settings):
    p = Parameter(np.zeros(2))
    with pytest.raises(ValueError, match=rf"^{kind.__name__} wants .*{name}"):
        kind([p], **({"learning_rate": 0.1} | settings))


@pytest.mark.parametrize("momentum", [-0.1, 1, 1.0, np.nan, np.inf])
def test_momentum_is_less_than_one(momentum):
    message = rf"^SGD wants 0 <= momentum < 1, got {momentum}$"
    with pytest.raises(ValueError, match=message):
        SGD([Parameter(np.zeros(2))], 0.1, momentum=momentum)


def test_nesterov_wants_momentum():
    with pytest.raises(ValueError, match=r"^SGD wants momentum > 0 with nest"):
        SGD([Parameter(np.zeros(2))], 0.1, nesterov=True)


@pytest.mark.parametrize(
    ("betas", "which"),
    [((1, 0.9), "first"), ((-0.1, 0.9), "first"), ((0.9, 1.5), "second")],
)
def test_betas_are_less_than_one(betas, which):
    message = rf"^Adam wants 0 <= the {which} beta < 1, got"
    with pytest.raises(ValueError, match=message):
        Adam([Parameter(np.zeros(2))], betas=betas)


@pytest.mark.parametrize("betas", [0.9, None, (0.9,), (0.9, 0.99, 0.999)])
def test_betas_are_two(betas):
    message = re.escape(f"Adam wants betas as two numbers, got {betas}")
    with pytest.raises((TypeError, ValueError), match=rf"^{message}$"):
        Adam([Parameter(np.zeros(2))], betas=betas)


@pytest.mark.parametrize("epsilon", [0, -1e-8, np.nan])
def test_epsilon_is_positive(epsilon):
    with pytest.raises(ValueError, match=r"^Adam wants .*epsilon"):
        Adam([Parameter(np.zeros(2))], epsilon=epsilon)


@pytest.mark.parametrize("rate", ["0.1", None, True, [0.1], 1j])
def test_a_rate_is_a_number(rate):
    with pytest.raises(TypeError, match=r"^SGD wants learning_rate as a numb"):
        SGD([Parameter(np.zeros(2))], rate)


def test_an_optimizer_shows_its_rate():
    p = Parameter(np.zeros(2))
    assert repr(SGD([p], 0.1)) == "SGD(learning_rate=0.1)"
    assert repr(Adam([p])) == "Adam(learning_rate=0.001)"


def test_every_optimizer_has_a_step_of_its_own():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer([Parameter(np.zeros(2))], 0.1)


# Narrow numbers


def test_adam_with_a_zero_gradient_stays_in_any_precision():
    for dtype in (np.float16, np.float32, np.float64):
        p = Parameter(np.ones(2, dtype))
        adam = Adam([p], 0.1)
        p.grad[...] = [0, 1e-4]
        for _ in range(3):
            adam.step()
        assert p.value.dtype == dtype
        assert p.value[0] == 1
        np.testing.assert_allclose(p.value[1], 0.7, atol=1e-3)


def test_adam_in_float16_squares_in_float32():
    for g in (1e-4, 3e4):  # whose squares float16 does not know
        p, q = Parameter(np.ones(1, np.float16)), Parameter(np.ones(1))
        one, other = Adam([p], 0.01), Adam([q], 0.01)
        for _ in range(5):
            p.grad[...] = g
            q.grad[...] = p.grad
            one.step()
            other.step()
        np.testing.assert_allclose(p.value, q.value, atol=5e-4 * 5)
    assert one.mean[0].dtype == one.square[0].dtype == np.float32


def test_an_epsilon_that_would_be_zero_is_refused():
    with pytest.raises(ValueError, match="epsilon that float32 knows"):
        Adam([Parameter(np.ones(1))], epsilon=1e-50)
