"""Explorers in the figures of a page, and the scripts that they need.

A cell that has shown an explorer (`explorers`) stands before a figure; the
element goes into the figure, and the cell's code joins that of the figure.
One that needs no script may name equations and listings, to be linked.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ELEMENT = re.compile(
    r'<(?:(\w+)-explorer class="explorer"|div class="explorer \w+")>'
)
LINK = re.compile(r'<a href="(equation|listing):([\w-]+)">')
BASES = {
    "gallery": "arithmetic",
    "logits": "sliders",
    "momentum": "sliders",
    "roofline": "sliders",
}


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
            html = LINK.sub(self.linked, raw.astext())
            element = nodes.raw("", html, format="html")
            order[order.index(raw) + 1].insert(0, element)

    def linked(self, link: re.Match[str]) -> str:
        """Return the beginning of a link to an equation or to a listing."""
        kind, name = link.groups()
        label = f"{kind}-{name}"
        if kind == "equation":
            page, _ = self.env.get_domain("math").data["objects"][name]
            ident = nodes.make_id(label)
            places = self.env.toc_fignumbers[page]["displaymath"][ident]
            words = f"({'.'.join(map(str, places))})"
        else:
            known = self.env.get_domain("std").data["anonlabels"]
            (page, ident), words = known[label], ""
        uri = self.app.builder.get_relative_uri(self.env.docname, page)
        return f'<a href="{uri}#{ident}">{words}'


def load_scripts(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Let the layout load what the explorers of a page need."""
    text = "".join(raw.astext() for raw in explorers(tree)) if tree else ""
    found = set(ELEMENT.findall(text))
    names = sorted(filter(None, found))
    bases = sorted({BASES.get(name, "explorer") for name in names})
    scripts = ["arithmetic", *bases, *names] if names else []
    context["explorers"] = [*dict.fromkeys(scripts)] if found else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step, and the scripts."""
    app.add_post_transform(PlaceExplorers)
    app.connect("html-page-context", load_scripts)
    return {"version": "1", "parallel_read_safe": True}
