"""Receptive fields: what an output reads, and nothing else."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.receptive_field import Field, receptive_field
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.layers.residual import Residual
from scratchcnn.models.lenet import lenet
from scratchcnn.models.record import record
from tests.reference import pixels_read

axis = st.tuples(*(st.integers(*ends) for ends in [(1, 4), (1, 3), (0, 3)]))


@st.composite
def towers(draw):
    """Draw layers, and the (kernel, stride, padding, holes) of both axes."""
    rng = np.random.default_rng(0)
    layers, forms = [], ([], [])
    for kind in draw(st.lists(st.sampled_from("cdmapr"), max_size=5)):
        if kind in "pr":
            layers.append(ReLU() if kind == "r" else Sigmoid())
            continue
        down, right = draw(axis), draw(axis)
        if kind not in "cd":
            down, right = ((*form[:2], 0) for form in (down, right))
        holes = draw(st.tuples(*[st.integers(1, 3)] * 2))
        dilation = holes if kind == "d" else (1, 1)
        kernel, stride, padding = zip(down, right, strict=True)
        if kind == "d":
            layers.append(
                DepthwiseConv2D(
                    1,
                    kernel,
                    stride=stride,
                    padding=padding,
                    dilation=dilation,
                    rng=rng,
                )
            )
        elif kind == "c":
            layers.append(
                Conv2D(1, 1, kernel, stride=stride, padding=padding, rng=rng)
            )
        else:
            layers.append(
                {"m": MaxPool2D, "a": AvgPool2D}[kind](kernel, stride)
            )
        forms[0].append((*down, dilation[0]))
        forms[1].append((*right, dilation[1]))
    return Network([ReLU(), Network([*layers, ReLU()])]), forms


@pytest.mark.equation("dilation-field-size")
@pytest.mark.equation("features-field-size")
@pytest.mark.equation("features-field-stride")
@pytest.mark.equation("features-field-start")
@given(towers(), st.integers(0, 5))
def test_the_field_is_what_an_output_reads(tower, output):
    network, forms = tower
    field = receptive_field(network)
    for start, stride, size, form in zip(*field, forms, strict=True):
        read = pixels_read(form, output)
        assert start + stride * output == read[0]
        # With strides beyond the kernels there may be gaps, not at the ends.
        assert size == read[-1] - read[0] + 1
        assert all(type(number) is int for number in (start, stride, size))


def test_the_gradient_is_zero_outside_the_field_and_not_inside(rng):
    layers = [
        Conv2D(1, 2, (5, 3), padding=(2, 1), rng=rng),
        AvgPool2D(2),
        Residual(Conv2D(2, 2, 3, padding=1, rng=rng)),
        BlurPool2D((2, 1)),
        Conv2D(2, 1, 3, stride=(1, 2), rng=rng),
    ]
    network, x = Network(layers), rng.standard_normal((1, 1, 20, 30))
    y = network.forward(x)
    for i, j in np.ndindex(y.shape[2:]):
        dy = np.zeros_like(y)
        dy[0, 0, i, j] = 1
        network.forward(x)
        seen = np.argwhere(network.backward(dy)[0, 0])
        for k, line in enumerate((i, j)):
            first, stride, size = (
                pair[k] for pair in receptive_field(network)
            )
            first += stride * line
            assert seen[:, k].min() == max(first, 0)
            assert seen[:, k].max() == min(first + size, x.shape[k + 2]) - 1


def test_the_fields_of_the_ten_class_network(rng):
    layers = lenet(rng=rng).layers
    fields = [receptive_field(Network(layers[:n])) for n in range(1, 7)]
    assert [field.size[0] for field in fields] == [5, 5, 6, 14, 14, 16]
    assert [field.stride[0] for field in fields] == [1, 1, 2, 2, 2, 4]
    assert {field.start for field in fields} == {(-2, -2)}


@given(towers(), axis, st.integers(0, 3), st.integers(0, 3))
def test_a_block_sees_what_either_of_its_ways_sees(tower, before, p, output):
    rng, (inside, forms) = np.random.default_rng(0), tower
    strides = [int(np.prod([form[1] for form in side])) for side in forms]
    around = Conv2D(1, 1, 1, stride=tuple(strides), padding=p, rng=rng)
    kernel, stride, padding = before
    first = Conv2D(1, 1, kernel, stride=stride, padding=padding, rng=rng)
    behind = MaxPool2D(2, 1)
    field = receptive_field(Network([first, Residual(inside, around), behind]))
    for start, to_next, size, form, side in zip(
        *field, forms, strides, strict=True
    ):
        ways = form, [(1, side, p, 1)]
        read = {
            pixel
            for way in ways
            for pixel in pixels_read(
                [(*before, 1), *way, (2, 1, 0, 1)], output
            )
        }
        assert start + to_next * output == min(read)
        assert size == max(read) - min(read) + 1


def test_a_way_around_without_layers_sees_the_pixel_itself(rng):
    # The window of the convolution lies below and right of the output.
    layer = Residual(Conv2D(1, 1, 2, rng=rng))
    assert receptive_field(layer) == Field((0, 0), (1, 1), (2, 2))
    beside = Residual(MaxPool2D(1), Conv2D(1, 1, 1, padding=(0, 2), rng=rng))
    assert receptive_field(beside) == Field((0, -2), (1, 1), (1, 3))


def test_ways_of_two_strides_have_no_field(rng):
    layer = Residual(Conv2D(1, 1, 1, stride=2, rng=rng))
    message = re.escape(f"two ways of one stride, got {layer}")
    with pytest.raises(ValueError, match=f"receptive_field wants {message}"):
        receptive_field(Network([ReLU(), layer]))


def test_a_block_of_another_kind_has_no_field():
    class Other(Residual):
        pass

    with pytest.raises(TypeError, match="receptive_field wants conv"):
        receptive_field(Other(ReLU()))


def test_the_fields_of_the_record_network(rng):
    network = record(rng=rng)
    for model in network, accelerate(network):
        layers = model.layers
        fields = [
            receptive_field(Network(layers[:n])) for n in (1, 4, 5, 6, 9, 10)
        ]
        assert [field.size[0] for field in fields] == [3, 4, 12, 16, 18, 34]
        assert [field.stride[0] for field in fields] == [1, 2, 2, 2, 4, 4]
        starts = [field.start[0] for field in fields]
        assert starts == [-1, -1, -5, -7, -7, -15]


def test_a_layer_alone_is_enough(rng):
    assert receptive_field(ReLU()) == Field((0, 0), (1, 1), (1, 1))
    assert receptive_field(BlurPool2D(2)) == Field((-1, -1), (2, 2), (3, 3))
    assert receptive_field(MaxPool2D(3, 2)) == Field((0, 0), (2, 2), (3, 3))


@pytest.mark.parametrize(
    "layer", [Flatten(), Dense(2, 2, rng=np.random.default_rng(0))]
)
def test_outputs_without_a_position_have_no_field(layer):
    message = re.escape(f"got {layer}")
    with pytest.raises(TypeError, match=f"receptive_field wants.*{message}"):
        receptive_field(Network([ReLU(), layer]))
