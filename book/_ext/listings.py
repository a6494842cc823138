"""Listings that know where they come from.

Every ``literalinclude`` of a package file gets a caption with the file's name
and the lines it took, linked to the full source inside the book, and a label
``listing-<object>`` for ``{numref}``. Of a docstring, the first line stands in
the page, and the rest opens with a click. The option ``beside`` names
equations of the page; a wide screen shows them beside the code as well.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude, LiteralIncludeReader
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

PACKAGE = "scratchcnn"
# Where a line of a highlighted listing begins, emphasized or not.
LINE = '(?=<span class="hll">)|(?<!"hll">)(?=<span class="linenos">)'


def included_lines(path: Path, options: dict[str, Any], config: Any) -> range:
    """Return the line numbers that a ``literalinclude`` takes of a file."""
    chosen = {
        key: value
        for key, value in options.items()
        if key
        in ("pyobject", "start-at", "start-after", "end-at", "end-before")
    }
    reader = LiteralIncludeReader(
        str(path), {**chosen, "lineno-match": None}, config
    )
    _, count = reader.read()
    return range(reader.lineno_start, reader.lineno_start + count)


def docstring_rests(source: str) -> list[range]:
    """Return the lines of each docstring that come after its first."""
    rests = []
    for node in ast.walk(ast.parse(source)):
        kinds = ast.Module, ast.ClassDef, ast.FunctionDef
        if isinstance(node, kinds) and ast.get_docstring(node):
            first, last = node.body[0].lineno, node.body[0].end_lineno
            rests.append(range(first + 1, (last or first) + 1))
    return sorted(filter(None, rests), key=lambda rest: rest.start)


def preformatted(lines: list[str]) -> str:
    """Return lines of a listing as an element, if there are any."""
    return f"<pre>{''.join(lines)}</pre>" if lines else ""


def fold_lines(html: str, rests: list[range]) -> str:
    """Return a highlighted listing of which the lines of `rests` fold.

    The line before each of them stays: it opens the fold, and closes it.
    """
    before, body, after = re.split("</?pre>", html)
    _, *lines = re.split(LINE, body)
    pieces, here = "", 0
    for rest in rests:
        first = lines[rest.start - 1].replace("\n", "")
        pieces += preformatted(lines[here : rest.start - 1])
        pieces += f"<details><summary>{first}</summary>\n"
        pieces += preformatted(lines[rest.start : rest.stop]) + "</details>"
        here = rest.stop
    pieces += preformatted(lines[here:])
    return f'{before}<div class="listing">{pieces}</div>{after}'


def visit_listing(
    translator: HTML5Translator, node: nodes.literal_block
) -> None:
    """Highlight a listing as a whole, and then fold its docstrings."""
    try:
        type(translator).visit_literal_block(translator, node)
    except nodes.SkipNode:
        if node.get("rests"):
            whole = translator.body.pop()
            translator.body.append(fold_lines(whole, node["rests"]))
        raise


class Listing(LiteralInclude):
    """A ``literalinclude`` that says which lines of which file it shows."""

    option_spec = LiteralInclude.option_spec | {"beside": str.split}

    def run(self) -> list[nodes.Node]:
        """Add line numbers, a language, a label and a linked caption."""
        _, full = self.env.relfn2path(self.arguments[0])
        path = Path(full)
        name = path.resolve().relative_to(self.env.srcdir).as_posix()
        if not name.startswith(PACKAGE + "/") or not path.exists():
            return super().run()
        try:
            lines = included_lines(path, self.options, self.config)
        except ValueError:
            return super().run()  # which reports the fault
        piece = self.options.get("pyobject", path.stem)
        self.options.setdefault("language", "python")
        self.options.setdefault("lineno-match", None)
        self.options.setdefault("caption", name)
        if "pyobject" in self.options:
            module = name.removeprefix(PACKAGE + "/").removesuffix(".py")
            label = re.sub(r"[./]", "-", f"listing-{module}-{piece}")
            self.options.setdefault("name", label)
        found = super().run()
        for node in found:
            for block in node.findall(nodes.literal_block):
                text = block.rawsource.rstrip("\n")
                block.rawsource, block.children = text, [nodes.Text(text)]
                if self.is_whole():
                    module = name.removesuffix(".py").replace("/", ".")
                    block["piece"] = module, piece, text
                last = lines[0] + text.count("\n")
                block["rests"] = [
                    range(rest.start - lines[0], rest.stop - lines[0])
                    for rest in docstring_rests(path.read_text())
                    if rest.start > lines[0] and rest.stop <= last + 1
                ]
            for caption in node.findall(nodes.caption):
                caption.children.clear()
                caption += self.source_link(name, piece)
                caption += nodes.Text(", ")
                span = f"lines {lines[0]}\N{EN DASH}{last}"
                caption += nodes.inline(text=span, classes=["nowrap"])
        if labels := self.options.get("beside"):
            pair = nodes.container("", *found, classes=["pair"])
            pair += nodes.container(classes=["beside"], equations=labels)
            return [pair]
        return found

    def is_whole(self) -> bool:
        """Say whether the listing is all of an object."""
        bounds = ("start-at", "start-after", "end-at", "end-before")
        return "pyobject" in self.options and not {*bounds} & {*self.options}

    def source_link(self, name: str, piece: str) -> nodes.Node:
        """Return the file's name, in HTML linked to its page in the book."""
        label = nodes.literal(text=name)
        builder = self.env.app.builder
        if builder.format != "html" or "/__" in name:
            return label  # __init__ and __main__ are printed whole anyway
        module = name.removesuffix(".py").replace("/", ".")
        target = builder.get_relative_uri(
            self.env.docname, f"_modules/{module.replace('.', '/')}"
        )
        if "pyobject" in self.options:
            # Special methods and properties have no anchor: their class is
            # near enough.
            owner, _, last = piece.rpartition(".")
            text = Path(self.env.srcdir, name).read_text()
            bare = (
                last.startswith("__") or f"@property\n    def {last}(" in text
            )
            target += "#" + (owner if owner and bare else piece)
        link = nodes.reference("", "", internal=True, refuri=target)
        link += label
        return link


class ShowBeside(SphinxPostTransform):
    """Show equations of a page once more, beside the lines that state them."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Copy them, without their labels; who listens has heard them."""
        known = {
            equation["label"]: equation
            for equation in self.document.findall(nodes.math_block)
            if equation.get("label")
        }
        for place in list(self.document.findall(nodes.container)):
            for label in place.get("equations", []):
                link = (
                    f'<a href="#{known[label]["ids"][0]}" tabindex="-1" '
                    'aria-hidden="true">'
                )
                tex = known[label].astext().rstrip(" .,")
                place += [
                    nodes.raw("", link, format="html"),
                    nodes.math_block(tex, tex, nowrap=False, number=None),
                    nodes.raw("", "</a>", format="html"),
                ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and how a browser gets its docstrings."""
    app.add_node(
        nodes.literal_block, override=True, html=(visit_listing, None)
    )
    app.add_directive("literalinclude", Listing, override=True)
    app.add_post_transform(ShowBeside)
    return {"version": "1", "parallel_read_safe": True}
