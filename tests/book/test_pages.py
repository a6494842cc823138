"""Every built page in a real browser.

These tests need the built book, Chromium, and the dependency group `browser`;
where one of them is absent they are skipped, and say so in one line.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HTML = Path(__file__).parents[2] / "_build" / "html"
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in [*HTML.glob("book/**/*.html"), *HTML.glob("genindex.html")]
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]

# Faults of the theme itself, by rule and by what they are found on.
THEME = {
    ("label", "#search-input"),
    ("landmark-unique", ".primary-sidebar"),
    ("aria-allowed-role", "citation"),
    ("aria-deprecated-role", "citation"),
    ("aria-required-children", "citation"),
    ("region", "sidebar-primary-item"),
}
AXE = {"resultTypes": ["violations"], "preload": False}
RENDERED = """() => ({
  formulas: document.querySelectorAll('.math').length,
  rendered: document.querySelectorAll('mjx-container').length,
  broken: document.querySelectorAll('mjx-merror').length,
  excess: document.documentElement.scrollWidth - window.innerWidth,
  cut: [...document.querySelectorAll('div.math')].filter(
    (e) => e.scrollWidth > e.clientWidth
      && getComputedStyle(e).overflowX !== 'auto').length,
})"""

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start one headless Chromium for all pages of a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Serve the built book on this machine; return its address."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = partial(Silent, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}/"
        http.shutdown()


def visit(
    browser: Any, base: str, page: str, scheme: str, width: int
) -> tuple[dict[str, int], list[str], list[str]]:
    """Open a page; return its measures, its complaints, and axe's."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    tab = context.new_page()
    complaints: list[str] = []
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
    tab.evaluate("() => window.MathJax?.startup?.promise")
    tab.evaluate("() => new Promise(requestAnimationFrame)")
    measures = tab.evaluate(RENDERED)
    found = Axe().run(tab, options=AXE).response
    faults = [
        f"{rule['id']}: {' '.join(map(str, node['target']))}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if not any(
            rule["id"] == name and where in node["html"] + str(node["target"])
            for name, where in THEME
        )
    ]
    context.close()
    return measures, complaints, faults


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_page_in_a_browser(
    browser: Any, server: str, page: str, scheme: str, width: int
):
    base = server if scheme == "light" else f"file://{HTML}/"
    measures, complaints, faults = visit(browser, base, page, scheme, width)
    assert complaints == []
    assert faults == []
    assert measures["rendered"] >= measures["formulas"]
    assert measures["broken"] == 0
    assert measures["cut"] == 0
    assert measures["excess"] <= 0
