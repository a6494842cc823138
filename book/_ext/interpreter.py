"""Pyodide, Python for a browser: where its files are, `find`.

They are looked for as the data are: in the folder that `$SCRATCHCNN_PYODIDE`
names; without it, in the user's cache, into which what is missing or damaged
there is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

VERSION = "0.28.3"
CORE = f"https://cdn.jsdelivr.net/npm/pyodide@{VERSION}/"
WHEELS = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
NUMPY = "numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl"
INFO = {
    "abi_version": "2025_0",
    "arch": "wasm32",
    "platform": "emscripten_4_0_9",
    "python": "3.13.2",
    "version": VERSION,
}


class File(NamedTuple):
    """Where a file can be had, and the SHA-256 of the official one."""

    place: str
    sha256: str


FILES = {
    "pyodide.mjs": File(
        CORE,
        "635a6da3218fe4e5668da595acfe8b5ce77453d597d602f19a423dd250653441",
    ),
    "pyodide.asm.js": File(
        CORE,
        "b22e5831eade9ff10e6fe2c811c68688cd91f10154377b4f80debcf5bafa1e56",
    ),
    "pyodide.asm.wasm": File(
        CORE,
        "5effb6a1a6cc4a1a85bec4622701aa797c031e1de923cbbaf2ad47abdc4ab325",
    ),
    "python_stdlib.zip": File(
        CORE,
        "71fee17f88a6260ec8c9c7c063533ee59c021fdc88a1ce76247378d3c4a35f4c",
    ),
    NUMPY: File(
        WHEELS,
        "3db3c4f3e0448f4d62a85c262692f1260ccd8a91335442bd2442f21ffeddb558",
    ),
}


class AbsentError(Exception):
    """Files that can't be had; the message says which, and why."""


def sha256(path: Path) -> str:
    """Return the hash of a file, or nothing if it can't be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def is_official(path: Path) -> bool:
    """Say whether a file is, byte for byte, the official one of its name."""
    return sha256(path) == FILES[path.name].sha256


def fetch(path: Path) -> None:
    """Replace a file by the official one; half of one never has its name.

    Raises
    ------
    AbsentError
        If it can't be had, or not be written.
    """
    from scratchcnn.data.download import download

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(
            prefix=".", dir=path.parent, ignore_cleanup_errors=True
        ) as folder:
            part = Path(folder, path.name)
            trouble = download(FILES[path.name].place + path.name, part)
            if not trouble and not is_official(part):
                trouble = "what comes is another file"
            if trouble:
                raise AbsentError(
                    f"{path.name} can't be downloaded: {trouble}"
                )
            os.replace(part, path)
    except OSError as error:
        raise AbsentError(
            f"{path} can't be written: {error.strerror}"
        ) from error


def find() -> tuple[Path, bool]:
    """Return the folder with the files, downloading them if need be.

    Returns
    -------
    Path
        A folder that holds all of them.
    bool
        Whether each is the official one; those in the folder that the
        environment names are taken as they are.

    Raises
    ------
    AbsentError
        If one can't be had.
    """
    from scratchcnn.data import download

    given = os.environ.get("SCRATCHCNN_PYODIDE")
    if given:
        folder = Path(given).expanduser()
        for name in FILES:
            if not (folder / name).is_file():
                raise AbsentError(
                    f"{name}: looked for in {folder}, which "
                    "$SCRATCHCNN_PYODIDE names."
                )
    else:
        folder = download.cache() / f"pyodide-{VERSION}"
        for name in FILES:
            if not is_official(folder / name):
                fetch(folder / name)
    return folder, all(is_official(folder / name) for name in FILES)


def lock(folder: Path) -> str:
    """Return what Pyodide reads of its packages: of NumPy, and no other."""
    name, version, *_ = NUMPY.split("-")
    entry = {
        "depends": [],
        "file_name": NUMPY,
        "imports": [name],
        "install_dir": "site",
        "name": name,
        "package_type": "package",
        "sha256": sha256(folder / NUMPY),
        "unvendored_tests": False,
        "version": version,
    }
    return json.dumps({"info": INFO, "packages": {name: entry}})
