"""Two classes of Fashion-MNIST, or all ten: `load`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from scratchcnn.data.download import ADVICE, SHA256, find, held, is_official
from scratchcnn.data.idx import DataError, read_idx

NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
STAND_IN = "STAND-IN"  # a file of this name marks a folder of stand-ins

Bytes: TypeAlias = npt.NDArray[np.uint8]


class Split(NamedTuple):
    """Images and their labels.

    Attributes
    ----------
    images : ndarray
        float32, (N, 1, 28, 28), from 0 (background) to 1.
    labels : ndarray
        int64, (N,): the position of the class among those asked for.
    """

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


class FashionMNIST(NamedTuple):
    """What `load` returns.

    Attributes
    ----------
    train : Split
        The official training images of the classes.
    test : Split
        The official test images of the classes.
    names : tuple of str
        The name of each class; label k is ``names[k]``.
    stand_in : bool
        True if these are drawn garments, not the real dataset.
    """

    train: Split
    test: Split
    names: tuple[str, ...]
    stand_in: bool


def check_classes(classes: Sequence[int]) -> list[int]:
    """Return `classes` as a list, or say why they are none.

    Raises
    ------
    TypeError
        If one is not an integer.
    ValueError
        If they are not two or more different ones from 0 to 9.
    """
    chosen = list(classes) if np.iterable(classes) else [classes]
    for c in chosen:
        if isinstance(c, bool) or not isinstance(c, (int, np.integer)):
            raise TypeError(f"load wants classes as integers, got {c!r}")
    known = set(chosen) & set(range(len(NAMES)))
    if len(chosen) < 2 or len(known) < len(chosen):
        raise ValueError(
            "load wants classes as two or more different integers from 0 "
            f"to 9, got {', '.join(map(str, chosen)) or 'none'}"
        )
    return [int(c) for c in chosen]


def check_file(path: Path, labels: Bytes, chosen: list[int]) -> None:
    """Stop labels above 9, and chosen classes that have no image.

    Raises
    ------
    DataError
        If there is one of them.
    """
    counts = np.bincount(labels, minlength=len(NAMES))
    if len(counts) > len(NAMES):
        raise DataError(
            f"{path} should hold labels from 0 to 9, but holds "
            f"{labels.max()}. {ADVICE}"
        )
    held = ", ".join(str(c) for c in np.flatnonzero(counts)) or "none"
    for c in chosen:
        if counts[c] == 0:
            raise DataError(
                f"{path} should hold class {c} ({NAMES[c]}), but has no image "
                f"of it; its classes: {held}. Choose among them, or take "
                "the official files."
            )


def read_split(
    directory: Path, prefix: str, chosen: list[int]
) -> tuple[Bytes, Bytes]:
    """Read and check the images and labels of one half of the dataset.

    Raises
    ------
    DataError
        If a file is damaged, if images and labels don't belong together,
        if a file is neither official nor marked as a stand-in, or if a
        chosen class has no image.
    """
    names = [name for name in SHA256 if name.startswith(prefix)]
    paths = [held(directory, name) for name in names]
    images, labels = read_idx(paths[0], ndim=3), read_idx(paths[1], ndim=1)
    if images.shape != (len(labels), 28, 28):
        raise DataError(
            f"{paths[0]} should hold {len(labels)} images of 28 x 28, one "
            f"for each label in {paths[1].name}, but holds the shape "
            f"{images.shape}. {ADVICE}"
        )
    for path in paths:
        if not ((directory / STAND_IN).exists() or is_official(path)):
            raise DataError(
                f"{path} should be the file of Fashion-MNIST, but is another, "
                "though a sound one: its SHA-256 is wrong (the files of "
                f"MNIST bear the same names). {ADVICE}"
            )
    check_file(paths[1], labels, chosen)
    return images, labels


def select(images: Bytes, labels: Bytes, chosen: list[int]) -> Split:
    """Keep the chosen classes, pixels in [0, 1], in the order of the file."""
    position = np.full(len(NAMES), -1, np.int64)
    position[chosen] = np.arange(len(chosen))
    wanted = position[labels] >= 0
    x = np.divide(images[wanted, np.newaxis], 255, dtype=np.float32)
    return Split(x, position[labels[wanted]])


def load(
    classes: Sequence[int] = (0, 1),
    *,
    data_dir: str | os.PathLike[str] | None = None,
) -> FashionMNIST:
    """Load the images of some classes of Fashion-MNIST.

    Parameters
    ----------
    classes : sequence of int
        Two or more of the classes 0 to 9 (see `NAMES`), each once; the
        first becomes label 0, the second label 1, and so on.
    data_dir : path, optional
        The folder that holds the four files, or the same unzipped, whose
        names do not end in .gz. Without it, the one that
        $SCRATCHCNN_DATA names, then the user's cache; the last is filled
        by a download.

    Returns
    -------
    FashionMNIST
        Training and test images, float32 in [0, 1], (N, 1, 28, 28), with
        labels 0..k-1, in the order of the files.

    Raises
    ------
    TypeError, ValueError
        If `classes` are not two or more different integers from 0 to 9.
    DataError
        If the files can't be had, if one is not what it should be, or if
        there is no image of a class.

    Notes
    -----
    Chapter *Two classes of Fashion-MNIST*; Xiao, Rasul and Vollgraf,
    "Fashion-MNIST" (2017).

    Examples
    --------
    >>> folder = data.drawn.write("drawn", train=3, test=1)
    >>> train, test, names, stand_in = fashion_mnist.load(data_dir=folder)
    >>> train.images.shape, train.labels, names
    ((6, 1, 28, 28), array([1, 1, 0, 1, 0, 0]), ('T-shirt/top', 'Trouser'))
    """
    chosen = check_classes(classes)
    directory = find(data_dir)
    train, test = (
        select(*read_split(directory, prefix, chosen), chosen)
        for prefix in ("train", "t10k")
    )
    names = tuple(NAMES[c] for c in chosen)
    return FashionMNIST(train, test, names, (directory / STAND_IN).exists())
