"""Read a file of images or labels: the IDX format."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

CURE = "Put a sound copy in its place."


class DataError(Exception):
    """Data that can't be had, or are not what they should be.

    The message says which file, what is wrong, and what to do.

    Examples
    --------
    >>> try:
    ...     fashion_mnist.load(data_dir="nowhere")
    ... except DataError as error:
    ...     print(str(error)[:26])
    train-images-idx3-ubyte.gz
    """


def content(path: Path) -> bytes:
    """Return what a file holds, unzipped if its name ends in .gz.

    Raises
    ------
    DataError
        If the file can't be read, or not be unzipped.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} can't be read: {error.strerror or error}. {CURE}"
        ) from None
    return unzip(path, raw) if path.suffix == ".gz" else raw


def unzip(path: Path, packed: bytes) -> bytes:
    """Return what the bytes of a gzip file hold.

    Raises
    ------
    DataError
        If they are damaged, are cut short, or go on after their end.

    Notes
    -----
    Chapter *A file of images*; RFC 1952 for the format.
    """
    stream = zlib.decompressobj(wbits=31)  # gzip alone, its checksum too
    try:
        raw = stream.decompress(packed)
    except zlib.error as error:
        raise DataError(
            f"{path} should be a gzip file, but is damaged or something "
            f"else ({error}). {CURE}"
        ) from None
    if not stream.eof:
        raise DataError(f"{path} is cut short: its gzip has no end. {CURE}")
    if stream.unused_data:
        raise DataError(
            f"{path} should end with its gzip, but goes on for "
            f"{len(stream.unused_data)} bytes. {CURE}"
        )
    return raw


def read_idx(path: Path, *, ndim: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : Path
        The file; it is compressed by gzip if its name ends in .gz.
    ndim : int
        The axes it must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray
        uint8, of the shape that the file states; read-only.

    Raises
    ------
    DataError
        If the file can't be unzipped, is no IDX file of bytes, has
        another number of axes, or is longer or shorter than it states.

    Notes
    -----
    Chapter *A file of images*; LeCun, Cortes and Burges, "The MNIST
    database of handwritten digits", for the format.
    """
    raw = content(path)
    start = 4 + 4 * ndim
    wanted = bytes([0, 0, 8, ndim])
    if raw[:4] != wanted:
        raise DataError(
            f"{path} should begin with the magic number {wanted.hex(' ')} "
            f"(bytes, axes: {ndim}), but begins with "
            f"{raw[:4].hex(' ') or 'nothing'}. Is it another file under "
            f"this name? {CURE}"
        )
    if len(raw) < start:
        raise DataError(
            f"{path} should have a header of {start} bytes, but ends after "
            f"{len(raw)}. {CURE}"
        )
    shape = struct.unpack(f">{ndim}I", raw[4:start])
    size = math.prod(shape)
    if len(raw) - start != size:
        raise DataError(
            f"{path} states the shape {shape}, so {size} bytes after its "
            f"header, but holds {len(raw) - start}. {CURE}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
