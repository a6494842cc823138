"""Code that runs in the page: what a page is given for it.

With Pyodide (`interpreter`) the pages bring Python: its files, this tree's
package as a wheel, the modules that cells use (`in_page`), and an excerpt of
the images. Each page lists its cells in their order, and its listings that
can be edited, with buttons for `_static/run.js`. Without Pyodide there are
none, and a line says so.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import json
import os
import shutil
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cells import is_claims, is_folded, parts
from dependencies import Repository
from docutils import nodes
from fields import is_answers
from interpreter import FILES, AbsentError, find, lock
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

PLACE = "_static/python"
BOOK = (
    "best.py",
    "in_page.py",
    "in_page_figures.py",
    "in_page_shapes.py",
    "claims.py",
    "figures.py",
    "records/record.json",
    "records/record.npz",
)
EXCERPT = {"train": 500, "t10k": 100}  # images of each class
NOTE = (
    "An excerpt: the first {train} images of each class for training, and "
    "the first {t10k} for testing, in the format of the whole.\n"
)
# What cells and modules import that a page has not.
LACKING = {
    "benchmarks": "the repository",
    "concurrent": "threads",
    "multiprocessing": "processes",
    "pooch": "pooch",
    "scipy": "SciPy",
    "subprocess": "processes",
    "tests": "the repository",
    "tools": "the repository",
    "torch": "PyTorch",
}
KINDS = "go", "edit", "reset", "stop"
PLAIN = {"property", "staticmethod", "classmethod"}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return an archive that depends on nothing but its content."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return whole.getvalue()


def wheel(root: Path) -> tuple[str, bytes]:
    """Return this tree's package as a wheel: its name, and its content."""
    from scratchcnn import __version__

    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / "scratchcnn").rglob("*")
        if path.suffix in (".py", ".toml", ".typed")
    }
    stem = f"scratchcnn-{__version__}"
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: scratchcnn\n"
        f"Version: {__version__}\nRequires-Dist: numpy\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: scratchcnn\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    about = f"{stem}.dist-info"
    files |= {f"{about}/{k}": text.encode() for k, text in texts.items()}
    record = "".join(
        f"{name},sha256={digest(content)},{len(content)}\n"
        for name, content in sorted(files.items())
    )
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    return f"{stem}-py3-none-any.whl", zipped(files)


def digest(content: bytes) -> str:
    """Return a hash as a wheel's record writes it."""
    whole = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def excerpt(data: Path) -> dict[str, bytes]:
    """Return files like those of a folder, with few images of each class."""
    from scratchcnn.data.download import SHA256
    from scratchcnn.data.drawn.dataset import idx_bytes
    from scratchcnn.data.fashion_mnist import STAND_IN, read_split

    files = {STAND_IN: NOTE.format(**EXCERPT).encode()}
    for half, most in EXCERPT.items():
        images, labels = read_split(data, half, [])
        classes = (np.flatnonzero(labels == k)[:most] for k in range(10))
        kept = np.sort(np.concatenate([*classes]))
        names = (name for name in SHA256 if name.startswith(half))
        for name, array in zip(names, (images, labels), strict=True):
            files[name] = idx_bytes(array[kept])
    return files


def lacks(source: str, repository: Repository) -> str:
    """Return what a page would need to run a program, or nothing."""
    if ".json" in source:
        return "the repository"
    waiting, found = {*imports(ast.walk(ast.parse(source)))}, set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        if name.startswith("scratchcnn") or f"{name}.py" in BOOK:
            for path in repository.files_of(name):
                waiting |= at_once(path) - found
    found.discard("scipy.signal")  # which `in_page` has for cells
    missing = [LACKING.get(name.partition(".")[0]) for name in found]
    return min(filter(None, missing), default="")


@cache
def at_once(path: Path) -> set[str]:
    """Return the modules that a module imports when it is imported."""
    return {*imports(ast.parse(path.read_text("utf-8")).body)}


