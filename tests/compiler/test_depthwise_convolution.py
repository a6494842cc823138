"""The depthwise stage: the equations, in naive loops, and clean buffers."""

import numpy as np
import pytest
from hypothesis import given

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.compiler.convolution import BiasStage, MaxPoolStage
from scratchcnn.compiler.depthwise_convolution import DepthwiseStage
from scratchcnn.compiler.stage import ReLUStage
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from tests.comparing import assert_close
from tests.compiler.test_stage import assert_equal_to_layer, buffer, run
from tests.layers.test_depthwise_convolution import examples, form_of
from tests.reference import depthwise_dw, depthwise_dx, depthwise_forward


@pytest.mark.equation("depthwise-stage")
@given(examples())
def test_a_stage_does_what_the_equations_say(case):
    layer, x, dy = case
    y, dx = run(DepthwiseStage(layer, buffer(x)), x, dy)
    w, form = layer.weight.value, form_of(layer)
    zeros = np.zeros(layer.channels)
    assert_close(y, depthwise_forward(x, w, zeros, *form))
    assert_close(dx, depthwise_dx(w, dy, x.shape[2:], *form))
    wanted = depthwise_dw(x, dy, layer.kernel_size, *form)
    assert_close(layer.weight.grad, wanted)


@given(examples())
def test_a_second_batch_finds_clean_buffers(case):
    layer, x, _ = case
    layer.bias.value[...] = layer.bias.grad[...] = 0

    class Unbiased(DepthwiseConv2D):
        def backward(self, dy):
            dx = super().backward(dy)
            self.bias.grad[...] = 0
            return dx

    layer.__class__ = Unbiased
    assert_equal_to_layer(DepthwiseStage, layer, x, np.random.default_rng(0))


def test_pooling_moves_before_its_bias(rng):
    layers = [DepthwiseConv2D(2, 3, rng=rng), ReLU(), MaxPool2D(2)]
    network, x = Network(layers), rng.standard_normal((3, 2, 6, 6))
    fast = accelerate(network)
    y = network.forward(x)
    assert_close(fast.forward(x), y)
    kinds = [type(stage) for stage in fast.plan_for(x).row.stages]
    assert kinds == [DepthwiseStage, MaxPoolStage, BiasStage, ReLUStage]


def test_sums_over_a_long_batch_keep_their_digits(rng):
    layer = DepthwiseConv2D(1, 1, rng=rng)
    fast = accelerate(Network([layer]))
    x = np.full((200_000, 1, 1, 1), 0.1, np.float32)
    fast.forward(x)
    fast.backward(x)
    wanted = 200_000 * float(np.float32(0.1)) ** 2
    assert layer.weight.grad.item() == pytest.approx(wanted, rel=4e-7)


def test_sums_of_halves_may_be_larger_than_a_half(rng):
    layer = DepthwiseConv2D(1, 1, rng=rng)
    fast = accelerate(Network([layer]))
    x = np.full((1000, 1, 1, 1), 10, np.float16)
    fast.forward(x)
    fast.backward(x)
    assert layer.weight.grad.item() == 100_000
