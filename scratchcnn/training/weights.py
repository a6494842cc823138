"""Weights in a file: `save` and `load`."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from scratchcnn.data.idx import DataError
from scratchcnn.files import replacing
from scratchcnn.layer import Layer

FORMAT = 1
WEIGHTS = "scratchcnn-weights"

Named: TypeAlias = Mapping[str, npt.NDArray[Any]]


def named_arrays(network: Layer) -> dict[str, npt.NDArray[Any]]:
    """Return the live arrays that are saved, such as ``"2.0.weight"``.

    Notes
    -----
    Chapter *Saving and loading*.
    """
    network.parameters()  # stops what is shared
    found: dict[str, npt.NDArray[Any]] = {}
    for path, layer in network.walk():
        for name, p in layer.own_parameters(path).items():
            found[name] = p.value
        for name, array in layer.buffers().items():
            found[path + name] = array
    return found


def write_npz(file: IO[bytes], arrays: Named) -> None:
    """Write arrays as a .npz: a zip archive of one .npy file for each."""
    import zipfile

    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_npz(file: IO[bytes]) -> dict[str, npt.NDArray[Any]]:
    """Read back what `write_npz` has written; never a pickle."""
    import zipfile

    arrays = {}
    file.seek(-12, os.SEEK_END)  # of a list of contents that is whole
    count = int.from_bytes(file.read(2), "little")
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if len(names) != count:
            raise zipfile.BadZipFile(f"{len(names)} of {count} members")
        for name in names:
            with archive.open(name) as member:
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(
                    member, allow_pickle=False
                )
    return arrays


def write_arrays(
    path: str | os.PathLike[str], kind: str, arrays: Named
) -> None:
    """Write a file of this kind, in the format of today."""
    with replacing(path) as file:
        write_npz(file, {kind: np.array(FORMAT), **arrays})


def read_arrays(
    path: str | os.PathLike[str], kind: str
) -> dict[str, npt.NDArray[Any]]:
    """Read what `write_arrays` has written as a file of this kind.

    Raises
    ------
    DataError
        If the file is cut short, damaged, of another kind or newer.
    OSError
        If it can't be read.
    """
    import zipfile

    file = io.BytesIO(Path(path).read_bytes())
    if file.read(2) != b"PK":
        raise DataError(f"{path} should be a .npz file, but is none.")
    if not zipfile.is_zipfile(file):
        raise DataError(f"{path} is cut short. Take another copy.")
    try:
        arrays = read_npz(file)
    except Exception as error:  # whatever a wrong byte may lead to
        raise DataError(
            f"{path} should hold arrays of numbers, but is damaged or "
            f"something else ({error}). Take another copy."
        ) from None
    check_format(path, kind, arrays.pop(kind, None))
    return arrays


def check_format(
    path: str | os.PathLike[str], kind: str, number: npt.NDArray[Any] | None
) -> None:
    """Stop a .npz of somebody else, or of a version yet to come."""
    if number is None or number.shape != () or number.dtype.kind != "i":
        raise DataError(
            f"{path} is a .npz file, but not of this kind: it holds no "
            f"{kind!r} with the number of a format."
        )
    if number != FORMAT:
        raise DataError(
            f"{path} has format {number}, and this version of scratchcnn "
            f"reads format {FORMAT}. Take the version that wrote it."
        )


def array_faults(source: Named, target: Named) -> list[str]:
    """Name every array of which there is no namesake that fits."""
    faults = [f"{name} is missing" for name in target if name not in source]
    for name, array in source.items():
        if name not in target:
            faults.append(f"{name} is not asked for")
            continue
        wanted = target[name]
        if array.shape != wanted.shape:
            faults.append(f"{name} is {array.shape}, not {wanted.shape}")
        if not np.can_cast(array.dtype, wanted.dtype, "equiv"):
            faults.append(f"{name} is {array.dtype}, not {wanted.dtype}")
        if not wanted.flags.writeable:
            faults.append(f"{name} of the network can't be written to")
    return faults


def stop_unfit(path: str | os.PathLike[str], faults: list[str]) -> None:
    """Raise a ValueError that names all faults of a file, if any."""
    if faults:
        raise ValueError(f"{path} does not fit: {'; '.join(faults)}")


def copy_arrays(source: Named, target: Named) -> None:
    """Copy every array into its namesake, in place."""
    for name, array in source.items():
        target[name][...] = array


def save(network: Layer, path: str | os.PathLike[str]) -> None:
    """Write a network's parameters and buffers to a .npz file.

    Parameters
    ----------
    network : Layer
        A network, or any layer.
    path : path
        The file, whose name is taken as it is. It is replaced in one
        step: whoever looks finds the old file or the new one, whole.

    Raises
    ------
    OSError
        If it can't be written; the old file, if any, is as it was.

    Notes
    -----
    Chapter *Saving and loading*.

    Examples
    --------
    >>> save(Dense(2, 1, rng=np.random.default_rng(0)), "weights.npz")
    >>> with np.load("weights.npz") as file:
    ...     print(*sorted(file))
    bias scratchcnn-weights weight
    """
    write_arrays(path, WEIGHTS, named_arrays(network))


def load(network: Layer, path: str | os.PathLike[str]) -> None:
    """Read a network's parameters and buffers, in place.

    Parameters
    ----------
    network : Layer
        Of the same layers, in the same precision, as the one saved.
    path : path
        A file that `save` has written.

    Raises
    ------
    DataError
        If the file is cut short, damaged, no saved network, or newer
        than this version.
    ValueError
        If a name, shape or precision differs; all of them are named.
    OSError
        If the file can't be read.

    Notes
    -----
    Chapter *Saving and loading*. Whatever is raised, nothing of the
    network has changed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, other = Dense(2, 1, rng=rng), Dense(2, 1, rng=rng)
    >>> save(one, "weights.npz")
    >>> load(other, "weights.npz")
    >>> np.array_equal(one.weight.value, other.weight.value)
    True
    """
    source, target = read_arrays(path, WEIGHTS), named_arrays(network)
    stop_unfit(path, array_faults(source, target))
    copy_arrays(source, target)
