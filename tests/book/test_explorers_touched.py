"""Explorers in a real browser: by mouse, keyboard and finger.

These tests need Chromium and the dependency group `browser`, but no built
book: they write a page of their own.
"""

from __future__ import annotations

import copy
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elements import BASES
from explorers import compact, digits
from story import record, told

from scratchcnn import MeanSquaredError
from scratchcnn.models import two_class
from scratchcnn.training import gradient_step
from tests.browsing import CHROMIUM

SCRIPTS = Path(__file__).parents[2] / "book" / "_static" / "explorers"
AXE = {"resultTypes": ["violations"], "preload": False}
if not CHROMIUM or not all(
    map(find_spec, ("playwright", "axe_playwright_python"))
):
    pytest.skip("needs Chromium and playwright", allow_module_level=True)

pytestmark = pytest.mark.browser

EXAMPLE = {
    "images": {
        "example": [
            [[1, 0, 2, 1], [3, 1, 0, 2], [0, 2, 1, 1]],
            [[0, 1, 1, 0], [2, 0, 1, 1], [1, 0, 0, 2]],
        ],
        "garment": [[[9] * 14] * 14],
    },
    "weights": {
        "small": {
            "w": [
                [[[1, 2], [-1, 3]], [[0, 1], [2, 0]]],
                [[[1, 0], [0, -1]], [[-1, 1], [0, 2]]],
            ],
            "b": [-1, 2],
        },
        "large": {"w": [[[[1, 2, 3]] * 3] * 2] * 2, "b": [0, 0]},
    },
    "dy": [[[1, -1, 2], [0, 3, 1]], [[2, 1, -1], [0, 1, 2]]],
}
POOL = {
    "at": ["y", [0, 0]],
    "x": [[1, 3, 2, 0, 4], [2, 3, 1, 5, 1], [0, 1, 4, 2, 3], [1, 0, 4, 4, 2]],
    "dy": [[[1, -2], [3, 2]]],
}
LOGITS = {"first": np.log(6), "second": np.log(3), "third": 0}
START = {"first": 4, "second": 1}
SETTINGS = {"rate": 0.04, "momentum": 0.7, "condition": 25}
NETWORK, WEIGHTS = compact(two_class(rng=np.random.default_rng(0)))
IMAGES = np.random.default_rng(1).integers(0, 32, (2, 1, 1, 28, 28))
WATCHED = {
    "names": ["shirt", "trouser"],
    "rate": 0.01,
    "row": 0,
    "garments": [[digits(image), t] for t, image in enumerate(IMAGES)],
    **WEIGHTS,
}
STEP = record(
    {
        "x": np.array([[1.0, 2, 0], [1, 0, 0], [1, 1, 0]]),
        "w": np.array([[1.0, 2], [-1, 3]]),
        "b": -1.0,
        "a": np.array([-2.0, 2, 1, 1]),
        "c": 2.0,
        "t": 1.0,
    },
    rate=0.01,
)
STORY = told(STEP, "w01", "x11").replace("></a>", ">(1.1)</a>")
NORM = {
    "at": ["dx", [0, 0]],
    "image": [1, 3],
    "mates": {"one": [3, 9], "another": [1, 3]},
    "dy": [[-2, 4], [-4, 6]],
    "gamma": 3,
    "beta": 1,
    "epsilon": 1e-9,
    "running": [4, 36],
}
GAME = {
    "budget": 2,
    "checks": ["Convolution", "Dense", "ReLU"],
    "bugs": [{"name": f"bug {k}", "why": f"As {k} is."} for k in range(3)],
    "verdicts": [["dx", "", ""], ["dx", "dw", ""], ["", "", "dx"]],
    "said": [["off", "well", "well"], ["off"] * 3, ["well", "well", "off"]],
}
ROOF = {
    "values": {"peak": 2, "bandwidth": 1, "run": 0},
    "runs": [
        {"name": name, "costs": {"im2col": [8e6, least], "SciPy": [8e6, 1e5]}}
        for name, least in {"few": 2e6, "many": 4e5}.items()
    ],
}
SHOWN = {
    "forward": ("convolution", {"at": ["y", [0, 0, 1]], **EXAMPLE}),
    "backward": ("convolution", {"at": ["x", [0, 1, 2]], **EXAMPLE}),
    "pooling": ("pooling", POOL),
    "relu": ("relu", {"at": ["x", [0, 0]], "x": [[2, -1]], "dy": [[3, 4]]}),
    "logits": ("logits", {"values": {**LOGITS, "add": 0, "temperature": 1}}),
    "momentum": ("momentum", {"values": {**START, **SETTINGS}}),
    "network": ("network", WATCHED),
    "batchnorm": ("batchnorm", NORM),
    "gallery": ("gallery", GAME),
    "roofline": ("roofline", ROOF),
}


