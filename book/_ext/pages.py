"""The look of the pages: a theme of the book's own.

The theme lies in `book/_theme`, and needs nothing of the one that Jupyter
Book brings, whose steps are dropped. What its layout says beyond the text is
put together here: the contents, with those of the current chapter, and a
description. The bodies of exercises, which all bear one id, get one each; and
a formula is kept on one line with the punctuation that follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import (
    exercise_enumerable_node,
    solution_node,
)

THEME = Path(__file__).parents[1] / "_theme"
DROPPED = (
    "pydata_sphinx_theme",
    "sphinx_book_theme",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_thebe",
    "sphinx_togglebutton",
)
POWER = re.compile(r"(?<=\d)e([+-])0*(\d+)")
HYPHEN = re.compile(r"(?<![\w.])-(?=[\d.])")
MARKS = re.compile(r"^(-\w+)?[,.;:!?)\N{RIGHT SINGLE QUOTATION MARK}]*")
MODULE = re.compile(r"^scratchcnn\.(\w+\.)*")
LONGEST = 155  # of a description, in characters
LONGEST_NUMBER = 16  # that no line breaks
LONG_ENTRY = 16  # of a table, not to be squeezed into a narrow column


def drop_theme(app: Sphinx, config: Config) -> None:
    """Let nothing of Jupyter Book's theme act on the pages."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener
            for listener in listeners
            if not listener.handler.__module__.startswith(DROPPED)
        ]
    options = config.html_theme_options
    config.html_theme_options = {
        "announcement": options.get("announcement", "")
    }


def drop_search(app: Sphinx) -> None:
    """Write no index of Sphinx's: the book has its own."""
    if isinstance(app.builder, StandaloneHTMLBuilder):
        app.builder.search = False


