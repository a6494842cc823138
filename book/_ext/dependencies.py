"""Which of the repository's files a program uses, read off its imports.

A program is parsed, never run. What it imports, and what it touches of an
imported package (``layers.Dense``), leads to modules; these lead to others.
A file whose name a program writes down, such as a record, counts as used.
Where nothing can be seen, because Python is started anew or imports names
that are computed, everything counts.

Importing a module imports the packages around it too. Their ``__init__`` is
part of what is used, but not all that it offers: a name of a package leads
to the one module that defines it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FOLDERS = ("scratchcnn", "book", "benchmarks", "tests", "tools")
# What any program may come to use that hides what it imports.
WHOLE = ("scratchcnn", "book", "benchmarks")
BLIND = (
    "builtins.__import__.",
    "builtins.eval.",
    "builtins.exec.",
    "importlib.",
    "multiprocessing.",
    "os.popen.",
    "os.system.",
    "pickle.",
    "runpy.",
    "subprocess.",
)
CLEAR = ("importlib.metadata.", "importlib.util.find_spec.")


def is_type_checking(test: ast.expr) -> bool:
    """Return whether a condition is ``TYPE_CHECKING``."""
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """Return the parts of a program, but for what only a type checker sees."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        hidden = isinstance(node, ast.If) and is_type_checking(node.test)
        waiting += node.orelse if hidden else ast.iter_child_nodes(node)
    return found


def dotted(node: ast.AST) -> str:
    """Return a name with its attributes, or nothing if it is no name."""
    if isinstance(node, ast.Attribute):
        root = dotted(node.value)
        return f"{root}.{node.attr}" if root else ""
    return node.id if isinstance(node, ast.Name) else ""


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *filter(None, [node.module])])


def names(nodes: list[ast.AST], package: str) -> set[str]:
    """Return what a program imports and touches, as full dotted names.

    A name that is touched ends with ``.*``: if it is a package, then all of
    it may be used.
    """
    used: set[str] = set()
    bound: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                used.add(alias.name)
                full = alias.name if alias.asname else alias.name.split(".")[0]
                bound.setdefault(alias.asname or full, set()).add(full)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{absolute(node, package)}.{alias.name}"
                used.add(full)
                bound.setdefault(alias.asname or alias.name, set()).add(full)
    inner = {id(n.value) for n in nodes if isinstance(n, ast.Attribute)}
    for node in nodes:
        if id(node) not in inner and (name := dotted(node)):
            root, dot, rest = name.partition(".")
            for full in bound.get(root, {f"builtins.{root}"}):
                used.add(full + dot + rest + ".*")
    return used


def is_blind(used: set[str]) -> bool:
    """Return whether a program may import what its text does not name."""
    return any(
        (name + ".").startswith(BLIND) and not (name + ".").startswith(CLEAR)
        for name in used
    )


class Repository:
    """The programs and the records of a repository, and who uses whom.

    Parameters
    ----------
    root : Path
        The folder that holds `scratchcnn`, `book` and the others.
    """

    def __init__(self, root: Path):
        self.root = root
        self.search = root / "book", root
        self.records = [
            path
            for folder in ("book", "benchmarks")
            for path in sorted((root / folder).rglob("*.json"))
        ]
        self.whole = {
            path
            for folder in WHOLE
            for path in (root / folder).rglob("*.py")
            if "_ext" not in path.parts
        }
        self.direct = cache(self.direct)  # type: ignore[method-assign]
        self.homes = cache(self.homes)  # type: ignore[method-assign]

    def package_of(self, path: Path) -> str:
        """Return the dotted name of the package around a module."""
        base = next(b for b in self.search if path.is_relative_to(b))
        return ".".join(path.relative_to(base).parts[:-1])

    def homes(self, init: Path) -> dict[str, str]:
        """Return which names a package offers, and the modules they are of.

        They are imported, or stand in a table of texts for ``__getattr__``.
        """
        package = self.package_of(init)
        found: dict[str, str] = {}
        tree = ast.parse(init.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    full = f"{absolute(node, package)}.{alias.name}"
                    found[alias.asname or alias.name] = full
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[node.name] = ""
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                some = node.targets if isinstance(node, ast.Assign) else []
                for target in some or [getattr(node, "target", node)]:
                    found[dotted(target)] = ""
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    match key, value:
                        case ast.Constant(str(name)), ast.Constant(str(home)):
                            home = home.removeprefix(package).lstrip(".")
                            found[name] = f"{package}.{home}.{name}"
        return found

    def offered(self, place: Path, parts: list[str]) -> set[Path]:
        """Return the files behind a name that a package offers."""
        name, *rest = parts
        init = place / "__init__.py"
        homes = self.homes(init) if init.is_file() else {}
        if name in homes:
            full = ".".join([homes[name], *rest])
            return self.files_of(full) if homes[name] else set()
        if name in ("__all__", "__doc__", "__name__"):
            return set()
        return set(place.rglob("*.py"))

    def files_of(self, name: str) -> set[Path]:
        """Return the files behind a full dotted name."""
        parts = name.split(".")
        found: set[Path] = set()
        place = None
        for n, part in enumerate(parts):
            for base in [place] if place else self.search:
                if (base / f"{part}.py").is_file():
                    return found | {base / f"{part}.py"}
                if part and (base / part).is_dir():
                    place = base / part
                    break
            else:
                return found | (self.offered(place, parts[n:]) if n else set())
            if (place / "__init__.py").is_file():
                found.add(place / "__init__.py")
        return found

    def uses(self, source: str, package: str = "") -> set[Path]:
        """Return the files that a program uses itself."""
        everything = {*self.whole, *self.records}
        try:
            nodes = nodes_of(ast.parse(source))
        except SyntaxError:  # a command of Jupyter, which may do anything
            return everything
        used = names(nodes, package)
        found = {path for name in used for path in self.files_of(name)}
        texts = {
            node.value.rpartition("/")[2]
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        found |= {p for p in self.records if {p.name, p.stem} & texts}
        return found | everything if is_blind(used) else found

    def direct(self, path: Path) -> frozenset[Path]:
        """Return the files that a file of the repository uses itself.

        A package that finds its names when they are asked for, and the
        topmost one, use none of the modules that they offer.
        """
        package = self.package_of(path)
        source = path.read_text("utf-8")
        if path.name == "__init__.py" and (
            "." not in package or "def __getattr__" in source
        ):
            return frozenset()
        if path.suffix != ".py":
            return frozenset()
        return frozenset(self.uses(source, package) - {path})

    def files(self, source: str) -> list[Path]:
        """Return all files that a program uses, however far."""
        waiting, found = self.uses(source), set()
        while waiting:
            path = waiting.pop()
            found.add(path)
            waiting |= self.direct(path) - found
        return sorted(found)
