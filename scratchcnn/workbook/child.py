"""Where a reader's code runs: in a process of its own."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import scratchcnn
from scratchcnn.doctor import KINDS, diagnose
from scratchcnn.doctor.chart import line, words
from scratchcnn.workbook.chapters import CHAPTERS

MEMORY = 4 * 2**30  # bytes
ROOM = 500  # characters
ANSWERS = "answer.json", "printed.txt"


class Told(NamedTuple):
    """What a child process has found, or why nothing, and what it printed."""

    found: Any = None
    error: str = ""
    printed: str = ""


class Printed(io.TextIOBase):
    """What a reader's code prints: the beginning of it goes to a file."""

    def __init__(self, path: Path) -> None:
        code, others = "utf-8", "backslashreplace"
        self.file = path.open("w", encoding=code, errors=others)
        self.left = ROOM

    def write(self, text: str) -> int:
        """Write as much as there is room for, at once."""
        self.file.write(text[: max(0, self.left)])
        if 0 <= self.left < len(text):
            self.file.write(" ...")
        self.file.flush()
        self.left -= len(text)
        return len(text)


def limit_memory() -> None:
    """Let this process have no more than `MEMORY`, where that can be said."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def end_with_parent() -> None:
    """End when the parent does, who holds our standard input open.

    Whoever interrupts the program interrupts both; the parent answers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def load(folder: Path, name: str) -> ModuleType:
    """Import a reader's file, which may import others of the folder."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    spec = spec_from_file_location(name, folder / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{name}.py is no module")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def used_by(path: Path, name: str) -> set[str]:
    """Return all names in what a file calls `name`."""
    tree = ast.parse(path.read_bytes())
    nodes = [n for n in tree.body if getattr(n, "name", "") == name]
    inside = [part for node in nodes for part in ast.walk(node)]
    return {part.id for part in inside if isinstance(part, ast.Name)}


def examine(folder: Path, name: str) -> list[dict[str, Any]]:
    """Ask the doctor about everything in one file."""
    chapter, reason = CHAPTERS[name], ""
    module: ModuleType | None = None
    ill: dict[str, str] = {}
    if (folder / f"{name}.py").exists():
        try:
            module = load(folder, name)
        except BaseException as error:
            reason = f"{name}.py can't be imported: {words(error)}"
    found = []
    for kind in chapter.kinds:
        patient = getattr(module, KINDS[kind].name, None)
        row: dict[str, Any] = {"chapter": name, "kind": kind}
        if patient is None:
            state = "ill" if reason else "not yet written"
            found.append({**row, "state": state, "text": reason})
            continue
        told = diagnose(patient, kind)
        used = used_by(folder / f"{name}.py", KINDS[kind].name)
        leading = [
            f"{kind}: calls your {other}, which is ill ({why}). Mend it first."
            for other, why in ill.items()
            if other in used
        ]
        state = "ill" if leading or not told.healthy else "healthy"
        state = state if told.written else "not yet written"
        row |= {"state": state, "text": "\n".join(leading) or str(told)}
        found.append({**row, "diagnosis": told.to_dict()})
        if state == "ill":
            ill[KINDS[kind].name] = told.brief() or "because of another"
    return found


def with_package() -> dict[str, str]:
    """Return the environment, in which a child finds the same package."""
    home = str(Path(scratchcnn.__file__).parents[1])
    others = os.environ.get("PYTHONPATH")
    paths = [home, others] if others else [home]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def ask(task: str, folder: Path, seconds: float, **settings: Any) -> Told:
    """Run a task in a child process, and return what it has found.

    Or what was wrong, if it took longer, or more memory, or died, or
    raised an error: with the line of the reader's file that did.
    """
    with tempfile.TemporaryDirectory() as temporary:
        answer, printed = (Path(temporary, name) for name in ANSWERS)
        words = [task, str(folder.resolve()), temporary]
        command = [sys.executable, "-m", __name__, *words]
        with subprocess.Popen(
            [*command, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=with_package(),
        ) as process:
            try:
                code = process.wait(seconds)
                error = f"the process ended with code {code}" if code else ""
            except subprocess.TimeoutExpired:
                error = f"stopped after {seconds:g} seconds"
            finally:
                process.kill()
        said = printed.read_text("utf-8") if printed.exists() else ""
        if not error and not answer.exists():
            error = "the process ended without an answer"
        if error:
            return Told(None, error, said)
        return Told(**json.loads(answer.read_text("utf-8")), printed=said)


def place(error: BaseException, folder: Path) -> str:
    """Return where in a reader's files an error came up, and the error."""
    where = line(error, folder)
    return f"{where}: {words(error)}" if where else words(error)


def main(task: str, folder: str, temporary: str, settings: str) -> None:
    """Do what the parent asks for, and write the answer to a file."""
    from scratchcnn.workbook.training import train_both

    limit_memory()
    end_with_parent()
    answer, printed = (Path(temporary, name) for name in ANSWERS)
    sys.stdout = Printed(printed)
    tasks: dict[str, Any] = {"examine": examine, "train": train_both}
    found: dict[str, Any]
    try:
        found = {"found": tasks[task](Path(folder), **json.loads(settings))}
    except Exception as error:
        found = {"error": place(error, Path(folder))}
    answer.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
