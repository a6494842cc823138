"""Files that are there whole, or not at all: `replacing`."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def mode_of(path: Path) -> int | None:
    """Return the kind and the permissions of a file, if there is one."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


@contextmanager
def naming(path: Path, partial: Path) -> Iterator[None]:
    """Let an error name the file that was asked for, if it names none."""
    try:
        yield
    except OSError as error:
        if error.filename and str(error.filename) != str(partial):
            raise
        number = error.errno or errno.EIO
        text = error.strerror or str(error)
        raise OSError(number, text, str(path)) from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that takes its name only when it is whole.

    Until then, and if anything goes wrong, an older file of that name
    stays as it is; the new one gets its permissions. A link stays a
    link, to the new file. A pipe or a device is written to as it is.

    Raises
    ------
    OSError
        If it can't be written; names this file.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".scratchcnn-{os.urandom(8).hex()}.partial")
    with naming(path, partial):
        mode = mode_of(path)
        if mode is not None and not stat.S_ISREG(mode):
            with open(path, "wb") as file:
                yield file
            return
        try:
            with open(partial, "xb") as file:
                if mode is not None:
                    os.chmod(partial, stat.S_IMODE(mode))
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file of these bytes, whole or not at all."""
    with replacing(path) as file:
        file.write(content)
