"""Replayed layers: the derivations they agree with, and PyTorch."""

import copy
import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.autograd import operations
from scratchcnn.autograd.replay import learned, replay
from scratchcnn.autograd.tensor import Tensor
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
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.lenet import lenet
from scratchcnn.models.two_class import two_class
from tests.comparing import assert_close, frozen
from tests.reference import (
    from_shares,
)


def two_classes(rng, n=3):
    """Return the network of Part I, its loss twice, x and t."""
    t = rng.integers(0, 2, (n, 1)).astype(float)
    return (
        two_class(rng=rng),
        MeanSquaredError(),
        operations.mean_squared_error,
        rng.uniform(0, 1, (n, 1, 28, 28)),
        t,
    )


def ten_classes(rng, n=3):
    """Return the network of Part II, its loss twice, x and t."""
    return (
        lenet(rng=rng),
        SoftmaxCrossEntropy(),
        operations.softmax_cross_entropy,
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


def test_an_empty_batch_is_no_special_case(rng):
    layers = [Conv2D(1, 2, 3, rng=rng), ReLU(), MaxPool2D(2), Reshape((2, -1))]
    network = Network([*layers, Flatten(), Dense(8, 3, rng=rng)])
    x = Tensor(np.zeros((0, 1, 6, 7)))
    y = replay(network, x, {})
    assert y.value.shape == (0, 3)
    y.backward(np.zeros((0, 3)))
    assert x.grad.shape == x.value.shape


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda rng: Dense(3, 2, rng=rng), (1, 4, 3)),
        (lambda rng: Conv2D(1, 2, 3, rng=rng), (1, 2, 5, 5)),
        (lambda rng: DepthwiseConv2D(1, 3, rng=rng), (1, 2, 5, 5)),
        (lambda rng: MaxPool2D(3), (1, 2, 2, 5)),
        (lambda rng: Reshape((2, -1)), (1, 5)),
        (lambda rng: ReLU(), ()),
    ],
)
def test_what_a_layer_refuses_is_not_replayed(layer, shape, rng):
    layer, x = layer(rng=rng), np.zeros(shape)
    with pytest.raises(ValueError, match=r"got|hold") as wanted:
        layer.forward(x)
    with pytest.raises(ValueError, match=re.escape(str(wanted.value))):
        replay(Network([layer]), Tensor(x), {})
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(x)


def test_nor_are_ways_that_end_in_different_shapes(rng):
    residual = Residual(Conv2D(1, 3, 3, padding=1, rng=rng))
    message = r"^Residual.* wants the inside of shape \(2, 1, 5, 5\), got"
    with pytest.raises(ValueError, match=message):
        replay(residual, np.zeros((2, 1, 5, 5)), {})


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
    path = Path(__file__).parents[2] / "book" / "records" / "pytorch.json"
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
