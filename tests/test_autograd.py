"""Autograd: the engine, the derivations it agrees with, and PyTorch."""

import copy
import functools
import json
import operator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import autograd
from scratchcnn.autograd import Tensor, learned, replay
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.lenet import lenet
from scratchcnn.models.two_class import two_class
from tests.comparing import assert_all_close, assert_close, frozen
from tests.gradients import numerical_gradient
from tests.reference import (
    from_shares,
    reverse_sweep,
    stretched_sum,
    sum_over_paths,
)

# The sweep


@st.composite
def graphs(draw):
    """Draw a graph, as tensors of three numbers and their Jacobians."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    nodes = [Tensor(frozen(rng.standard_normal((1, 3)))) for _ in range(2)]
    jacobians = {}
    for j in range(2, draw(st.integers(3, 8))):
        a, b = (draw(st.integers(0, j - 1)) for _ in range(2))
        x, y = nodes[a].value[0], nodes[b].value[0]
        match draw(st.sampled_from(["multiply", "matmul", "relu"])):
            case "multiply":
                nodes.append(nodes[a] * nodes[b])
                jacobians[j, a] = np.diag(y)
                jacobians[j, b] = np.diag(x) + (np.diag(y) if a == b else 0)
            case "matmul":
                m = rng.standard_normal((3, 3))
                nodes.append(nodes[a] @ m)
                jacobians[j, a] = m.T
            case "relu":
                nodes.append(autograd.relu(nodes[a]))
                jacobians[j, a] = np.diag((x > 0).astype(float))
    return nodes, jacobians, frozen(rng.standard_normal((1, 3)))


@pytest.mark.equation("autograd-paths")
@given(graphs())
def test_a_gradient_sums_over_all_paths(case):
    nodes, jacobians, dy = case
    end = len(nodes) - 1
    nodes[end].backward(dy)
    for i, node in enumerate(nodes):
        found = np.zeros((1, 3)) if node.grad is None else node.grad
        assert_close(found, dy @ sum_over_paths(jacobians, i, end))


@pytest.mark.equation("autograd-sweep")
@given(graphs())
def test_one_sweep_finds_them_all(case):
    nodes, jacobians, dy = case
    nodes[-1].backward(dy)
    wanted = reverse_sweep(jacobians, len(nodes) - 1, dy[0])
    for node, gradient in zip(nodes, wanted, strict=True):
        found = np.zeros((1, 3)) if node.grad is None else node.grad
        assert_close(found[0], gradient)


@given(graphs())
def test_a_second_sweep_adds_the_same_again(case):
    nodes, _, dy = case
    nodes[-1].backward(dy)
    once = [node.grad for node in nodes]
    nodes[-1].backward(dy)
    for node, gradient in zip(nodes, once, strict=True):
        if gradient is None:
            assert node.grad is None
        else:
            assert_close(node.grad, 2 * gradient)


def test_the_recording_lists_operands_after_results_and_each_once():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(2))
    c = a + b
    d = c * a
    other = b + b
    e = d + c
    assert e.recording() == [e, d, c, b, a]
    assert other.recording() == [other, b]
    assert a.recording() == [a]


def test_a_chain_may_be_longer_than_python_s_stack():
    start = x = Tensor(np.ones(1))
    for _ in range(5000):
        x = x * 1
    x.backward()
    assert start.grad == 1


def test_gradients_don_t_share_memory():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(2))
    dy = np.ones(2)
    c = a + b
    c.backward(dy)
    arrays = [dy, a.grad, b.grad, c.grad]
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, x) for x in arrays[:i])
    c.backward(frozen(dy))
    assert_all_close([dy, a.grad], [np.ones(2), np.full(2, 2.0)])


def test_backward_from_an_array_wants_dy():
    x = Tensor(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"Tensor\(2, 3\): backward from an"):
        x.backward()
    message = r"Tensor\(2, 3\) wants dy of shape \(2, 3\), got \(3, 2\)"
    with pytest.raises(ValueError, match=message):
        x.backward(np.zeros((3, 2)))
    with pytest.raises(TypeError, match="wants dy as an array of floats"):
        x.backward(np.zeros((2, 3), int))


@pytest.mark.parametrize("bad", [1.0, [1.0], np.ones(2, int), None])
def test_a_tensor_holds_floats(bad):
    with pytest.raises(TypeError, match="Tensor wants value as an array"):
        Tensor(bad)


# The operations


@pytest.mark.equation("autograd-stretched")
@given(st.data())
def test_what_was_stretched_is_summed(data):
    sizes = st.lists(st.integers(1, 3), max_size=3)
    one, other = data.draw(sizes), data.draw(sizes)
    both = max(len(one), len(other))
    for i in range(1, both + 1):  # make them fit, from the last axis on
        if i <= min(len(one), len(other)) and 1 not in (one[-i], other[-i]):
            other[-i] = one[-i]
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.standard_normal(shape)) for shape in (one, other))
    y = a + b
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    assert_close(a.grad, stretched_sum(dy, tuple(one)))
    assert_close(b.grad, stretched_sum(dy, tuple(other)))


OPERATIONS = {
    "add": (autograd.add, (4, 3), (3,)),
    "add a column": (autograd.add, (2, 4, 3), (4, 1)),
    "multiply": (autograd.multiply, (4, 3), (4, 1)),
    "multiply by a number": (lambda x: autograd.multiply(x, -0.5), (4, 3)),
    "+": (operator.add, (4, 3), (3,)),
    "-": (operator.sub, (4, 3), (4, 1)),
    "-x": (operator.neg, (4, 3)),
    "*": (operator.mul, (3,), (4, 3)),
    "@": (operator.matmul, (4, 3), (5, 3, 2)),
    "numbers": (lambda x: 2 * (1 - x * 3 + 4), (4, 3)),
    "matmul": (autograd.matmul, (4, 3), (3, 2)),
    "matmul of stacks": (autograd.matmul, (4, 3), (5, 3, 2)),
    "matmul of two stacks": (autograd.matmul, (5, 4, 3), (5, 3, 2)),
    "transpose": (autograd.transpose, (4, 3)),
    "axes": (lambda x: autograd.transpose(x, (2, 0, 1)), (4, 3, 2)),
    "reshape": (lambda x: autograd.reshape(x, (2, -1)), (4, 3)),
    "total": (autograd.total, (4, 3)),
    "mean": (autograd.mean, (4, 3)),
    "take": (lambda x: autograd.take(x, [0, 2, 2]), (4, 3)),
    "relu": (autograd.relu, (4, 3)),
    "log_sum_exp": (autograd.log_sum_exp, (4, 3)),
    "pad": (lambda x: autograd.pad(x, (1, 2)), (2, 2, 3, 4)),
    "gather": (lambda x: autograd.gather(x, (2, 3), (2, 1)), (2, 2, 5, 4)),
    "scatter": (
        lambda x: autograd.scatter(x, (5, 4), (2, 1)),
        (2, 2, 2, 3, 2, 2),
    ),
    "blur": (lambda x: autograd.blur(x, 2, 2), (2, 2, 5, 4)),
    "map_means": (autograd.map_means, (2, 3, 5, 4)),
    "max_pool": (lambda x: autograd.max_pool(x, (2, 3), (2, 1)), (2, 2, 5, 4)),
}


@pytest.mark.finite_differences
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_have_the_gradients_that_can_be_measured(name, rng):
    operation, *shapes = OPERATIONS[name]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    dy = rng.standard_normal(operation(*arrays).shape)
    tensors = [Tensor(x) for x in arrays]
    operation(*tensors).backward(dy)
    for tensor, x in zip(tensors, arrays, strict=True):
        wanted = numerical_gradient(
            lambda: float(np.sum(dy * operation(*arrays))), x
        )
        assert_close(tensor.grad, wanted, tolerance=1e-8)


def test_gradients_of_a_long_batch_lose_no_digits():
    x, bias = np.ones((5000, 2), np.float16), Tensor(np.zeros(2, np.float16))
    (bias + x).backward(np.ones((5000, 2), np.float16))
    assert bias.grad.tolist() == [5000, 5000]


@pytest.mark.parametrize("name", OPERATIONS)
def test_arrays_are_constants_and_nothing_is_recorded(name, rng):
    operation, *shapes = OPERATIONS[name]
    arrays = [frozen(rng.standard_normal(shape)) for shape in shapes]
    y = operation(*arrays)
    assert isinstance(y, np.ndarray)
    for i in range(len(arrays)):
        mixed = [Tensor(x) if i == k else x for k, x in enumerate(arrays)]
        end = operation(*mixed)
        assert_close(end.value, y)
        inputs = [t for t in end.recording() if not t.edges]
        assert inputs == [mixed[i]]


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_the_precision(name, rng):
    operation, *shapes = OPERATIONS[name]
    tensors = [
        Tensor(rng.standard_normal(shape).astype(np.float32))
        for shape in shapes
    ]
    y = operation(*tensors)
    assert y.value.dtype == np.float32
    y.backward(np.ones_like(y.value))
    assert {t.grad.dtype for t in y.recording()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "kinds", [(Tensor, Tensor), (np.array, Tensor), (Tensor, np.array)]
)
@pytest.mark.parametrize(
    ("sign", "function"),
    [
        ("+", autograd.add),
        ("*", autograd.multiply),
        ("@", autograd.matmul),
    ],
)
def test_an_operator_is_the_function_that_it_calls(sign, function, kinds, rng):
    symbol, *shapes = OPERATIONS[sign]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    found = []
    for operation in symbol, function:
        operands = [kind(x) for kind, x in zip(kinds, arrays, strict=True)]
        tensors = [x for x in operands if isinstance(x, Tensor)]
        y = operation(*operands)
        y.backward(np.ones_like(y.value))
        assert {*y.recording()} == {y, *tensors}
        found.append([y.value, *(x.grad for x in tensors)])
    np.testing.assert_equal(*found)


@pytest.mark.parametrize("shapes", [((3,), (3, 2)), ((2, 3), (3,))])
def test_matmul_wants_matrices(shapes):
    with pytest.raises(ValueError, match="matmul wants matrices, got"):
        autograd.matmul(*map(np.ones, shapes))


def test_the_first_of_several_largest_pixels_wins(rng):
    x = rng.integers(0, 2, (3, 2, 5, 6)).astype(float)
    layer, tensor = MaxPool2D(2), Tensor(x)
    y = autograd.max_pool(tensor, (2, 2), (2, 2))
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    assert_close(y.value, layer.forward(x))
    assert_close(tensor.grad, layer.backward(dy))


# Against what was derived by hand


def two_classes(rng, n=3):
    """Return the network of Part I, its loss twice, x and t."""
    t = rng.integers(0, 2, (n, 1)).astype(float)
    return (
        two_class(rng=rng),
        MeanSquaredError(),
        autograd.mean_squared_error,
        rng.uniform(0, 1, (n, 1, 28, 28)),
        t,
    )


def ten_classes(rng, n=3):
    """Return the network of Part II, its loss twice, x and t."""
    return (
        lenet(rng=rng),
        SoftmaxCrossEntropy(),
        autograd.softmax_cross_entropy,
        rng.uniform(0, 1, (n, 1, 28, 28)),
        rng.integers(0, 10, n),
    )


@pytest.mark.parametrize("case", [two_classes, ten_classes])
def test_no_derivation_gives_the_same_as_ours(case, rng):
    network, loss, same_loss, x, t = case(rng)
    network.astype(np.float64)
    tensors, start = learned(network), Tensor(frozen(x))
    y = replay(network, start, tensors)
    end = same_loss(y, t)
    end.backward()
    assert_close(y.value, network.forward(x))
    assert_close(end.value, loss.forward(y.value, t))
    dy = loss.backward()
    assert_close(y.grad, dy)
    assert_close(start.grad, network.backward(dy))
    for p, tensor in tensors.items():
        assert_close(tensor.grad, p.grad)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (functools.partial(Dense, 5, 3), (4, 5)),
        (functools.partial(Conv2D, 2, 3, (3, 2), padding=1), (2, 2, 6, 5)),
        (functools.partial(Conv2D, 2, 3, 2, stride=(3, 2)), (2, 2, 6, 5)),
        (functools.partial(ConvTranspose2D, 2, 3, (3, 2)), (2, 2, 4, 3)),
        (
            functools.partial(ConvTranspose2D, 2, 1, 4, stride=2, padding=1),
            (2, 2, 4, 3),
        ),
        (lambda rng: BlurPool2D((2, 3)), (2, 2, 5, 6)),
        (lambda rng: ReLU(), (4, 5)),
        (lambda rng: MaxPool2D(3, stride=2), (2, 2, 8, 6)),
        (lambda rng: Reshape((5, -1)), (2, 2, 5)),
        (lambda rng: Network([Flatten(), Dense(10, 2, rng=rng)]), (2, 2, 5)),
        (lambda rng: DepthwiseConv2D(3, 3, padding=1, rng=rng), (2, 3, 5, 4)),
        (
            lambda rng: DepthwiseConv2D(
                3, (3, 2), stride=(2, 1), padding=1, dilation=(1, 3), rng=rng
            ),
            (2, 3, 5, 4),
        ),
        (lambda rng: GlobalAvgPool2D(), (2, 3, 5, 4)),
        (lambda rng: Residual(Dense(5, 5, rng=rng)), (4, 5)),
        (
            lambda rng: Residual(
                Conv2D(2, 3, 3, padding=1, stride=2, rng=rng),
                Conv2D(2, 3, 1, stride=2, rng=rng),
            ),
            (2, 2, 6, 5),
        ),
    ],
)
def test_every_layer_is_replayed(layer, shape, rng):
    layer, x = layer(rng=rng), rng.standard_normal(shape)
    layer.astype(np.float64)
    tensors, start = learned(layer), Tensor(x)
    y = replay(layer, start, tensors)
    assert_close(y.value, layer.forward(x))
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    assert_close(start.grad, layer.backward(dy))
    for p, tensor in tensors.items():
        assert_close(tensor.grad, p.grad)


def test_replayed_layers_keep_the_precision(rng):
    layers = [
        Conv2D(1, 2, 3, rng=rng),
        Residual(DepthwiseConv2D(2, 3, padding=2, dilation=2, rng=rng)),
        BlurPool2D(),
        ConvTranspose2D(2, 3, 2, rng=rng),
        GlobalAvgPool2D(),
    ]
    x = rng.standard_normal((2, 1, 8, 9)).astype(np.float32)
    for layer in layers:
        x = replay(layer, x, {})
        assert x.dtype == np.float32


def test_another_kind_of_layer_is_named(rng):
    network = Network([BatchNorm2D(2)])
    with pytest.raises(TypeError, match=r"replay knows no BatchNorm2D\(2"):
        replay(network, np.zeros((1, 2, 3, 3)), {})


def test_without_tensors_a_network_is_only_evaluated(rng):
    network, *_, x, _ = ten_classes(rng)
    y = replay(network, x.astype(np.float32), {})
    assert isinstance(y, np.ndarray)
    np.testing.assert_allclose(
        y, network.forward(x.astype(np.float32)), rtol=1e-5, atol=1e-6
    )


def test_a_parameter_without_a_tensor_is_frozen(rng):
    network, _, loss, x, t = ten_classes(rng)
    head = network.layers[-1]
    tensors = learned(head)
    end = loss(replay(network, x, tensors), t)
    assert [*tensors] == [head.weight, head.bias]
    end.backward()
    leaves = [tensor for tensor in end.recording() if not tensor.edges]
    assert {*leaves} == {*tensors.values()}


def test_tensors_share_their_memory_with_the_parameters(rng):
    layer = Dense(3, 2, rng=rng)
    for p, tensor in learned(layer).items():
        assert tensor.value is p.value


@pytest.mark.parametrize("bad", [10, -1])
def test_a_label_that_is_no_class_is_named(bad):
    message = "softmax_cross_entropy wants t from 0 to 9, got"
    with pytest.raises(ValueError, match=message):
        autograd.softmax_cross_entropy(np.zeros((2, 10)), np.array([0, bad]))


def test_two_logits_are_binary_cross_entropy(rng):
    y, t = Tensor(rng.standard_normal((5, 1))), rng.integers(0, 2, 5)
    both = y * np.array([[0.0, 1.0]])
    end = autograd.softmax_cross_entropy(both, t)
    end.backward()
    loss = BinaryCrossEntropy()
    assert_close(end.value, loss.forward(y.value, t[:, None].astype(float)))
    assert_close(y.grad, loss.backward())


# The shares of a batch


@pytest.mark.equation("autograd-shares")
@pytest.mark.parametrize("counts", [[4, 4], [6, 2], [1, 2, 5]])
def test_the_gradient_of_a_batch_from_those_of_its_shares(counts, rng):
    network, loss, _, x, t = ten_classes(rng, sum(counts))
    network.astype(np.float64)

    def gradients(x, t):
        loss.forward(network.forward(x), t)
        network.backward(loss.backward())
        return [p.grad.copy() for p in network.parameters()]

    ends = np.cumsum(counts)[:-1]
    shares = [
        gradients(*share)
        for share in zip(np.split(x, ends), np.split(t, ends), strict=True)
    ]
    whole = gradients(x, t)
    for wanted, *parts in zip(whole, *shares, strict=True):
        assert_close(from_shares(parts, counts), wanted)
        if len({*counts}) == 1:
            assert_close(np.mean(parts, axis=0), wanted)


# PyTorch, as recorded and live


def faults(record):
    """List what is wrong in a comparison with PyTorch."""
    rows = record["two_classes"] + record["ten_classes"]
    kinds = "output", "gradient", "weight", "bias"
    wrong = [row for row in rows for k in kinds if row.get(k, 0) > 1e-10]
    steps, processes = record["steps"], record["processes"]
    wrong += [k for k in ("loss", "weights") if steps[k] > 1e-10]
    errors = processes["loss"], processes["loss_ours"], processes["weights"]
    return wrong + [error for error in errors if error > 1e-6]


def names(found):
    """Return what is compared: all but the differences themselves."""
    if isinstance(found, dict):
        return {key: names(value) for key, value in found.items()}
    if isinstance(found, list):
        return [names(value) for value in found]
    return None if isinstance(found, float) else found


@pytest.fixture(scope="module")
def record():
    """Return the comparison that the chapter prints."""
    path = Path(__file__).parent.parent / "book" / "records" / "pytorch.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def compared():
    """Return the same comparison, made here and now."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from tools import pytorch_twin

    if not pytorch_twin.dist.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    return pytorch_twin.compare()


