"""Fetch the four official files, or say why not: `find`."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from textwrap import shorten

from scratchcnn.data.idx import DataError
from scratchcnn.streams import progress_bar

SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed27"
    "1626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc"
    "97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a4"
    "84bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3c"
    "d6d1c2608764d35dfb1850b086bf8dd5",
}
UNZIPPED = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f8388776"
    "8d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec29"
    "4ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe0"
    "87ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494"
    "c5af83dab82d92729df917d7dec38c34",
}
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
PATIENCE = 6.0  # seconds, for each mirror
CHUNK = 2**16  # bytes, the least that must come within them
ADVICE = (
    "Put the four files into a folder and name it in $SCRATCHCNN_DATA or as "
    "data_dir; with no network at all, scratchcnn.data.drawn.write(folder) "
    "draws stand-ins."
)


def is_official(path: Path) -> bool:
    """Say whether a file is, byte for byte, the official one of its name."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # missing, or not to be read
        return False
    return digest == {**SHA256, **UNZIPPED}.get(path.name)


def held(folder: Path, name: str) -> Path:
    """Return where a file is: unzipped, if only that is in the folder."""
    path = folder / name
    bare = path.with_suffix("")
    return bare if os.path.isfile(bare) and not path.exists() else path


def reason(error: BaseException) -> str:
    """Say in a few words what lies at the bottom of a chain of errors."""
    while error.__context__ is not None:
        error = error.__context__
    text = str(error).partition(" for url")[0]
    return shorten(text, 100) or type(error).__name__


def download(url: str, path: Path) -> str:
    """Download for as long as the file grows; return why not, or nothing.

    The thread is a daemon: one that waits for a name server that never
    answers is left behind, and does not hold the program up.
    """
    import pooch

    troubles: list[str] = []
    how = {"unit": "B", "unit_scale": True}
    # Nothing is shown before the first byte.
    bar = progress_bar(1, delay=1e-6, mininterval=0, **how)

    def attempt() -> None:
        try:
            pooch.HTTPDownloader(
                progressbar=bar, chunk_size=CHUNK, timeout=PATIENCE
            )(url, path, None)
        except Exception as error:
            troubles.append(reason(error))

    path.touch()
    size, thread = -1, threading.Thread(target=attempt, daemon=True)
    thread.start()
    while thread.is_alive():
        before, size = size, path.stat().st_size
        if size == before:
            return f"sends less than {CHUNK} bytes in {PATIENCE:g} s"
        thread.join(PATIENCE)
    return "".join(troubles)


def fetch_from(mirror: str, path: Path) -> str:
    """Replace a file by the official one; return why not, or nothing.

    What comes is written elsewhere, checked, and moved in one step: half
    a file never bears the name, and a good one is never lost.
    """
    from tempfile import TemporaryDirectory

    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        prefix=".", dir=path.parent, ignore_cleanup_errors=True
    ) as folder:
        part = Path(folder, path.name)
        trouble = download(mirror + path.name, part)
        if not trouble and not is_official(part):
            trouble = "sends something else (its SHA-256 is wrong)"
        if not trouble:
            os.replace(part, path)
    return trouble


def fetch(path: Path, failures: dict[str, str]) -> None:
    """Download a file from the first mirror that has it.

    Mirrors in `failures` are not asked; one that fails is added, with
    the reason.

    Raises
    ------
    DataError
        If no mirror has the file, or it can't be written.
    """
    state = "damaged" if os.path.exists(path) else "missing"
    try:
        for mirror in (m for m in MIRRORS if m not in failures):
            trouble = fetch_from(mirror, path)
            if not trouble:
                return
            failures[mirror] = trouble
    except OSError as error:
        raise DataError(
            f"{path} is {state} and can't be written: "
            f"{error.strerror or error}. {ADVICE}"
        ) from None
    reasons = "; ".join(f"{m}: {trouble}" for m, trouble in failures.items())
    raise DataError(
        f"{path} is {state} and can't be downloaded ({reasons}). {ADVICE}"
    )


def cache() -> Path:
    """Return the folder that downloads are kept in, the user's own."""
    import pooch

    return Path(pooch.os_cache("scratchcnn"))


def folder_of(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return where the data are looked for, whether they are there or not."""
    given = data_dir or os.environ.get("SCRATCHCNN_DATA")
    return Path(os.path.expanduser(given)) if given else cache()


def find(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder with the data, downloading them if need be.

    Parameters
    ----------
    data_dir : path, optional
        Where to look. Without it, the folder that the environment
        variable SCRATCHCNN_DATA names; without that, the user's cache,
        into which what is missing or damaged there is downloaded.

    Returns
    -------
    Path
        A folder that holds all four files.

    Raises
    ------
    DataError
        If a file is missing and can't be had. Without a network this
        takes at most `PATIENCE` for each of `MIRRORS`.

    Notes
    -----
    Chapter *Fetching four files*.
    """
    if data_dir is not None and not os.fspath(data_dir):
        raise DataError(
            f"data_dir should name a folder, but is empty. {ADVICE}"
        )
    directory = folder_of(data_dir)
    if data_dir or os.environ.get("SCRATCHCNN_DATA"):
        paths = {name: held(directory, name) for name in SHA256}
        missing = [n for n, path in paths.items() if not os.path.isfile(path)]
        if missing:
            source = "data_dir" if data_dir else "$SCRATCHCNN_DATA"
            what = "is no folder"
            if directory.is_dir():
                what = "does not hold it, with or without .gz"
            raise DataError(
                f"{', '.join(missing)}: looked for in {directory}, which "
                f"{source} names, but {what}. {ADVICE}"
            )
    else:
        failures: dict[str, str] = {}
        for name in SHA256:
            if not is_official(directory / name):
                fetch(directory / name, failures)
    return directory
