"""Trust made visible: what is behind an equation, a listing and a number.

Below each numbered equation a line opens the tests that run it. Below each
listing in which bugs of the catalogue were planted, a line opens their names,
how people come to make them, and what noticed them. Each number that a cell
hands to the text leads to this cell, which lists its numbers in turn; with
the keyboard the cell comes first, so that a number is no stop of its own.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.ext.glue.roles import PasteTextRole
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
            if not isinstance(node, ast.FunctionDef):
                continue
            place = f"{path.relative_to(root).as_posix()}::{node.name}"
            for label in marked_labels(node):
                source = ast.get_source_segment(text, node) or ""
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
                box = nodes.container(classes=["tested"])
                equation.parent[equation.parent.index(equation)] = box
                box += [equation, details("proof", "Tested", body)]
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


class Number(PasteTextRole):  # type: ignore[misc]
    """``{glue:text}``: a number, and the name that its cell gave it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Note the name on the number."""
        found, messages = super().run()
        for number in found:
            number["number"] = self.text.partition(":")[0]
        return found, messages


def given_names(source: str) -> list[str]:
    """Return patterns of the names that a cell gives to its numbers."""
    found = []
    for node in ast.walk(ast.parse(re.sub(r"(?m)^[%!].*", "", source))):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("number", "verdict")
            and node.args
        ):
            name = node.args[0]
            pieces = name.values if isinstance(name, ast.JoinedStr) else [name]
            found.append(
                "".join(
                    re.escape(str(piece.value))
                    if isinstance(piece, ast.Constant)
                    else ".+"
                    for piece in pieces
                )
            )
    return found


def home_of(name: str, patterns: Iterable[tuple[str, Any]]) -> Any:
    """Return what stands beside the pattern that says most of a name.

    Raises
    ------
    ValueError
        If no cell gives the name.
    """
    found = [
        (len(pattern.replace(".+", "")), home)
        for pattern, home in patterns
        if re.fullmatch(pattern, name)
    ]
    if not found:
        raise ValueError(f"No cell of the page computes {name}.")
    return max(found, key=lambda pair: pair[0])[1]


class OpenNumbers(SphinxPostTransform):
    """Link each number with its cell, and the cell with its numbers."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Look for the numbers of a page."""
        patterns = [
            (pattern, cell)
            for cell in self.document.findall(nodes.container)
            if cell.get("nb_element") == "cell_code_source"
            for pattern in given_names(cell.astext())
        ]
        count: Counter[str] = Counter()
        back: dict[str, tuple[nodes.Element, list[str]]] = {}
        for number in list(self.document.findall(nodes.inline)):
            if "number" not in number:
                continue
            name = number["number"]
            cell = home_of(name, patterns)
            mark = nodes.make_id(name)
            if not cell["ids"]:
                cell["ids"].append(f"computed-{mark}")
            home = cell["ids"][0]
            count[mark] += 1
            if count[mark] == 1:
                link = f'<a href="#number-{mark}">{escape(name)}</a>'
                back.setdefault(home, (cell, []))[1].append(link)
            else:
                mark += f"-{count[mark]}"
            number["ids"].append(f"number-{mark}")
            begin = (
                f'<a class="computed" href="#{home}" tabindex="-1" '
                'title="Show the cell that computed this">'
            )
            place = number.parent.index(number)
            number.parent[place : place + 1] = [
                nodes.raw("", begin, format="html"),
                number,
                nodes.raw("", "</a>", format="html"),
            ]
        for cell, links in back.values():
            line = f'<p class="numbers">In the text: {", ".join(links)}</p>'
            cell.parent.insert(
                cell.parent.index(cell) + 1,
                nodes.raw("", line, format="html"),
            )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role and the steps."""
    app.add_role_to_domain("glue", "text", Number(), override=True)
    app.add_post_transform(ShowTrust)
    app.add_post_transform(OpenNumbers)
    return {"version": "1", "parallel_read_safe": True}
