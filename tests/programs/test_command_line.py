"""The manners of every program."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scratchcnn.data.drawn import dataset
from scratchcnn.programs.command_line import (
    CommandLine,
    check_distinct,
    kept_file,
    new_file,
)

ROOT = Path(__file__).parents[2]
PROG = "scratchcnn.programs.trainer"
posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with very few drawn garments."""
    return dataset.write(tmp_path_factory.mktemp("data"), train=3, test=1)


@pytest.fixture
def shell(folder, tmp_path):
    """Return what runs a program under a shell's redirections."""

    def shell(program, redirections, *words, **streams):
        command = [sys.executable, "-m", program, "--data", str(folder)]
        script = f'exec "$@" {redirections}'
        return subprocess.run(
            ["sh", "-c", script, "sh", *command, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            **{"stdout": -1, "stderr": -1, **streams},
        )

    return shell


def unread():
    """Return a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


TRAINER = [
    *("--epochs", "1", "--batch-size", "2", "--validation", "2"),
    *("--network", "two-class", "--classes", "0", "1"),
]


@posix
@pytest.mark.parametrize(
    ("program", "words", "file"),
    [
        ("scratchcnn", ["--epochs", "1", "--batch-size", "2"], "scratchcnn.p"),
        (PROG, [*TRAINER, "--save", "w.npz"], "w.npz"),
    ],
)
def test_a_closed_pipe_costs_nothing(shell, tmp_path, program, words, file):
    writer = unread()
    done = shell(program, "", *words, "--quiet", stdout=writer)
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == f"{program}: standard output has no reader\n"
    assert [name[: len(file)] for name in os.listdir(tmp_path)] == [file]


@posix
@pytest.mark.parametrize(
    ("where", "why"),
    [
        (">/dev/full", "No space left on device"),
        (">&-", "Bad file descriptor"),
    ],
)
def test_a_full_or_missing_output_is_named(shell, tmp_path, where, why):
    done = shell(PROG, where, *TRAINER, "--save", "w.npz", "--quiet")
    assert done.returncode == 2
    assert done.stderr == f"{PROG}: error: standard output: {why}\n"
    assert os.listdir(tmp_path) == ["w.npz"]


@posix
@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
def test_a_full_or_missing_error_stream_stops_nothing(shell, tmp_path, where):
    done = shell(PROG, where, *TRAINER, "--save", "w.npz")
    assert done.returncode == 0
    assert done.stdout.endswith("Network: w.npz\n")
    assert os.listdir(tmp_path) == ["w.npz"]


@posix
@pytest.mark.parametrize(
    ("where", "words", "code"),
    [
        (">&- 2>&-", ["--epochs", "0"], 2),
        (">/dev/full 2>/dev/full", ["--help"], 2),
        ("2>/dev/full", ["--speed"], 2),
    ],
)
def test_a_code_is_left_where_no_word_can_be_said(shell, where, words, code):
    done = shell(PROG, where, *words)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@posix
def test_help_may_be_cut_off(shell):
    writer = unread()
    done = shell(PROG, "", "--help", stdout=writer)
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == f"{PROG}: standard output has no reader\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "a"), "No space .* 'a'"),
        (MemoryError("Unable to allocate 9 GiB"), "Unable .*ask for less"),
        (MemoryError(), "out of memory: ask for less at a time"),
        (ValueError("one\ntwo"), "one two"),
    ],
)
def test_what_a_user_can_mend_is_one_line(capsys, error, line):
    def fail():
        raise error

    with pytest.raises(SystemExit) as stop:
        CommandLine(prog="p").serve(fail, [])
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert re.match(f"p: error: .*{line}", err)


def test_what_is_our_own_mistake_shows_where_it_is():
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        CommandLine(prog="p").serve(fail, [])


def refused(text, kind=new_file):
    """Return why a path is refused."""
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        kind(str(text))
    return str(caught.value)


def test_where_no_file_can_be_is_told_at_the_door(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert refused("x" * 256 + ".npz").endswith(": File name too long")
    assert refused("file/a.npz") == "'file/a.npz': Not a directory"
    assert refused("no/a.npz").startswith("'no' should be a folder that")
    assert refused("") == "'' is a folder, not a file"
    assert "embedded null" in refused("a\0b")
    assert new_file("x" * 255) == Path("x" * 255)
    assert os.listdir() == ["file"]


@posix
def test_a_link_is_judged_by_what_it_means(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lost").symlink_to(tmp_path / "no" / "a.npz")
    assert f"'{tmp_path / 'no'}' should be a folder" in refused("lost")
    Path("good").symlink_to("a.npz")
    assert new_file("good") == Path("good")
    Path("round").symlink_to("round")
    assert refused("round").startswith("'round': ")


@posix
def test_a_pipe_can_be_written_but_not_read_again(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert new_file(str(pipe)) == pipe
    assert refused(pipe, kept_file) == f"'{pipe}' can't be read again"


@posix
def test_one_file_under_two_names_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("real.npz").touch()
    Path("link.npz").symlink_to("real.npz")
    os.link("real.npz", "twin.npz")
    Path("folder").symlink_to(".")
    for one, other in (
        ("real.npz", "real.npz"),
        ("real.npz", "./real.npz"),
        ("real.npz", str(tmp_path / "real.npz")),
        ("link.npz", "real.npz"),
        ("twin.npz", "real.npz"),
        ("new.npz", "folder/new.npz"),
    ):
        with pytest.raises(ValueError, match=r"--a .* and --b .* are one"):
            check_distinct(a=Path(one), b=Path(other))
    check_distinct(a=Path("real.npz"), b=Path("new.npz"))
    check_distinct(a=Path("real.npz"), b=None)
    check_distinct(a=None, b=None)
