"""Streams that nobody reads, or that are full, closed or missing."""

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from scratchcnn.streams import Forgiving, abandon, progress_bar, put

no_full = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="no /dev/full"
)


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def full():
    return Path("/dev/full").open("w")


def unread():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")


STREAMS = {
    "missing": (lambda: None, errno.EBADF),
    "closed": (closed, errno.EBADF),
    "unread": (unread, errno.EPIPE),
    "full": (full, errno.ENOSPC),
}
BROKEN = [
    pytest.param(name, marks=no_full if name == "full" else ())
    for name in STREAMS
]


@pytest.fixture
def broken(request):
    """Return a stream that can't be written to, and its error."""
    make, number = STREAMS[request.param]
    stream = make()
    yield stream, number
    abandon(stream)
    if stream is not None:
        stream.close()


def test_what_is_put_is_there_at_once(tmp_path):
    with open(tmp_path / "a.txt", "w") as stream:
        assert put(stream, "one\n") is None
        assert (tmp_path / "a.txt").read_text() == "one\n"


def test_letters_without_a_code_are_escaped(tmp_path):
    with open(tmp_path / "a.txt", "w", encoding="ascii") as stream:
        assert put(stream, "Größe \udc80\n") is None
    assert (tmp_path / "a.txt").read_bytes() == rb"Gr\xf6\xdfe \udc80" + b"\n"


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_a_broken_stream_is_an_answer_and_no_error(broken):
    stream, number = broken
    assert put(stream, "one\n").errno == number


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_an_abandoned_stream_takes_everything(broken):
    stream, number = broken
    put(stream, "one\n")
    abandon(stream)
    trouble = put(stream, "two\n")
    assert trouble is None or number == errno.EBADF


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
@pytest.mark.parametrize("total", [None, 3, 10**400])
def test_a_bar_goes_on_without_a_stream(broken, total, monkeypatch):
    monkeypatch.setattr(sys, "stderr", broken[0])
    with progress_bar(total, mininterval=0) as bar:
        for _ in range(3):
            bar.update()
            bar.set_postfix_str("loss 1")
    assert bar.n == 3


def test_a_bar_is_as_wide_as_the_terminal(monkeypatch):
    """Its width is asked of what is wrapped."""

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def fileno(self):
            return 2

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "10")
    assert Forgiving().fileno() == 2
    with progress_bar(2) as bar:
        bar.update(2)
    *_, last = terminal.getvalue().strip().split("\r")
    assert "100%" in last
    assert "█" in last
