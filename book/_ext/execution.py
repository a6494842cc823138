"""What the pages compute with: the package, the data, and a cache of both.

The cached outputs of a page belong to the cells *and* to everything that the
cells use. So the cache's folder is named by a hash of the package's text, the
figure style, the planted bugs, the identity of the data and the versions of
the libraries: when one of them changes, no old output can be found.
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError
from sphinx.util import logging

LOG = logging.getLogger(__name__)
LIBRARIES = ("numpy", "scipy", "matplotlib", "ipykernel", "myst-nb")
BANNER = (
    "These pages were built without Fashion-MNIST, on a stand-in dataset of "
    "drawn garments. Every number and picture here is of those."
)


def find_data(build: Path) -> bool:
    """Set SCRATCHCNN_DATA for the pages; return whether it is a stand-in."""
    from scratchcnn import DataError, fashion_mnist
    from scratchcnn.data.download import find
    from scratchcnn.data.drawn import dataset

    try:
        folder = find()
        stand_in = fashion_mnist.load(data_dir=folder).stand_in
    except DataError as error:
        if os.environ.get("SCRATCHCNN_DATA"):
            raise ConfigError(str(error)) from error
        LOG.info("%s\nBuilding on the stand-in dataset.", error)
        folder, stand_in = dataset.write(build / "dataset"), True
    os.environ["SCRATCHCNN_DATA"] = str(folder.resolve())
    return stand_in


def cache_key(root: Path, stand_in: bool) -> str:
    """Return a hash of all that the outputs of a page depend on."""
    key = hashlib.sha256()
    package = sorted((root / "scratchcnn").rglob("*.py"))
    times = sorted((root / "benchmarks").glob("*.json"))
    times += sorted((root / "book").rglob("*.json"))
    if len(package) < 40 or len(times) < 4:
        raise ConfigError(f"too few files to hash: {[*package, *times]}")
    others = root / "book" / "figures.py", root / "tools" / "bugs.py"
    for path in [*package, *times, *others]:
        name = path.relative_to(root).as_posix()
        key.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    versions = {name: version(name) for name in LIBRARIES}
    key.update(repr((stand_in, sys.version_info[:3], versions)).encode())
    return key.hexdigest()[:16]


def deal_pages(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Read pages in two processes, and give each every second page.

    Neighbors in the list are often alike, in the time they take as well.
    """
    app.parallel = min(2, os.cpu_count() or 1)
    # Jupyter Book's own do not say that they are safe, and act after reading.
    for extension in app.extensions.values():
        if extension.parallel_read_safe is None:
            extension.parallel_read_safe = True
    pages[:] = pages[::2] + pages[1::2]


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
    # The pages show no progress bars, so the widgets for them are not missed.
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"
    stand_in = find_data(build)
    if stand_in and os.environ.get("SCRATCHCNN_PUBLISH"):
        raise ConfigError("A book of stand-in data is not published.")
    if stand_in:
        config.html_theme_options["announcement"] = BANNER
    cache = build / ".jupyter_cache" / cache_key(root, stand_in)
    config.nb_execution_cache_path = str(cache)
    # Its database is made here: two processes would both try to.
    cache.mkdir(parents=True, exist_ok=True)
    get_cache(cache).list_cache_records()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the preparation, before myst-nb reads its configuration."""
    app.connect("config-inited", configure, priority=1)
    app.connect("env-before-read-docs", deal_pages)
    return {"version": "1", "parallel_read_safe": True}
