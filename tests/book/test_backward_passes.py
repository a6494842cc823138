"""The page of all formulas: each line of code stands where it says."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import scratchcnn.layers
import scratchcnn.losses

PAGE = Path(__file__).parents[2] / "book" / "backward_passes.md"
LINK = re.compile(r"\{py:\w+\}`\w+ <([\w.]+)\.(\w+)>`")


def lines_of_code() -> Iterator[tuple[Any, str]]:
    """Yield each piece of code of a table, and what it is said to be in."""
    owner = None
    for row in PAGE.read_text().splitlines():
        if row.startswith("|"):
            for module, name in LINK.findall(row):
                owner = getattr(import_module(module), name)
            for code in re.findall(r"`([^`]+)`", row.split("|")[-2]):
                yield owner, code


def having_a_backward_pass() -> Iterator[type]:
    """Yield the classes of layers and losses that define one."""
    for folder in scratchcnn.layers, scratchcnn.losses:
        for module in pkgutil.iter_modules(folder.__path__):
            name = f"{folder.__name__}.{module.name}"
            for kind in vars(import_module(name)).values():
                if "backward" in getattr(kind, "__dict__", {}):
                    yield kind


@pytest.mark.parametrize(("owner", "code"), [*lines_of_code()])
def test_the_code_is_that_of_the_backward_pass(owner, code):
    source = inspect.getsource(getattr(owner, "backward", owner))
    _, _, source = source.split('"""')
    assert source.count(code) == 1


def test_no_layer_and_no_loss_is_missing():
    found = {
        kind
        for kind in having_a_backward_pass()
        if not inspect.isabstract(kind)
    }
    assert len(found) >= 13
    assert found <= {owner for owner, _ in lines_of_code()}
