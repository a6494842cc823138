"""The pages of Part I, run in the page, give the numbers of Python.

A page has an excerpt of the images, so the same cells are run here on the
same excerpt, and what both print is compared number by number. NumPy for the
browser sums in another order, and so the numbers agree up to rounding.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pages import parts

from tests.browsing import CHROMIUM, HTML

ROOT = Path(__file__).parents[2]
MISSING = [
    name
    for name, there in {
        "a book built with Pyodide": (HTML / "_static/python").is_dir(),
        "Chromium": CHROMIUM,
        "playwright": find_spec("playwright"),
    }.items()
    if not there
]
if MISSING:
    pytest.skip(f"needs {', '.join(MISSING)}", allow_module_level=True)

pytestmark = pytest.mark.browser
PART_I = [
    page
    for page in dict(parts(ROOT))["Part I: A network by hand"]
    if 'id="program"' in (HTML / f"{page}.html").read_text("utf-8")
]
PATIENCE = 600_000  # milliseconds
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")
LARGEST = 1e-5  # what rounding may change, of a number or of one
IDLE = "() => !document.documentElement.classList.contains('running')"
OPEN = "() => document.querySelectorAll('details').forEach((d) => d.open = 1)"
NATIVE = """
import json, sys
sys.path[:0] = [sys.argv[1]]
import in_page
sys.meta_path[:0] = [in_page.Silence()]
def cells(program):  # whose own names are not the page's
    for item in program:
        if "shown" in item and "lacks" not in item:
            texts = []
            say = lambda text, *_: texts.append(text)
            well = in_page.run(say, item["id"], item["source"])
            yield item["id"], (well, "".join(texts))
sys.stdout.write(json.dumps(dict(cells(json.load(sys.stdin)))))
"""


@pytest.fixture
def tab(browser: Any, server: str) -> Iterator[Any]:
    """Open a tab, and let it ask nobody else for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    context.close()
    own = server, "blob:", "data:"
    assert [url for url in asked if not url.startswith(own)] == []


def run(tab: Any, name: str, button: str = "Run") -> str:
    """Press a button of an item, and return what it says in the end."""
    item = tab.locator(f'[id="{name}"]')
    item.get_by_role("button", name=f"{button}:").click()
    tab.wait_for_function(IDLE)
    return item.locator(".ran pre").text_content()


def program_of(page: str) -> list[dict[str, Any]]:
    """Return what a page lists."""
    html = (HTML / f"{page}.html").read_text("utf-8")
    return json.loads(re.search(r'id="program">(.*?)</script>', html)[1])


def natively(page: str, folder: Path) -> dict[str, tuple[bool, str]]:
    """Run the cells of a page on its excerpt, without a browser."""
    with zipfile.ZipFile(HTML / "_static/python/book.zip") as archive:
        archive.extractall(folder)
    done = subprocess.run(
        [sys.executable, "-c", NATIVE, str(folder)],
        input=json.dumps(program_of(page)),
        capture_output=True,
        text=True,
        env={
            "PYTHONPATH": str(ROOT),
            "SCRATCHCNN_DATA": str(folder / "data"),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        },
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("page", PART_I)
def test_cells_give_the_numbers_of_python(tab, server, page, tmp_path):
    wanted = natively(page, tmp_path)
    tab.goto(f"{server}{page}.html")
    tab.evaluate(OPEN)
    compared = 0
    for item in program_of(page):
        if not item.get("shown") or "lacks" in item:
            continue
        well, text = wanted[item["id"]]
        said = run(tab, item["id"])
        if not well:
            assert said.splitlines()[-1] == text.splitlines()[-1]
            return
        assert NUMBER.sub("#", said).split() == NUMBER.sub("#", text).split()
        numbers = [[*map(float, NUMBER.findall(t))] for t in (said, text)]
        assert numbers[0] == pytest.approx(
            numbers[1], rel=LARGEST, abs=LARGEST
        )
        compared += len(numbers[0])
    assert compared


def test_nothing_of_python_is_loaded_before_a_click(tab, server):
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(server + "book/layers/dense.html", wait_until="networkidle")
    assert not [url for url in asked if "python/" in url or "worker" in url]


def test_a_listing_is_edited_judged_and_brought_back(tab, server):
    tab.goto(server + "book/layers/dense.html")
    name = "listing-layers-dense-dense-backward"
    item = tab.locator(f"#{name}")
    item.get_by_role("button", name="Edit:").press("Enter")
    editor = item.locator("textarea")
    assert editor.evaluate("(e) => e === document.activeElement")
    wrong = editor.input_value().replace("dy.T, x", "dy.T, 2 * x")
    editor.fill(wrong)
    said = run(tab, name)
    assert "dw is wrong in every probe." in said
    assert "Yours is 2 times the right one." in said
    tab.reload()
    assert editor.input_value() == wrong
    item.get_by_role("button", name="Reset:").click()
    assert editor.is_hidden()
    item.get_by_role("button", name="Edit:").click()
    assert run(tab, name).startswith("dense: healthy in all ")


PART_III = "residual", "global_pooling", "depthwise_convolution"
PART_III += "transposed_convolution", "blur_pooling"
FILES = "layers/dense", *(f"layers/{name}" for name in PART_III)


@pytest.mark.parametrize("module", [*FILES, "losses/label_smoothing"])
def test_a_file_of_the_workbook_is_written_and_checked(tab, server, module):
    tab.goto(f"{server}book/{module}.html")
    name = f"write-{Path(module).name}"
    item = tab.locator(f"#{name}")
    item.get_by_role("button", name="Write it here:").click()
    assert "not yet written" in run(tab, name, "Check")
    text = (ROOT / f"scratchcnn/{module}.py").read_text("utf-8")
    item.locator("textarea").fill(text)
    assert "healthy" in run(tab, name, "Check")


def test_an_error_has_its_line_and_what_never_ends_is_stopped(tab, server):
    tab.goto(server + "book/layers/dense.html")
    shown = [x for x in program_of("book/layers/dense") if x.get("shown")]
    item = tab.locator(f'[id="{shown[0]["id"]}"]')
    item.get_by_role("button", name="Edit:").click()
    editor = item.locator("textarea")
    editor.fill("x = 1\nx / 0")
    editor.press("Control+Enter")
    tab.wait_for_function(IDLE)
    said = item.locator(".ran pre").text_content()
    assert "line 2" in said
    assert "ZeroDivisionError" in said
    editor.fill("while True: pass")
    item.get_by_role("button", name="Run:").click()
    tab.wait_for_timeout(500)
    item.get_by_role("button", name="Stop:").click()
    tab.wait_for_function(IDLE)
    assert "Stopped." in item.locator(".ran pre").text_content()
    editor.fill("1 + 1")
    assert run(tab, shown[0]["id"]) == "2\n"


def test_a_page_opened_as_a_file_says_what_to_do(browser):
    tab = browser.new_page()
    tab.goto(f"file://{HTML}/book/layers/dense.html")
    tab.get_by_role("button", name="Run:").first.click()
    said = tab.locator(".ran pre:visible").text_content()
    tab.close()
    assert "python -m http.server" in said
