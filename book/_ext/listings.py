"""Listings that know where they come from.

Every ``literalinclude`` of a package file gets a caption with the file's name
and the lines it took, linked to the full source inside the book, and a label
``listing-<object>`` for ``{numref}``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude, LiteralIncludeReader

PACKAGE = "scratchcnn"


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


class Listing(LiteralInclude):
    """A ``literalinclude`` that says which lines of which file it shows."""

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
                last = lines[0] + text.count("\n")
            for caption in node.findall(nodes.caption):
                caption.children.clear()
                caption += self.source_link(name, piece)
                caption += nodes.Text(f", lines {lines[0]}\N{EN DASH}{last}")
        return found

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
            # Special methods are not documented: their class is near enough.
            target += "#" + piece.partition(".__")[0]
        link = nodes.reference("", "", internal=True, refuri=target)
        link += label
        return link


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("literalinclude", Listing, override=True)
    return {"version": "1", "parallel_read_safe": True}
