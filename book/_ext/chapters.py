"""What a chapter takes: its time, the chapters it rests on, its files.

All of it is computed from the sources, before any page is read: nothing
depends on an output, so it is the same in every build, and no two processes
have to agree on it. The line with it stands below each chapter's title, the
role ``reading-time`` adds chapters up, and ``book_map`` draws them.

A chapter is a page of a numbered part of ``_toc.yml``. It **rests on** an
earlier one if its code, in the module or in a cell, imports from there; if it
belongs to the same module; if it cites one of its equations; or if it refers
to it twice. It **needs** those of them through which it does not reach
the others anyway, so what it needs is little, and leads to all.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from docutils import nodes
from listings import included_lines
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

LOG = logging.getLogger(__name__)
PACKAGE, PAGES, TESTS = "scratchcnn", "book", "tests"
MOST_NEEDS = 4

# The pace of a student with a pencil, in seconds, as estimated by reading the
# first part of the book. Folded cells are not read, and an exercise takes what
# its title says.
WORD, FORMULA, EQUATION, CODE_LINE, FIGURE = 60 / 200, 5, 60, 5, 45

FRONT = re.compile(r"\A---\n(.*?)^---\n", re.M | re.S)
FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\}[ ]*(?P<argument>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=fence)[ ]*$",
    re.M | re.S,
)
OPTION = re.compile(r"^:([\w-]+):[ ]*(.*)$", re.M)
OPTIONS = re.compile(r"\A(---\n.*?^---\n|(:[^\n]*\n)*)", re.M | re.S)
PROSE = {"admonition", "note", "tip", "warning", "important", "figure"}
EXERCISE = re.compile(
    r"^(`{3,}|:{3,})\{(exercise|solution)-start\}.*?\{\2-end\}\s*^\1[ ]*$",
    re.M | re.S,
)
MINUTES = re.compile(
    r"^(?:`{3,}|:{3,})\{exercise-start\} .*, (\d+) min$", re.M
)
DISPLAY = re.compile(
    r"^\$\$.*?\$\$|^\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.M | re.S
)
INLINE = re.compile(r"\$[^$]+\$")
LABEL = re.compile(r"^\(([\w-]+)\)=$|^ *:?(?:label|name): *([\w-]+)$", re.M)
REFERENCE = re.compile(r"\{(ref|numref|eq)\}`(?:[^`]*<)?([\w-]+)>?`")
TITLE = re.compile(r"^# (.+)$", re.M)


@dataclass(frozen=True)
class Chapter:
    """What is known of one chapter; times are in seconds.

    Attributes
    ----------
    page, label, title : str
        The page's name in Sphinx, its first label, its heading.
    part : str
        The caption of its part of the book.
    reading, solving : float
        The time for the text, and for the exercises.
    modules, tests : tuple of str
        The files that it prints, and those that test them.
    rests, needs : tuple of str
        The earlier pages it rests on, and the few that lead to all of them,
        in reading order.
    """

    page: str
    label: str
    title: str
    part: str
    reading: float
    solving: float
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    rests: tuple[str, ...]
    needs: tuple[str, ...]


Book = dict[str, Chapter]


def reading_order(root: Path) -> dict[str, str]:
    """Return the page and the part of every chapter, in reading order."""

    def files(entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            yield entry["file"]
            yield from files(entry.get("sections", []))

    toc = yaml.safe_load((root / "_toc.yml").read_text())
    return {
        page: part["caption"]
        for part in toc["parts"]
        if part.get("numbered", True)
        for page in files(part["chapters"])
    }


def directives(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield every directive's name, argument, options and body."""
    for match in FENCE.finditer(text):
        options = OPTIONS.match(match["body"])
        head = options[0] if options else ""
        body = match["body"].removeprefix(head)
        yield match["name"], match["argument"].strip(), head, body


def seconds(text: str, root: Path) -> float:
    """Return how long a text takes, at the pace set above."""
    time = 0.0
    for name, argument, head, body in directives(text):
        if name == "math":
            time += EQUATION
        elif name == "literalinclude":
            with suppress(OSError, ValueError):  # which the directive reports
                path = root / argument.lstrip("/")
                options = dict(OPTION.findall(head))
                lines = included_lines(path, options, Config())
                time += CODE_LINE * len(lines)
        elif name == "code-cell":
            if "figure:" in head:
                time += FIGURE
            if not re.search("hide-|remove-|claims", head):
                time += CODE_LINE * len(re.findall(r"^.*\S", body, re.M))
    text = FENCE.sub(lambda m: m["body"] if m["name"] in PROSE else "", text)
    text, equations = DISPLAY.subn("", text)
    text, formulas = INLINE.subn("", text)
    time += EQUATION * equations + FORMULA * formulas
    return time + WORD * len(text.split())


def reading_and_solving(text: str, root: Path) -> tuple[float, float]:
    """Return the time for a page without its exercises, and for these."""
    minutes = sum(map(int, MINUTES.findall(text)))
    return seconds(EXERCISE.sub("", text), root), 60.0 * minutes


