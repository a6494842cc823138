"""IDX files: what is sound is read, and all else is refused by name."""

import gzip
import math
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scratchcnn.data.idx import CURE, DataError, read_idx, unzip

BYTES = arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0))


def idx(array):
    """Return the bytes of an IDX file, not yet compressed."""
    header = struct.pack(
        f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape
    )
    return header + array.tobytes()


def write_idx(path, array):
    """Write an array of bytes as a compressed IDX file."""
    path.write_bytes(gzip.compress(idx(array), mtime=0))
    return path


def refusal(path, ndim):
    """Return what `read_idx` says, having checked how it says it."""
    with pytest.raises(DataError) as caught:
        read_idx(path, ndim=ndim)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith(CURE)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or not caught.value.__context__
    return message


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "made-idx-ubyte.gz"


# What is sound is read


@given(array=BYTES)
def test_what_was_written_is_read(path, array):
    back = read_idx(write_idx(path, array), ndim=array.ndim)
    assert back.dtype == np.uint8
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_a_file_by_hand(path):
    path.write_bytes(
        gzip.compress(
            bytes.fromhex(
                "00000803 00000001 00000002 0000000301 02 03 04 05 ff"
            )
        )
    )
    expected = [[[1, 2, 3], [4, 5, 255]]]
    np.testing.assert_array_equal(read_idx(path, ndim=3), expected)


def naive_size(shape):
    """Add up the length of an IDX file, one byte after another."""
    length = 0
    for _ in range(4):  # the magic number
        length += 1
    for _ in shape:  # one big-endian number for each axis
        for _ in range(4):
            length += 1
    for _ in np.ndindex(*shape):  # the bytes themselves
        length += 1
    return length


@pytest.mark.equation("idx-size")
@pytest.mark.parametrize("shape", [(0,), (7,), (2, 3), (3, 4, 5), (2, 0, 3)])
def test_one_length_alone_is_right(path, shape):
    header = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
    right = naive_size(shape)
    accepted = []
    for length in range(right + 10):
        path.write_bytes(gzip.compress((header + bytes(right))[:length]))
        try:
            read_idx(path, ndim=len(shape))
            accepted.append(length)
        except DataError:
            continue
    assert accepted == [right]


# Any one fault is refused


@given(array=BYTES, data=st.data())
def test_a_truncated_idx_is_refused(path, array, data):
    raw = idx(array)
    kept = data.draw(st.integers(0, len(raw) - 1))
    path.write_bytes(gzip.compress(raw[:kept]))
    refusal(path, array.ndim)


@given(array=BYTES, data=st.data())
def test_a_truncated_gzip_is_refused(path, array, data):
    packed = gzip.compress(idx(array))
    kept = data.draw(st.integers(0, len(packed) - 1))
    path.write_bytes(packed[:kept])
    assert "cut short" in refusal(path, array.ndim)


@given(array=BYTES, more=st.binary(min_size=1))
def test_bytes_after_the_array_are_refused(path, array, more):
    path.write_bytes(gzip.compress(idx(array) + more))
    size, found = array.size, array.size + len(more)
    message = refusal(path, array.ndim)
    assert f"{size} bytes after its header, but holds {found}" in message


@given(array=BYTES, more=st.binary(min_size=1) | st.just(gzip.compress(b"")))
def test_bytes_after_the_gzip_are_refused(path, array, more):
    path.write_bytes(gzip.compress(idx(array)) + more)
    assert f"goes on for {len(more)} bytes" in refusal(path, array.ndim)


