"""The gradient check: right gradients pass, planted faults don't."""

import pickle
import re

import numpy as np
import pytest

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.gradient_check import (
    H,
    central_difference,
    check_layer,
    check_loss,
    worst_error,
)
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from tests.comparing import assert_close, frozen
from tests.gradients import stated_gradients

FOUND, CLEARED = 1e-5, 1e-7


# The equations


@pytest.mark.equation("central-difference")
@pytest.mark.parametrize("step", [1.0, 0.1, 1e-3])
def test_central_difference(step, rng):
    x, direction = rng.standard_normal((2, 3, 4))

    def f(array):
        return float(np.sum(array**3))

    measured = central_difference(lambda: f(x), x, direction, step)
    ahead, behind = np.zeros((2, 3, 4))
    for k in np.ndindex(x.shape):
        ahead[k] = x[k] + step * direction[k]
        behind[k] = x[k] - step * direction[k]
    # A rounding error of f is divided by the step.
    tolerance = 1e-12 / step
    wanted = (f(ahead) - f(behind)) / (2 * step)
    assert_close(measured, wanted, tolerance=tolerance)
    # The error of the method is step**2 / 6 times the third derivative.
    exact, third = np.sum(3 * x**2 * direction), np.sum(6 * direction**3)
    assert_close(measured - exact, step**2 / 6 * third, tolerance=tolerance)


@pytest.mark.equation("relative-error")
@pytest.mark.parametrize("rounding", [0.0, 0.01])
@pytest.mark.parametrize("flaw", [0.5, 1e-2, -1e-2, -1.0])
def test_relative_error(flaw, rounding):
    x, slope = np.random.default_rng(4).standard_normal((2, 3, 4))
    pairs = [(x, (1 + flaw) * slope)]
    error = worst_error(
        lambda: float(np.sum(slope * x)),
        pairs,
        np.random.default_rng(5),
        directions=4,
        rounding=rounding,
    )
    rng, wanted = np.random.default_rng(5), 0.0
    for _ in range(4):
        direction = rng.standard_normal((3, 4))
        numeric = exact = square = 0.0
        for k in np.ndindex(3, 4):
            numeric += slope[k] * direction[k]
            exact += (1 + flaw) * slope[k] * direction[k]
            square += ((1 + flaw) * slope[k]) ** 2
        scale = max(abs(numeric), np.sqrt(square))
        wanted = max(wanted, abs(numeric - exact) / scale)
    assert error == pytest.approx(wanted, abs=1e-9)


@pytest.mark.equation("projection")
def test_projection(rng):
    layer = Network([Dense(3, 4, rng=rng), ReLU(), Dense(4, 2, rng=rng)])
    layer.astype(np.float64)
    x, r = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    dx, *grads = stated_gradients(layer, x, r)
    for array, gradient in zip(
        [x, *(p.value for p in layer.parameters())], [dx, *grads], strict=True
    ):
        for k in np.ndindex(array.shape):
            start, projected = array[k], [0.0, 0.0]
            for side in 0, 1:
                array[k] = start + (1e-5, -1e-5)[side]
                y = layer.forward(x)
                for i in np.ndindex(y.shape):
                    projected[side] += r[i] * y[i]
            array[k] = start
            slope = (projected[0] - projected[1]) / 2e-5
            assert_close(slope, gradient[k], tolerance=1e-8)


# Measuring


def test_the_step_is_the_cube_root_of_the_machine_epsilon():
    assert abs(H**3 * 2.0**52 - 1) < 1e-12


def test_the_array_is_put_back_bit_by_bit(rng):
    x, direction = rng.standard_normal((2, 50))
    before = x.tobytes()
    central_difference(lambda: float(x.sum()), x, direction)
    assert x.tobytes() == before

    def fails():
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        central_difference(fails, x, direction)
    assert x.tobytes() == before


@pytest.mark.parametrize("kind", [int, np.float32, list])
def test_only_float64_can_be_moved_so_little(kind):
    x = [1.0] if kind is list else np.ones(1, kind)
    got = "list" if kind is list else x.dtype
    message = f"^central_difference wants array as an .* float64, got {got}$"
    with pytest.raises(TypeError, match=message):
        central_difference(lambda: float(x[0]), x, np.ones(1))


