"""The fields of exercises that answer.

A cell tagged ``answers`` computes what its exercise's fields accept
(`answers`). The page shows the fields, and neither the cell nor what it says.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

FIELD = '<form class="answer'


def is_answers(node: nodes.Node) -> bool:
    """Say whether a node is a cell that computes answers."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and "answers" in node["cell_metadata"].get("tags", [])
    )


class ShowFields(SphinxPostTransform):
    """Show fields in the place of the cells, before others are folded."""

    default_priority = 189
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Replace the cells of a page."""
        for cell in list(self.document.findall(is_answers)):
            fields = [
                nodes.raw("", output.astext(), format="html")
                for output in cell.findall(nodes.raw)
                if output.astext().startswith(FIELD)
            ]
            place = cell.parent.index(cell)
            cell.parent[place : place + 1] = fields


def load_script(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Let the layout load the script on pages with fields."""
    context["fields"] = tree is not None and any(
        raw.astext().startswith(FIELD) for raw in tree.findall(nodes.raw)
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step, and the script."""
    app.add_post_transform(ShowFields)
    app.connect("html-page-context", load_script)
    return {"version": "1", "parallel_read_safe": True}
