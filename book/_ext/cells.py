"""What a reader sees of a cell: what teaches, and one line for the rest.

The code of a cell tagged ``hide-input`` folds to a short "Code" below what it
shows; a cell tagged ``claims`` folds to a line that says how many claims were
checked. Neighbors share a line: cells that show nothing join the next one that
does, and claims stand beside the code of the figure before them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import filterfalse, groupby
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


def is_claims(cell: nodes.Element) -> bool:
    """Say whether a cell only checks and computes what the text says."""
    return "claims" in cell["cell_metadata"].get("tags", [])


def is_folded(node: nodes.Node) -> bool:
    """Say whether a node is a cell whose code does not stay open."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and (is_claims(node) or node.get("hide_mode") == "input")
    )


def parts(cells: Iterable[nodes.Element], *kinds: str) -> list[nodes.Element]:
    """Return the parts of cells that are of some kinds, in their order."""
    return [
        part
        for cell in cells
        for part in cell.children
        if isinstance(part, nodes.Element)
        and part["nb_element"].removeprefix("cell_code_") in kinds
    ]


def shows(cell: nodes.Element) -> bool:
    """Say whether something of a folded cell stays open."""
    return not is_claims(cell) and bool(parts([cell], "output"))


def count_claims(part: nodes.Element) -> int:
    """Count the assertions in a cell's source; in a loop, too, one is one."""
    if part["nb_element"] != "cell_code_source":
        return 0
    count = 0
    for node in ast.walk(ast.parse(part.astext())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            count += name == "claim" or name.startswith("assert_")
        count += isinstance(node, ast.Assert)
    return count


def summarize(count: int) -> str:
    """Return the line of cells with so many claims."""
    if not count:
        return "Numbers in the text, computed here"
    claims = f"{count} claim{'s' if count > 1 else ''}"
    return f"{claims} checked when this page was built"


def groups(cells: list[nodes.Element]) -> list[list[nodes.Element]]:
    """Divide neighbors, so that each group that can shows one thing.

    Claims belong to what was shown before them; the code of a cell that shows
    nothing belongs to what comes after it, if anything does.
    """
    found: list[list[nodes.Element]] = [[]]
    for cell in cells:
        if any(map(shows, found[-1])) and not is_claims(cell):
            found.append([])
        found[-1].append(cell)
    if len(found) > 1 and not any(map(shows, found[-1])):
        rest = found.pop()
        found[-1] += rest
    return found


def details(
    kind: str, summary: str, pieces: list[nodes.Element]
) -> list[nodes.Element]:
    """Return an element that opens without a script, and what it hides."""
    begin = f'<details class="{kind}"><summary>{summary}</summary>'
    return [
        nodes.raw("", begin, format="html"),
        *pieces,
        nodes.raw("", "</details>", format="html"),
    ]


def fold(cells: list[nodes.Element]) -> None:
    """Make one cell of a group: what it shows, and below that its lines."""
    claims, hidden = filter(is_claims, cells), filterfalse(is_claims, cells)
    checks = parts(claims, "source", "output")
    code = parts(hidden, "source", "tools")
    pieces = parts(filter(shows, cells), "output")
    if checks:
        count = sum(map(count_claims, checks))
        pieces += details("claims", summarize(count), checks)
    if code:
        pieces += details("code", "Code", code)
    home = next(filter(shows, cells), cells[-1])
    for cell in cells:
        if cell is not home:
            cell.parent.remove(cell)
    home.attributes.pop("hide_mode", None)  # MyST-NB would hide it once more
    home["classes"].append("folded")
    home.clear()
    home += pieces


class FoldCells(SphinxPostTransform):
    """Fold the cells of a page, before MyST-NB hides them in its own way."""

    default_priority = 190
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Fold every group of neighbors."""
        for parent in list(self.document.findall(nodes.Element)):
            for folded, run in groupby(list(parent.children), is_folded):
                for cells in groups(list(run)) if folded else []:
                    fold(cells)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step."""
    app.add_post_transform(FoldCells)
    return {"version": "1", "parallel_read_safe": True}
