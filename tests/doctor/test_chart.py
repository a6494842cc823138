"""Charts: what is written down, and when two values are the same."""

import numpy as np
import pytest

from scratchcnn.doctor.chart import (
    BrokenError,
    Chart,
    OutOfTime,
    close,
    same,
)


def test_values_are_copied():
    chart, x = Chart(), np.zeros(2)
    chart.probe = "p"
    assert chart.note("y", lambda: x) is x
    x += 1
    assert chart["p", "y"].tolist() == [0, 0]


@pytest.mark.parametrize("value", [None, "text", [[1], [2, 3]], 1j, object()])
def test_what_is_no_array_of_numbers_ends_the_probe(value):
    chart = Chart()
    with pytest.raises(BrokenError):
        chart.note("y", lambda: value)
    assert isinstance(chart["", "y"], str)


def test_a_failure_is_written_down_and_the_end_of_time_is_not():
    chart = Chart()
    with pytest.raises(BrokenError):
        chart.note("y", lambda: 1 / 0)
    assert chart["", "y"] == "ZeroDivisionError: division by zero"

    def late():
        raise OutOfTime

    with pytest.raises(OutOfTime):
        chart.note("z", late)


def test_rounding_is_no_difference_and_a_shape_is():
    a = np.array([1.0, 1000.0])
    assert same(a, a + 1e-4, "y")
    assert not same(a, a + 1, "y")
    assert not same(a[None], a, "y")
    assert close(a + np.arange(2), a, "y").tolist() == [True, False]
    assert same(np.array(np.nan), np.array(np.nan), "y")


def test_statistics_may_differ_more():
    assert same(np.array(0.5), np.array(0.502), "share that is kept")
    assert not same(np.array(0.5), np.array(0.502), "y")


def test_failures_are_the_same_whatever_they_say():
    assert same("a", "b", "y")
    assert not same("a", np.zeros(1), "y")
    assert not same(None, np.zeros(1), "y")
    assert same(None, None, "y")
