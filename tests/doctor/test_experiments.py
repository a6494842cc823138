"""What the doctor looks at, with patients that do it wrong."""

import numpy as np
import pytest

from scratchcnn import Dense, Dropout, ReLU
from scratchcnn.doctor.chart import Chart
from scratchcnn.doctor.experiments import (
    Probe,
    examine,
    examine_draws,
    examine_dropout,
    examine_layer,
    examine_random_layer,
    handed,
    opposite,
)


def chart_of(experiment, make, probe):
    chart = Chart()
    examine(make, [(experiment, probe)], chart)
    return {result: value for (_, result), value in chart.items()}


def test_a_probe_draws_the_same_numbers_each_time():
    probe = Probe("float32", shape=(2, 3), change=np.round, dtype="float32")
    assert probe.draw(1).dtype == np.float32
    assert (probe.draw(1) == probe.draw(1)).all()
    assert (probe.draw(1) == probe.draw(1).round()).all()
    assert probe.all_traits() == {"float32"}
    assert probe.call("F") == "F() on an array of shape (2, 3), with float32"


def test_a_read_only_array_can_not_be_written_to():
    x = handed(np.zeros((2, 3)), Probe("read-only inputs"))
    assert x.flags.f_contiguous
    with pytest.raises(ValueError, match="read-only"):
        x += 1


def test_a_layer_is_asked_for_everything():
    probe = Probe("p", (3, 2), shape=(4, 3))
    seen = chart_of(examine_random_layer, Dense, probe)
    assert seen["the sizes of w and b"].tolist() == [2, 3, 2]
    assert seen["y"].shape == (4, 2)
    assert seen["dx"].shape == (4, 3)
    assert seen["dw"].shape == (2, 3)
    assert not seen["w afterwards"]
    assert not seen["dw, a second time"].any()
    assert not seen["x afterwards"]
    assert seen["the precision of y"] == 64


def test_who_moves_its_weights_is_not_judged_by_dx():
    class Eager(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.weight.value -= 0.3 * self.weight.grad
            return dx

    probe = Probe("p", (3, 2), shape=(4, 3))
    seen = chart_of(examine_random_layer, Eager, probe)
    assert seen["w afterwards"]
    assert seen["a step against dw"]
    assert "dx" not in seen
    assert "dx, a second time" not in seen


def test_a_step_is_a_movement_against_the_gradient():
    g = np.array([1.0, 2.0])
    assert opposite(-0.3 * g, g)
    assert not opposite(0.3 * g, g)
    assert not opposite(np.array([-1.0, 2.0]), g)
    assert not opposite(g[:1], g)


def test_a_failure_leaves_the_other_probes():
    class Picky(ReLU):
        def forward(self, x):
            if len(x) == 1:
                raise ValueError("one")
            return super().forward(x)

    chart = Chart()
    probes = [Probe("one", shape=(1, 2)), Probe("two", shape=(2, 2))]
    examine(Picky, [(examine_layer, p) for p in probes], chart)
    assert chart["one", "y"] == "ValueError: one"
    assert ("one", "dx") not in chart
    assert chart["two", "dx"].shape == (2, 2)


def test_dropout_is_judged_whatever_its_seed():
    seen = chart_of(
        examine_dropout, Dropout, Probe("p", (0.25,), shape=(9, 9))
    )
    assert seen["the factor of what is kept"] == pytest.approx([4 / 3] * 2)
    assert seen["dx has the zeros of y"]
    assert seen["each pass has a mask"]
    assert seen["a seed draws the same mask"]


def test_draws_are_judged_by_their_spread():
    def draw(shape, *, rng):
        return rng.uniform(-1, 1, shape)

    seen = chart_of(examine_draws, draw, Probe("p", ((50, 50),)))
    assert seen["spread of w"] == pytest.approx(3**-0.5, rel=0.05)
    assert not seen["tails of w"]
    assert seen["a seed draws the same w"]
    assert seen["another seed draws another w"]
