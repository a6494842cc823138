"""Where a reader's code runs: in a process of its own."""

from __future__ import annotations

import contextlib
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
from typing import Any

import scratchcnn
from scratchcnn.doctor import KINDS, diagnose
from scratchcnn.doctor.chart import line, words
from scratchcnn.workbook.chapters import CHAPTERS

MEMORY = 4 * 2**30  # bytes


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


def examine(folder: Path, name: str) -> list[dict[str, Any]]:
    """Ask the doctor about everything in one file."""
    chapter, reason = CHAPTERS[name], ""
    module: ModuleType | None = None
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
        state = "healthy" if told.healthy else "ill"
        state = state if told.written else "not yet written"
        diagnosis = told.to_dict()
        row |= {"state": state, "text": str(told), "diagnosis": diagnosis}
        found.append(row)
    return found


def with_package() -> dict[str, str]:
    """Return the environment, in which a child finds the same package."""
    home = str(Path(scratchcnn.__file__).parents[1])
    others = os.environ.get("PYTHONPATH")
    paths = [home, others] if others else [home]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def ask(task: str, folder: Path, seconds: float, **settings: Any) -> Any:
    """Run a task in a child process, and return what it has found.

    Raises
    ------
    RuntimeError
        If it takes longer, or more memory, or dies, or raises an error:
        with the line of the reader's file that did.
    """
    with tempfile.TemporaryDirectory() as temporary:
        answer = Path(temporary) / "answer.json"
        words = [task, str(folder.resolve()), str(answer)]
        command = [sys.executable, "-m", __name__, *words]
        with subprocess.Popen(
            [*command, json.dumps(settings)],
            stdin=subprocess.PIPE,
            env=with_package(),
        ) as process:
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired as error:
                raise RuntimeError(
                    f"stopped after {seconds:g} seconds"
                ) from error
            finally:
                process.kill()
        if code:
            raise RuntimeError(f"the process ended with code {code}")
        if not answer.exists():
            raise RuntimeError("the process ended without an answer")
        found = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in found:
            raise RuntimeError(found["error"])
        return found["found"]


def place(error: BaseException, folder: Path) -> str:
    """Return where in a reader's files an error came up, and the error."""
    where = line(error, folder)
    return f"{where}: {words(error)}" if where else words(error)


def main(task: str, folder: str, answer: str, settings: str) -> None:
    """Do what the parent asks for, and write the answer to a file."""
    from scratchcnn.workbook.training import train_both

    limit_memory()
    end_with_parent()
    tasks: dict[str, Any] = {"examine": examine, "train": train_both}
    found: dict[str, Any]
    try:
        found = {"found": tasks[task](Path(folder), **json.loads(settings))}
    except Exception as error:
        found = {"error": place(error, Path(folder))}
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
