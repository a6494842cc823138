"""The checks behind the book's promises; each returns a list of faults.

Every function takes the root of the repository, so that the tests can plant a
fault in a copy and see it found. A page and a module are named by their path,
without its ending, inside ``book`` and inside the package, at any depth. Each
check counts what it has looked at: one that has seen too little is at fault.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import yaml
from listings import included_lines
from sphinx.config import Config

PACKAGE = "scratchcnn"
HOME = {
    "__init__": "api",
    "__main__": "programs/two_classes",
    "workbook/__main__": "workbook/program",
}
LEAST = {"modules": 44, "pages": 54, "listings": 330, "equations": 110}
LEAST |= {"marks": 110, "figures": 130, "lines of prose": 10_000}

FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\}[ ]*(?P<argument>[^\n]*)\n"
    r"(?P<options>(?::[^\n]*\n)*)(?P<body>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
OPTION = re.compile(r"^:([\w-]+):[ ]*(.*)$", re.MULTILINE)
PROSE = {"admonition", "note", "tip", "warning", "important", "figure"}
RESULT = re.compile(
    r"(?<!BY )\d\.\d|\d[ ]?%|\d[ ]?(percent|seconds|ms)\b|\de[-+]\d"
)


def seen(**counts: int) -> list[str]:
    """Return a fault for each kind of thing of which too few were seen."""
    return [
        f"only {count} {kind} were seen"
        for kind, count in counts.items()
        if count < LEAST[kind.replace("_", " ")]
    ]


def reading_order(root: Path) -> list[str]:
    """Return the names of the pages, from the first to the last."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    files = [toc["root"]]
    for part in toc["parts"]:
        files += [chapter["file"] for chapter in part["chapters"]]
    return [file.removeprefix("book/") for file in files]


def homes(root: Path) -> dict[str, str]:
    """Return the page that each module is at home in, as far as there is one.

    It is the first that prints a piece of it among the pages of the module's
    own name, with or without a hyphen and more after it, and those whose
    front matter lists the module in ``prints``.
    """
    found: dict[str, str] = {}
    for page, text in pages(root):
        folder, _, name = page.rpartition("/")
        own = f"{folder}/{name.partition('-')[0]}".removeprefix("/")
        front = re.match(r"---\n(.*?)^---\n", text, re.M | re.S)
        more = yaml.safe_load(front[1]).get("prints", []) if front else []
        for module in [own, *more]:
            if f"/{PACKAGE}/{module}.py" in text:
                found.setdefault(module, page)
    return found


def home(module: str, known: dict[str, str]) -> str | None:
    """Return the page of a module; those of Python's own names have one."""
    folder, _, name = module.rpartition("/")
    page = HOME.get(module) or HOME.get(name) or known.get(module)
    top = folder.partition("/")[0]
    return f"api/{top}" if top and page == "api" else page


def modules(root: Path) -> dict[str, Path]:
    """Return every file of the package, by its name."""
    package = root / PACKAGE
    return {
        path.relative_to(package).with_suffix("").as_posix(): path
        for path in sorted(package.rglob("*.py"))
    }


def directives(text: str) -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Yield every directive's name, argument, options and body."""
    for match in FENCE.finditer(text):
        options = dict(OPTION.findall(match["options"]))
        yield match["name"], match["argument"], options, match["body"]


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every page's name and text, in reading order."""
    for page in reading_order(root):
        folder = root if page == "genindex" else root / "book"
        yield page, (folder / f"{page}.md").read_text()


def chapter(page: str) -> str:
    """Return the page, without what follows a hyphen in its name."""
    return page.partition("-")[0]


def code_lines(path: Path) -> list[int]:
    """Return the numbers of lines that are neither blank nor comments."""
    lines = enumerate(path.read_text().splitlines(), 1)
    return [
        number
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    ]