def test_an_array_moves_along_a_direction_of_its_shape():
    x, message = np.ones((2, 3)), r"of shape \(2, 3\), got \(3,\)$"
    with pytest.raises(ValueError, match=f"^central_.* direction {message}"):
        central_difference(x.sum, x, np.ones(3))
    assert (x == 1).all()


def test_an_array_may_be_a_single_number(rng):
    x = np.array(2.0)
    assert_close(central_difference(x.item, x, 3.0), 3.0, tolerance=1e-9)
    assert worst_error(x.item, [(x, np.array(1.0))], rng) < CLEARED


def test_each_array_is_moved_along_three_lines_to_both_sides(rng):
    x, calls = np.ones(4), []
    worst_error(lambda: calls.append(0) or x.sum(), [(x, np.ones(4))], rng)
    assert len(calls) == 3 * 2


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_the_error_is_relative_to_the_gradient(size, rng):
    x = np.ones(4)
    for flaw, found in (0, False), (1e-3, True):
        pairs = [(x, np.full(4, (1 + flaw) * size))]
        assert (
            worst_error(lambda: size * x.sum(), pairs, rng) > FOUND
        ) == found


def test_the_worst_of_all_arrays_counts(rng):
    arrays = list(rng.standard_normal((3, 4)))

    def total():
        return float(sum(array.sum() for array in arrays))

    for wrong in range(3):
        pairs = [(array, np.ones(4)) for array in arrays]
        assert worst_error(total, pairs, rng) < CLEARED
        pairs[wrong] = arrays[wrong], np.full(4, 1.001)
        assert worst_error(total, pairs, rng) > FOUND


def test_what_compares_nothing_is_refused(rng):
    x = np.ones((2, 3))
    message = "^worst_error wants directions >= 1, got 0$"
    with pytest.raises(ValueError, match=message):
        worst_error(x.sum, [(x, x)], rng, directions=0)
    for shape in (0, 3), (2, 0):
        message = rf"^check_layer wants one or more .* {re.escape(str(shape))}"
        with pytest.raises(ValueError, match=message):
            check_layer(ReLU(), np.ones(shape), rng=rng)


@pytest.mark.parametrize("rng", [0, None, np.random])
def test_a_seed_is_no_generator(rng):
    x, message = np.ones((2, 3)), "wants rng as a numpy"
    with pytest.raises(TypeError, match=f"^worst_error {message}"):
        worst_error(x.sum, [(x, x)], rng)
    with pytest.raises(TypeError, match=f"^check_layer {message}"):
        check_layer(ReLU(), x, rng=rng)
    with pytest.raises(TypeError, match=f"^check_loss {message}"):
        check_loss(MeanSquaredError(), x, x, rng=rng)


@pytest.mark.parametrize("bad", [[[1.0]], np.ones((1, 1), int)])
def test_the_point_is_an_array_of_floats(bad, rng):
    with pytest.raises(TypeError, match=r"^check_layer wants x as an array"):
        check_layer(ReLU(), bad, rng=rng)
    with pytest.raises(TypeError, match=r"^check_loss wants y as an array"):
        check_loss(MeanSquaredError(), bad, np.ones((1, 1)), rng=rng)
    with pytest.raises(ValueError, match=r"^check_layer wants x of shape \(N"):
        check_layer(ReLU(), np.array(1.0), rng=rng)


# Right gradients


def right_layers(rng):
    return {
        "Dense": (Dense(5, 3, rng=rng), (4, 5)),
        "square Dense": (Dense(4, 4, rng=rng), (4, 4)),
        "ReLU": (ReLU(), (4, 5)),
        "Reshape": (Reshape((3, 4)), (4, 12)),
        "Flatten": (Flatten(), (4, 2, 3)),
        "Conv2D": (Conv2D(3, 3, 3, rng=rng), (4, 3, 6, 6)),
        "Conv2D with stride": (
            Conv2D(2, 3, (3, 2), stride=2, padding=(0, 1), rng=rng),
            (2, 2, 6, 7),
        ),
        "Network": (two_class(rng=rng), (2, 1, 28, 28)),
    }


