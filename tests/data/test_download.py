"""Downloads, from mirrors of every kind, none farther than 127.0.0.1."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest
import tqdm

from scratchcnn.data import download
from scratchcnn.data.download import ADVICE, SHA256, find, held, is_official
from scratchcnn.data.idx import DataError

NAMES = tuple(SHA256)
MIRRORS = download.MIRRORS
PATIENCE = download.PATIENCE
HALF = 2 * download.CHUNK  # each file is twice as long
FILES = {
    name: np.random.default_rng(seed).bytes(2 * HALF)
    for seed, name in enumerate(NAMES)
}


class Mirror(ThreadingHTTPServer):
    """A server that answers each request by `behave(request, name)`."""

    daemon_threads = False  # server_close waits for them

    def __init__(self, behave):
        super().__init__(("127.0.0.1", 0), Request)
        self.behave, self.asked = behave, []
        self.release = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    def close(self):
        """End every conversation, and the server."""
        self.release.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing: a client that hangs up is part of the test."""


class Request(BaseHTTPRequestHandler):
    """One question to a mirror."""

    def do_GET(self):
        """Note what is asked for, and behave."""
        name = self.path.strip("/")
        self.server.asked.append(name)
        self.server.behave(self, name)

    def head(self, length, status=200, **more):
        """Send the lines before the content."""
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for key, value in more.items():
            self.send_header(key, value)
        self.end_headers()

    def send(self, content):
        """Send all that a sound answer has."""
        self.head(len(content))
        self.wfile.write(content)

    def log_message(self, *_):
        """Keep the tests' output clean."""


def good(request, name):
    request.send(FILES[name])


def absent(request, name):
    request.send_error(404)


def broken(request, name):
    request.send_error(503)


def page(request, name):
    request.send(b"<!DOCTYPE html><title>Sign in to this network</title>")


def empty(request, name):
    request.send(b"")


def truncated(request, name):
    request.head(2 * HALF)
    request.wfile.write(FILES[name][:HALF])


def altered(request, name):
    request.send(FILES[name][:-1] + b"?")


def looping(request, name):
    request.head(0, status=302, Location=request.path)


def babbling(request, name):
    request.wfile.write(b"no HTTP at all\r\n\r\n")


def silent(request, name):
    request.server.release.wait()


def stalling(request, name):
    truncated(request, name)
    request.server.release.wait()


def trickling(request, name):
    request.head(2 * HALF)
    for byte in FILES[name]:
        if request.server.release.wait(0.01):
            return
        request.wfile.write(bytes([byte]))


def trickling_header(request, name):
    request.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
    while not request.server.release.wait(0.01):
        request.wfile.write(b"x")


ABSENT = "404 Client Error: Not Found"
OTHER = r"sends something else \(its SHA-256 is wrong\)"
BAD = {
    absent: ABSENT,
    broken: "503 Server Error: Service Unavailable",
    page: OTHER,
    empty: OTHER,
    truncated: "IncompleteRead|" + OTHER,
    altered: OTHER,
    looping: "Exceeded 30 redirects",
    babbling: "no HTTP at all",
}
SLOW = (silent, stalling, trickling, trickling_header)


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """See every thread of a test to its end before the next begins."""
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Put the cache into an empty folder, and files of our own into it."""
    for name in NAMES:
        digest = hashlib.sha256(FILES[name]).hexdigest()
        monkeypatch.setitem(SHA256, name, digest)
    monkeypatch.delenv("SCRATCHCNN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(pooch, "os_cache", tmp_path.joinpath)
    return tmp_path / "scratchcnn"


@pytest.fixture
def mirrors(cache, threads, monkeypatch):
    """Return a function that puts local servers in place of the mirrors."""
    servers = []

    def serve(*behaviors):
        servers.extend(map(Mirror, behaviors))
        urls = tuple(server.url for server in servers)
        monkeypatch.setattr(download, "MIRRORS", urls)
        return servers

    serve()
    yield serve
    for server in servers:
        server.close()


@pytest.fixture
def closed_port():
    """Return the address of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


def run_find(cache, mirror, *lines):
    """Start a process that looks for the files, after some lines of ours."""
    program = [
        "from scratchcnn.data import download",
        "import pooch",
        f"pooch.os_cache = lambda name: {str(cache)!r}",
        f"download.MIRRORS = ({mirror!r},)",
        *lines,
        "download.find()",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(program)],
        cwd=Path(download.__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )


