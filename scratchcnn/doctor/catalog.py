"""Mistakes that people make, as edits of the package: `CAUSES`."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from importlib import import_module, resources
from types import ModuleType
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = resources.files("scratchcnn")


class Cause(NamedTuple):
    """A mistake, and how the package would look with it.

    Attributes
    ----------
    name : str
        What it is called; a mistake that is made in several ways, or in
        several modules, has several entries of one name.
    module : str
        Where it is made, a module of the package.
    edits : list of (str, str)
        Pieces of that module's text, each of which stands there once,
        and what takes their place.
    why : str
        How people come to make it.
    killer : str
        The test that must fail, as ``test_module::test_name``, for one
        that is planted to examine the tests.
    exhibit : str
        Its letter in the bug gallery, if it hangs there.

    Notes
    -----
    Chapter *A catalog of mistakes*.
    """

    name: str
    module: str
    edits: list[tuple[str, str]]
    why: str
    killer: str = ""
    exhibit: str = ""


def table(folder: str, name: str) -> dict[str, Any]:
    """Return what a data file of the package says."""
    return tomllib.loads((FILES / folder / name).read_text("utf-8"))


def read() -> list[Cause]:
    """Read the catalog."""
    causes = []
    for entry in table("doctor", "causes.toml")["cause"]:
        edits = [(edit["old"], edit["new"]) for edit in entry.pop("edit")]
        causes.append(Cause(**entry, edits=edits))
    return causes


def dotted(module: str) -> str:
    """Return the name under which a module is imported."""
    return f"scratchcnn.{module.replace('/', '.')}"


def source(module: str) -> str:
    """Return the text of a module, such as ``"layers/dense"``."""
    return FILES.joinpath(*f"{module}.py".split("/")).read_text("utf-8")


def edited(cause: Cause, text: str | None = None) -> str:
    """Return the text of the cause's module with the mistake in it.

    Raises
    ------
    ValueError
        If a piece to be replaced does not stand there exactly once.
    """
    text = source(cause.module) if text is None else text
    for old, new in cause.edits:
        count = text.count(old)
        if count != 1:
            raise ValueError(
                f"{cause.name}: {cause.module} should hold {old!r} once, "
                f"but holds it {count} times"
            )
        text = text.replace(old, new)
    return text


def executed(
    module: str, text: str, instead: dict[str, ModuleType] | None = None
) -> ModuleType:
    """Return a new module made of this text; the package stays as it is.

    What it imports by the names in `instead`, it gets from there. No other
    module does, so other threads may import meanwhile.
    """
    made, others = ModuleType(dotted(module)), instead or {}

    def load(name: str, *how: Any) -> Any:
        return others.get(name) or __import__(name, *how)

    vars(made)["__builtins__"] = {**vars(builtins), "__import__": load}
    exec(compile(text, module, "exec"), vars(made))
    return made


def planted(cause: Cause) -> ModuleType:
    """Return the module that has this mistake, as a new module."""
    return executed(cause.module, edited(cause))


def variant(cause: Cause, module: str, name: str) -> Callable[..., Any] | None:
    """Return what a module calls `name`, as it would be with a mistake.

    The mistake may be in another module from which this one imports, but
    not in one outside of the folders, such as `layer`: all are built on
    those, and no single one can have another base. None if it is in neither.
    """
    if cause.module == module:
        return getattr(planted(cause), name)
    if "/" not in cause.module:
        return None
    things = vars(import_module(dotted(module))).values()
    elsewhere = dotted(cause.module)
    if elsewhere not in {getattr(t, "__module__", "") for t in things}:
        return None
    instead = {elsewhere: planted(cause)}
    return getattr(executed(module, source(module), instead), name)


CAUSES = read()