def page_of(shown: dict[str, tuple[str, dict[str, Any]]]) -> str:
    """Return a page of figures, each with an explorer and what it replaces."""
    static = SCRIPTS.parent.as_uri()
    names = dict.fromkeys(
        ["arithmetic", "explorer", *BASES.values(), *dict(shown.values())]
    )
    scripts = "".join(
        f'<script defer src="{static}/explorers/{name}.js"></script>'
        for name in names
    )
    figures = "".join(
        f'<figure id="{key}"><{name}-explorer class="explorer">'
        '<script type="application/json">'
        f"{json.dumps(data, default=np.ndarray.tolist)}</script>"
        f"</{name}-explorer><p>still</p><figcaption>Words</figcaption>"
        "</figure>"
        for key, (name, data) in shown.items()
    )
    figures += f'<figure id="story">{STORY}<p>still</p></figure>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>Explorers</title><link rel="stylesheet" href="{static}'
        f'/book.css"><link rel="stylesheet" href="{static}/explorers/'
        f'explorers.css">{scripts}</head><body><div class="page"><main>'
        f"<article><h1>Explorers</h1>{figures}</article></main></div></body></html>"
    )


@pytest.fixture
def visit(browser, tmp_path):
    """Return a function that opens the page, which may not complain."""
    path, complaints, contexts = tmp_path / "page.html", [], []
    path.write_text(page_of(SHOWN))

    def call(width: int = 1200, **settings: Any) -> Any:
        view = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=view, **settings))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(10_000)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda line: complaints.append(line.text))
        tab.on(
            "request",
            lambda request: (
                None
                if request.url.startswith("file:")
                else complaints.append(request.url)
            ),
        )
        tab.goto(path.as_uri())
        return tab

    yield call
    for context in contexts:
        context.close()
    assert complaints == []


def cell(tab: Any, figure: str, sheet: str, place: str) -> Any:
    """Return a cell by its sheet and its place."""
    label = f"{sheet}({place}) is"
    return tab.locator(f'#{figure} [aria-label^="{label}"]')


def words(tab: Any, figure: str) -> str:
    """Return what the line below the sheets says."""
    return tab.inner_text(f"#{figure} [role=status]").replace("\u2212", "-")


def lit(tab: Any, figure: str) -> list[str]:
    """Return the labels of what is lit."""
    cells = tab.locator(f"#{figure} .on").all()
    return [c.get_attribute("aria-label").partition(" is")[0] for c in cells]


def board(tab: Any, figure: str) -> list[str]:
    """Return the numbers of the boards, in their order."""
    numbers = tab.locator(f"#{figure} .board strong").all_inner_texts()
    return [number.replace("\u2212", "-") for number in numbers]


def choose(tab: Any, figure: str, name: str, option: str) -> None:
    tab.select_option(f"#{figure} select[name={name}]", option)