def parts(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every part's caption and pages, in reading order."""

    def files(entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            yield entry["file"]
            yield from files(entry.get("sections", []))

    for part in yaml.safe_load((root / "_toc.yml").read_text())["parts"]:
        yield part["caption"], list(files(part["chapters"]))


def heading(env: BuildEnvironment, page: str) -> str:
    """Return a page's title, with its number if it has one."""
    number = env.toc_secnumbers.get(page, {}).get("")
    title = env.titles[page].astext() if page in env.titles else "Index"
    return f"{number[0]}. {title}" if number else title


def sections(env: BuildEnvironment, page: str) -> str:
    """Return the contents of a page as a list of links."""
    items = ""
    toc = env.tocs.get(page)
    for link in toc.findall(nodes.reference) if toc else ():
        depth = len(list(ancestors(link, nodes.bullet_list)))
        if depth == 2 and link.get("anchorname"):
            text = escape(MODULE.sub("", link.astext()))
            items += f'<li><a href="{link["anchorname"]}">{text}</a></li>'
    return f"<ul>{items}</ul>" if items else ""


def ancestors(node: nodes.Node, kind: type) -> Iterator[nodes.Node]:
    """Yield the elements of a kind around a node."""
    while node := node.parent:
        if isinstance(node, kind):
            yield node


def contents(app: Sphinx, page: str) -> str:
    """Return the contents of the book; only the current part is open."""
    env, builder = app.env, app.builder
    html = ""
    for caption, pages in parts(Path(app.srcdir)):
        items = ""
        for other in pages:
            here = ' aria-current="page"' if other == page else ""
            uri = builder.get_relative_uri(page, other) if not here else "#"
            items += (
                f'<li><a href="{escape(uri)}"{here}>'
                f"{escape(heading(env, other))}</a>"
                f"{sections(env, other) if here else ''}</li>"
            )
        opened = " open" if page in pages else ""
        html += (
            f"<details{opened}><summary>{escape(caption)}</summary>"
            f"<ul>{items}</ul></details>"
        )
    home = builder.get_relative_uri(page, app.config.root_doc)
    return f'<p><a href="{escape(home)}">Preface</a></p>{html}'


def describe(tree: nodes.document | None) -> str:
    """Return the beginning of a page's text, as a description."""
    for paragraph in tree.findall(nodes.paragraph) if tree else ():
        if "chapter-line" not in paragraph["classes"]:
            words = paragraph.astext().split()
            while len(" ".join(words)) > LONGEST:
                words.pop()
            return " ".join(words)
    return ""


def fill_layout(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Give the layout what it says beyond the text."""
    context["contents"] = contents(app, page)
    context["author"] = app.config.author
    context["heading"] = (
        heading(app.env, page)
        if page in app.env.titles
        else context.get("title", "")
    )
    context["on_paper"] = re.sub(r'["\\<]', "", context["heading"])
    context["description"] = describe(tree) or app.config.html_title


def number_bodies(app: Sphinx, tree: nodes.document) -> None:
    """Give the body of every exercise and solution an id of its own."""
    count = 0
    for section in tree.findall(nodes.section):
        for name in ("exercise-content", "solution-content"):
            if name in section["ids"]:
                count += 1
                section["ids"] = [f"{name}-{count}"]


def glue_punctuation(app: Sphinx, tree: nodes.document) -> None:
    """Let no line begin with what belongs to a formula, as a comma does."""
    for formula in list(tree.findall(nodes.math)):
        parent = formula.parent
        after = parent.index(formula) + 1
        follower = parent[after] if after < len(parent) else None
        if not isinstance(follower, nodes.Text):
            continue
        rest = MARKS.sub("", follower)
        mark = follower[: len(follower) - len(rest)]
        if mark:
            together = nodes.inline(classes=["nowrap"])
            parent[after - 1] = together
            together += [formula, nodes.Text(mark)]
            parent[after] = nodes.Text(rest)


class SolveExercises(SphinxPostTransform):
    """Fold every solution, and give every exercise a link to itself."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Rewrite the exercises and solutions of a page."""
        for exercise in self.document.findall(exercise_enumerable_node):
            title = next(exercise.findall(nodes.title))
            title += nodes.raw(
                "",
                f'<a class="headerlink" href="#{exercise["ids"][0]}" '
                'title="Link to this exercise">#</a>',
                format="html",
            )
        for solution in list(self.document.findall(solution_node)):
            name = escape(solution["ids"][0], quote=True)
            title = next(solution.findall(nodes.title))
            begin = f'<details class="solution" id="{name}"><summary>'
            title.parent.remove(title)
            of = title.astext().removeprefix("Solution to").strip()
            begin += f"Solution <small>of {escape(of)}</small></summary>"
            place = solution.parent.index(solution)
            solution.parent[place : place + 1] = [
                nodes.raw("", begin, format="html"),
                *solution.children,
                nodes.raw("", "</details>", format="html"),
            ]


class WrapTables(SphinxPostTransform):
    """Put every table in a box that scrolls, if the table is too wide."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Wrap the tables of a page; name three columns, and long entries."""
        for table in list(self.document.findall(nodes.table)):
            if len(list(table.findall(nodes.colspec))) == 3:
                table["classes"].append("three")
            for entry in table.findall(nodes.entry):
                if len(entry.astext()) > LONG_ENTRY:
                    entry["classes"].append("long")
            box = nodes.container(classes=["scroll"])
            table.parent[table.parent.index(table)] = box
            box += table


class BreakNames(SphinxPostTransform):
    """Let a module's name in a heading break after a dot."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Put a space without width behind every dot."""
        for title in self.document.findall(nodes.title):
            for name in title.findall(nodes.literal):
                broken = name.astext().replace(".", ".\N{ZERO WIDTH SPACE}")
                name.children = [nodes.Text(broken)]


class WriteNumbers(SphinxPostTransform):
    """Write what cells hand to the text as a book writes it."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Rewrite ``-8.4e-05``; let a line break within what is longer."""
        for number in self.document.findall(nodes.inline):
            if "pasted-text" in number["classes"]:
                if len(number.astext()) > LONGEST_NUMBER:
                    number["classes"].append("phrase")
                pieces = written(number.astext())
                number.clear()
                number += pieces
        for text in list(self.document.findall(nodes.Text)):
            if text.endswith("± "):
                bound = nodes.Text(text[:-1] + "\N{NO-BREAK SPACE}")
                text.parent.replace(text, bound)


def written(number: str) -> list[nodes.Node]:
    """Return a number with a minus sign, and with a power of ten."""
    first, *others = POWER.split(HYPHEN.sub("\N{MINUS SIGN}", number))
    pieces: list[nodes.Node] = [nodes.Text(first)]
    for sign, exponent, rest in zip(*[iter(others)] * 3, strict=True):
        if exponent != "0":
            sign = sign.replace("-", "\N{MINUS SIGN}").replace("+", "")
            pieces.append(nodes.Text("\u2009\N{DOT OPERATOR}\u200910"))
            pieces.append(nodes.superscript(text=sign + exponent))
        pieces.append(nodes.Text(rest))
    return pieces


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the theme and the steps."""
    app.add_html_theme("book", str(THEME))
    app.connect("config-inited", drop_theme, priority=899)
    app.connect("builder-inited", drop_search)
    app.connect("doctree-read", number_bodies)
    app.connect("doctree-read", glue_punctuation)
    app.connect("html-page-context", fill_layout)
    app.add_post_transform(SolveExercises)
    app.add_post_transform(WrapTables)
    app.add_post_transform(BreakNames)
    app.add_post_transform(WriteNumbers)
    return {"version": "1", "parallel_read_safe": True}
