"""The examples: all that is public has one, and does what it says.

So has the README.
"""

import doctest
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from scratchcnn.data import drawn
from tests.publishing import FOLDERS, PUBLIC

IMPORTED = {"np": np, **FOLDERS}
IMPORTED |= {name.rpartition(".")[2]: one for name, one in PUBLIC.items()}
ONCE = {
    id(one): name
    for name, one in PUBLIC.items()
    if callable(one) or isinstance(one, ModuleType)
}

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("name", ONCE.values())
def test_there_are_examples_and_they_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for those that write files
    found = doctest.DocTestFinder(exclude_empty=True).find(
        PUBLIC[name], name, globs=IMPORTED
    )
    runner = doctest.DocTestRunner()
    for test in found:
        runner.run(test)
    assert runner.tries > 0
    assert runner.failures == 0


def test_the_readme_has_an_example_that_runs(tmp_path, monkeypatch, capsys):
    drawn.write(tmp_path, train=8, test=2)
    monkeypatch.setenv("SCRATCHCNN_DATA", str(tmp_path))
    text = README.read_text()
    (example,) = re.findall(r"(?ms)^```python\n(.*?)^```", text)
    exec(compile(example, str(README), "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"(?m)^accuracy .* [01]\.\d{4}$", said)