def test_an_output_shows_its_window_and_its_sum(visit):
    tab = visit()
    cell(tab, "forward", "y", "0, 2").hover()
    sum_of_products = "2 · 1 + 1 · 2 + 0 · (-1) + 2 · 3 - 1 = 9"
    assert words(tab, "forward") == f"y(0, 2) = {sum_of_products}"
    assert board(tab, "forward") == ["2", "2", "0", "6"]
    window = {"x(0, 2)", "x(0, 3)", "x(1, 2)", "x(1, 3)"}
    kernel = {"w(0, 0)", "w(0, 1)", "w(1, 0)", "w(1, 1)"}
    assert set(lit(tab, "forward")) == {*window, *kernel, "b(0)", "y(0, 2)"}


def test_a_pixel_shows_the_kernel_turned_by_half(visit):
    tab = visit()
    assert board(tab, "backward") == ["3", "-1", "2", "1"]
    sum_of_products = "3 · (-1) - 1 · 2 + 2 · 3 + 1 · 1 = 2"
    assert words(tab, "backward") == f"dx(1, 2) = {sum_of_products}"
    cell(tab, "backward", "x", "0, 0").hover()
    assert words(tab, "backward") == "dx(0, 0) = 1 · 1 = 1"
    assert tab.locator("#backward .board .off").count() == 3
    cell(tab, "backward", "w", "0, 1").hover()
    assert board(tab, "backward") == ["0", "2", "1", "1", "0", "2"]
    assert words(tab, "backward").endswith("= 2")


def test_a_stride_leaves_zeros_and_rows(visit):
    tab = visit()
    choose(tab, "backward", "stride", "2")
    kinds = "#backward [data-kind={}]"
    assert tab.locator(kinds.format("between")).count() == 1
    left = tab.locator(kinds.format("leftover"))
    assert left.count() == 8  # the last row of x, and of dx
    left.first.hover()
    assert words(tab, "backward") == "x(2, 0) is seen by no output"
    choose(tab, "backward", "padding", "1")
    assert tab.locator(kinds.format("frame")).count() == 30 - 12


def test_channels_and_kernels_are_summed(visit):
    tab = visit()
    for name in "channels", "kernels":
        choose(tab, "backward", name, "2")
    cell(tab, "backward", "x[0]", "1, 2").hover()
    assert words(tab, "backward").endswith("= 3")
    assert len(board(tab, "backward")) == 8


def test_the_keyboard_alone_walks_edits_and_comes_back(visit):
    tab = visit()
    tab.locator("#forward select").last.focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.ariaLabel") == "x(0, 0) is 1"
    for key in "ArrowRight", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowLeft":
        tab.keyboard.press(key)
    tab.keyboard.press("ArrowRight")
    assert words(tab, "forward") == (
        "x(0, 1) is seen by y(0, 0) through 2, y(0, 1) through 1"
    )
    tab.keyboard.type("7")
    assert cell(tab, "forward", "y", "0, 0").inner_text() == "14"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.ariaLabel") == "x(0, 1) is 7"
    stops = tab.locator("#forward [role=gridcell][tabindex='0']").count()
    assert stops == tab.locator("#forward [role=grid]").count()
    tab.click("#forward button >> text=Reset")
    assert cell(tab, "forward", "x", "0, 1").inner_text() == "0"


def test_passing_by_with_the_keyboard_chooses_nothing(visit):
    tab = visit()
    tab.locator("#forward select").last.focus()
    for name in "x", "w":
        before = words(tab, "forward")
        tab.keyboard.press("Tab")
        focused = tab.evaluate("document.activeElement.ariaLabel")
        assert focused.startswith(f"{name}(")
        assert words(tab, "forward") == before
        tab.keyboard.press("Space")
        assert words(tab, "forward").startswith(f"{name}(0, 0)")