@pytest.mark.parametrize("name", right_layers(np.random.default_rng()))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_right_layers_are_cleared(name, dtype, rng):
    layer, shape = right_layers(rng)[name]
    layer.astype(dtype)
    x = rng.standard_normal(shape).astype(dtype)
    for _ in range(3):
        assert check_layer(layer, x, rng=rng) < CLEARED


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_right_loss_is_cleared(dtype, rng):
    y, t = rng.standard_normal((2, 5, 3)).astype(dtype)
    assert check_loss(MeanSquaredError(), y, t, rng=rng) < CLEARED


def test_nothing_is_left_behind(rng):
    network = Network([Conv2D(1, 2, 2, rng=rng), ReLU(), Flatten()])
    x = frozen(rng.standard_normal((2, 1, 4, 4)).astype(np.float32))
    network.backward(network.forward(x))
    before = pickle.dumps(network)
    check_layer(network, x, rng=rng)
    assert pickle.dumps(network) == before

    loss, y, t = MeanSquaredError(), *map(frozen, rng.standard_normal((2, 5)))
    loss.forward(t, y)
    before = pickle.dumps(loss)
    check_loss(loss, y, t, rng=rng)
    assert pickle.dumps(loss) == before


def test_a_layer_need_not_have_run_before(rng):
    layer = Dense(3, 2, rng=rng)
    check_layer(layer, rng.standard_normal((4, 3)), rng=rng)
    with pytest.raises(RuntimeError):
        layer.backward(np.ones((4, 2)))


def test_a_layer_that_draws_numbers_draws_the_same_each_time(rng):
    class Noisy(ReLU):
        """Multiply by numbers drawn in each forward pass."""

        noise_rng = None

        def forward(self, x):
            """Return y."""
            noise = self.noise_rng.uniform(1, 2, x.shape)
            self.keep(noise)
            return x * noise

        def backward(self, dy):
            """Return dx."""
            return dy * self.recall()

    layer = Noisy()
    layer.noise_rng = np.random.default_rng(3)
    assert check_layer(layer, np.ones((3, 2)), rng=rng) < CLEARED


def test_the_same_generator_gives_the_same_error():
    layer, x = Dense(3, 2, rng=np.random.default_rng(0)), np.ones((4, 3))
    errors = {
        check_layer(layer, x, rng=np.random.default_rng(1)) for _ in range(2)
    }
    assert len(errors) == 1


# Planted faults: each changes what a right backward pass has done.


def no_dx(layer, dy, dx):
    return 0 * dx


def negative_dx(layer, dy, dx):
    return -dx


def slightly_large_dx(layer, dy, dx):
    return dx * (1 + 1e-4)


def transposed_weight(layer, dy, dx):
    return dy @ layer.weight.value.T


def transposed_dw(layer, dy, dx):
    layer.weight.grad = layer.weight.grad.T
    return dx


def half_dw(layer, dy, dx):
    layer.weight.grad /= 2
    return dx


def forgotten_dw(layer, dy, dx):
    layer.weight.grad[...] = 0
    return dx


def one_wrong_weight(layer, dy, dx):
    layer.weight.grad.flat[3] *= 1.1
    return dx


def db_over_the_outputs(layer, dy, dx):
    layer.bias.grad[...] = dy.sum(axis=1)
    return dx


def db_as_a_mean(layer, dy, dx):
    layer.bias.grad /= len(dy)
    return dx


def kernel_flipped_once_too_often(layer, dy, dx):
    w = layer.weight.value
    layer.weight.value = w[:, :, ::-1, ::-1]
    dx = Conv2D.backward(layer, dy)
    layer.weight.value = w
    return dx


def channels_not_swapped(layer, dy, dx):
    w = layer.weight.value
    layer.weight.value = w.swapaxes(0, 1)
    dx = Conv2D.backward(layer, dy)
    layer.weight.value = w
    return dx


def flipped_dw(layer, dy, dx):
    layer.weight.grad = layer.weight.grad[:, :, ::-1, ::-1]
    return dx


def db_of_the_first_image(layer, dy, dx):
    layer.bias.grad[...] = dy[0].sum(axis=(1, 2))
    return dx


def shifted_by_a_pixel(layer, dy, dx):
    return np.roll(dx, 1, axis=3)


def everything_through(layer, dy, dx):
    return dy


def where_dy_is_positive(layer, dy, dx):
    return dy * (dy > 0)


def column_major(layer, dy, dx):
    return dy.reshape(dx.shape, order="F")


