"""A search over the prose of the book.

Every section is an entry: its title, its words, and the names by which people
look for what it defines, which are the terms of its index entries and those
of `ALIASES`. Code, outputs and the commands of formulas are left out. The
index is a script, which a page loads when its search is first opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pages import heading, parts
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# Names by which people look for a chapter that calls its subject otherwise.
ALIASES = {
    "book/one_hour": "story of one weight, one weight's story",
    "book/layer": "backpropagation, backprop, chain rule, backward pass",
    "book/layers/dense": "dw, dx, db, linear layer, fully connected",
    "book/layers/convolution-forward": "im2col, cross-correlation, conv2d",
    "book/layers/convolution-backward": "kernel flip, flipped kernel, col2im, "
    "transposed convolution",
    "book/layers/reshape": "why reshape, flatten",
    "book/layers/logits": "sigmoid, logistic regression",
    "book/losses/cross_entropy": "softmax overflow, log-sum-exp, softmax",
    "book/losses/label_smoothing": "ece, overconfidence, temperature scaling",
    "book/training/averaging": "ema, swa, exponential moving average, cutout",
    "book/layers/initialization": "he initialization, xavier, glorot",
    "book/layers/batch_normalization": "batch norm, batchnorm",
    "book/training/optimizers": "sgd, momentum, weight decay",
    "book/gradient_check": "numerical gradient, finite differences",
    "book/convolutions/forward": "fft, winograd, fast convolution",
    "book/autograd/tensor": "automatic differentiation, computation graph, "
    "tape",
}
Entry = tuple[str, str, str, str]  # anchor, title, names, words


def plain(tex: str) -> str:
    """Return a formula without its commands, such as dw."""
    tex = re.sub(r"\\(mathrm|mathbf|text|operatorname)\b", "", tex)
    return re.sub(r"\\[a-zA-Z]+|[\\{}]", "", tex).strip()


def words(node: nodes.Element) -> str:
    """Return the text of a paragraph, with its formulas plain."""
    pieces = [
        plain(text) if isinstance(text.parent, nodes.math) else str(text)
        for text in node.findall(nodes.Text)
    ]
    return " ".join("".join(pieces).split())


def prose(section: nodes.Element) -> Iterator[nodes.Element]:
    """Yield what is read in a section, but not in those inside it."""
    for child in section.children:
        if isinstance(child, nodes.section) and not child["ids"][0].startswith(
            ("exercise-content", "solution-content")
        ):
            continue
        if isinstance(child, nodes.container) and "nb_element" in child:
            yield from child.findall(nodes.caption)
        elif isinstance(child, nodes.paragraph | nodes.term | nodes.caption):
            yield child
        elif isinstance(child, nodes.Element):
            yield from prose(child)


def names(section: nodes.Element) -> str:
    """Return the index entries of a section, not of those inside it."""
    entries = [
        entry[1]
        for index in section.findall(addnodes.index)
        if index.parent is section
        for entry in index["entries"]
    ]
    return ", ".join(entry.replace(";", "") for entry in entries)


def collect(app: Sphinx, tree: nodes.document) -> None:
    """Note the sections of a page."""
    page, found = app.env.docname, list[Entry]()
    for section in tree.findall(nodes.section):
        title = next(
            (c for c in section.children if isinstance(c, nodes.title)), None
        )
        if title is None:
            continue
        top = not found
        text = " ".join(map(words, prose(section)))
        called = [names(section), ALIASES.get(page, "") if top else ""]
        anchor = "" if top else section["ids"][0]
        found.append(
            (anchor, words(title), ", ".join(filter(None, called)), text)
        )
    entries_of(app.env)[page] = found


def entries_of(env: BuildEnvironment) -> dict[str, list[Entry]]:
    """Return the entries of a build, by page."""
    entries: dict[str, list[Entry]] = vars(env).setdefault("search", {})
    return entries


def purge(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """Forget a page."""
    entries_of(env).pop(page, None)


def merge(
    app: Sphinx,
    env: BuildEnvironment,
    pages: set[str],
    other: BuildEnvironment,
) -> None:
    """Take over what another process has read."""
    entries_of(env).update(
        {page: entries_of(other)[page] for page in sorted(pages)}
    )


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the index, page by page in reading order."""
    if error or app.builder.format != "html":
        return
    env = app.env
    order = [env.config.root_doc]
    for _, pages in parts(Path(app.srcdir)):
        order += pages
    index = [
        [app.builder.get_target_uri(page), heading(env, page), *entry]
        for page in order
        for entry in entries_of(env).get(page, [])
    ]
    content = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    target = Path(app.outdir) / "_static" / "search-index.js"
    target.write_text(f"searchBook({content});\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the steps."""
    app.connect("doctree-read", collect, priority=900)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True}