def test_the_record_says_that_all_is_equal(record):
    assert faults(record) == []


def test_a_difference_would_be_found(record):
    record = copy.deepcopy(record)
    record["ten_classes"][4]["gradient"] = 1e-9
    record["steps"]["weights"] = 1e-9
    record["processes"]["loss"] = 1e-5
    assert len(faults(record)) == 3


@pytest.mark.pytorch
@pytest.mark.pytorch
def test_pytorch_agrees_in_every_layer_step_and_process(compared):
    assert faults(compared) == []


@pytest.mark.pytorch
def test_the_record_is_of_what_is_compared_today(record, compared):
    for kind in "two_classes", "ten_classes", "steps", "processes":
        assert names(record[kind]) == names(compared[kind])
    for kind in "steps", "processes":
        np.testing.assert_allclose(
            record[kind]["losses"], compared[kind]["losses"], rtol=1e-4
        )


# Nothing silently wrong


@pytest.mark.parametrize("axes", [(0, -1, 1), (-1, 0, 1), (-2, -1, 0)])
def test_axes_may_be_counted_from_the_end(axes, rng):
    x = Tensor(rng.standard_normal((2, 3, 4)))
    y = autograd.transpose(x, axes)
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    normal = tuple(axis % 3 for axis in axes)
    wanted = np.empty((2, 3, 4))
    for index in np.ndindex(dy.shape):
        place = [0, 0, 0]
        for axis, i in zip(normal, index, strict=True):
            place[axis] = i
        wanted[tuple(place)] = dy[index]
    np.testing.assert_array_equal(x.grad, wanted)


