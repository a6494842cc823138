"""Where a reader's code runs: in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import scratchcnn
from scratchcnn.doctor import KINDS, diagnose
from scratchcnn.doctor.chart import words
from scratchcnn.workbook.chapters import CHAPTERS

MEMORY = 4 * 2**30  # bytes


def limit_memory() -> None:
    """Let this process have no more than `MEMORY`, where that can be said."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


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
        try:
            subprocess.run(
                [*command, json.dumps(settings)],
                check=True,
                timeout=seconds,
                env=with_package(),
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"stopped after {seconds:g} seconds") from error
        except subprocess.CalledProcessError as error:
            raise RuntimeError(
                f"the process ended with code {error.returncode}"
            ) from error
        if not answer.exists():
            raise RuntimeError("the process ended without an answer")
        found = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in found:
            raise RuntimeError(found["error"])
        return found["found"]


def place(error: BaseException, folder: Path) -> str:
    """Return where in a reader's files an error came up, and the error."""
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if Path(step.filename).parent == folder]
    if not own:
        return words(error)
    file = Path(own[-1].filename).name
    return f"{file}, line {own[-1].lineno}: {words(error)}"


def main(task: str, folder: str, answer: str, settings: str) -> None:
    """Do what the parent asks for, and write the answer to a file."""
    from scratchcnn.workbook.training import train_both

    limit_memory()
    tasks: dict[str, Any] = {"examine": examine, "train": train_both}
    found: dict[str, Any]
    try:
        found = {"found": tasks[task](Path(folder), **json.loads(settings))}
    except Exception as error:
        found = {"error": place(error, Path(folder))}
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
