"""Every built page in a real browser.

These tests need the built book, Chromium, and the dependency group `browser`;
where one of them is absent they are skipped, and say so in one line.
"""

from __future__ import annotations

import gzip
import re
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.browsing import CHROMIUM, HTML

PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in [*HTML.glob("book/**/*.html"), *HTML.glob("*.html")]
)
# Faults of Sphinx itself, by rule and by what they are found on.
SPHINX = {
    ("aria-allowed-role", "citation"),
    ("aria-deprecated-role", "citation"),
    ("aria-required-children", "citation"),
}
MOST_BYTES, MOST_SHIFT, MOST_STOPS = 400_000, 0.02, 12
QUERIES = {
    "im2col": "book/layers/convolution-forward.html",
    "dw": "book/layers/dense.html",
    "kernel flip": "book/layers/convolution-backward.html",
    "softmax overflow": "book/losses/cross_entropy.html",
    "backpropagation": "book/layer.html",
    "why reshape": "book/layers/reshape.html",
}
AXE = {"resultTypes": ["violations"], "preload": False}
RENDERED = """() => ({
  excess: document.documentElement.scrollWidth - window.innerWidth,
  silent: [...document.querySelectorAll('mjx-container')].filter(
    (e) => !e.querySelector('math')).length,
  uncued: [...document.querySelectorAll(
    'table, .wide, .scroll, pre, .listing')].filter((e) =>
      e.scrollWidth > e.clientWidth + 4 && !e.closest('.listing > *')
      && !getComputedStyle(e.closest('.wide, .scroll') ?? e)
        .backgroundImage.includes('gradient')).map((e) => e.outerHTML),
  idle: [...document.querySelectorAll('[tabindex="0"]')].filter((e) =>
    e.role !== 'gridcell' && e.scrollWidth <= e.clientWidth + 4).length,
  small: [...document.querySelectorAll('svg.drawing')].filter((e) =>
    e.checkVisibility() && e.getBoundingClientRect().width
      < parseFloat(e.style.minWidth) - 1).length,
  stops: [...document.querySelectorAll('a[href], button, input, summary')]
    .filter((e) => e.checkVisibility() && e.compareDocumentPosition(
      document.querySelector('main')) & Node.DOCUMENT_POSITION_FOLLOWING)
    .length,
  shift: window.shifted,
  crossing: [...document.querySelectorAll(
    '.aside, .beside, figcaption, details.proof')].map(
      (e) => e.getBoundingClientRect()).filter((a, i, all) => all.some(
        (b, k) => k < i && a.width && b.width && a.left < b.right
          && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length,
  cut: [...document.querySelectorAll('.wide, .scroll, pre, .listing')].filter(
    (e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 4)
    .map((e) => e.outerHTML),
  outside: [...document.querySelectorAll('article *')].filter((e) =>
    e.getBoundingClientRect().right > window.innerWidth + 1
      && !e.closest('.wide, .scroll, pre, .listing, .headerlink')
      && !e.closest('mjx-assistive-mml') && !e.matches('svg *')
      && e.checkVisibility()).map((e) => e.outerHTML),
})"""
PRINTED = """() => ({
  togglers: [...document.querySelectorAll('summary, button, nav')].filter(
    (e) => e.checkVisibility() && !e.matches('.solution > *, .listing *'))
    .map((e) => e.outerHTML),
  closed: [...document.querySelectorAll(
    '.solution > p, .listing details > pre')].filter(
    (e) => !e.getBoundingClientRect().height).map((e) => e.outerHTML),
  outside: [...document.querySelectorAll('article *')].filter((e) =>
    e.getBoundingClientRect().right > window.innerWidth + 4
      && !e.closest('mjx-assistive-mml') && e.checkVisibility())
    .map((e) => e.outerHTML),
})"""
# The size of the text, and the characters and lines of long paragraphs.
LINES = """() => {
  const { fontSize, lineHeight } = getComputedStyle(document.body);
  const texts = [...document.querySelectorAll('article section > p')].filter(
    (e) => e.innerText.length > 250
      && !e.querySelector('mjx-container, code'));
  return [parseFloat(fontSize), texts.map((e) =>
    [e.innerText.length, e.clientHeight / parseFloat(lineHeight)])];
}"""
WATCH_SHIFT = """window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });"""

MISSING = [
    name
    for name, there in {
        "the built book (make book)": PAGES,
        "Chromium": CHROMIUM,
        "playwright": find_spec("playwright"),
        "axe-playwright-python": find_spec("axe_playwright_python"),
    }.items()
    if not there
]
if MISSING:
    pytest.skip(f"needs {', '.join(MISSING)}", allow_module_level=True)

pytestmark = pytest.mark.browser


def without_drawings(text: str) -> str:
    """Return a page without its figures."""
    return re.sub(r'<svg class="drawing".*?</svg>', "", text, flags=re.S)


def weight(page: str, files: list[str]) -> int:
    """Return the bytes of what was loaded, compressed, without figures."""
    total = 0
    for name in files:
        content = (HTML / name.partition("?")[0]).read_bytes()
        if name == page:
            content = without_drawings(content.decode()).encode()
        total += len(gzip.compress(content))
    return total


