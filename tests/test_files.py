"""Files that are there whole, or not at all."""

import errno
import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scratchcnn.files import replacing, write_whole
from scratchcnn.layers.dense import Dense
from scratchcnn.training.weights import load, save

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "a.bin"
    with replacing(path) as file:
        file.write(b"one")
        assert not path.exists()
        assert len(os.listdir(tmp_path)) == 1
    assert path.read_bytes() == b"one"
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_older_file_outlives_a_failure(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"ne")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@posix
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path, there):
    (tmp_path / "disk").mkdir()
    file, link = tmp_path / "disk" / "real.bin", tmp_path / "link.bin"
    if there:
        file.write_bytes(b"old")
    (tmp_path / "between").symlink_to(file)
    link.symlink_to(tmp_path / "between")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == link.read_bytes() == b"new"
    assert os.listdir(tmp_path / "disk") == ["real.bin"]
    assert sorted(os.listdir(tmp_path)) == ["between", "disk", "link.bin"]


@posix
def test_a_link_in_a_circle_is_named(tmp_path):
    link = tmp_path / "link.bin"
    link.symlink_to(link)
    with pytest.raises(OSError, match=re.escape(str(link))) as caught:
        write_whole(link, b"new")
    assert caught.value.errno == errno.ELOOP


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_an_old_file_hands_on_its_permissions(tmp_path, mode):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_whole(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_of_every_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "a.bin", b"new")
    finally:
        os.umask(before)
    mode = stat.S_IMODE((tmp_path / "a.bin").stat().st_mode)
    assert mode == 0o666 & ~mask


@posix
def test_a_pipe_is_written_to(tmp_path, rng):
    pipe, other = tmp_path / "pipe", Dense(3, 2, rng=rng)
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(
        target=lambda: read.append(pipe.read_bytes()), daemon=True
    )
    reader.start()
    layer = Dense(3, 2, rng=rng)
    save(layer, pipe)
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "copy.npz").write_bytes(read[0])
    load(other, tmp_path / "copy.npz")
    np.testing.assert_array_equal(other.weight.value, layer.weight.value)


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_device_is_written_to_and_named(tmp_path):
    write_whole(os.devnull, b"new")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    with pytest.raises(OSError, match=r"No space left .*: '/dev/full'"):
        write_whole("/dev/full", b"new")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_threads_that_write_one_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([i]) * 100_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda c: write_whole(path, c), 20 * contents))
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    longest = tmp_path / ("x" * 255)
    longest.write_bytes(b"")  # it does
    write_whole(longest, b"new")
    assert longest.read_bytes() == b"new"
    with pytest.raises(OSError, match=r"x'$") as caught:
        write_whole(tmp_path / ("x" * 256), b"new")
    assert caught.value.errno == errno.ENAMETOOLONG


def fail_in(path, error):
    with replacing(path):
        raise error


def test_an_error_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "no" / "a.bin"
    with pytest.raises(FileNotFoundError, match=re.escape(f"'{path}'")) as e:
        write_whole(path, b"new")
    assert e.value.filename == str(path)
    assert "partial" not in str(e.value)

    path = tmp_path / "a.bin"
    with pytest.raises(OSError, match=r"\[Errno 28\] No space: '.*a.bin'$"):
        fail_in(path, OSError(28, "No space"))
    with pytest.raises(OSError, match=r"\[Errno 5\] No space: '.*a.bin'$"):
        fail_in(path, OSError("No space"))
    with pytest.raises(FileNotFoundError, match=r"'other.bin'$"):
        fail_in(path, FileNotFoundError(2, "No such file", "other.bin"))

    def refuse(source, target):
        raise PermissionError(1, "Not permitted", source, None, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match=r"Not permitted: '.*a.bin'$"):
        write_whole(path, b"new")
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError, match=re.escape(f"'{tmp_path}'")):
        write_whole(tmp_path, b"new")
    assert os.listdir(tmp_path) == []