@given(array=BYTES, data=st.data())
def test_a_flipped_bit_of_the_header_shows(path, array, data):
    raw = bytearray(idx(array))
    bit = data.draw(st.integers(0, 8 * (4 + 4 * array.ndim) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    path.write_bytes(gzip.compress(raw))
    stated = struct.unpack_from(f">{array.ndim}I", raw, 4)
    if bit >= 32 and math.prod(stated) == array.size == 0:
        back = read_idx(path, ndim=array.ndim)
        assert back.shape == stated != array.shape
    else:
        wrong = "magic number" if bit < 32 else "states the shape"
        assert wrong in refusal(path, array.ndim)


@given(array=BYTES, data=st.data())
def test_a_flipped_bit_of_the_gzip_never_changes_an_array(path, array, data):
    packed = bytearray(gzip.compress(idx(array)))
    bit = data.draw(st.integers(0, 8 * len(packed) - 1))
    packed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(packed)
    try:
        back = read_idx(path, ndim=array.ndim)
    except DataError:
        return
    # Some bits say nothing of the content: the time of zipping, padding.
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(array=BYTES, ndim=st.integers(1, 4))
def test_another_number_of_axes_is_refused(path, array, ndim):
    assume(ndim != array.ndim)
    write_idx(path, array)
    assert f"00 00 08 0{ndim}" in refusal(path, ndim)


# What the messages say


def test_labels_under_the_name_of_images(path):
    write_idx(path, np.zeros(20, np.uint8))
    message = refusal(path, 3)
    assert "should begin with the magic number 00 00 08 03" in message
    assert "but begins with 00 00 08 01" in message


def test_numbers_that_are_no_bytes(path):
    path.write_bytes(gzip.compress(struct.pack(">4BIf", 0, 0, 13, 1, 1, 0.5)))
    assert "begins with 00 00 0d 01" in refusal(path, 1)


def test_an_empty_gzip(path):
    path.write_bytes(gzip.compress(b""))
    assert "begins with nothing" in refusal(path, 1)


def test_an_end_within_the_header(path):
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3, 0, 0])))
    assert "header of 16 bytes, but ends after 6" in refusal(path, 3)


def test_a_shape_too_large_for_any_memory(path):
    header = struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3)
    path.write_bytes(gzip.compress(header))
    assert f"so {(2**32 - 1) ** 3} bytes" in refusal(path, 3)


def test_an_empty_file(path):
    path.write_bytes(b"")
    assert "cut short" in refusal(path, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><title>Sign in</title>",
        idx(np.zeros(9, np.uint8)),
        zlib.compress(idx(np.zeros(9, np.uint8))),
        pickle.dumps([1, 2, 3]),
    ],
    ids=["a page", "unzipped already", "zipped otherwise", "a pickle"],
)
def test_no_gzip_at_all(path, content):
    path.write_bytes(content)
    assert "should be a gzip file" in refusal(path, 1)


def test_a_checksum_that_does_not_agree(path):
    packed = bytearray(gzip.compress(idx(np.arange(9, dtype=np.uint8))))
    packed[-6] ^= 1
    path.write_bytes(packed)
    assert "incorrect data check" in refusal(path, 1)


def test_a_file_that_is_missing(tmp_path):
    missing = tmp_path / "nowhere.gz"
    assert "can't be read: No such file" in refusal(missing, 1)


def test_a_folder_under_the_name(tmp_path):
    assert "can't be read: " in refusal(tmp_path, 1)


def test_a_file_that_may_not_be_read(path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    write_idx(path, np.zeros(3, np.uint8))
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "can't be read: Permission denied. " in refusal(path, 1)


def test_unzip_returns_what_was_zipped(path):
    path.write_bytes(gzip.compress(b"warm and plain"))
    assert unzip(path, path.read_bytes()) == b"warm and plain"


def test_a_name_says_whether_a_file_is_zipped(tmp_path, path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    bare = tmp_path / "made-idx-ubyte"
    bare.write_bytes(idx(array))
    np.testing.assert_array_equal(read_idx(bare, ndim=3), array)
    bare.write_bytes(idx(array)[:-1])
    assert "so 12 bytes after its header, but holds 11" in refusal(bare, 3)
    write_idx(bare, array)  # zipped, under a name that does not say so
    assert "but begins with 1f 8b" in refusal(bare, 3)
    bare.unlink()
    assert "can't be read: No such file" in refusal(bare, 3)