def test_a_click_holds_what_a_passing_pointer_does_not(visit):
    tab = visit()
    cell(tab, "backward", "w", "0, 1").click()
    said = words(tab, "backward")
    for name, place in ("x", "0, 0"), ("dw", "1, 1"):
        cell(tab, "backward", name, place).hover()
        assert words(tab, "backward") != said
    tab.hover("#backward input")
    assert words(tab, "backward") == said
    tab.fill("#backward input", "5")
    assert cell(tab, "backward", "w", "0, 1").inner_text() == "5"


def test_what_an_edit_has_changed_is_marked(visit):
    tab = visit()
    changed = tab.locator("#backward .changed")
    assert changed.count() == 0
    cell(tab, "backward", "dy", "0, 0").click()
    tab.keyboard.type("9")
    names = {
        name.split(" is ")[0]
        for name in changed.evaluate_all(
            "(cells) => cells.map((cell) => cell.ariaLabel)"
        )
    }
    assert {"dy(0, 0)", "dx(0, 0)", "db(0)"} <= names
    assert not any(name.startswith(("x", "w", "dx(2")) for name in names)
    choose(tab, "backward", "stride", "2")
    assert changed.count() == 0


@pytest.mark.parametrize(
    ("typed", "written"),
    [("0.001", "0.001"), ("1e9", "1.0e9"), ("-0.004", "-0.004"), ("0", "0")],
)
def test_small_and_large_numbers_are_written_as_such(visit, typed, written):
    tab = visit()
    cell(tab, "relu", "x", "0, 1").click()
    tab.fill("#relu input", typed)
    x = cell(tab, "relu", "x", "0, 1")
    assert x.inner_text().replace("\u2212", "-") == written
    assert f"x = {written} is" in words(tab, "relu")
    assert ("not positive" in words(tab, "relu")) == (float(typed) <= 0)


def test_numbers_stay_in_their_cells(visit):
    tab = visit()
    choose(tab, "pooling", "keep", "average")
    choose(tab, "pooling", "stride", "1")
    cell(tab, "pooling", "x", "0, 0").click()
    tab.fill("#pooling input", "-123456.789")
    spilled = """() => [...document.querySelectorAll("[role=gridcell]")]
        .filter((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const text = range.getBoundingClientRect();
            return text.width > cell.getBoundingClientRect().width;
        }).map((cell) => cell.ariaLabel)"""
    assert tab.evaluate(spilled) == []


def test_the_winner_takes_it_all_and_a_tie_goes_to_the_first(visit):
    tab = visit()
    assert "of the 2 that tie, the first, x(0, 1), gets" in words(
        tab, "pooling"
    )
    choose(tab, "pooling", "stride", "1")
    cell(tab, "pooling", "x", "1, 3").hover()
    assert cell(tab, "pooling", "dx", "1, 3").inner_text() == "4"
    assert words(tab, "pooling").endswith("dx = 1 - 2 + 3 + 2 = 4")
    choose(tab, "pooling", "keep", "average")
    cell(tab, "pooling", "y", "0, 0").hover()
    assert words(tab, "pooling").endswith("= 2.25; each pixel gets 1 / 4")


def test_the_mask_of_a_relu(visit):
    tab = visit()
    cell(tab, "relu", "x", "0, 1").hover()
    said = "x = -1 is not positive: y = 0, and dx = 4 · 0 = 0"
    assert words(tab, "relu") == said
    tab.fill("#relu input", "2.5")
    assert cell(tab, "relu", "dx", "0, 1").inner_text() == "4"


def test_a_printed_softmax_breaks_where_logits_are_large(visit):
    tab = visit()
    assert words(tab, "logits") == (
        "p = (0.6, 0.3, 0.1), loss = 1.2, dy = (0.6, -0.7, 0.1); "
        "the softmax as it is printed, in float32, gives the same"
    )
    tab.focus("#logits [name=add]")
    tab.keyboard.press("End")
    assert words(tab, "logits").startswith("p = (0.6, 0.3, 0.1)")
    assert "gives (NaN, NaN, NaN)" in words(tab, "logits")
    assert tab.locator("#logits .broken").count() == 3
    tab.click("#logits button >> text=Reset")
    assert tab.locator("#logits .broken").count() == 0


