"""The public face: what there is to import, where it is said, its cost."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import scratchcnn
from tests.publishing import NAMESPACES, PUBLIC

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "book" / "api.md", *(ROOT / "book" / "api").glob("*.md")]
REFERENCE = re.findall(
    r"^\.\. automodule:: (\S+)\n   :members:$",
    "".join(page.read_text() for page in PAGES),
    re.M,
)
LATER = {"scipy", "pooch", "tqdm", "matplotlib", "requests"}
UNASKED = {"numpy.random", "tempfile", "zipfile"}  # SciPy may load them
MOST, ROUNDS = 1.5, 21


def run(code, folder):
    """Run code in a new process; return what it prints, as words.

    Modules are compiled once, into that folder, as on a user's machine.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def cost(module, folder):
    """Return the seconds of processor time that an import takes."""
    code = f"import time\nimport {module}\nprint(time.process_time())"
    return float(run(code, folder)[0])


def test_few_names_do_for_most_programs():
    assert 25 < len(scratchcnn.__all__) <= 34


@pytest.mark.parametrize("space", NAMESPACES, ids=lambda one: one.__name__)
def test_every_name_is_there_and_listed_once(space):
    names = space.__all__
    assert len(names) == len(set(names)) > 0
    assert {*names} <= {*dir(space)}
    for name in names:
        assert getattr(space, name) is not None


def test_the_folders_are_listed_too():
    assert {*scratchcnn.FOLDERS} <= {*dir(scratchcnn)}
    for name in scratchcnn.FOLDERS:
        module = import_module(f"scratchcnn.{name}")
        assert getattr(scratchcnn, name) is module


@pytest.mark.parametrize("space", [scratchcnn, scratchcnn.data])
def test_another_name_is_refused(space):
    with pytest.raises(AttributeError, match=f"{space.__name__} .*'Dence'"):
        space.Dence  # noqa: B018


def test_the_reference_has_every_module_once_and_no_other():
    package = ROOT / "scratchcnn"
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in package.rglob("*.py")
        if not path.name.startswith("_")
    ]
    assert sorted(REFERENCE) == sorted(modules)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_reference_has_every_public_name(name):
    thing = PUBLIC[name]
    if isinstance(thing, ModuleType):
        assert thing.__name__ in REFERENCE
    elif callable(thing):
        assert thing.__module__ in REFERENCE
        assert thing.__doc__
    else:
        assert any(
            vars(import_module(module)).get(name.rpartition(".")[2]) is thing
            for module in REFERENCE
        )


def test_what_is_slow_to_load_waits_until_it_is_used(tmp_path):
    ask = "\nimport sys\nprint(*sys.modules)"
    loaded = {*run("import scratchcnn" + ask, tmp_path)}
    assert "numpy" in loaded
    assert not (LATER | UNASKED) & loaded
    used = run("import scratchcnn\nscratchcnn.convolutions" + ask, tmp_path)
    assert LATER & {*used} == {"scipy"}


def test_the_import_costs_little_more_than_that_of_numpy(tmp_path):
    ratios = []
    for _ in range(ROUNDS):  # a disturbance of some rounds moves no median
        numpy = cost("numpy", tmp_path)
        ratios.append(cost("scratchcnn", tmp_path) / numpy)
    assert sorted(ratios)[ROUNDS // 2] <= MOST