def imports(found: Any) -> Iterator[str]:
    """Yield the modules that statements import."""
    for node in found:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def is_plain(source: str) -> bool:
    """Say whether a listing is a piece that can be put in its place."""
    body = ast.parse(textwrap.dedent(source)).body
    if len(body) != 1:
        return False
    match body[0]:
        case ast.ClassDef(decorator_list=[], bases=bases):
            return "NamedTuple" not in map(ast.unparse, bases)
        case ast.FunctionDef(decorator_list=marks):
            return {*map(ast.unparse, marks)} <= PLAIN
    return False


class Write(SphinxDirective):
    """``{write} dense``: a field for the workbook's file of that name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the place of the field."""
        name = self.arguments[0]
        return [nodes.container(ids=[f"write-{name}"], writes=name)]


def raw(html: str) -> nodes.raw:
    """Return what stands in the page as it is."""
    return nodes.raw("", html, format="html")


def tools(item: Mapping[str, Any]) -> nodes.raw:
    """Return an item's editor and buttons, and the place of its output."""
    name = item.get("piece") or item.get("chapter") or "this cell"
    first = "Check" if "chapter" in item else "Run"
    second = "Write it here" if "chapter" in item else "Edit"
    pairs = zip(KINDS, (first, second, "Reset", "Stop"), strict=True)
    buttons = "".join(
        f'<button type="button" class="run-{kind}" '
        f'aria-label="{text}: {name}">{text}</button>'
        for kind, text in pairs
    )
    kind = "" if "shown" in item else " run-later"
    return raw(
        f'<div class="run-tools scripted{kind}" data-item="{item["id"]}">'
        f'<textarea rows="{item["source"].count(chr(10)) + 1}" '
        f'spellcheck="false" aria-label="Python code of {name}"></textarea>'
        f'{buttons}<div class="ran" hidden><p role="status"></p>'
        '<pre aria-live="polite"></pre><div></div></div></div>'
    )


def note(text: str) -> nodes.raw:
    """Return a line for those who could run something."""
    return raw(f'<p class="run-note scripted">{text}</p>')


class ListProgram(SphinxPostTransform):
    """Note what of a page can be run and edited, before cells are folded."""

    default_priority = 188
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Give each piece an id and its buttons; hand the list on."""
        self.repository = Repository(Path(self.env.srcdir))
        self.missing, self.told = "", False
        program: list[dict[str, Any]] = []
        for node in list(self.document.findall(nodes.Element)):
            item: dict[str, Any] | None = None
            if node.get("nb_element") == "cell_code":
                if not is_answers(node):
                    item = self.cell(node, f"cell-{len(program)}")
            elif "piece" in node:
                item = self.listing(node)
            elif "writes" in node:
                item = self.file(node)
            program += [item] if item else []
        self.document["program"] = program

    def cell(self, node: nodes.Element, name: str) -> dict[str, Any] | None:
        """Return a cell; from the first on that can't be run, none is."""
        sources = parts([node], "source")
        if not sources:
            return None
        text, shown = sources[0].astext(), not is_folded(node)
        self.missing = self.missing or lacks(text, self.repository)
        node["ids"].insert(0, name)
        item = {"id": name, "source": text, "shown": shown}
        if is_claims(node):
            item["claims"] = True
        images = [*node.findall(nodes.image)]
        if images and images[0].get("alt"):
            item["alt"] = images[0]["alt"]
        if self.missing:
            item["lacks"] = self.missing
            if shown and not self.told:
                self.told = True
                line = f"From here on, cells need {self.missing}, which"
                node.insert(0, note(f"{line} a page does not have."))
        elif shown:
            node.insert(node.index(sources[0]) + 1, tools(item))
        elif images and not is_claims(node):  # they go with the code
            node += tools(item)
            node[-1]["nb_element"] = "cell_code_tools"
        return item

    def listing(self, node: nodes.Element) -> dict[str, Any] | None:
        """Return a listing, if it can be put in its place."""
        module, name, text = node["piece"]
        if lacks(f"import {module}", self.repository) or not is_plain(text):
            return None
        box = node.parent  # with the caption
        item = {"source": text, "module": module, "piece": name}
        item["id"] = box["ids"][0]
        box += tools(item)
        return item

    def file(self, node: nodes.Element) -> dict[str, Any]:
        """Return a file of the workbook, as it is before the work."""
        from scratchcnn.workbook.chapters import CHAPTERS
        from scratchcnn.workbook.templates import template

        name = node["writes"]
        item = {"id": node["ids"][0], "chapter": name}
        item["source"] = template(CHAPTERS[name])
        line = f"<code>{name}.py</code>, with gaps where the work is:"
        node += [note(line), tools(item)]
        return item