def printed(tab: Any) -> tuple[dict[str, list[str]], int]:
    """Return what paper shows wrongly of an open page, and its lightness."""
    tab.set_viewport_size({"width": 680, "height": 900})
    tab.emulate_media(media="print")
    found = tab.evaluate(PRINTED)
    shot = Image.open(BytesIO(tab.screenshot())).convert("L")
    return found, shot.getpixel((1, 1))


def visit(
    browser: Any, base: str, page: str, scheme: str, width: int
) -> tuple[dict[str, int], list[str], list[str], list[str], Any]:
    """Open a page; return measures, complaints, axe's, files, and paper."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    tab = context.new_page()
    tab.add_init_script(WATCH_SHIFT)
    complaints: list[str] = []
    loaded: list[str] = []
    tab.on("response", lambda r: loaded.append(r.url.removeprefix(base)))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "console",
        lambda line: (
            complaints.append(line.text)
            if line.type in ("error", "warning")
            else None
        ),
    )
    tab.on("requestfailed", lambda r: complaints.append(f"failed: {r.url}"))
    tab.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((base, "data:", "blob:"))
            else complaints.append(f"foreign: {r.url}")
        ),
    )
    tab.goto(base + page, wait_until="load")
    tab.evaluate("() => document.fonts.ready")
    tab.evaluate("() => new Promise(requestAnimationFrame)")
    measures = tab.evaluate(RENDERED)
    found = Axe().run(tab, options=AXE).response
    faults = [
        f"{rule['id']}: {' '.join(map(str, node['target']))}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if not any(
            rule["id"] == name and where in node["html"] + str(node["target"])
            for name, where in SPHINX
        )
    ]
    paper = printed(tab)
    context.close()
    return measures, complaints, faults, loaded, paper


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_page_in_a_browser(
    browser: Any, server: str, page: str, scheme: str, width: int
):
    base = server if scheme == "light" else f"file://{HTML}/"
    measures, complaints, faults, loaded, paper = visit(
        browser, base, page, scheme, width
    )
    assert complaints == []
    assert faults == []
    assert measures["excess"] <= 0
    assert measures["silent"] == 0
    assert measures["uncued"] == []
    assert measures["idle"] == 0
    assert measures["small"] == 0
    assert measures["stops"] <= MOST_STOPS
    assert measures["shift"] <= MOST_SHIFT
    assert measures["crossing"] == 0
    assert measures["outside"] == []
    assert width < 1280 or measures["cut"] == []
    assert page in loaded
    assert weight(page, loaded) <= MOST_BYTES
    # On paper all is open, nothing is cut, and the ground is white.
    assert paper == ({"togglers": [], "closed": [], "outside": []}, 255)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_script(browser: Any, page: str):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"file://{HTML}/{page}")
    text = tab.inner_text("main")
    assert not re.search(r"\\\(|\\\[|\\(mathrm|frac|sum)\b", text)
    for scheme in "light", "dark":
        tab.emulate_media(color_scheme=scheme)
        shot = Image.open(BytesIO(tab.screenshot())).convert("L")
        assert (shot.getpixel((1, 1)) > 128) == (scheme == "light")
    context.close()


@pytest.mark.parametrize("query", QUERIES)
def test_the_search_finds_the_chapter_first(
    browser: Any, server: str, query: str
):
    tab = browser.new_page()
    tab.goto(server + "book/layers/relu.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type(query)
    first = tab.wait_for_selector("dialog li a")
    found = first.evaluate("(link) => link.href")
    tab.close()
    assert found.partition("#")[0] == server + QUERIES[query]


def test_enter_goes_to_what_the_search_finds_first(browser: Any, server: str):
    tab = browser.new_page()
    tab.goto(server + "book/layers/relu.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("im2col")
    tab.wait_for_selector("dialog li a")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/convolution-forward.html**")
    tab.close()


def test_a_number_opens_its_cell_which_leads_back(browser: Any, server: str):
    tab = browser.new_page()
    tab.goto(server + "book/layers/dense.html")
    tab.locator("a.computed").first.click()
    cell = tab.locator("details.claims[open]")
    cell.locator("pre").wait_for()
    assert 'number("dense-check"' in cell.inner_text()
    cell.locator(".numbers a").press("Enter")
    assert tab.url.endswith("#number-dense-check")
    tab.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_late_font_moves_little(browser: Any, server: str, width: int):
    heights = []
    for fonts in "**/literata*", "**/none":
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.route(fonts, lambda route: route.abort())
        tab.goto(server + "book/layers/dense.html")
        tab.evaluate("() => document.fonts.ready")
        heights.append(tab.locator("article").bounding_box()["height"])
        tab.close()
    assert heights[0] == pytest.approx(heights[1], rel=MOST_SHIFT)


def test_a_line_has_about_66_characters(browser: Any, server: str):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(server + "book/bug_gallery.html")
    tab.evaluate("() => document.fonts.ready")
    size, lines = tab.evaluate(LINES)
    tab.close()
    assert 17 <= size <= 18
    # Half a line, on the average, remains empty below each paragraph.
    full = sum(count - 0.5 for _, count in lines)
    assert full >= 20
    assert 62 <= sum(characters for characters, _ in lines) / full <= 70
