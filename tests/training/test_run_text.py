"""The text of a checkpoint: whatever it says, nothing is half restored."""

import json

import numpy as np
import pytest

from scratchcnn.data.idx import DataError
from scratchcnn.training.checkpoints import CHECKPOINT, RUN
from scratchcnn.training.loop import History
from scratchcnn.training.run_text import RunText, differences, read_run
from scratchcnn.training.weights import read_arrays, write_arrays
from tests.training.test_checkpoints import Run

WRONG = (
    *(None, True, "x", "", -1, 0, 1.5, 10**40, 10**400, [], {}, [[]]),
    *([None], {"a": 1}, float("nan"), float("inf"), "PCG64", [0.1, 0.2]),
)
BITS = np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64


def places(value, way=()):
    """Yield the way to everything in a text, lists to their first two."""
    if way:
        yield way
    keys = value if isinstance(value, dict) else ()
    if isinstance(value, list):
        keys = range(min(len(value), 2))
    for key in keys:
        yield from places(value[key], (*way, key))


def changed(text, way, change):
    """Return the text with one thing in it changed."""
    run = json.loads(text)
    *most, last = way
    inner = run
    for key in most:
        inner = inner[key]
    change(inner, last)
    return json.dumps(run)


def changes(text, part=None, thinned=iter):
    """Yield the text with everything in it replaced, missing or extra."""
    ways = places(json.loads(text))
    for way in thinned(way for way in ways if part in (None, way[0])):
        for wrong in WRONG:
            yield changed(text, way, lambda d, k, w=wrong: setitem(d, k, w))
        yield changed(text, way, lambda d, k: d.pop(k))
        yield changed(
            text, way, lambda d, k: isinstance(d, dict) and setitem(d, "a", 1)
        )


def setitem(container, key, value):
    container[key] = value


@pytest.mark.parametrize("bits", BITS)
def test_no_field_of_the_text_leads_to_half_a_run(tmp_path, bits, thinned):
    path = tmp_path / "run.npz"
    saved = Run(path, bits=bits, epochs=3)
    saved.go(2)
    arrays = read_arrays(path, CHECKPOINT)
    text = str(arrays.pop(RUN))
    run = Run(path, bits=bits, epochs=3)
    before, outcomes = run.state(), {"refused": 0, "restored": 0}
    part = None if bits is np.random.PCG64 else "generators"
    for wrong in changes(text, part, thinned):
        write_arrays(path, CHECKPOINT, {**arrays, RUN: np.array(wrong)})
        error = None
        try:
            history = run.checkpoint.restore()
        except (DataError, ValueError) as caught:
            error = str(caught)
        if error:
            assert str(path) in error
            assert run.state() == before
            outcomes["refused"] += 1
        else:
            run.rng.random(700)  # still draws
            run.rng.integers(0, 9, 7, dtype=np.int32)
            assert isinstance(history, History)
            run = Run(path, bits=bits, epochs=3)
            outcomes["restored"] += 1
    assert outcomes["refused"] > 10 * outcomes["restored"] > 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "1", '"x"', "{}", '{"fixed": {}}'),
        *("[" * 100_000, "9" * 5000, "NaN"),
    ],
)
def test_what_is_no_such_text_is_damaged(text):
    with pytest.raises(
        DataError, match=r"^a.npz should hold a training run.* another copy\.$"
    ):
        read_run("a.npz", np.array(text))


@pytest.mark.parametrize(
    "array", [None, np.array(1), np.array(["{}"]), np.array(b"{}")]
)
def test_what_is_no_text_is_damaged(array):
    with pytest.raises(DataError, match=r"damaged \(it holds no text\)"):
        read_run("a.npz", array)


def test_what_is_written_is_read():
    history = History([0.5, float("inf")], [], [0.1])
    run = RunText({"a": [1]}, -0.5, history, {"rng": {"key": [1, 2]}})
    assert read_run("a.npz", np.array(run.write())) == run


@pytest.mark.parametrize(
    ("wanted", "got", "faults"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": float("nan")}, {"a": float("nan")}, []),
        ({"a": 1}, {"a": 2}, ["a is 2, not 1"]),
        ({"a": 1}, {"a": True}, ["a is True, not 1"]),
        ({"a": None}, {}, ["a is missing, not None"]),
        ({}, {"a": "missing"}, ["a is missing, not missing"]),
    ],
)
def test_differences_are_named(wanted, got, faults):
    assert differences(wanted, got) == faults