def test_layers_derived_from_ours_are_not_replayed(rng):
    class Halved(Dense):
        """Not what it seems."""

        def forward(self, x):
            """Return y of x / 2."""
            return super().forward(x / 2)

    class Mine(Network):
        """A network that may do anything."""

    for layer in Halved(2, 2, rng=rng), Mine([ReLU()]):
        with pytest.raises(TypeError, match="replay knows no"):
            replay(layer, np.ones((1, 2)), {})
        with pytest.raises(TypeError, match="replay knows no"):
            replay(Network([layer]), np.ones((1, 2)), {})


def test_sums_and_means_lose_no_digits():
    for dtype in np.float16, np.float32:
        x = Tensor(np.full((60_000, 1), 0.1, dtype))
        one = float(x.value[0, 0])
        y = autograd.mean(x)
        assert y.value.dtype == dtype
        assert y.value == dtype(one)
        y.backward()
        assert x.grad.dtype == dtype
        b = Tensor(np.zeros(1, dtype))
        (b + x.value).backward(x.value)
        assert b.grad.dtype == dtype
        np.testing.assert_allclose(b.grad, 60_000 * one, rtol=1e-3)
    wide = autograd.total(Tensor(x.value))
    assert wide.value == np.float32(60_000 * one)


def test_no_pixel_of_a_window_with_nan_wins(rng):
    x = rng.standard_normal((1, 1, 4, 4))
    x[0, 0, 1, 1] = np.nan
    layer, pixels = MaxPool2D(2), Tensor(x)
    y = autograd.max_pool(pixels, (2, 2), (2, 2))
    np.testing.assert_array_equal(y.value, layer(x))
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    np.testing.assert_array_equal(pixels.grad, layer.backward(dy))
