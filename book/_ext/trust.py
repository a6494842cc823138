"""Trust made visible: what checks an equation, and what was planted in code.

Below each numbered equation a line opens the tests that run it. Below each
listing in which bugs of the catalogue were planted, a line opens their names,
how people come to make them, and what noticed them.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

Test = tuple[str, str]  # where it stands, and its text


def marked_labels(node: ast.FunctionDef) -> list[str]:
    """Return the labels of the equations that a test is marked with."""
    return [
        str(argument.value)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call)
        and ast.unparse(mark.func) == "pytest.mark.equation"
        for argument in mark.args
        if isinstance(argument, ast.Constant)
    ]


@cache
def equation_tests(root: Path) -> dict[str, list[Test]]:
    """Return the tests of every equation, by its label."""
    found: dict[str, list[Test]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                place = f"{path.relative_to(root).as_posix()}::{node.name}"
                source = ast.get_source_segment(text, node) or ""
                for label in marked_labels(node):
                    found.setdefault(label, []).append((place, source))
    return found


@cache
def bugs(root: Path) -> list[tuple[str, list[str], dict[str, Any]]]:
    """Return each bug's module, the texts it replaced, and its record."""
    from tools.bugs import BUGS

    record = json.loads((root / "book/records/mutants.json").read_text())
    known = {(bug["name"], bug["module"]): bug for bug in record["bugs"]}
    return [
        (
            f"scratchcnn/{bug.module}.py",
            [old.strip("\n") for old, _ in bug.edits],
            known[bug.name, bug.module],
        )
        for bug in BUGS
        if (bug.name, bug.module) in known
    ]


def details(kind: str, summary: str, body: str) -> nodes.raw:
    """Return an element that opens with a click."""
    html = f"<summary>{summary}</summary>{body}"
    return nodes.raw(
        "", f'<details class="{kind}">{html}</details>', format="html"
    )


def planted(found: list[dict[str, Any]]) -> nodes.raw:
    """Return the line about the bugs of a listing, and what it opens."""
    items = ""
    for bug in found:
        kinds = [kind for kind, noticed in bug["noticed"].items() if noticed]
        who = ", ".join(kinds) or "nothing"
        items += (
            f"<li><strong>{escape(bug['name'])}</strong>: "
            f"{escape(bug['why'])} <em>Noticed by: {escape(who)}.</em></li>"
        )
    count = f"{len(found)} bug{'s' if len(found) > 1 else ''} planted here"
    return details("planted", count, f"<ul>{items}</ul>")


class ShowTrust(SphinxPostTransform):
    """Add the lines to a page."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Look for equations with tests, and for listings with bugs."""
        root = Path(self.env.srcdir)
        highlight = self.app.builder.highlighter.highlight_block  # type: ignore[attr-defined]
        for equation in list(self.document.findall(nodes.math_block)):
            found = equation_tests(root).get(equation.get("label") or "", [])
            if found:
                body = "".join(
                    f"<p><code>{escape(place)}</code></p>"
                    f"{highlight(source, 'python')}"
                    for place, source in found
                )
                mark = details("proof", "Tested", body)
                parent = equation.parent
                parent.insert(parent.index(equation) + 1, mark)
        for block in list(self.document.findall(nodes.literal_block)):
            path = str(block.get("source", ""))
            inside = [
                bug
                for module, texts, bug in bugs(root)
                if path.endswith(module)
                and any(text in block.astext() for text in texts)
            ]
            if inside:
                box = block.parent
                box.parent.insert(box.parent.index(box) + 1, planted(inside))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step."""
    app.add_post_transform(ShowTrust)
    return {"version": "1", "parallel_read_safe": True}
