"""Python in a page: its cells, its listings as they are edited, its doctor.

The pages hand this file to Pyodide (`_static/worker.js`). A page has NumPy
and the package, but neither matplotlib nor Jupyter: what cells draw is drawn
by `in_page_figures`, and what else they ask of these is done silently. Of
SciPy it has the two functions that cells of Part I compare themselves with.
"""

from __future__ import annotations

import ast
import io
import linecache
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np
from in_page_figures import MATPLOTLIB, OPEN, take
from in_page_shapes import UNDRAWN, Artist, Silent

Say = Callable[..., object]  # a text, and a drawing
MOST = 20_000  # characters that one run may write
SILENT = {
    "IPython",
    "answers",
    "cycler",
    "explorers",
    "matplotlib",
    "matplotlib_inline",
    "myst_nb",
    "tqdm",
}
Key = tuple[str, str]  # a module, and a piece of it
PATCHED: dict[Key, tuple[str, Callable[[], None]]] = {}
Quiet = Silent | Artist | None  # what is not shown, if a cell ends with it
KEPT = {"__dict__", "__module__", "__weakref__"}  # of a class


class SilentModule(ModuleType):
    """A library that a page does without."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Silent()


class Silence(MetaPathFinder, Loader):
    """Finds silent libraries, where there are no others of their name."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Return what is imported under a name, if it is one of them."""
        if name.partition(".")[0] not in SILENT and name not in GIVEN:
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a library."""
        silent = spec.name.partition(".")[0] in SILENT
        return (SilentModule if silent else ModuleType)(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give it the names whose results cells go on with."""
        vars(module).update(GIVEN.get(module.__name__, {}))


def correlate2d(x: Any, w: Any, mode: str = "full") -> Any:
    """Return what SciPy's function of this name does."""
    x, w = np.asarray(x), np.asarray(w)
    if mode == "full":
        x = np.pad(x, [(size - 1, size - 1) for size in w.shape])
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.einsum("ijuv,uv->ij", windows, w)


def convolve2d(x: Any, w: Any, mode: str = "full") -> Any:
    """Return what SciPy's function of this name does."""
    return correlate2d(x, np.asarray(w)[::-1, ::-1], mode)


GIVEN: dict[str, dict[str, Any]] = {
    **MATPLOTLIB,
    "scipy": {},
    "scipy.signal": {"convolve2d": convolve2d, "correlate2d": correlate2d},
}


class Flood(BaseException):
    """More than a page shows."""


class Output(io.TextIOBase):
    """Where a run writes to: so much, and no more."""

    def __init__(self, say: Say) -> None:
        self.say, self.left = say, MOST

    def write(self, text: str) -> int:
        """Hand a text on."""
        self.say(text[: self.left])
        self.left -= len(text)
        if self.left < 0:
            raise Flood(f"stopped after {MOST:,} characters of output")
        return len(text)


def report(error: BaseException, name: str) -> str:
    """Return an error with the lines that led to it, from ours on."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    trace = trace or error.__traceback__
    return "".join(traceback.format_exception(type(error), error, trace))


def attempt(work: Callable[[], None], name: str, say: Say) -> bool:
    """Do something, and say what it writes; say whether it went well."""
    with redirect_stdout(Output(say)) as out, redirect_stderr(out):
        try:
            work()
        except Flood as flood:
            say(f"\n{flood}\n")
            return False
        except BaseException as error:
            say(report(error, name))
            return False
    return True


def remember(name: str, source: str) -> None:
    """Let errors show the lines of a source that is in no file."""
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = len(source), None, lines, name


def run(say: Say, name: str, source: str, words: str = "") -> bool:
    """Run a cell, and say if it went well.

    Parameters
    ----------
    say : callable
        What is told what the cell writes, its last line, and its figures.
    name, source : str
        The cell.
    words : str
        What its figures show, if somebody has written it.
    """
    remember(name, source)
    space = vars(sys.modules["__main__"])

    def work() -> None:
        *body, last = ast.parse(source or "pass").body
        shown = isinstance(last, ast.Expr) and source.rstrip()[-1] != ";"
        body += [] if shown else [last]
        code = compile(ast.Module(body, []), name, "exec", dont_inherit=True)
        exec(code, space)
        if shown:
            value = ast.Expression(last.value)  # type: ignore[attr-defined]
            code = compile(value, name, "eval", dont_inherit=True)
            result = eval(code, space)
            if not isinstance(result, Quiet):
                print(repr(result))

    OPEN.clear()
    UNDRAWN.clear()
    well = attempt(work, name, say)
    if drawn := take(words):
        say("", drawn)
    return well


def made(new: Any, owner: Any, home: ModuleType) -> Any:
    """Return a function as if it had been written in its module and class."""
    if isinstance(new, property):
        parts = (new.fget, new.fset, new.fdel)
        return property(*(p and made(p, owner, home) for p in parts))
    if isinstance(new, (classmethod, staticmethod)):
        return type(new)(made(new.__func__, owner, home))
    if not isinstance(new, FunctionType):
        return new
    code = new.__code__
    cells = tuple(CellType(owner) for _ in code.co_freevars)  # __class__
    function = FunctionType(
        code, vars(home), new.__name__, new.__defaults__, cells
    )
    function.__kwdefaults__ = new.__kwdefaults__
    function.__annotations__ = new.__annotations__
    function.__doc__, function.__qualname__ = new.__doc__, new.__qualname__
    return function


def written(home: ModuleType, piece: str, source: str) -> Any:
    """Return what a source defines, in a copy of its module's names."""
    owner, _, name = piece.rpartition(".")
    text = textwrap.dedent(source)
    if owner:
        text = f"class {owner}:\n{textwrap.indent(text, '    ')}"
    tree = ast.parse(text)
    ast.increment_lineno(tree, -bool(owner))
    space = dict(vars(home))
    exec(compile(tree, f"your {piece}", "exec"), space)
    found = vars(space[owner]) if owner else space
    if name not in found or (not owner and found[name] is vars(home)[name]):
        raise NameError(f"{name} is not defined here", name=name)
    return found[name]


