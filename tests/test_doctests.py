"""The examples: all that is public has one, and does what it says."""

import doctest
from types import ModuleType

import numpy as np
import pytest

from tests.publishing import FOLDERS, PUBLIC

IMPORTED = {"np": np, **FOLDERS}
IMPORTED |= {name.rpartition(".")[2]: one for name, one in PUBLIC.items()}
ONCE = {
    id(one): name
    for name, one in PUBLIC.items()
    if callable(one) or isinstance(one, ModuleType)
}


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
