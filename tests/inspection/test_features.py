"""Activations, receptive fields, strongest positions and neighbors."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.features import (
    Field,
    activations,
    neighbors,
    patches,
    receptive_field,
    strongest,
)
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.layers.residual import Residual
from scratchcnn.models.lenet import lenet
from scratchcnn.models.record import record
from tests.comparing import LAYOUTS, assert_close, frozen
from tests.reference import cut_patch, pixels_read, squared_distances

# Activations


def test_every_layer_is_heard(rng):
    network = lenet(rng=rng)
    x = frozen(rng.uniform(0, 1, (3, 1, 28, 28)))
    outputs = activations(network, x)
    assert len(outputs) == len(network.layers)
    np.testing.assert_array_equal(outputs[-1], network.forward(x))
    y = x
    for layer, output in zip(network.layers, outputs, strict=True):
        y = layer.forward(y)
        np.testing.assert_array_equal(output, y)


def test_in_evaluation_mode_and_then_as_before(rng):
    drop = Dropout(0.5, rng=rng)
    network = Network([drop, BatchNorm2D(2), ReLU()])
    drop.eval()
    x = rng.standard_normal((4, 2, 3, 3))
    state = rng.bit_generator.state
    assert np.array_equal(activations(network, x)[0], x)
    assert [layer.training for layer in network.layers] == [False, True, True]
    network.train()
    assert np.array_equal(activations(network, x)[0], x)
    assert all(layer.training for _, layer in network.walk())
    assert rng.bit_generator.state == state
    assert not network.layers[1].running_mean.any()


def test_the_modes_are_restored_after_an_error(rng):
    network = Network([Dense(3, 2, rng=rng)])
    with pytest.raises(ValueError, match="Dense"):
        activations(network, np.zeros((1, 4)))
    assert network.layers[0].training


def test_activations_wants_a_network(rng):
    with pytest.raises(TypeError, match=r"activations wants a Network, got R"):
        activations(ReLU(), np.zeros((1, 2)))


# Receptive fields

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


def test_accelerated_networks_are_looked_into(rng):
    network = Network([Conv2D(1, 2, 3, rng=rng), ReLU(), MaxPool2D(2)])
    fast, x = accelerate(network), rng.standard_normal((2, 1, 9, 9))
    assert receptive_field(fast) == receptive_field(network)
    for one, other in zip(
        activations(fast, x), activations(network, x), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert fast.summary((1, 9, 9)) == network.summary((1, 9, 9))


# The strongest positions


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 99))
def test_the_strongest_position_of_every_image(n, f, seed):
    rng = np.random.default_rng(seed)
    maps = frozen(rng.integers(0, 6, (n, f, 3, 4)).astype(np.float32))
    channel, count = rng.integers(f), rng.integers(1, n + 1)
    found = strongest(maps, channel, count)
    tops = []
    for image in range(n):
        best = 0, 0
        for place in np.ndindex(3, 4):
            if maps[image, channel][place] > maps[image, channel][best]:
                best = place
        tops.append((-maps[image, channel][best], image, *best))
    assert found.tolist() == [list(top[1:]) for top in sorted(tops)[:count]]
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("channel", "count", "message"),
    [
        (2, 1, "channel <= 1, got 2"),
        (-1, 1, "channel >= 0, got -1"),
        (0, 4, "count <= 3, got 4"),
        (0, 0, "count >= 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_named(channel, count, message):
    with pytest.raises(ValueError, match=f"strongest wants {message}"):
        strongest(np.zeros((3, 2, 4, 4)), channel, count)


def test_strongest_wants_maps():
    with pytest.raises(ValueError, match=r"maps of shape \(N, F, OH, OW\)"):
        strongest(np.zeros((3, 2)), 0, 1)


# Patches

pairs = st.tuples(st.integers(1, 4), st.integers(1, 5))
starts = st.tuples(st.integers(-6, 4), st.integers(-6, 4))


@given(starts, pairs, pairs, st.sampled_from(sorted(LAYOUTS)))
def test_patches_have_zeros_around_the_image(start, stride, size, layout):
    rng = np.random.default_rng(1)
    x = LAYOUTS[layout](rng.standard_normal((3, 2, 6, 7)))
    positions = rng.integers(0, 3, (5, 3))
    cut = patches(x, Field(start, stride, size), positions)
    for patch, (n, i, j) in zip(cut, positions, strict=True):
        corner = start[0] + stride[0] * i, start[1] + stride[1] * j
        np.testing.assert_array_equal(patch, cut_patch(x[n], corner, size))
    assert cut.shape == (5, 2, *size)


def test_a_patch_alone_gives_the_output_that_it_was_cut_for(rng):
    network = Network(
        [
            Conv2D(1, 4, 3, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Conv2D(4, 2, 3, rng=rng),
        ]
    )
    x = rng.standard_normal((5, 1, 20, 20))
    y = network.forward(x)
    positions = strongest(y, 1, 5)
    cut = patches(x, receptive_field(network), positions)
    again = network.forward(cut)
    assert again.shape == (5, 2, 1, 1)
    for one, (n, i, j) in zip(again, positions, strict=True):
        assert_close(one[:, 0, 0], y[n, :, i, j])


def test_what_lies_outside_counts_as_zero_even_if_the_edge_is_not_finite():
    x = np.full((1, 1, 2, 2), np.nan, np.float32)
    far = Field((9, 9), (1, 1), (2, 2))
    cut = patches(x, far, np.array([[0, 0, 0]]))
    assert cut.dtype == np.float32
    assert not cut.any()


@pytest.mark.parametrize(
    "positions", [np.zeros(3, int), np.zeros((1, 2), int)]
)
def test_positions_have_three_numbers(positions):
    with pytest.raises(ValueError, match=r"positions of shape \(M, 3\), got"):
        patches(
            np.zeros((1, 1, 2, 2)), Field((0, 0), (1, 1), (1, 1)), positions
        )


@pytest.mark.parametrize("image", [-1, 2])
def test_positions_lie_in_the_images(image):
    positions = np.array([[image, 0, 0]])
    with pytest.raises(
        ValueError, match="the images of positions from 0 to 1"
    ):
        patches(
            np.zeros((2, 1, 2, 2)), Field((0, 0), (1, 1), (1, 1)), positions
        )


def test_positions_are_integers():
    with pytest.raises(TypeError, match="array of integers, got float64"):
        patches(
            np.zeros((2, 1, 2, 2)),
            Field((0, 0), (1, 1), (1, 1)),
            np.zeros((1, 3)),
        )


# Neighbors


@pytest.mark.equation("features-distance")
@given(st.integers(1, 7), st.integers(0, 4), st.integers(0, 99))
def test_the_nearest_come_first(n, q, seed):
    rng = np.random.default_rng(seed)
    features = frozen(rng.standard_normal((n, 3)))
    queries = frozen(rng.standard_normal((q, 3)))
    count = int(rng.integers(1, n + 1))
    found = neighbors(features, queries, count)
    far = squared_distances(features, queries)
    wanted = [np.argsort(row)[:count].tolist() for row in far]
    assert found.tolist() == wanted
    assert found.shape == (q, count)
    assert found.dtype == np.int64


def test_images_are_read_as_vectors_and_find_themselves(rng):
    x = rng.standard_normal((20, 1, 4, 5)).astype(np.float32)
    assert np.array_equal(neighbors(x, x, 1)[:, 0], np.arange(20))


def test_two_kinds_have_no_distance():
    with pytest.raises(ValueError, match=r"queries of shape \(Q, 3\), got"):
        neighbors(np.zeros((4, 3)), np.zeros((4, 2)), 1)


@pytest.mark.parametrize("count", [0, 5])
def test_no_more_neighbors_than_there_are(count):
    with pytest.raises(ValueError, match=f"neighbors wants count .* {count}"):
        neighbors(np.zeros((4, 3)), np.zeros((1, 3)), count)


@pytest.mark.parametrize(
    ("dtype", "far"), [(np.float16, 30), (np.float32, 1e4), (np.float64, 1e9)]
)
def test_neighbors_far_from_zero_are_told_apart(dtype, far, rng):
    features = (rng.standard_normal((40, 6)) + far).astype(dtype)
    queries = (rng.standard_normal((7, 6)) + far).astype(dtype)
    found = neighbors(features, queries, 40)
    f, q = features.astype(np.longdouble), queries.astype(np.longdouble)
    far_away = ((f - q[:, None]) ** 2).sum(axis=2)
    assert (np.diff(np.take_along_axis(far_away, found, 1)) >= 0).all()


def test_neighbors_wants_floats():
    with pytest.raises(TypeError, match="features as an array of floats"):
        neighbors(np.zeros((4, 3), int), np.zeros((1, 3)), 1)
