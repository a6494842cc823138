"""Files with gaps, made from the package: `template`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path
from symtable import symtable

from scratchcnn.doctor.catalog import dotted, source
from scratchcnn.files import write_whole
from scratchcnn.workbook.chapters import CHAPTERS, Chapter

WORK = {"forward", "backward", "step", "measure"}
GAP = "raise NotImplementedError"
README = "README.md"


def template(chapter: Chapter, hard: bool = False) -> str:
    """Return the text of a chapter's file, with gaps where the work is.

    What stays is the package's own text: imports, signatures, docstrings,
    and what is not the point of the chapter.
    """
    text = source(chapter.module)
    tree = ast.parse(text)
    wanted = [
        gaps(node, text, hard)
        for node in tree.body
        if named(node) in chapter.names()
    ]
    body = "\n\n\n".join(wanted)
    imports = [
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    if helpers := helping(tree, chapter, body):
        home = dotted(chapter.module)
        imports.append(f"from {home} import {', '.join(helpers)}")
    imports.insert(1, "")  # below that from __future__
    title = f'"""{chapter.question}\n\nRead: {chapter.pages()}.\n"""'
    return "\n\n".join([title, "\n".join(imports), f"\n{body}\n"])


def named(node: ast.stmt) -> str:
    """Return the name of a class or a function, else nothing."""
    kinds = ast.ClassDef, ast.FunctionDef
    return node.name if isinstance(node, kinds) else ""


def helping(tree: ast.Module, chapter: Chapter, body: str) -> list[str]:
    """Return what a file needs of the module that it does not write."""
    used = {n.id for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Name)}
    others = {*map(named, tree.body)} - {*chapter.names()}
    return sorted(used & others - {""})


def gaps(node: ast.stmt, text: str, hard: bool) -> str:
    """Return a class, or a function, with gaps instead of its work."""
    assert isinstance(node, (ast.ClassDef, ast.FunctionDef))
    lines = text.splitlines()
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    kept = {n: lines[n - 1] for n in range(first, (node.end_lineno or 0) + 1)}
    for part in ast.walk(node):
        if isinstance(part, (ast.ClassDef, ast.FunctionDef)):
            cut(part, part is node, kept, hard)
    return "\n".join(kept[n] for n in sorted(kept)).rstrip()


def cut(
    part: ast.ClassDef | ast.FunctionDef,
    whole: bool,
    kept: dict[int, str],
    hard: bool,
) -> None:
    """Take away the work of a function, and if need be its docstring."""
    stated = ast.get_docstring(part) is not None
    work = isinstance(part, ast.FunctionDef) and (whole or part.name in WORK)
    if stated and hard:
        remove(part.body[0], kept)
        below = (part.body[0].end_lineno or 0) + 1
        if not kept.get(below, GAP).strip():
            kept.pop(below)
    if not work:
        return
    for number in range(part.body[stated].lineno, part.end_lineno or 0):
        kept.pop(number, None)
    indent = " " * (part.col_offset + 4)
    kept[part.end_lineno or 0] = indent + GAP


def remove(statement: ast.stmt, kept: dict[int, str]) -> None:
    """Take the lines of a statement away."""
    for number in range(statement.lineno, (statement.end_lineno or 0) + 1):
        kept.pop(number, None)


def files(names: list[str], hard: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every file of a new workbook."""
    for name in names:
        yield f"{name}.py", template(CHAPTERS[name], hard)
    listed = "\n".join(
        f"- `{name}.py`: {CHAPTERS[name].question}" for name in names
    )
    yield (
        README,
        textwrap.dedent(
            """\
            # My own network

            Write what is missing, one file after the other, and ask, in this
            folder (`cd` to it first):

                python -m scratchcnn.workbook check
                python -m scratchcnn.workbook hint conv2d.dx
                python -m scratchcnn.workbook train

            Healthy means that the numbers are right. Whether a bad setting or
            a bad array is refused, as a docstring's `Raises` says, `check`
            does not ask, but for targets, or two outputs to be added, of
            another shape and for a loss that is not finite.

            """
        )
        + listed
        + "\n",
    )


def write_new(folder: Path, names: list[str], hard: bool = False) -> list[str]:
    """Write a workbook into a folder that is empty, or not there yet.

    Raises
    ------
    ValueError
        If anything is in it: nothing is ever overwritten.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"{str(folder)!r} is not empty; `upgrade` adds what is missing"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return write_missing(folder, names, hard)


def write_missing(
    folder: Path, names: list[str], hard: bool = False
) -> list[str]:
    """Add files that are missing, and to others what is missing in them."""
    added = []
    for file, text in files(names, hard):
        path = folder / file
        if not path.exists():
            write_whole(path, text.encode())
            added.append(file)
        elif file != README:
            added += add_names(path, text)
    return added


def bound(code: bytes) -> set[str]:
    """Return the names that a file gives to anything.

    Raises
    ------
    SyntaxError, ValueError
        If it is no Python.
    """
    text = ast.unparse(ast.parse(code))
    symbols = symtable(text, "", "exec").get_symbols()
    return {
        s.get_name() for s in symbols if s.is_assigned() or s.is_imported()
    }


def importing(tree: ast.Module, names: set[str]) -> list[str]:
    """Return what a file imports of these names, as lines."""
    lines = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [
                a for a in node.names if (a.asname or a.name) in names
            ]
            lines += [ast.unparse(node)] * bool(node.names)
    return lines


def add_names(path: Path, text: str) -> list[str]:
    """Append to a file the classes and functions that it lacks.

    What these use, and the file does not know, is imported above them.
    """
    mine = path.read_bytes()
    try:
        there = bound(mine)
    except (SyntaxError, ValueError):  # which null bytes are, for some
        return []
    tree = ast.parse(text)
    missing = [n for n in tree.body if named(n) and named(n) not in there]
    pieces = [ast.get_source_segment(text, node) or "" for node in missing]
    if pieces:
        start = "" if mine.endswith(b"\n") else "\n"
        nodes = [node for one in missing for node in ast.walk(one)]
        used = {node.id for node in nodes if isinstance(node, ast.Name)}
        if above := importing(tree, used - there):
            pieces.insert(0, "\n".join(above))
        added = "\n\n".join([start, *pieces]) + "\n"
        write_whole(path, mine + added.encode())
    return [f"{path.name}: {named(node)}" for node in missing]