FAULTS = [
    (name, fault)
    for name, faults in {
        "square Dense": [
            no_dx,
            negative_dx,
            slightly_large_dx,
            transposed_weight,
            transposed_dw,
            half_dw,
            forgotten_dw,
            one_wrong_weight,
            db_over_the_outputs,
            db_as_a_mean,
        ],
        "Conv2D": [
            no_dx,
            slightly_large_dx,
            kernel_flipped_once_too_often,
            channels_not_swapped,
            shifted_by_a_pixel,
            flipped_dw,
            db_of_the_first_image,
        ],
        "ReLU": [everything_through, where_dy_is_positive],
        "Reshape": [no_dx, column_major],
        "Network": [no_dx, slightly_large_dx],
    }.items()
    for fault in faults
]


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_planted_faults_are_found(name, fault, rng):
    layer, shape = right_layers(rng)[name]

    class Faulty(type(layer)):
        """The layer with a fault in its backward pass."""

        def backward(self, dy):
            """Do it right, then wrong."""
            return fault(self, dy, super().backward(dy))

    layer.__class__ = Faulty
    assert check_layer(layer, rng.standard_normal(shape), rng=rng) > FOUND


def test_a_fault_deep_inside_a_network_is_found(rng):
    class Faulty(ReLU):
        """Let a little through where nothing should pass."""

        def backward(self, dy):
            """Return almost dL/dx."""
            return super().backward(dy) + 0.01 * dy

    layers = [Dense(4, 4, rng=rng), Faulty(), Dense(4, 2, rng=rng)]
    x = rng.standard_normal((5, 4))
    assert check_layer(Network(layers), x, rng=rng) > FOUND


def test_a_layer_that_spoils_dy_can_not_hide(rng):
    class Faulty(ReLU):
        """Wipe dy out, so that zero looks right."""

        def backward(self, dy):
            """Return zero."""
            dy[...] = 0
            return dy

    assert check_layer(Faulty(), np.ones((3, 2)), rng=rng) > FOUND


def test_gradients_that_add_up_are_found(rng):
    class Faulty(Dense):
        """Forget that backward overwrites."""

        def backward(self, dy):
            """Add to what was there."""
            before = self.bias.grad.copy()
            dx = super().backward(dy)
            self.bias.grad += before
            return dx

    layer, x = Faulty(3, 2, rng=rng), rng.standard_normal((4, 3))
    layer.bias.grad += 1
    assert check_layer(layer, x, rng=rng) > FOUND


@pytest.mark.parametrize(
    "fault",
    [
        lambda dy: dy / 2,
        lambda dy: dy * dy.size,
        lambda dy: -dy,
        lambda dy: dy * (1 + 1e-4),
        lambda dy: dy - dy.mean(),
    ],
    ids=["factor", "mean", "sign", "slight", "shift"],
)
def test_planted_faults_of_a_loss_are_found(fault, rng):
    class FaultyLoss(MeanSquaredError):  # noqa: N818 (no exception)
        """The loss with a fault in its backward pass."""

        def backward(self):
            """Do it right, then wrong."""
            return fault(super().backward())

    y, t = rng.standard_normal((2, 5, 3))
    assert check_loss(FaultyLoss(), y, t, rng=rng) > FOUND


# Special points


def test_where_all_is_zero_there_is_no_error(rng):
    assert check_layer(ReLU(), np.full((3, 2), -1.0), rng=rng) == 0
    y = rng.standard_normal((3, 2))
    assert check_loss(MeanSquaredError(), y, y, rng=rng) < CLEARED


def test_what_a_large_loss_rounds_away_is_no_error(rng):
    class Large(MeanSquaredError):  # noqa: N818 (no exception)
        """A loss so large that its last digit is noise."""

        def forward(self, y, t):
            """Return a large number, and little of something else."""
            self.keep(y)
            return 1e8 + 1e-8 * float(np.sin(1e9 * y.sum()))

        def backward(self):
            """Return zeros."""
            return np.zeros_like(self.recall())

    assert check_loss(Large(), *rng.standard_normal((2, 5, 3)), rng=rng) == 0


def test_a_gradient_that_should_be_zero_is_found(rng):
    x = np.ones(4)
    assert worst_error(lambda: 1.0, [(x, np.ones(4))], rng) > 0.01


