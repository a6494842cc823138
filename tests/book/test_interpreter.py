"""Where Pyodide is found: no request here goes farther than 127.0.0.1."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import interpreter
import pytest
from interpreter import FILES, NUMPY, AbsentError, File, find, lock

from scratchcnn.data import download

CONTENT = {name: f"content of {name}".encode() for name in FILES}


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """Serve what `CONTENT` holds, and note what is asked for."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/")
            self.server.asked.append(name)
            self.send_response(200 if name in self.server.content else 404)
            self.end_headers()
            self.wfile.write(self.server.content.get(name, b""))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as http:
        http.asked, http.content = [], dict(CONTENT)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.shutdown()


@pytest.fixture
def folder(monkeypatch, tmp_path, server) -> Path:
    """Let the cache be empty, and the files small ones of that server."""
    monkeypatch.delenv("SCRATCHCNN_PYODIDE", raising=False)
    monkeypatch.setattr(download, "cache", lambda: tmp_path)
    for name, content in CONTENT.items():
        place = f"http://127.0.0.1:{server.server_port}/"
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(FILES, name, File(place, digest))
    return tmp_path / f"pyodide-{interpreter.VERSION}"


def test_what_is_missing_or_damaged_is_downloaded_once(folder, server):
    assert find() == (folder, True)
    assert server.asked == list(FILES)
    (folder / NUMPY).write_bytes(b"damaged")
    assert find() == (folder, True)
    assert server.asked == [*FILES, NUMPY]
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == CONTENT


def test_what_is_another_file_never_takes_the_name(folder, server):
    folder.mkdir()
    (folder / "pyodide.mjs").write_bytes(b"old")
    server.content["pyodide.mjs"] = b"<!doctype html>Sign in to this network"
    with pytest.raises(
        AbsentError, match=r"pyodide\.mjs .*: what comes is anot"
    ):
        find()
    assert [p.name for p in folder.iterdir()] == ["pyodide.mjs"]
    assert (folder / "pyodide.mjs").read_bytes() == b"old"
    assert server.asked == ["pyodide.mjs"]


def test_what_can_not_be_had_is_said(folder, server):
    del server.content[NUMPY]
    with pytest.raises(
        AbsentError, match=r"numpy-.* can't be downloaded: .*404"
    ):
        find()
    assert NUMPY not in {p.name for p in folder.iterdir()}
    server.shutdown()
    server.server_close()
    with pytest.raises(
        AbsentError, match=r"numpy-.* can't be downloaded: .*refus"
    ):
        find()


def test_a_cache_that_is_no_folder(folder, server):
    folder.write_text("a file")
    with pytest.raises(AbsentError, match=r"pyodide\.mjs can't be written: "):
        find()
    assert server.asked == []


def test_a_folder_that_is_named(folder, server, monkeypatch, tmp_path):
    named = tmp_path / "named"
    named.mkdir()
    monkeypatch.setenv("SCRATCHCNN_PYODIDE", str(named))
    with pytest.raises(
        AbsentError, match=r"named, which \$SCRATCHCNN_PYODIDE na"
    ):
        find()
    for name, content in CONTENT.items():
        (named / name).write_bytes(content)
    assert find() == (named, True)
    (named / NUMPY).write_bytes(b"another build")
    assert find() == (named, False)
    assert server.asked == []


def test_the_lock_names_numpy_by_the_hash_of_the_file_that_is_there(tmp_path):
    (tmp_path / NUMPY).write_bytes(b"another build")
    packages = json.loads(lock(tmp_path))["packages"]
    assert list(packages) == ["numpy"]
    assert packages["numpy"]["file_name"] == NUMPY
    assert packages["numpy"]["version"] == "2.2.5"
    digest = hashlib.sha256(b"another build").hexdigest()
    assert packages["numpy"]["sha256"] == digest


def test_the_pinned_hashes_are_hashes():
    assert len({file.sha256 for file in FILES.values()}) == len(FILES)
    assert all(len(bytes.fromhex(f.sha256)) == 32 for f in FILES.values())
