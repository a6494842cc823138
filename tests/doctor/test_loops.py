"""How networks and training are examined."""

import numpy as np
import pytest

from scratchcnn import Network
from scratchcnn.doctor.chart import Chart
from scratchcnn.doctor.experiments import Probe
from scratchcnn.doctor.kinds import HOW
from scratchcnn.doctor.loops import (
    Size,
    Witness,
    examine_descent,
    examine_divergence,
    examine_network,
    examine_step,
    some_layers,
    some_values,
    values,
    yielded,
)
from scratchcnn.training import gradient_descent, gradient_step

SMALL = Probe("p", shape=(5, 2))


def chart_of(experiment, make, probe):
    chart = Chart()
    experiment(make, probe, chart)
    return {result: value for (_, result), value in chart.items()}


def test_a_row_of_values_becomes_arrays_again():
    layers = some_layers()
    parameters = Network(layers).parameters()
    again = some_values(values(layers), parameters)
    for p, array in zip(parameters, again, strict=True):
        assert (p.value == array).all()


def test_a_network_is_asked_for_modes_and_parameters():
    seen = chart_of(examine_network, Network, SMALL)
    assert seen["how many parameters"] == 6
    assert not seen["the modes"].any()
    assert seen["the gradients"].shape == (18,)


def test_a_step_moves_the_arrays_themselves():
    seen = chart_of(examine_step, gradient_step, SMALL)
    assert seen["values change in place"].all()
    assert np.allclose(seen["the first step"], seen["the second step"])
    seen = chart_of(examine_divergence, gradient_step, SMALL)
    assert seen["a loss that is not finite is refused"]
    assert not seen["the step"].any()


def test_a_run_is_watched():
    probe = Probe("p", (), {**HOW, "batch_size": 4}, (10, 1))
    seen = chart_of(examine_descent, gradient_descent, probe)
    assert seen["the losses"].tolist() == [3.6, 3.6]
    assert seen["the sizes of the batches"].tolist() == [4, 4, 2] * 2
    assert (seen["how often each example comes"] == 2).all()
    assert seen["targets go with their examples"]
    assert seen["the step"] == -3


def test_a_witness_changes_nothing():
    witness, loss, x = Witness(), Size(), np.ones((3, 1))
    assert loss.forward(witness.forward(x), x) == 3
    assert (witness.backward(loss.backward()) == 1).all()
    assert witness.modes == [True]


def test_a_run_that_does_not_yield_is_told_so():
    assert [*yielded(iter([1.0, 0.5]))] == [1.0, 0.5]
    with pytest.raises(TypeError, match="has to yield"):
        yielded(0.5)
