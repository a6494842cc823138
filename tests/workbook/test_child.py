"""A reader's code runs in a process of its own, within limits."""

import signal
import subprocess
import sys
import time

import pytest

from scratchcnn.workbook import child
from scratchcnn.workbook.child import ask, examine, load
from tests.workbook.filling import fill


def states(folder, name):
    return {row["kind"]: row["state"] for row in examine(folder, name)}


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    """Forget afterwards what a reader's files have imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = {*sys.modules}
    yield
    for name in {*sys.modules} - modules:
        del sys.modules[name]


def test_files_are_healthy_ill_or_missing(tmp_path):
    fill(tmp_path, "relu", "reshape")
    assert states(tmp_path, "relu") == {"relu": "healthy"}
    assert states(tmp_path, "dense") == {"dense": "not yet written"}
    text = (tmp_path / "reshape.py").read_text()
    text = text[: text.index("class Flatten")]
    (tmp_path / "reshape.py").write_text(text)
    assert states(tmp_path, "reshape") == {
        "reshape": "healthy",
        "flatten": "not yet written",
    }


@pytest.mark.parametrize(
    "text", ["class ReLU(:", "raise SystemExit(2)", "import nothing.there"]
)
def test_a_file_that_can_not_be_imported_is_ill(text, tmp_path):
    (tmp_path / "relu.py").write_text(text)
    (row,) = examine(tmp_path, "relu")
    assert row["state"] == "ill"
    assert "relu.py can't be imported" in row["text"]


def test_one_file_may_import_another(tmp_path):
    (tmp_path / "relu.py").write_text("ONE = 1\n")
    (tmp_path / "dense.py").write_text("from relu import ONE\n")
    assert load(tmp_path, "dense").ONE == 1


def test_an_answer_comes_from_another_process(tmp_path, capfd):
    fill(tmp_path, "relu")
    with (tmp_path / "relu.py").open("a") as file:
        file.write("print('a reader may print')\n")
    told = ask("examine", tmp_path, 60, name="relu")
    assert told.found[0]["state"] == "healthy"
    assert told.printed == "a reader may print\n"
    assert capfd.readouterr().out == ""


def test_what_does_not_end_is_stopped(tmp_path):
    (tmp_path / "relu.py").write_text("while True:\n    pass\n")
    told = ask("examine", tmp_path, 5, name="relu")
    assert told.error == "stopped after 5 seconds"
    assert told.found is None


def test_of_much_that_is_printed_the_beginning_is_kept(tmp_path, capfd):
    fill(tmp_path, "relu")
    with (tmp_path / "relu.py").open("a") as file:
        file.write("import os\nos.system('echo aside')\n")
        file.write("for _ in range(9999): print('\\ud800x')\n")
    told = ask("examine", tmp_path, 120, name="relu")
    assert told.found[0]["state"] == "healthy"
    assert told.printed.startswith("\\ud800x\n\\ud800x\n")
    assert told.printed.endswith(" ...")
    assert len(told.printed) < 10 * child.ROOM
    assert capfd.readouterr().out == ""


def test_what_dies_is_told(tmp_path):
    (tmp_path / "relu.py").write_text("import os\nos._exit(7)\n")
    told = ask("examine", tmp_path, 60, name="relu")
    assert told.error == "the process ended with code 7"
    (tmp_path / "relu.py").write_text("import os\nos._exit(0)\n")
    told = ask("examine", tmp_path, 60, name="relu")
    assert told.error == "the process ended without an answer"


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_memory_is_limited(tmp_path):
    fill(tmp_path, "relu")
    path = tmp_path / "relu.py"
    greedy = f"\nnp.ones({2 * child.MEMORY // 8})\n"
    path.write_text(path.read_text() + greedy)
    (row,) = ask("examine", tmp_path, 60, name="relu").found
    assert row["state"] == "ill"
    assert "Memory" in row["text"]


PARENT = """\
import sys
from pathlib import Path
from scratchcnn.workbook.child import ask
ask("examine", Path(sys.argv[1]), 600, name="relu")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_lives_longer_than_its_parent(number, tmp_path):
    beat = tmp_path / "beat"
    (tmp_path / "relu.py").write_text(
        "import time, pathlib\n"
        f"while True: time.sleep(0.05), pathlib.Path({str(beat)!r})"
        ".write_text(str(time.monotonic()))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    deadline = time.monotonic() + 120
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert beat.exists()
    parent.send_signal(number)
    parent.wait(60)
    last = None
    while last != (last := beat.read_text()) and time.monotonic() < deadline:
        time.sleep(2)
    assert time.monotonic() < deadline