def test_a_printed_softmax_that_has_lost_digits_is_not_the_same(visit):
    tab = visit()
    tab.fill("#logits [name=add]", "-104")
    assert "gives (0.75, 0.25, 0)" in words(tab, "logits")
    tab.fill("#logits [name=temperature]", "0.2")
    bars = tab.locator("#logits .bar[data-quantity=dy]")
    sizes = bars.evaluate_all(
        "(all) => all.map((one) => +one.style.getPropertyValue('--size'))"
    )
    assert max(sizes) == 1


def test_the_steps_to_a_tenth_are_counted(visit):
    tab = visit()
    rate, momentum, curvatures = 0.04, 0.64, np.array([1, 25])
    tab.fill("#momentum [name=momentum]", str(momentum))
    start = place = np.array([4.0, 1.0])
    velocity, steps = np.zeros(2), 0
    while np.linalg.norm(place) > np.linalg.norm(start) / 10:
        velocity = momentum * velocity + curvatures * place
        place, steps = place - rate * velocity, steps + 1
    assert words(tab, "momentum").endswith(f"is left after {steps} steps")
    tab.fill("#momentum [name=rate]", "0.2")
    outside = """() => {
        const [, picture] = document.querySelectorAll("#momentum svg");
        const box = picture.getBoundingClientRect();
        return [...picture.querySelectorAll(".across")].filter((root) => {
            const { left, right } = root.getBoundingClientRect();
            return left < box.left || right > box.right;
        }).length}"""
    assert words(tab, "momentum").endswith("the ball does not arrive")
    assert tab.evaluate(outside) == 0


def test_a_ball_starts_where_it_is_put(visit):
    tab = visit()
    assert words(tab, "momentum").startswith(
        "in each step the error becomes 0.837 times as large along, "
        "0.837 times as large across: less than a tenth of it is left"
    )
    tab.locator("#momentum").scroll_into_view_if_needed()
    box = tab.locator("#momentum .start").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 100, y + 20, steps=3)
    tab.mouse.up()
    tab.mouse.move(x, y)
    moved = tab.locator("#momentum .start").bounding_box()
    assert moved["x"] == pytest.approx(box["x"] - 100, abs=6)
    assert moved["y"] == pytest.approx(box["y"] + 20, abs=6)
    tab.focus("#momentum [name=rate]")
    tab.keyboard.press("End")
    assert words(tab, "momentum").endswith("the ball does not arrive")


def said(tab: Any, name: str) -> float:
    """Return the number that is said of a name in the line below."""
    line = tab.inner_text("#network .said").replace("\u2212", "-")
    return float(re.search(rf"(?:^|\s){re.escape(name)} = (\S*\d)", line)[1])


def sheet(tab: Any, name: str) -> Any:
    """Return a sheet of the network by its name."""
    return tab.get_by_role("slider", name=name, exact=True)


def test_a_network_to_watch_is_that_of_the_package(visit):
    tab, close = visit(), {"rel": 6e-3}
    network, x = copy.deepcopy(NETWORK), IMAGES[0] / 31
    assert said(tab, "y") == pytest.approx(network(x).item(), **close)
    tab.click("#network button >> text=Mirror")
    tab.click("#network button >> text=Down")
    x = np.pad(x[..., :-1, ::-1], ((0, 0), (0, 0), (1, 0), (0, 0)))
    assert said(tab, "y") == pytest.approx(network(x).item(), **close)
    choose(tab, "network", "target", "trouser")
    t, mse = np.ones((1, 1)), MeanSquaredError()
    for _ in range(2):
        tab.click("#network button >> text=One step")
        gradient_step(network, mse, x, t, 0.01)
    y = network(x)
    assert said(tab, "y") == pytest.approx(y.item(), **close)
    loss = mse.forward(y, t)
    line = tab.inner_text("#network [role=status]").replace("\u2212", "-")
    assert float(re.search(r"\u00b2 = (\S*\d)", line)[1]) == pytest.approx(
        loss, **close
    )
    assert "Steps: 2; before them, y = " in line
    choose(tab, "network", "show", "backward")
    dx = network.backward(mse.backward())
    sheet(tab, "dx").hover(position={"x": 8 * 5 + 4, "y": 8 * 20 + 4})
    name = "dx(20, 5)"
    assert said(tab, name) == pytest.approx(dx[0, 0, 20, 5], **close)
    tab.click("#network button >> text=Reset")
    assert said(tab, "y") == pytest.approx(
        NETWORK(IMAGES[0] / 31).item(), **close
    )


