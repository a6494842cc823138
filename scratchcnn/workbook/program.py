"""The workbook as a program: ``python -m scratchcnn.workbook``."""

from __future__ import annotations

import json as texts
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from scratchcnn.arrays import check_number, check_size
from scratchcnn.programs.command_line import CommandLine
from scratchcnn.programs.two_classes import EPOCHS
from scratchcnn.streams import progress_bar
from scratchcnn.workbook.board import board, check, curves, overheard
from scratchcnn.workbook.chapters import CHAPTERS, chapter_of
from scratchcnn.workbook.child import ask
from scratchcnn.workbook.hints import hint, listing
from scratchcnn.workbook.templates import write_missing, write_new

MINUTES = 60.0
Answer: TypeAlias = tuple[int, str]  # an exit code, and what is printed


def command_line() -> CommandLine:
    """Describe the commands and their options."""
    parser = CommandLine(
        prog="scratchcnn.workbook",
        description="Write every layer yourself, and be told what is wrong.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command, words in (
        ("new", "write a folder of files with gaps"),
        ("upgrade", "add what a folder lacks; overwrite nothing"),
        ("check", "ask the doctor"),
        ("hint", "open one step more of a derivation"),
        ("reveal", "show the book's own listing"),
        ("train", "train your own network beside the book's"),
    ):
        options(command, commands.add_parser(command, help=words).add_argument)
    return parser


def options(command: str, add: Callable[..., Any]) -> None:
    """Describe the options of one command."""
    if command in ("new", "upgrade"):
        add("folder", type=Path)
        add("--chapters", nargs="+", choices=CHAPTERS, metavar="CHAPTER")
        add("--hard", action="store_true", help="leave out the docstrings")
        return
    add("--folder", type=Path, default=Path(), help="where the files are")
    if command == "check":
        add("chapters", nargs="*", metavar="CHAPTER")
        add("--json", action="store_true", help="for programs")
    elif command == "train":
        add("--epochs", type=int, default=EPOCHS, help="default: %(default)s")
        add(
            "--minutes",
            type=float,
            default=MINUTES,
            help="stop after so long; default: %(default)g",
        )
        add("--seed", type=int, default=0, help="for weights and shuffling")
        add("--data", metavar="FOLDER", help="where the four files are")
    else:
        add("name", help="such as conv2d.dx, or to be revealed conv2d")
    if command == "reveal":
        add("--yes", action="store_true", help="do not ask again")


def written(folder: Path) -> list[str]:
    """Return the chapters of which a folder has the file."""
    return [name for name in CHAPTERS if (folder / f"{name}.py").exists()]


def lines(added: list[str]) -> str:
    """Return a list for printing."""
    return "\n".join(added or ["nothing is missing"]) + "\n"


def new(folder: Path, chapters: list[str] | None, hard: bool) -> Answer:
    """Write a workbook."""
    return 0, lines(write_new(folder, chapters or [*CHAPTERS], hard))


def upgrade(folder: Path, chapters: list[str] | None, hard: bool) -> Answer:
    """Add to a workbook what is missing."""
    if not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is no folder; see `new`")
    names = chapters or written(folder)
    if not names:
        raise ValueError(f"{str(folder)!r} holds no workbook; see `new`")
    return 0, lines(write_missing(folder, names, hard))


def examine(folder: Path, chapters: list[str], json: bool) -> Answer:
    """Show the board; the code is 0 only if all of it is healthy."""
    wanted = dict.fromkeys(map(chapter_of, chapters))
    names = [*wanted] or written(folder)
    if not names:
        raise ValueError(
            f"{str(folder)!r} holds no workbook; `cd` into yours, or see `new`"
        )
    rows = []
    with progress_bar(len(names), unit="file", leave=False) as bar:
        for name in names:
            bar.set_description(name)
            rows += check(folder, [name])
            bar.update()
    code = int(any(row["state"] != "healthy" for row in rows))
    return code, (texts.dumps(rows, indent=1) if json else board(rows)) + "\n"


def give_hint(folder: Path, name: str) -> Answer:
    """Open one step more."""
    if not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is no folder; see `new`")
    return 0, hint(folder, name) + "\n"


def reveal(folder: Path, name: str, yes: bool) -> Answer:
    """Show a listing, once the reader is sure."""
    text = listing(name)
    try:
        sure = yes or input(f"Show {name}? [y/N] ").strip().lower() == "y"
    except EOFError:  # there is nobody to ask
        sure = False
    return (0, text) if sure else (1, "It stays closed.\n")


def train(folder: Path, minutes: float, **settings: Any) -> Answer:
    """Train the reader's network and ours."""
    check_number("train", "--minutes", minutes, positive=True)
    check_size("train", "--epochs", settings["epochs"])
    check_size("train", "--seed", settings["seed"], 0)
    told = ask("train", folder, 60 * minutes, **settings)
    heard = overheard("Your code", told.printed)
    if told.error:
        lines = filter(None, [f"training: {told.error}", heard])
        raise ValueError("; ".join(lines))
    return 0, "\n\n".join(filter(None, [curves(told.found), heard])) + "\n"


COMMANDS: dict[str, Callable[..., Answer]] = {
    "new": new,
    "upgrade": upgrade,
    "check": examine,
    "hint": give_hint,
    "reveal": reveal,
    "train": train,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The command and its options; by default, those of the command
        line.

    Notes
    -----
    Chapter *Run and judged*.
    """
    code = 0

    def body(command: str, **given: Any) -> str:
        nonlocal code
        code, text = COMMANDS[command](**given)
        return text

    return command_line().serve(body, argv) or code
