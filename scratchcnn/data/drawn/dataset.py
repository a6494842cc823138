"""Drawn garments, for where the real ones can't be had: `write`."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np

from scratchcnn.arrays import check_size
from scratchcnn.data.download import SHA256, UNZIPPED, is_official
from scratchcnn.data.drawn.garments import draw
from scratchcnn.data.drawn.more_garments import GARMENTS
from scratchcnn.data.fashion_mnist import STAND_IN, Bytes
from scratchcnn.data.idx import DataError
from scratchcnn.files import write_whole

NOTE = b"Drawn by scratchcnn.data.drawn: these files are not Fashion-MNIST.\n"


def shuffled(count: int) -> Bytes:
    """Return `count` labels of each class in an order without a pattern.

    The order is always the same, and that of the three classes of Part I
    among themselves does not depend on the other seven.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array(list(GARMENTS), np.uint8), count)
    three, seven = labels[: 3 * count], labels[3 * count :]
    rng.shuffle(three)
    rng.shuffle(seven)
    early = rng.permutation(10 * count) < 3 * count
    mixed = np.empty_like(labels)
    mixed[early], mixed[~early] = three, seven
    return mixed


def fill(count: int, *, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Draw `count` garments of each class: images and labels, shuffled.

    The order is always the same: should a rewriting of the files be cut
    short, the old labels are right for the new images.
    """
    labels = shuffled(count)
    images = np.empty((len(labels), 28, 28), np.uint8)
    for label, garment in GARMENTS.items():
        images[labels == label] = draw(garment, count, rng=rng)
    return images, labels


def idx_bytes(array: Bytes) -> bytes:
    """Return the content of an IDX file, compressed: `read_idx` reversed."""
    n = array.ndim
    header = struct.pack(f">4B{n}I", 0, 0, 8, n, *array.shape)
    return gzip.compress(header + array.tobytes(), 1, mtime=0)


def write(
    directory: str | os.PathLike[str],
    *,
    seed: int = 0,
    train: int = 6000,
    test: int = 1000,
) -> Path:
    """Fill a folder with drawn garments, in the format of Fashion-MNIST.

    There are as many of each of the ten classes. A fifth file, the
    marker, says that they are drawn.

    Parameters
    ----------
    directory : path
        The folder; it is made if need be.
    seed : int
        The same seed draws the same garments.
    train, test : int
        How many images of each class.

    Returns
    -------
    Path
        The folder, for `fashion_mnist.load`.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer, or too small.
    DataError
        If one of the files is there and is not drawn, or can't be written.

    Notes
    -----
    Chapter *The stand-in wardrobe*.

    Examples
    --------
    >>> folder = write("drawn", train=2, test=1)
    >>> len(list(folder.iterdir()))  # four files, and the marker
    5
    """
    check_size("write", "seed", seed, 0)
    check_size("write", "train", train)
    check_size("write", "test", test)
    folder = Path(os.path.expanduser(directory))
    marker = folder / STAND_IN
    one, two = np.random.default_rng(seed).spawn(2)
    try:
        for path in (folder / name for name in [*SHA256, *UNZIPPED]):
            if path.exists() and (not marker.exists() or is_official(path)):
                raise DataError(
                    f"{path} is there and was not drawn, so no drawn file "
                    "shall replace it. Name another folder."
                )
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(marker, NOTE)
        arrays = fill(train, rng=one) + fill(test, rng=two)
        for name, array in zip(SHA256, arrays, strict=True):
            write_whole(folder / name, idx_bytes(array))
    except OSError as error:
        raise DataError(
            f"{folder} can't take the drawn files ({error})."
        ) from error
    return folder