class Modules:
    """The package's files, and which of them an import takes its name from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.defined: dict[str, set[str]] = {}
        for path in sorted((root / PACKAGE).rglob("*.py")):
            if not path.name.startswith("__"):
                name = path.relative_to(root).with_suffix("").as_posix()
                self.defined[name] = set(top_level(path.read_text()))
        self.exported = {
            (path.parent.relative_to(root).as_posix(), alias.name): node.module
            for path in sorted((root / PACKAGE).rglob("__init__.py"))
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }

    def source(self, package: str, name: str) -> str | None:
        """Return the module that `name` of `package` is a piece of."""
        origin = self.exported.get((package, name), "").replace(".", "/")
        if origin in self.defined:
            return origin
        inside = [m for m in self.defined if m.startswith(package + "/")]
        for homes in (
            [m for m in inside if PurePosixPath(m).name == name],
            [m for m in inside if name in self.defined[m]],
        ):
            if len(homes) == 1:
                return homes[0]
        return None

    def imported(self, code: str) -> set[str]:
        """Return the modules that a piece of code imports from."""
        tree = ast.parse(re.sub(r"^[%!].*", "", code, flags=re.M))
        found: set[str | None] = set()
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            origin = node.module.replace(".", "/")
            if origin in self.defined:
                found.add(origin)
            elif origin.partition("/")[0] == PACKAGE:
                for alias in node.names:
                    inner = f"{origin}/{alias.name}"
                    if (self.root / inner).is_dir():
                        uses = attributes(tree, alias.asname or alias.name)
                        found |= {self.source(inner, use) for use in uses}
                    else:
                        found.add(self.source(origin, alias.name))
        return {module for module in found if module}

    def printed(self, page: str, text: str) -> list[str]:
        """Return the modules at home on a page that prints them.

        A page's own module has its path, up to a hyphen; the front matter
        may list others, ``prints: [losses/loss]``.
        """
        front = FRONT.match(text)
        meta = (yaml.safe_load(front[1]) if front else None) or {}
        own = PurePosixPath(stem(page)).relative_to(PAGES)
        names = [own.as_posix(), *meta.get("prints", [])]
        homes = [f"{PACKAGE}/{name}" for name in names]
        return [m for m in homes if m in self.defined and f"/{m}.py" in text]


def stem(page: str) -> str:
    """Return a page's name up to a hyphen: its module has it as well."""
    path = PurePosixPath(page)
    return path.with_name(path.name.partition("-")[0]).as_posix()


def top_level(code: str) -> Iterator[str]:
    """Yield the names that a module's own statements define."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(
            node.target, ast.Name
        ):
            yield node.target.id


def attributes(tree: ast.AST, name: str) -> set[str]:
    """Return what is taken from a name with a dot."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


def reduced(rests: Mapping[str, Iterable[str]], page: str) -> tuple[str, ...]:
    """Return the pages a page rests on that no other of them leads to."""
    direct = list(rests[page])
    beyond = {far for near in direct for far in closure(rests, near)}
    return tuple([near for near in direct if near not in beyond][-MOST_NEEDS:])


def closure(graph: Mapping[str, Iterable[str]], page: str) -> set[str]:
    """Return all pages that one leads to, without the page itself."""
    found: set[str] = set()
    ahead = list(graph[page])
    while ahead:
        near = ahead.pop()
        if near not in found:
            found.add(near)
            ahead += graph[near]
    return found


def read_book(root: Path) -> Book:
    """Read the sources; return the chapters in reading order, by page."""
    parts = reading_order(root)
    sources = {page: (root / f"{page}.md").read_text() for page in parts}
    modules = Modules(root)
    printed = {p: modules.printed(p, text) for p, text in sources.items()}
    texts = {page: FRONT.sub("", text) for page, text in sources.items()}
    homes: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for page, text in texts.items():
        for module in printed[page]:
            homes.setdefault(module, []).append(page)
        for match in LABEL.finditer(text):
            labels[match[1] or match[2]] = page

    rests: dict[str, list[str]] = {}
    for page, text in texts.items():
        text = EXERCISE.sub("", text)
        files = [
            (root / f"{module}.py").read_text() for module in printed[page]
        ]
        cells = [d[-1] for d in directives(text) if d[0] == "code-cell"]
        used = {m for code in files + cells for m in modules.imported(code)}
        weight = Counter({home: 2 for m in used for home in homes.get(m, [])})
        for kind, name in REFERENCE.findall(text):
            weight[labels.get(name, page)] += 2 if kind == "eq" else 1
        rests[page] = [
            earlier
            for earlier in list(parts)[: len(rests)]
            if weight[earlier] > 1 or stem(earlier) == stem(page)
        ]

    return {
        page: chapter(page, parts[page], text, root, printed[page], rests)
        for page, text in texts.items()
    }


