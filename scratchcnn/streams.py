"""What is said, though nobody may listen: `put` and `progress_bar`."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Any, TextIO


def put(stream: TextIO | None, text: str) -> OSError | None:
    """Write to a standard stream at once; return why not, or nothing.

    A stream may be full, or without a reader, or closed; Python has
    None for one that was closed when it started. Letters that it has
    no code for are written as escapes.
    """
    try:
        if stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        code = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(code, "backslashreplace").decode(code))
        stream.flush()
    except OSError as error:
        return error
    except ValueError:  # closed since
        return OSError(errno.EBADF, os.strerror(errno.EBADF))
    return None


def abandon(stream: TextIO | None) -> None:
    """Let what a stream still holds go nowhere when Python ends."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)


class Forgiving:
    """The error stream, for those who go on if it fails."""

    def __init__(self) -> None:
        self.stream = sys.stderr

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> None:
        """Write, if it can be written."""
        put(self.stream, text)

    def flush(self) -> None:
        """Do nothing: what is written is flushed."""


def progress_bar(total: int | None = None, **options: Any) -> Any:
    """Return a bar of tqdm on stderr that never stops what it shows.

    Parameters
    ----------
    total : int, optional
        How much there is to do.
    **options
        Whatever else tqdm takes.

    Notes
    -----
    Chapter *The program*.
    """
    from tqdm import tqdm

    if total is not None:
        total = min(total, sys.maxsize)  # tqdm computes with floats
    return tqdm(total=total, file=Forgiving(), dynamic_ncols=True, **options)