class Python:
    """What the pages bring.

    Parameters
    ----------
    app : Sphinx
        The build.
    """

    def __init__(self, app: Sphinx):
        self.files: dict[str, bytes | Path] = {}
        self.wheel = ""
        app.connect("builder-inited", self.find)
        app.connect("html-page-context", self.tell)
        app.connect("build-finished", self.write)

    def find(self, app: Sphinx) -> None:
        """Look for Pyodide, and make the rest.

        Raises
        ------
        ConfigError
            If the environment names a folder without it, or if the book
            is to be published without it.
        """
        if app.builder.format != "html":
            return
        publish = os.environ.get("SCRATCHCNN_PUBLISH")
        try:
            folder, official = find()
        except AbsentError as error:
            if publish or os.environ.get("SCRATCHCNN_PYODIDE"):
                raise ConfigError(f"Pyodide: {error}") from error
            print(f"No page runs code: {error}")
            return
        if not official:
            print("Pyodide's files are taken as they are; some are others.")
            if publish:
                raise ConfigError("Pyodide's files are not the official ones.")
        root = Path(app.srcdir)
        data = excerpt(Path(os.environ["SCRATCHCNN_DATA"]))
        book = {name: (root / "book" / name).read_bytes() for name in BOOK}
        book |= {f"data/{name}": content for name, content in data.items()}
        self.wheel, package = wheel(root)
        self.files = {name: folder / name for name in FILES}
        self.files["pyodide-lock.json"] = lock(folder).encode()
        self.files[self.wheel] = package
        self.files["book.zip"] = zipped(book)
        app.add_post_transform(ListProgram)

    def megabytes(self) -> str:
        """Return how much a first run loads."""
        sizes = (
            file.stat().st_size if isinstance(file, Path) else len(file)
            for file in self.files.values()
        )
        return f"{sum(sizes) / 1e6:.0f}"

    def tell(
        self,
        app: Sphinx,
        page: str,
        template: str,
        context: dict[str, Any],
        tree: nodes.document | None,
    ) -> None:
        """Give the layout the program of a page, if it has one."""
        cells = (
            node
            for node in (tree.findall(nodes.container) if tree else ())
            if node.get("nb_element") == "cell_code"
        )
        if self.files and tree and (program := tree.get("program")):
            context["program"] = json.dumps(program).replace("</", r"<\/")
            context["megabytes"] = self.megabytes()
            context["wheel"] = self.wheel
        elif not self.files and any(cells):
            context["runs"] = False

    def write(self, app: Sphinx, error: Exception | None) -> None:
        """Put the files beside the pages."""
        if error or app.builder.format != "html":
            return
        place = Path(app.outdir, PLACE)
        shutil.rmtree(place, ignore_errors=True)
        for name, file in self.files.items():
            place.mkdir(parents=True, exist_ok=True)
            content = file.read_bytes() if isinstance(file, Path) else file
            (place / name).write_bytes(content)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the steps."""
    app.add_directive("write", Write)
    Python(app)
    return {"version": "1", "parallel_read_safe": True}