def test_a_garment_is_chosen_and_drawn_on_by_keys(visit):
    tab, close = visit(), {"rel": 6e-3}
    tab.focus("#network [name=garment]:checked")
    tab.keyboard.press("ArrowRight")
    x = IMAGES[1] / 31
    assert said(tab, "y") == pytest.approx(NETWORK(x).item(), **close)
    sheet(tab, "x").focus()
    for key in "ArrowUp", "ArrowLeft", "Space":
        tab.keyboard.press(key)
    x[..., 13:15, 13:15] = 1
    assert said(tab, "y") == pytest.approx(NETWORK(x).item(), **close)
    assert tab.evaluate("document.activeElement.ariaValueText") == (
        "x(13, 13) = 1"
    )
    maps = sheet(tab, "y of Conv2D")
    maps.focus()
    for key in ["ArrowDown", *["ArrowRight"] * 26]:
        tab.keyboard.press(key)
    seen = NETWORK.layers[0](x)[0, 1, 1, 0]
    assert said(tab, "y of Conv2D[1](1, 0)") == pytest.approx(seen, **close)
    marks = tab.locator("#network .flow i:visible")
    window = sheet(tab, "x").locator("i").bounding_box()
    assert window["width"] == pytest.approx(3 * 8, abs=1)
    assert marks.count() == 4  # the window, and the place in three sheets
    sheet(tab, "y of Dense").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert sheet(tab, "w of Dense, row 3").count() == 1


def test_an_image_is_drawn_on_by_hand(visit):
    tab = visit(390, has_touch=True)
    tab.click("#network button >> text=Clear")
    blank = NETWORK(np.zeros((1, 1, 28, 28)))
    assert said(tab, "y") == pytest.approx(blank.item(), abs=1e-6)
    sheet(tab, "x").tap(position={"x": 8 * 12 + 4, "y": 8 * 9 + 4})
    x = np.zeros((1, 1, 28, 28))
    x[..., 9:11, 12:14] = 1
    assert said(tab, "y") == pytest.approx(NETWORK(x).item(), rel=6e-3)
    choose(tab, "network", "pen", "erases")
    sheet(tab, "x").tap(position={"x": 8 * 11 + 4, "y": 8 * 9 + 4})
    x[..., 9:11, 12] = 0
    assert said(tab, "y") == pytest.approx(NETWORK(x).item(), rel=6e-3)


def test_the_colors_of_a_map_are_those_of_the_theme(visit):
    tab = visit()
    map_ = "document.querySelectorAll('#network .flow canvas')[4].toDataURL()"
    light = tab.evaluate(map_)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"{map_} !== '{light}'")
    tab.evaluate("document.documentElement.dataset.theme = 'light'")
    tab.wait_for_function(f"{map_} === '{light}'")


