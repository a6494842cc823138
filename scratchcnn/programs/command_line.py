"""The manners of a program: `CommandLine`, and where it may write."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NoReturn

from scratchcnn.data.idx import DataError
from scratchcnn.files import mode_of
from scratchcnn.streams import abandon, put

REFUSED, INTERRUPTED, UNREAD = 2, 130, 141  # the last two as in a shell


class CommandLine(argparse.ArgumentParser):
    """Reads a program's options, and says in one line what is wrong."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Leave, with a message on stderr if it can be written."""
        if message and put(sys.stderr, message):
            abandon(sys.stderr)
        raise SystemExit(status)

    def error(self, message: str) -> NoReturn:
        """Print the message without the usage, and exit with code 2."""
        line = " ".join(message.splitlines())
        self.exit(REFUSED, f"{self.prog}: error: {line}\n")

    def print_help(self, file: Any = None) -> None:
        """Print what can be asked for."""
        self.say(self.format_help())

    def say(self, text: str) -> None:
        """Print what has come out.

        Raises
        ------
        SystemExit
            With code 141 if nobody reads it any more, or with code 2 if
            it can't be written; after one line on stderr.
        """
        trouble = put(sys.stdout, text)
        if trouble is None:
            return
        abandon(sys.stdout)
        if isinstance(trouble, BrokenPipeError):
            self.exit(UNREAD, f"{self.prog}: standard output has no reader\n")
        self.error(f"standard output: {trouble.strerror}")

    def serve(
        self, body: Callable[..., str], argv: Sequence[str] | None = None
    ) -> int:
        """Call a program's body with its options; return its exit code.

        Parameters
        ----------
        body : callable
            What the program does. Takes each option by its name, and
            returns what is to be printed when all is done and saved.
        argv : sequence of str, optional
            The options; by default, those of the command line.

        Raises
        ------
        SystemExit
            With code 2, after one line on stderr, if an option can't be
            used, the data can't be had, a file can't be read or written,
            the memory is too small, or the loss overflows; and as `say`
            does.
        """
        words = sys.argv[1:] if argv is None else argv
        try:
            for word in words:
                if word.endswith("=--"):  # for argparse, a value that is none
                    self.error(f"argument {word[:-3]}: expected one argument")
            self.say(body(**vars(self.parse_args(words))))
        except (DataError, FloatingPointError, OSError, ValueError) as error:
            self.error(str(error))
        except MemoryError as error:
            what = str(error) or "out of memory"
            self.error(f"{what}: ask for less at a time")
        except KeyboardInterrupt:
            put(sys.stderr, f"\n{self.prog}: interrupted\n")
            return INTERRUPTED
        finally:
            if put(sys.stderr, ""):
                abandon(sys.stderr)
        return 0


def new_file(text: str) -> Path:
    """Return the path of a file, if one can be written there."""
    path = Path(text)
    try:
        mode = mode_of(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"{text!r}: {why}") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, not a file")
    if mode is not None and not stat.S_ISREG(mode):
        return path  # a pipe or a device needs no room beside it
    folder = path.resolve().parent if path.is_symlink() else path.parent
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{str(folder)!r} should be a folder that can be written to"
        ) from error
    return path


def kept_file(text: str) -> Path:
    """Return the path of a file that can be written, and read again."""
    path = new_file(text)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} can't be read again")
    return path


def check_distinct(**paths: Path | None) -> None:
    """Stop two options that name one file, though by different paths.

    Raises
    ------
    ValueError
        If there are two such options.
    """
    named = [(name, path) for name, path in paths.items() if path]
    for (one, a), (other, b) in combinations(named, 2):
        both = a.exists() and b.exists() and a.samefile(b)
        if both or os.path.realpath(a) == os.path.realpath(b):
            raise ValueError(
                f"--{one} {a} and --{other} {b} are one file: each wants "
                "its own"
            )
