"""Activations, receptive fields, strongest positions and neighbors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.inspection.features import (
    activations,
    neighbors,
    patches,
    strongest,
)
from scratchcnn.inspection.receptive_field import Field, receptive_field
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.models.lenet import lenet
from tests.comparing import LAYOUTS, assert_close, frozen
from tests.reference import cut_patch, squared_distances

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
    with pytest.raises(TypeError, match=r"activations wants .* got \[ReLU"):
        activations([ReLU()], np.zeros((1, 2)))


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_no_neighbors(bad):
    some, one = np.array([[bad], [1.0]]), np.ones((1, 1))
    for name, arrays in ("features", (some, one)), ("queries", (one, some)):
        with pytest.raises(ValueError, match=f"^neighbors wants {name} fini"):
            neighbors(*arrays, 1)