def test_a_story_unfolds_by_keys_and_by_finger(visit):
    tab = visit(390, has_touch=True)
    assert tab.locator("#story summary:visible").count() == 5
    path = ["dw01", "dz00", "dh0", "dy", "e", "y", "h0", "z00"]
    for k, name in enumerate(path):
        begins = re.compile(rf"^{name} = ")
        summary = tab.locator("#story summary:visible", has_text=begins).first
        if k % 2:
            summary.tap()
        else:
            summary.press("Enter")
    assert tab.locator("#story summary:visible").count() > 5 + len(path)
    pixel = tab.locator("#story li", has_text=re.compile("^x01 = 2, a pixel$"))
    assert pixel.locator("visible=true").count() == 2  # of dw01 and of z00
    wide = "document.documentElement.scrollWidth - window.innerWidth"
    assert tab.evaluate(wide) <= 0
    plain = visit(java_script_enabled=False)
    assert plain.is_visible("#story summary")
    assert not plain.is_visible("#story > p")


def test_an_image_depends_on_its_mate_but_not_in_evaluation(visit):
    tab = visit()
    assert words(tab, "batchnorm") == (
        "x(0, 0) is a part of every y: dx(0, 0) = -2 - 1 + 3 = 0"
    )
    assert board(tab, "batchnorm") == ["-2", "-1", "3"]
    y = cell(tab, "batchnorm", "y", "0, 1")
    assert y.inner_text() == "0"
    choose(tab, "batchnorm", "mate", "another")
    assert y.inner_text() == "4"
    y.hover()
    said = "y(0, 1) = 3 · 1 + 1 = 4, made of every x"
    assert words(tab, "batchnorm") == said
    assert len({one for one in lit(tab, "batchnorm") if one[0] == "x"}) == 5
    choose(tab, "batchnorm", "mode", "evaluation")
    y.hover()
    alone = {"x(0, 1)", "x\u0302(0, 1)", "y(0, 1)", "dx(0, 1)", "dy(0, 1)"}
    assert set(lit(tab, "batchnorm")) == alone
    assert y.inner_text() == "0.5"
    choose(tab, "batchnorm", "mate", "one")
    assert y.inner_text() == "0.5"
    cell(tab, "batchnorm", "dx", "0, 1").hover()
    assert words(tab, "batchnorm").endswith(
        "of y(0, 1) alone: dx(0, 1) = 2 + 0 + 0 = 2"
    )
    assert tab.locator("#batchnorm .board .off").count() == 2


def test_a_mean_follows_what_is_typed(visit):
    tab = visit()
    cell(tab, "batchnorm", "x", "1, 1").focus()
    tab.keyboard.type("1")
    tab.keyboard.press("Enter")
    tab.locator("#batchnorm [aria-label^='v(0)']").hover()
    assert words(tab, "batchnorm") == "v = 1, the variance of all x"
    for n, q in np.ndindex(2, 2):
        cell(tab, "batchnorm", "dy", f"{n}, {q}").focus()
        tab.keyboard.type("5")
        tab.keyboard.press("Enter")
    for n, q in np.ndindex(2, 2):
        assert cell(tab, "batchnorm", "dx", f"{n}, {q}").inner_text() == "0"


def test_checks_are_spent_until_a_bug_is_named(visit):
    tab = visit()
    tab.evaluate("""() => {
        const turns = [0.9, 0.4, 0.4, 0.1];
        Math.random = () => turns.shift();
        document.querySelector("gallery-explorer").bug = 0;
    }""")
    game = tab.locator("#gallery")
    game.get_by_text("Another bug").click()
    check = game.get_by_role("button", name="ReLU", exact=True)
    check.focus()
    tab.keyboard.press("Enter")
    assert words(tab, "gallery").endswith(": off. Checks left: 1.")
    check.press("Enter")  # is spent already
    game.get_by_role("button", name="Convolution").press("Enter")
    assert words(tab, "gallery").endswith(
        ": well. Checks left: 0. Which one is it?"
    )
    game.get_by_text("Say so").click()  # and nobody has said what
    assert words(tab, "gallery").endswith("Which one is it?")
    spent = game.locator("[aria-pressed=true]")
    assert spent.all_inner_texts() == ["Convolution", "ReLU"]
    closed = game.get_by_role("button", name="Dense")
    closed.press("Enter")
    assert game.locator("li span:not(:empty)").count() == 2
    tab.select_option("#gallery select", "bug 1")
    game.get_by_text("Say so").click()
    assert words(tab, "gallery") == (
        "No: bug 2. As 2 is. Your checks leave bug 2."
    )
    assert game.locator("li span:not(:empty)").count() == 3
    game.get_by_text("Another bug").click()
    game.get_by_role("button", name="ReLU", exact=True).click()
    tab.select_option("#gallery select", "bug 1")
    game.get_by_text("Say so").click()
    assert words(tab, "gallery") == (
        "Yes: bug 1. As 1 is. Your checks leave bug 0, bug 1."
    )
    game.get_by_text("Another bug").click()
    assert game.locator("li span:not(:empty)").count() == 0