def fill(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or NAMES:
        (folder / name).write_bytes(FILES[name])
    return folder


def refusal(first, *arguments):
    """Return what `find` says, having checked how it says it."""
    with pytest.raises(DataError) as caught:
        find(*arguments)
    message = str(caught.value)
    assert message.startswith(str(first))
    assert message.endswith(ADVICE)
    assert "\n" not in message
    assert " object at 0x" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or not caught.value.__context__
    return message


def contents(folder):
    """Return all that a folder holds, hidden files too."""
    return {p.name: p.read_bytes() for p in folder.rglob("*")}


# What comes, and how often it is asked for


def test_four_files_come_once(cache, mirrors, capfd):
    (mirror,) = mirrors(good)
    assert find() == cache
    assert contents(cache) == FILES
    out, err = capfd.readouterr()
    assert out == ""
    assert "262k/262k" in err  # a progress bar
    assert find() == cache
    assert mirror.asked == list(NAMES)
    assert capfd.readouterr() == ("", "")


def test_only_what_is_missing_comes(cache, mirrors):
    (mirror,) = mirrors(good)
    fill(cache, *NAMES[:3])
    find()
    assert mirror.asked == [NAMES[3]]
    assert contents(cache) == FILES


def test_a_redirection_is_followed(cache, mirrors, monkeypatch):
    def elsewhere(request, name):
        request.head(0, status=302, Location=target.url + name)

    target, _ = mirrors(good, elsewhere)
    monkeypatch.setattr(download, "MIRRORS", download.MIRRORS[1:])
    find()
    assert contents(cache) == FILES
    assert target.asked == list(NAMES)


@pytest.mark.parametrize("damage", [b"", b"bad", FILES[NAMES[1]][:-1]])
def test_a_file_that_turned_bad_is_replaced(cache, mirrors, damage):
    mirrors(good)
    (fill(cache) / NAMES[1]).write_bytes(damage)
    find()
    assert contents(cache) == FILES


def test_two_at_once_do_not_disturb_each_other(cache, mirrors):
    both = threading.Barrier(2, timeout=10)

    def together(request, name):
        both.wait()
        good(request, name)

    (mirror,) = mirrors(together)
    found = []
    pair = [
        threading.Thread(target=lambda: found.append(find())) for _ in "ab"
    ]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()
    assert found == [cache, cache]
    assert sorted(mirror.asked) == sorted(2 * NAMES)
    assert contents(cache) == FILES


# Mirrors that fail


@pytest.mark.parametrize("bad", BAD, ids=lambda b: b.__name__)
def test_after_a_bad_mirror_a_good_one(cache, mirrors, bad):
    first, second = mirrors(bad, good)
    find()
    assert contents(cache) == FILES
    assert set(first.asked) == {NAMES[0]}  # never again after that
    assert second.asked == list(NAMES)


@pytest.mark.parametrize("slow", SLOW, ids=lambda b: b.__name__)
def test_after_a_slow_mirror_a_good_one(cache, mirrors, slow, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.75)
    first, second = mirrors(slow, good)
    find()
    assert contents(cache) == FILES
    assert first.asked == [NAMES[0]]
    assert second.asked == list(NAMES)


def assert_named(cache, mirror, trouble):
    message = refusal(cache / NAMES[0])
    assert re.search(
        f"missing and can't be downloaded .{re.escape(mirror.url)}: "
        f"[^;]*({trouble})[^;]*[)]. Put the four files",
        message,
    )
    assert contents(cache) == {}


@pytest.mark.parametrize("bad", BAD, ids=lambda b: b.__name__)
def test_no_mirror_but_a_bad_one(cache, mirrors, bad):
    (mirror,) = mirrors(bad)
    assert_named(cache, mirror, BAD[bad])


@pytest.mark.parametrize("slow", SLOW, ids=lambda b: b.__name__)
def test_no_mirror_but_a_slow_one(cache, mirrors, slow, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.25)
    (mirror,) = mirrors(slow)
    assert_named(cache, mirror, "timed out|65536 bytes in 0.25 s")


def test_every_mirror_is_named_with_its_trouble(
    cache, mirrors, closed_port, monkeypatch
):
    mirrors(absent, page)
    urls = (*download.MIRRORS, closed_port)
    monkeypatch.setattr(download, "MIRRORS", urls)
    message = refusal(cache / NAMES[0])
    assert re.search(
        f"{urls[0]}: {ABSENT}; {urls[1]}: {OTHER}; {urls[2]}: .*refused",
        message,
    )


def test_a_mirror_that_lacks_the_last_file(cache, mirrors):
    def almost(request, name):
        (absent if name == NAMES[3] else good)(request, name)

    mirrors(almost)
    assert ABSENT in refusal(cache / NAMES[3])
    assert contents(cache) == {name: FILES[name] for name in NAMES[:3]}


def test_a_refused_network_prints_nothing(
    cache, closed_port, monkeypatch, capfd
):
    monkeypatch.setattr(download, "MIRRORS", (closed_port,))
    assert "refused" in refusal(cache / NAMES[0])
    assert capfd.readouterr() == ("", "")


def test_a_name_server_that_knows_no_mirror(cache, monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "Name or service not known" in refusal(cache / NAMES[0])


def test_a_name_server_that_never_answers(cache, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.25)
    release = threading.Event()

    def never(*arguments, **options):
        release.wait()
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        assert refusal(cache / NAMES[0]).count("bytes in 0.25 s") == 3
        assert contents(cache) == {}
    finally:
        release.set()


def test_a_program_ends_although_no_name_server_answers(cache):
    process = run_find(
        cache,
        "http://mirror.invalid/",
        "import socket, threading",
        "socket.getaddrinfo = lambda *_, **__: threading.Event().wait()",
        "download.PATIENCE = 0.25",
    )
    with process:
        try:
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 1
    assert err.count("Traceback") == 1
    assert "http://mirror.invalid/: sends less than 65536 bytes" in err


def test_all_mirrors_together_take_less_than_20_seconds():
    assert len(MIRRORS) > 1
    assert len(MIRRORS) * PATIENCE < 20


def test_a_trouble_met_while_handling_another_is_not_confused(
    cache, closed_port, monkeypatch
):
    monkeypatch.setattr(download, "MIRRORS", (closed_port,))
    try:
        raise KeyError("of another story")
    except KeyError:
        with pytest.raises(DataError, match="refused") as caught:
            find()
    assert "another story" not in str(caught.value)


# What is good is never lost


def test_a_bad_file_that_can_not_be_replaced_is_named(cache, mirrors):
    mirrors(page)
    (fill(cache) / NAMES[2]).write_bytes(b"bad")
    message = refusal(cache / NAMES[2])
    assert "is damaged and can't be downloaded" in message
    assert contents(cache) == FILES | {NAMES[2]: b"bad"}


def test_a_half_made_download_leaves_nothing(cache, monkeypatch):
    def interrupted(url, path):
        path.write_bytes(FILES[path.name][:HALF])
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "download", interrupted)
    fill(cache, *NAMES[:2])
    with pytest.raises(KeyboardInterrupt):
        find()
    assert contents(cache) == {name: FILES[name] for name in NAMES[:2]}


def test_a_process_that_is_killed_leaves_no_half_file(
    cache, mirrors, monkeypatch
):
    (mirror,) = mirrors(stalling)
    process = run_find(cache, mirror.url, "download.PATIENCE = 60.0")
    with process:
        process.stderr.read(1)  # the progress bar: it has begun
        process.kill()
    assert mirror.asked == [NAMES[0]]
    assert not (cache / NAMES[0]).exists()
    mirror.behave = good
    find()
    assert {p.name for p in cache.iterdir() if p.is_file()} == set(NAMES)


# Folders that can't be written


def test_a_cache_that_can_not_be_made(cache, mirrors):
    mirrors(good)
    cache.write_bytes(b"in the way")
    message = refusal(cache / NAMES[0])
    assert "is missing and can't be written: " in message
    assert cache.read_bytes() == b"in the way"


def test_a_cache_that_may_not_be_written(cache, mirrors, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    (mirror,) = mirrors(good)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    message = refusal(cache / NAMES[0])
    assert "can't be written: Permission denied. Put the four" in message
    assert mirror.asked == []


def test_a_read_only_cache(cache, mirrors, monkeypatch):
    mirrors(good)
    if os.geteuid() == 0:  # the superuser may write nearly everywhere
        cache = Path("/proc/scratchcnn")
        monkeypatch.setattr(pooch, "os_cache", lambda name: cache)
    else:
        cache.mkdir(mode=0o500)
    assert "can't be written: " in refusal(cache / NAMES[0])


def test_a_folder_under_the_name_of_a_file(cache, mirrors):
    mirrors(good)
    (cache / NAMES[0]).mkdir(parents=True)
    message = refusal(cache / NAMES[0])
    assert "is damaged and can't be written: " in message
    assert list(cache.rglob("*")) == [cache / NAMES[0]]


def test_a_full_disk(cache, mirrors, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    mirrors(good)
    monkeypatch.setattr(pooch, "HTTPDownloader", full)
    assert "No space left on device" in refusal(cache / NAMES[0])


# Where the files are looked for


def test_first_data_dir_then_the_variable_then_the_cache(
    cache, tmp_path, monkeypatch
):
    fill(cache)
    named, given = fill(tmp_path / "named"), fill(tmp_path / "given")
    assert find() == cache
    monkeypatch.setenv("SCRATCHCNN_DATA", "")
    assert find() == cache
    monkeypatch.setenv("SCRATCHCNN_DATA", str(named))
    assert find() == named
    assert find(given) == find(str(given)) == given


def test_a_tilde_is_the_home_folder(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    fill(tmp_path / "fashion")
    assert find("~/fashion") == tmp_path / "fashion"


def test_a_given_folder_is_never_filled(cache, mirrors, tmp_path):
    (mirror,) = mirrors(good)
    folder = fill(tmp_path / "given", NAMES[0], NAMES[3])
    message = refusal(f"{NAMES[1]}, {NAMES[2]}", folder)
    assert f"in {folder}, which data_dir names" in message
    assert "does not hold it, with or without .gz. " in message
    assert mirror.asked == []
    assert len(contents(folder)) == 2


def test_an_empty_name_is_not_left_out(cache, monkeypatch):
    fill(cache)
    monkeypatch.setenv("SCRATCHCNN_DATA", str(cache))
    refusal("data_dir should name a folder, but is empty", "")


@pytest.mark.parametrize("missing", [True, False])
def test_no_bar_is_no_obstacle(cache, mirrors, monkeypatch, missing):
    """A stream that is missing, and one that can't be written to."""
    mirrors(good)
    with open(os.devnull) as stream:
        monkeypatch.setattr(sys, "stderr", None if missing else stream)
        assert find() == cache
    assert contents(cache) == FILES


def test_a_folder_in_place_of_a_given_file(cache, tmp_path):
    folder = fill(tmp_path / "given", *NAMES[1:])
    (folder / NAMES[0]).mkdir()
    assert "does not hold" in refusal(f"{NAMES[0]}: ", folder)


def test_a_folder_that_is_not_there(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHCNN_DATA", str(tmp_path / "nowhere"))
    message = refusal(", ".join(NAMES))
    assert "nowhere, which $SCRATCHCNN_DATA names, but is no folder" in message


def test_a_file_where_a_folder_is_wanted(cache, tmp_path):
    path = fill(tmp_path) / NAMES[0]
    assert "is no folder" in refusal(", ".join(NAMES), path)


def test_unzipped_files_will_do_where_somebody_has_put_them(tmp_path):
    folder = fill(tmp_path / "given", NAMES[0], NAMES[2])
    for name in NAMES[1], NAMES[3]:
        (folder / name.removesuffix(".gz")).write_bytes(b"unzipped")
    assert find(folder) == folder
    assert held(folder, NAMES[0]) == folder / NAMES[0]
    assert held(folder, NAMES[1]) == folder / NAMES[1].removesuffix(".gz")
    assert held(tmp_path, NAMES[1]) == tmp_path / NAMES[1]


def test_official_is_byte_for_byte(cache, tmp_path):
    path = fill(tmp_path) / NAMES[0]
    assert is_official(path)
    path.write_bytes(FILES[NAMES[1]])
    assert not is_official(path)
    assert not is_official(tmp_path / "missing")
    assert not is_official(tmp_path)
    (tmp_path / "other.gz").write_bytes(FILES[NAMES[0]])
    assert not is_official(tmp_path / "other.gz")
