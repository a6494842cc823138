"""What the pages compute: their cells, run side by side, and a cache.

The cached outputs of a page belong to its cells *and* to everything that the
cells use. So every page has a cache of its own, in a folder named by a hash
of the files that the page uses, of the data and of the libraries' versions:
when one of them changes, no old output can be found.

The cells are run before Sphinx reads the pages: on all cores, the longest
page first, with a line for each as it is done. Sphinx finds all outputs in
the caches.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from multiprocessing.pool import ThreadPool
from pathlib import Path
from textwrap import indent
from time import perf_counter
from typing import Any

from dependencies import Repository, program_of
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from kernels import managers
from myst_nb.core.read import create_nb_reader
from myst_nb.sphinx_ import SphinxEnvType
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

FAILURES = CellExecutionError, CellTimeoutError, DeadKernelError
LIBRARIES = ("numpy", "scipy", "matplotlib", "ipykernel", "myst-nb")
BANNER = (
    "These pages were built without Fashion-MNIST, on a stand-in wardrobe of "
    "drawn garments. Every number and picture here is of those."
)


def find_data(build: Path) -> tuple[bool, str]:
    """Set SCRATCHCNN_DATA for the pages.

    Returns
    -------
    bool
        Whether the data is a stand-in.
    str
        A hash of the data; the user's cache holds other things as well.
    """
    from scratchcnn import DataError, fashion_mnist
    from scratchcnn.data import drawn
    from scratchcnn.data.download import SHA256, UNZIPPED, find

    try:
        folder = find()
        stand_in = fashion_mnist.load(data_dir=folder).stand_in
    except DataError as error:
        if os.environ.get("SCRATCHCNN_DATA"):
            raise ConfigError(str(error)) from error
        print(f"{error}\nBuilding on the stand-in wardrobe.")
        folder, stand_in = drawn.write(build / "drawn"), True
    os.environ["SCRATCHCNN_DATA"] = str(folder.resolve())
    names = {*SHA256, *UNZIPPED, fashion_mnist.STAND_IN}
    files = [path for path in sorted(folder.iterdir()) if path.name in names]
    return stand_in, digest(folder, files, stand_in)


def digest(root: Path, files: list[Path], *others: object) -> str:
    """Return a hash of the names and bytes of files, and of other things."""
    total = hashlib.sha256(repr(others).encode())
    for path in files:
        content = hashlib.sha256(path.read_bytes()).digest()
        name = path.relative_to(root).as_posix()
        total.update(name.encode() + b"\0" + content)
    return total.hexdigest()[:16]


@dataclass
class Page:
    """A page with cells.

    Parameters
    ----------
    name : str
        The name that is shown.
    path : Path
        The page's file.
    notebook : NotebookNode
        Its cells.
    files : list of Path
        What the cells use.
    key : callable
        Returns a hash of all that the outputs depend on.
    caches : Path
        The folder of the page's caches; one of them is named by the hash.
    """

    name: str
    path: Path
    notebook: NotebookNode
    files: list[Path]
    key: Callable[[], str]
    caches: Path
    cached: bool = False
    seconds: float = 0.0
    failure: str = ""

    def __post_init__(self) -> None:
        self.cache = self.caches / self.key()

    def look_up(self) -> None:
        """See whether the outputs are cached."""
        if not self.cache.exists():
            return
        with suppress(KeyError):
            get_cache(self.cache).match_cache_notebook(self.notebook)
            self.cached = True

    def expected(self) -> tuple[bool, float, int, int]:
        """Return what sorts pages by time: the last one, or a guess.

        A page may take longer if it uses more of the package, and if there
        is more of it.
        """
        if self.cached:
            return True, 0.0, 0, 0
        seconds = [
            record.data["execution_seconds"]
            for folder in self.caches.glob("*")
            for record in get_cache(folder).list_cache_records()
        ]
        known = max(seconds, default=float("inf"))
        return False, known, len(self.files), len(str(self.notebook))

    def run(self, timeout: int, manager: type) -> Page:
        """Run the cells, and cache their outputs if none fails."""
        if self.cached:
            return self
        begun: list[int] = []
        client = NotebookClient(
            self.notebook,
            timeout=timeout,
            record_timing=False,
            kernel_manager_class=manager,
            resources={"metadata": {"path": str(self.path.parent)}},
            on_cell_execute=lambda cell, cell_index: begun.append(cell_index),
        )
        start = perf_counter()
        try:
            asyncio.run(client.async_execute())
        except FAILURES as error:
            self.failure = self.describe(error, begun[-1])
            return self
        if self.key() != self.cache.name:
            self.failure = f"{self.name} uses files that changed as it ran."
            return self
        self.seconds = perf_counter() - start
        done = CacheBundleIn(
            self.notebook,
            str(self.path),
            data={"execution_seconds": self.seconds},
        )
        cache = get_cache(self.cache)
        cache.cache_notebook_bundle(done, check_validity=False, overwrite=True)
        for folder in self.caches.iterdir():
            if folder != self.cache:
                shutil.rmtree(folder)
        return self

    def describe(self, error: Exception, index: int) -> str:
        """Return where a page fails: the cell, its source and the message."""
        cells = self.notebook.cells
        number = sum(cell.cell_type == "code" for cell in cells[: index + 1])
        line = self.notebook.metadata["source_map"][index]
        source = indent(cells[index].source, "    ")
        message = str(error)
        if isinstance(error, CellExecutionError):
            message = f"{error.ename}: {error.evalue}"
        return (
            f"{self.name} fails in cell {number}, line {line}:\n\n"
            f"{source}\n\n{message}"
        )


class Execution:
    """The pages of one build.

    Parameters
    ----------
    app : Sphinx
        The build.
    data : str
        A hash of the data.
    """

    def __init__(self, app: Sphinx, data: str):
        self.caches = Path(app.outdir).parent / ".jupyter_cache"
        self.repository = Repository(Path(app.srcdir))
        versions = {name: version(name) for name in LIBRARIES}
        self.others = data, sys.version_info[:3], versions
        self.pages: dict[str, Page] = {}
        app.connect("env-get-outdated", self.find)
        app.connect("env-before-read-docs", self.run)
        app.connect("source-read", self.choose_cache)

    def page(self, env: SphinxEnvType, name: str) -> Page | None:
        """Read a page; return nothing if it has no cells."""
        path = Path(env.doc2path(name))
        text = path.read_text("utf-8")
        reader = create_nb_reader(
            str(path), env.myst_config, env.mystnb_config, text
        )
        if reader is None:
            return None
        notebook = reader.read(text)
        program = program_of(notebook)
        if not program:
            return None
        files = self.repository.files(program)
        return Page(
            name.removeprefix("book/"),
            path,
            notebook,
            files,
            partial(digest, self.repository.root, files, self.others),
            self.caches / name.replace("/", "."),
        )

    def find(self, app: Sphinx, env: SphinxEnvType, *_: Any) -> list[str]:
        """Read all pages; return which depend on something that changed."""
        for name in sorted(env.found_docs):
            if page := self.page(env, name):
                self.pages[name] = page
        old = getattr(env, "outputs_depend_on", {})
        new = {name: page.cache.name for name, page in self.pages.items()}
        env.outputs_depend_on = new
        return [name for name in new if old.get(name) != new[name]]

    def run(self, app: Sphinx, env: SphinxEnvType, names: list[str]) -> None:
        """Run the pages that Sphinx is about to read, on all cores."""
        pages = [self.pages[name] for name in names if name in self.pages]
        cores = os.cpu_count() or 1
        timeout = env.mystnb_config.execution_timeout
        with ThreadPool(cores) as pool, managers() as manager:
            pool.map(Page.look_up, pages)
            pages.sort(key=Page.expected, reverse=True)
            run = partial(Page.run, timeout=timeout, manager=manager)
            for done, page in enumerate(pool.imap_unordered(run, pages), 1):
                took = "cached" if page.cached else f"{page.seconds:.1f} s"
                took = "fails" if page.failure else took
                count = f"[{done:{len(str(len(pages)))}}/{len(pages)}]"
                print(f"{count} {page.name:40}{took:>9}", flush=True)
        failures = [page.failure for page in pages if page.failure]
        if failures:
            sys.exit("\n" + "\n\n".join(failures))
        app.parallel = cores
        # Jupyter Book's own do not say that they are safe, and act after
        # reading.
        for extension in app.extensions.values():
            if extension.parallel_read_safe is None:
                extension.parallel_read_safe = True
        # Sphinx gives a process a run of neighbors, which are often alike.
        names[:] = [
            name for core in range(cores) for name in names[core::cores]
        ]
        print("The pages are read, linked and written.", flush=True)

    def choose_cache(self, app: Sphinx, name: str, source: list[str]) -> None:
        """Let myst-nb look for outputs in the cache of the page."""
        env: SphinxEnvType = app.env
        if page := self.pages.get(name):
            env.mystnb_config = replace(
                env.mystnb_config, execution_cache_path=str(page.cache)
            )


def configure(app: Sphinx, config: Config) -> None:
    """Prepare the kernels' surroundings before any page is read."""
    root, build = Path(app.srcdir), Path(app.outdir).parent
    for folder in (root, root / "book"):
        sys.path.insert(0, str(folder))
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(root), str(root / "book"), *filter(None, [inherited])]
    )
    # The order of a sum depends on the number of threads; one has one order.
    for library in "OMP", "OPENBLAS", "MKL":
        os.environ[f"{library}_NUM_THREADS"] = "1"
    # Large arrays come and go: memory is kept, instead of returned each time.
    os.environ |= {
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
        "MALLOC_TOP_PAD_": str(64 << 20),
    }
    # A page's tree goes in circles, and is there until the end anyway: looking
    # for garbage takes a third of Sphinx's time, for a third of its memory.
    gc.disable()
    app.connect("build-finished", lambda *_: gc.enable())
    # The pages show no progress bars, so the widgets for them are not missed.
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"
    stand_in, data = find_data(build)
    if stand_in and os.environ.get("SCRATCHCNN_PUBLISH"):
        raise ConfigError("A book of stand-in data is not published.")
    if stand_in:
        config.html_theme_options["announcement"] = BANNER
    Execution(app, data)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the preparation, before myst-nb reads its configuration."""
    app.connect("config-inited", configure, priority=1)
    return {"version": "1", "parallel_read_safe": True}