def chapter(
    page: str,
    part: str,
    text: str,
    root: Path,
    printed: list[str],
    rests: dict[str, list[str]],
) -> Chapter:
    """Put together what is known of one page."""
    title, label = TITLE.search(text), LABEL.search(text)
    if not title or not label:
        raise ValueError(f"{page} has no title or no label")
    files = [PurePosixPath(m).relative_to(PACKAGE) for m in printed]
    tests = [
        (TESTS / file.with_name(f"test_{file.name}.py")).as_posix()
        for file in files
    ]
    reading, solving = reading_and_solving(text, root)
    return Chapter(
        page=page,
        label=label[1] or label[2],
        title=re.sub(r"[*`$]", "", title[1]),
        part=part,
        reading=reading,
        solving=solving,
        modules=tuple(f"{file}.py" for file in files),
        tests=tuple(test for test in tests if (root / test).exists()),
        rests=tuple(rests[page]),
        needs=reduced(rests, page),
    )


def duration(time: float) -> str:
    """Return a time in words, no more exact than an estimate may be."""
    minutes = max(1, round(time / 60))
    if minutes >= 300:
        words = f"{round(minutes / 60)} h"
    elif minutes < 10:
        words = f"{minutes} min"
    else:
        hours, rest = divmod(5 * round(minutes / 5), 60)
        words = " ".join(
            [f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0)
        )
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def book_of(env: BuildEnvironment) -> Book:
    """Return the book of a build."""
    book: Book = getattr(env, "chapters", {})
    return book


def find(book: Book, name: str) -> list[Chapter]:
    """Return the chapters of ``book``, of ``part-1``, or of a label."""
    parts = list(dict.fromkeys(chapter.part for chapter in book.values()))
    return [
        chapter
        for chapter in book.values()
        if name in ("book", chapter.label)
        or name == f"part-{parts.index(chapter.part) + 1}"
    ]


def link(page: str, label: str) -> pending_xref:
    """Return a link to a page, with its title; Sphinx fills it in."""
    target = pending_xref(
        refdomain="std",
        reftype="doc",
        refdoc=label,
        reftarget=f"/{page}",
        refexplicit=False,
        refwarn=True,
    )
    target.append(nodes.inline(classes=["doc"]))
    return target


def line(chapter: Chapter, env: BuildEnvironment) -> nodes.paragraph:
    """Return the line below a chapter's title."""
    time = duration(chapter.reading)
    if chapter.solving:
        time += f" + {duration(chapter.solving)} of exercises"
    found = nodes.paragraph(classes=["chapter-line"])
    found += nodes.Text(time)
    for k, page in enumerate(chapter.needs):
        found += nodes.Text("; " if k else " \N{MIDDLE DOT} needs: ")
        found += link(page, chapter.page)
    for word, files in ("module", chapter.modules), ("tests", chapter.tests):
        for k, file in enumerate(files):
            found += nodes.Text(
                ", " if k else f" \N{MIDDLE DOT} {word}\N{NO-BREAK SPACE}"
            )
            found += source(file, chapter, env)
    return found


def source(file: str, chapter: Chapter, env: BuildEnvironment) -> nodes.Node:
    """Return a file's name; a module's leads to its page in the book."""
    name = nodes.literal(text=file)
    builder = env.app.builder
    if file not in chapter.modules or builder.format != "html":
        return name
    target = f"_modules/{PACKAGE}/{file.removesuffix('.py')}"
    uri = builder.get_relative_uri(chapter.page, target)
    return nodes.reference("", "", name, internal=True, refuri=uri)


class ReadingTime(SphinxRole):
    """``{reading-time}`part-1```: how long some chapters take together.

    The text is ``book``, a part's number, or the labels of chapters.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Add the times up, without the exercises."""
        note_sources(self.env)
        time = 0.0
        for name in self.text.split():
            found = find(book_of(self.env), name)
            if not found:
                LOG.warning(
                    "no chapter %r", name, location=self.get_location()
                )
            time += sum(chapter.reading for chapter in found)
        return [nodes.Text(duration(time))], []


def note_sources(env: BuildEnvironment) -> None:
    """Have the current page read again when any chapter has changed."""
    for chapter in book_of(env).values():
        env.note_dependency(env.doc2path(chapter.page))
        for file in chapter.modules:
            env.note_dependency(str(Path(env.srcdir, PACKAGE, file)))


def refresh(
    app: Sphinx,
    env: BuildEnvironment,
    added: set[str],
    changed: set[str],
    removed: set[str],
) -> list[str]:
    """Read the book; return the pages whose line is not what it was.

    This is before the pages are dealt to processes, which inherit the book.
    """
    before, now = book_of(env), read_book(Path(app.srcdir))
    vars(env)["chapters"] = now
    return [page for page in now if before.get(page) != now[page]]


def add_line(app: Sphinx, tree: nodes.document) -> None:
    """Put a chapter's line below its title."""
    chapter = book_of(app.env).get(app.env.docname)
    title = next(tree.findall(nodes.title), None)
    if chapter and title:
        title.parent.insert(
            title.parent.index(title) + 1, line(chapter, app.env)
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the line and the role."""
    app.connect("env-get-outdated", refresh)
    app.connect("doctree-read", add_line)
    app.add_role("reading-time", ReadingTime())
    return {"version": "1", "parallel_read_safe": True}
