"""The benchmarks' helpers, with a clock that we move ourselves."""

import json
import platform
import re
from pathlib import Path

import pytest

from benchmarks.timing import (
    alternate,
    environment,
    ratio,
    summary,
    write_json,
)


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def work(self, name, duration):
        """Return a function that lasts so long, and leaves its name."""

        def function():
            self.now += duration
            self.log.append(name)

        return function


def test_samples_alternate_and_are_times_of_one_call():
    clock = Clock()
    functions = {"a": clock.work("a", 0.25), "b": clock.work("b", 2.0)}
    times = alternate(functions, 3, seconds=1, clock=lambda: clock.now)
    assert times == {"a": [0.25] * 3, "b": [2.0] * 3}
    assert "".join(clock.log) == "aabb" + 3 * "aaaab"


def test_a_function_too_quick_for_the_clock_is_called_often():
    clock = Clock()
    functions = {"a": clock.work("a", 0.0)}
    times = alternate(functions, 2, clock=lambda: clock.now)
    assert times == {"a": [0.0, 0.0]}
    assert len(clock.log) > 1000


def test_summary_and_ratio():
    assert summary([4.0, 1.0, 3.0, 2.0, 5.0]) == {
        "median": 3.0,
        "low": 2.0,
        "high": 4.0,
        "least": 1.0,
    }
    assert summary([2.0])["high"] == 2.0
    # The machine was twice as slow in the second round; the ratio was not.
    assert ratio([1.0, 2.0, 1.0], [4.0, 8.0, 4.0])["median"] == 0.25
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], [1.0, 2.0])


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "times.json"
    write_json(path, {"a": [0.123456, 7], "b": "c"})
    assert json.loads(path.read_text()) == {"a": [0.1235, 7], "b": "c"}
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": [0.1235, 7], "b": "c"}
    assert [p.name for p in tmp_path.iterdir()] == ["times.json"]


def test_the_environment_tells_no_host_and_no_path():
    text = json.dumps(environment())
    assert str(Path.cwd()) not in text
    assert platform.node() not in text
    assert {"processor", "numpy", "blas"} <= {*environment()}


def test_the_environment_names_the_kernel_and_counts_the_threads():
    here = environment()
    assert int(here["threads"]) >= 1
    if "openblas" in here["blas"]:
        assert re.fullmatch(r"(?!unknown)\w+", here["kernel"])