def weave_faults(root: Path) -> list[str]:
    """Every code line is printed exactly once, in its chapter as a rule.

    A piece may stand in another one, where a reader first needs it, if its
    own chapter refers to that one.
    """
    printed: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    known, package, listings = homes(root), modules(root), 0
    texts = dict(pages(root))
    faults = []
    for page, text in texts.items():
        for name, argument, options, _ in directives(text):
            if name != "literalinclude" or f"/{PACKAGE}/" not in argument:
                continue
            listings += 1
            module = argument.partition(f"/{PACKAGE}/")[2].removesuffix(".py")
            own = home(module, known)
            if own is None or chapter(own) != chapter(page):
                label = re.search(r"^\((ch-[\w-]+)\)=$", text, re.M)
                if own is None:
                    faults.append(f"{page} prints a piece of {module}")
                elif label is None or f"`{label[1]}`" not in texts[own]:
                    faults.append(f"{own} does not say that {page} prints it")
            if "lines" in options:
                faults.append(f"{page} picks lines of {module} by number")
            lines = included_lines(package[module], options, Config())
            for line in lines:
                printed[module][line] += 1
    for module, path in package.items():
        for line in code_lines(path):
            times = printed[module][line]
            if times != 1:
                faults.append(f"{module}.py:{line} is printed {times} times")
    return faults + seen(
        pages=len(texts), listings=listings, modules=len(package)
    )


def equation_faults(root: Path) -> list[str]:
    """Every labelled equation has a test, and the other way round."""
    labels = {
        options["label"]
        for _, text in pages(root)
        for name, _, options, _ in directives(text)
        if name == "math" and "label" in options
    }
    marks = set()
    for path in (root / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "pytest.mark.equation"
            ):
                marks |= {ast.literal_eval(node.args[0])}
    return [
        *(f"equation {label} has no test" for label in labels - marks),
        *(f"the mark {mark} names no equation" for mark in marks - labels),
        *seen(equations=len(labels), marks=len(marks)),
    ]


def prose(text: str) -> str:
    """Return what the author typed for the reader to read as words."""

    def keep(match: re.Match[str]) -> str:
        return match["body"] if match["name"] in PROSE else ""

    text = re.sub(r"\A---\n.*?^---\n", "", text, flags=re.M | re.S)
    text = FENCE.sub(keep, text)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    text = re.sub(r"(\{[\w:]+\})?(`+).*?\2", "", text, flags=re.S)
    return re.sub(r"\$[^$\n]*\$", "", text)


def typed_faults(root: Path) -> list[str]:
    """No accuracy, loss, time or ratio is typed; cited ones may be."""
    read = [
        (page, line)
        for page, text in pages(root)
        if "{code-cell}" in text
        for line in prose(re.sub(r"^.*\{cite.*$", "", text, flags=re.M)).split(
            "\n"
        )
    ]
    return [
        f"{page} types a result: {line.strip()}"
        for page, line in read
        if RESULT.search(line)
    ] + seen(lines_of_prose=len(read))


def figure_faults(root: Path) -> list[str]:
    """Every figure that a cell draws has a caption and alternative text."""
    faults, figures = [], 0
    for page, text in pages(root):
        for name, _, _, body in directives(text):
            if name != "code-cell" or not body.startswith("---"):
                continue
            nb = yaml.safe_load(body.split("---")[1]).get("mystnb", {})
            figures += "figure" in nb
            if "figure" in nb and not (
                nb["figure"].get("caption") and nb.get("image", {}).get("alt")
            ):
                faults.append(f"{page}: {nb['figure']} lacks its words")
    return faults + seen(figures=figures)


def imported(path: Path, package: dict[str, Path]) -> set[str]:
    """Return the modules of the package that a module imports from."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        first, *rest = node.module.split(".")
        if first == PACKAGE:
            names = ["/".join([*rest, alias.name]) for alias in node.names]
            found |= {"/".join(rest), *names} & package.keys()
    return found


def stem_faults(root: Path) -> list[str]:
    """Every module has its chapter and its test.

    And within its folder it imports from earlier chapters only; what lies in
    no folder has a rule of its own, like the folders among themselves.
    """
    known, package = homes(root), modules(root)
    order = reading_order(root)
    faults = []
    for module, path in package.items():
        folder, _, name = module.rpartition("/")
        if name.startswith("_"):
            continue
        own = home(module, known)
        if own is None:
            faults.append(f"{module} has no chapter")
            continue
        if not (root / "tests" / folder / f"test_{name}.py").exists():
            faults.append(f"{module} has no test")
        for other in sorted(imported(path, package)):
            page = home(other, known)
            if not folder or other.rpartition("/")[0] != folder or not page:
                continue
            if order.index(page) > order.index(own):
                faults.append(f"{module} imports from the later {other}")
    return faults + seen(modules=len(package), pages=len(order))
