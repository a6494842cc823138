"""Which of the repository's files a program uses, read off its imports.

A program is parsed, never run. What it imports, and what it touches of an
imported package (``layers.Dense``), leads to modules; these lead to others.
A file whose name a program writes down, such as a record, counts as used.
Where nothing can be seen, because Python is started anew or imports names
that are computed, everything counts.

Importing a module imports the packages around it as well. Their ``__init__``
is part of what is used, but not all that it offers: a name of a package leads
to the one module that defines it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from nbformat import NotebookNode

# What any program may come to use that hides what it imports.
WHOLE = ("scratchcnn", "book", "benchmarks")
RECORDS = (
    ("book", "*.json"),
    ("book", "*.npz"),
    ("benchmarks", "*.json"),
    ("scratchcnn", "*.toml"),
    ("tests", "*.toml"),
)
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


def program_of(notebook: NotebookNode) -> str:
    """Return the code of a page's cells as one program."""
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "code")


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """Return the parts of a program, but for what only a type checker sees."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING"), orelse=other):
                waiting += other
            case _:
                waiting += ast.iter_child_nodes(node)
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
            for folder, kind in RECORDS
            for path in sorted((root / folder).rglob(kind))
        ]
        self.whole = {
            path
            for folder in WHOLE
            for path in (root / folder).rglob("*.py")
            if "_ext" not in path.parts
        }
        self.direct = cache(self.direct)  # type: ignore[method-assign]
        self.files_of = cache(self.files_of)  # type: ignore[method-assign]
        self.homes = cache(self.homes)  # type: ignore[method-assign]

    def package_of(self, path: Path) -> str:
        """Return the dotted name of the package around a module."""
        base = next(b for b in self.search if path.is_relative_to(b))
        return ".".join(path.relative_to(base).parts[:-1])

    def homes(self, init: Path) -> dict[str, str]:
        """Return which names a package offers, and where they are from.

        They are imported, or stand in a table of texts for ``__getattr__``;
        what the package defines itself is from nowhere else.
        """
        package = self.package_of(init)
        tree = ast.parse(init.read_text("utf-8"))
        found: dict[str, str] = {}
        for node in tree.body:
            match node:
                case ast.ImportFrom(names=aliases):
                    for alias in aliases:
                        full = f"{absolute(node, package)}.{alias.name}"
                        found[alias.asname or alias.name] = full
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found[name] = ""
                case ast.Assign(targets=[ast.Name(name)]):
                    found[name] = ""
                case ast.AnnAssign(target=ast.Name(name)):
                    found[name] = ""
        for table in ast.walk(tree):
            if isinstance(table, ast.Dict):
                for pair in zip(table.keys, table.values, strict=True):
                    match pair:
                        case ast.Constant(str(name)), ast.Constant(str(home)):
                            home = home.removeprefix(package).lstrip(".")
                            found[name] = f"{package}.{home}.{name}"
        return found

    def offered(self, place: Path, name: str, rest: list[str]) -> set[Path]:
        """Return the files behind a name that a package offers."""
        init = place / "__init__.py"
        home = self.homes(init).get(name) if init.is_file() else None
        if home is None:
            return set(place.rglob("*.py"))
        return self.files_of(".".join([home, *rest])) if home else set()

    def files_of(self, name: str) -> set[Path]:
        """Return the files behind a full dotted name."""
        first, *parts = name.split(".")
        for base in self.search:
            if (base / f"{first}.py").is_file():
                return {base / f"{first}.py"}
            if first and (base / first).is_dir():
                return self.files_in(base / first, parts)
        return set()

    def files_in(self, place: Path, parts: list[str]) -> set[Path]:
        """Return the files behind a dotted name in a package."""
        init = place / "__init__.py"
        found = {init} if init.is_file() else set()
        if not parts:
            return found
        name, *rest = parts
        if (place / f"{name}.py").is_file():
            return found | {place / f"{name}.py"}
        if (place / name).is_dir():
            return found | self.files_in(place / name, rest)
        return found | self.offered(place, name, rest)

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

    def direct(self, path: Path) -> set[Path]:
        """Return the files that a file of the repository uses itself.

        A package's ``__init__`` may import all that the package offers: no
        program depends on it for what it does not use.
        """
        if path.suffix != ".py" or path.name == "__init__.py":
            return set()
        return self.uses(path.read_text("utf-8"), self.package_of(path))

    def files(self, source: str) -> list[Path]:
        """Return all files that a program uses, however far."""
        waiting, found = self.uses(source), set()
        while waiting:
            path = waiting.pop()
            found.add(path)
            waiting |= self.direct(path) - found
        return sorted(found)
