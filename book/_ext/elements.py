"""Explorers in the figures of a page, and the scripts that they need.

A cell that has shown an explorer (`explorers`) stands before a figure; the
element goes into the figure, and the cell's code joins that of the figure.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ELEMENT = re.compile(r'<(\w+)-explorer class="explorer">')
BASES = {"logits": "sliders", "momentum": "sliders"}


def explorers(tree: nodes.Element) -> list[nodes.raw]:
    """Return the explorers in a tree."""
    raws = tree.findall(nodes.raw)
    return [raw for raw in raws if ELEMENT.match(raw.astext())]


class PlaceExplorers(SphinxPostTransform):
    """Move every explorer into the figure that follows it."""

    default_priority = 189  # before the code of cells is folded
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Move the explorers of a page."""
        found = explorers(self.document)
        order = [
            node
            for node in self.document.findall()
            if node in found or isinstance(node, nodes.figure)
        ]
        for raw in found:
            output = raw.parent
            while output["nb_element"] != "cell_code_output":
                output = output.parent
            output.parent.remove(output)
            element = nodes.raw("", raw.astext(), format="html")
            order[order.index(raw) + 1].insert(0, element)


def load_scripts(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Let the layout load what the explorers of a page need."""
    text = "".join(raw.astext() for raw in explorers(tree)) if tree else ""
    names = sorted(set(ELEMENT.findall(text)))
    bases = sorted({BASES.get(name, "explorer") for name in names})
    context["explorers"] = names and ["arithmetic", *bases, *names]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step, and the scripts."""
    app.add_post_transform(PlaceExplorers)
    app.connect("html-page-context", load_scripts)
    return {"version": "1", "parallel_read_safe": True}
