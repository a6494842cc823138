"""Formulas that are set when the book is built.

MathJax runs in V8, inside Python: a page holds finished formulas, and beside
each the MathML that a screen reader speaks, so no script has to run before
they can be read. In a line of text, a formula may break after a relation or a
sum. The style sheet and the fonts are copied into the build.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from importlib.metadata import files
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

COMPONENTS = (
    "startup",
    "core",
    "adaptors/liteDOM",
    "input/tex-full",
    "output/chtml",
    "output/chtml/fonts/tex",
)
FONTS = "output/chtml/fonts/woff-v2"
SETUP = """
var window = globalThis, self = globalThis;
var console = { log() {}, warn() {}, error() {} };
var MathJax = {
  startup: { typeset: false },
  loader: { load: [] },
  tex: { tags: "none" },
  chtml: { fontURL: "maths", adaptiveCSS: false },
};
"""
RENDER = """
MathJax.loader.preLoad(...COMPONENTS.slice(1));
MathJax.startup.defaultReady();
const { adaptor, document: doc, toMML } = MathJax.startup;
const OPERATOR = 1, BINARY = 2, RELATION = 3, OPEN = 4, COMMA = 6;
const BEFORE_A_SIGN = [OPERATOR, BINARY, RELATION, OPEN, COMMA];

// Put the pieces of a line, each up to a relation or a sum, into boxes of
// their own, between which the line may break at a space. The minus of a
// negative number is no sum, and a single symbol does not stand alone.
function divide(math, top) {
  const pieces = [[]];
  adaptor.childNodes(math).forEach((child, k) => {
    pieces[pieces.length - 1].push(child);
    const { texClass } = top[k];
    const sum = texClass === BINARY && "+\u2212".includes(top[k].getText?.())
      && k && !BEFORE_A_SIGN.includes(top[k - 1].texClass)
      && k < top.length - 2;
    if (top[k].isKind("mo") && (texClass === RELATION || sum)) {
      pieces.push([]);
    }
  });
  const boxes = pieces.filter((piece) => piece.length).map((piece) =>
    adaptor.node("span", { class: "piece" }, piece));
  for (const child of [...adaptor.childNodes(math)]) adaptor.remove(child);
  boxes.forEach((box, k) => {
    if (k) {
      adaptor.removeAttribute(adaptor.firstChild(box), "space");
      const gap = adaptor.node("span", { class: "gap" }, [adaptor.text(" ")]);
      adaptor.append(math, gap);
    }
    adaptor.append(math, box);
  });
}

function render(tex, display) {
  const container = doc.convert(tex, { display });
  const item = doc.convert(tex, { display, end: 100 });
  const math = adaptor.firstChild(container);
  const top = item.childNodes.flatMap((row) =>
    row.isKind("mrow") && row.isInferred ? row.childNodes : [row]);
  if (!display && top.length === adaptor.childNodes(math).length) {
    divide(math, top);
  }
  adaptor.setAttribute(math, "aria-hidden", "true");
  const spoken = toMML(item).replace(/>\\s+</g, "><");
  const whole = adaptor.outerHTML(container);
  return whole.replace("</mjx-math>", "</mjx-math>" +
    `<mjx-assistive-mml>${spoken}</mjx-assistive-mml>`);
}
"""


def mathjax() -> Path:
    """Return the folder of the installed MathJax."""
    return next(
        Path(str(file.locate())).parent
        for file in files("sphinx-mathjax-offline") or []
        if file.name == "startup.js"
    )


@cache
def engine() -> MiniRacer:
    """Start MathJax, once in every process that writes pages."""
    racer = MiniRacer()
    Finalize(racer, racer.close, exitpriority=1)
    racer.eval(SETUP + f"const COMPONENTS = {json.dumps(COMPONENTS)};")
    for name in COMPONENTS:
        racer.eval((mathjax() / f"{name}.js").read_text())
    racer.eval(RENDER)
    return racer


@cache
def rendered(tex: str, display: bool) -> str:
    """Return a formula as HTML.

    Raises
    ------
    ValueError
        If MathJax does not understand it.
    """
    html = str(engine().eval(f"render({json.dumps(tex)}, {int(display)} > 0)"))
    if "<mjx-merror" in html:
        raise ValueError(f"MathJax does not understand {tex}")
    return html


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula that stands in a line."""
    translator.body.append(rendered(node.astext(), display=False))
    raise nodes.SkipNode


def visit_displaymath(
    translator: HTML5Translator, node: nodes.math_block
) -> None:
    """Write a formula of its own, and its number beside it."""
    tex = node.astext()
    if not node["nowrap"] and r"\\" in tex:
        tex = rf"\begin{{split}}{tex}\end{{split}}"
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    html = rendered(tex, display=True)
    translator.body.append(f'<div class="wide">{html}</div>')
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def set_maths(app: Sphinx, config: Config) -> None:
    """Choose this renderer."""
    config.html_math_renderer = "built"


def write_style(app: Sphinx, error: Exception | None) -> None:
    """Write MathJax's style sheet, copy its fonts, and end it."""
    if not error and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        style = "adaptor.textContent(MathJax.chtmlStylesheet())"
        (static / "maths.css").write_text(str(engine().eval(style)))
        fonts = mathjax() / FONTS
        shutil.copytree(fonts, static / "maths", dirs_exist_ok=True)
    if engine.cache_info().currsize:
        engine().close()
        engine.cache_clear()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer."""
    app.add_html_math_renderer(
        "built", (visit_math, None), (visit_displaymath, None)
    )
    app.connect("config-inited", set_maths, priority=900)
    app.connect("build-finished", write_style)
    return {"version": "1", "parallel_read_safe": True}