def test_a_gradient_that_should_not_be_zero_is_wholly_wrong(rng):
    x = np.ones(4)
    assert worst_error(lambda: x.sum(), [(x, np.zeros(4))], rng) == 1


def test_no_gradient_is_right_at_a_kink(rng):
    assert check_layer(ReLU(), np.zeros((3, 2)), rng=rng) > FOUND


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_gradient_that_is_no_number_is_infinitely_wrong(bad, rng):
    x, gradient = np.ones(4), np.array([1, 1, bad, 1])
    assert worst_error(lambda: x.sum(), [(x, gradient)], rng) == np.inf


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_function_that_is_no_number_is_infinitely_wrong(bad, rng):
    x = np.ones(4)
    values = iter([bad, 1.0] * 3)
    assert worst_error(lambda: next(values), [(x, x)], rng) == np.inf


def test_a_gradient_of_another_shape_is_found(rng):
    class Faulty(Flatten):
        """Forget to give the shape of x back."""

        def backward(self, dy):
            """Return dy as it came."""
            super().backward(dy)
            return dy

    x = rng.standard_normal((2, 3, 4))
    with pytest.raises(ValueError, match=r"\(2, 3, 4\), got \(2, 12\)"):
        check_layer(Faulty(), x, rng=rng)


# A gradient that is zero, and one that is kept


def test_a_bias_before_a_norm_has_no_gradient_and_no_error(rng):
    layers = [Conv2D(1, 2, 3, rng=rng), BatchNorm2D(2)]
    x = rng.standard_normal((4, 1, 6, 6))
    assert check_layer(Network(layers), x, rng=rng) < CLEARED


def test_a_wrong_gradient_beside_a_zero_one_is_found(rng):
    class Forgetful(Conv2D):
        """Says that its bias has no gradient."""

        def backward(self, dy):
            """Return dx."""
            dx = super().backward(dy)
            self.bias.grad[...] = 0
            return dx

    x = rng.standard_normal((4, 1, 6, 6))
    assert check_layer(Forgetful(1, 2, 3, rng=rng), x, rng=rng) > FOUND
    layers = [Conv2D(1, 2, 3, rng=rng), BatchNorm2D(2)]
    layers += [Forgetful(2, 2, 1, rng=rng)]
    assert check_layer(Network(layers), x, rng=rng) > FOUND


def test_where_dx_is_kept_the_parameters_are_checked(rng):
    layer = Dense(3, 2, rng=rng)
    x = rng.standard_normal((4, 3))
    assert check_layer(accelerate(Network([layer])), x, rng=rng) < CLEARED

    class Wrong(Dense):
        """Doubles dw."""

        def backward(self, dy):
            """Return dx."""
            dx = super().backward(dy)
            self.weight.grad *= 2
            return dx

    fast = accelerate(Network([Wrong(3, 2, rng=rng)]))
    assert check_layer(fast, x, rng=rng) > FOUND
    whole = accelerate(Network([layer]), input_gradient=True)
    assert check_layer(whole, x, rng=rng) < CLEARED


def test_a_wrong_gradient_behind_a_large_output_is_found(rng):
    class Doubling(Dense):
        """Doubles dw."""

        def backward(self, dy):
            """Return dx."""
            dx = super().backward(dy)
            self.weight.grad *= 2
            return dx

    x = rng.standard_normal((4, 3))
    for bias, scale in (0, 1), (1e6, 1), (1, 1e-6):
        for kind, found in (Doubling, True), (Dense, False):
            layer = kind(3, 2, rng=rng)
            layer.bias.value[...] = bias
            error = check_layer(layer, scale * x, rng=rng)
            assert (error > 0.1) == found, (bias, scale, error)


def test_what_is_no_larger_than_rounding_counts_as_zero(rng):
    x = np.zeros(3)
    for gradient, wanted in (1e-9, 0.0), (1e-3, 1.0):
        pairs = [(x, np.full(3, gradient))]
        error = worst_error(lambda: 5.0, pairs, rng, rounding=1e-6)
        assert (error > 0.01) == (wanted > 0)


def test_an_accelerated_part_that_keeps_dx_is_checked_too(rng):
    inside = accelerate(Network([Dense(3, 2, rng=rng)]))
    x = rng.standard_normal((4, 3))
    assert check_layer(Network([inside]), x, rng=rng) < CLEARED