def test_a_faster_memory_moves_the_edge(visit):
    tab = visit()
    said = "below 10 operations a byte, an algorithm waits for bytes: "
    assert words(tab, "roofline") == f"{said}im2col"
    rows = tab.locator("#roofline td").all_inner_texts()
    assert rows == ["200 μs", "bytes", "80 μs", "operations"]
    run = tab.locator("#roofline [name=run]")
    run.focus()
    tab.keyboard.press("ArrowRight")
    assert run.get_attribute("aria-valuetext") == "many"
    assert words(tab, "roofline") == f"{said}none"
    tab.focus("#roofline [name=bandwidth]")
    tab.keyboard.press("Home")
    assert words(tab, "roofline") == f"{said}im2col, SciPy".replace(
        "10", "100"
    )
    assert tab.locator("#roofline circle").count() == 2


def test_it_plays_and_pauses(visit):
    tab = visit()
    tab.click("#forward button >> text=Play")
    assert words(tab, "forward").startswith("y(0, 2)")
    tab.wait_for_function(
        "document.querySelector('#forward .sum').textContent"
        ".startsWith('y(1, 0)')"
    )
    tab.click("#forward button >> text=Pause")
    tab.click("#forward button >> text=Step")
    assert words(tab, "forward").startswith("y(1, 1)")
    still = visit(reduced_motion="reduce")
    assert not still.is_visible("#forward .play")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_on_a_phone(visit, scheme):
    from axe_playwright_python.sync_playwright import Axe

    tab = visit(390, has_touch=True, color_scheme=scheme)
    cell(tab, "backward", "x", "1, 1").tap()
    assert words(tab, "backward").startswith("dx(1, 1)")
    cell(tab, "batchnorm", "y", "0, 1").tap()
    assert words(tab, "batchnorm").startswith("y(0, 1)")
    tab.locator("#gallery li button").last.tap()
    assert words(tab, "gallery").endswith("Checks left: 1.")
    for name, option in [
        ("channels", "2"),
        ("kernels", "2"),
        ("stride", "2"),
        ("padding", "1"),
        ("image", "garment"),
        ("kernel", "large"),
        ("padding", "2"),
    ]:
        choose(tab, "backward", name, option)
        wide = "document.documentElement.scrollWidth - window.innerWidth"
        assert tab.evaluate(wide) <= 0, (name, option)
    found = Axe().run(tab, options=AXE).response["violations"]
    faults = [
        (rule["id"], node["html"]) for rule in found for node in rule["nodes"]
    ]
    assert faults == []


def test_without_a_script_and_in_print_the_figure_stands_still(visit):
    tab = visit()
    assert not tab.is_visible("#forward > p")
    tab.emulate_media(media="print")
    for figure in "forward", "network", "story":
        assert tab.is_visible(f"#{figure} > p")
        assert not tab.is_visible(f"#{figure} .explorer")
    plain = visit(java_script_enabled=False)
    assert plain.is_visible("#forward > p")
    assert not plain.is_visible("#forward .explorer")