def fill(kind: type, parts: Mapping[str, Any]) -> None:
    """Let a class have these attributes, and no others of its own."""
    for name in {*vars(kind)} - {*parts} - KEPT:
        delattr(kind, name)
    for name in {*parts} - KEPT:
        setattr(kind, name, parts[name])


def put(key: Key, source: str) -> Callable[[], None]:
    """Let the package have a piece as it is edited; return the way back."""
    home, (owner, _, name) = import_module(key[0]), key[1].rpartition(".")
    around = getattr(home, owner) if owner else home
    old, new = vars(around)[name], written(home, key[1], source)
    if owner:
        setattr(around, name, made(new, around, home))
        return lambda: setattr(around, name, old)
    if isinstance(old, type):
        parts = dict(vars(old))
        fill(old, {n: made(part, old, home) for n, part in vars(new).items()})
        return lambda: fill(old, parts)
    code = old.__code__, old.__defaults__, old.__kwdefaults__

    def recode(code: Any, defaults: Any, kwdefaults: Any) -> None:
        old.__code__, old.__defaults__ = code, defaults
        old.__kwdefaults__ = kwdefaults

    recode(new.__code__, new.__defaults__, new.__kwdefaults__)
    return lambda: recode(*code)


@contextmanager
def unpatched() -> Iterator[None]:
    """Let the package be the book's for a while."""
    for _, undo in PATCHED.values():
        undo()
    try:
        yield
    finally:
        for key, (source, _) in PATCHED.items():
            PATCHED[key] = source, put(key, source)


def kinds_of(module: str, piece: str) -> list[str]:
    """Return as whom the doctor knows a piece, or those who may use it."""
    from scratchcnn.doctor.kinds import KINDS

    path = module.removeprefix("scratchcnn.").replace(".", "/")
    here = {
        one.name: kind for kind, one in KINDS.items() if one.module == path
    }
    name = piece.partition(".")[0]
    return [here[name]] if name in here else [*here.values()]


def patch(say: Say, module: str, piece: str, source: str) -> bool:
    """Put an edited listing into the package; say if it can be."""
    name = f"your {piece}"
    remember(name, textwrap.dedent(source))

    def work() -> None:
        restore(module, piece)
        key = module, piece
        PATCHED[key] = source, put(key, source)

    return attempt(work, name, say)


def restore(module: str, piece: str) -> None:
    """Let the package have a piece as the book prints it."""
    if (module, piece) in PATCHED:
        _, undo = PATCHED.pop((module, piece))
        undo()


def judge(say: Say, module: str, piece: str) -> bool:
    """Let the doctor look at what a patched piece belongs to."""
    from scratchcnn.doctor.diagnosis import diagnose, known
    from scratchcnn.doctor.kinds import KINDS

    def work() -> None:
        kinds = kinds_of(module, piece)
        with unpatched():
            for kind in kinds:
                known(kind)
        for kind in kinds:
            print(diagnose(KINDS[kind].right(), kind), end="\n\n")
        if not kinds:
            print("The package of this page has it now; run the cells.")

    return attempt(work, "", say)


def check(say: Say, chapter: str, source: str) -> bool:
    """Let the doctor look at a file of the workbook."""
    from scratchcnn.workbook.board import board
    from scratchcnn.workbook.child import examine

    def work() -> None:
        folder = Path("workbook")
        folder.mkdir(exist_ok=True)
        (folder / f"{chapter}.py").write_text(source)
        with unpatched():
            rows = examine(folder, chapter)
        print(board([{**row, "printed": ""} for row in rows]))  # above it

    return attempt(work, "", say)


def silence() -> None:
    """Let silent libraries be found; after all others."""
    sys.meta_path.append(Silence())
