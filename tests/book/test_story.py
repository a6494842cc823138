"""Each number of a training step, and the numbers that it is made of."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import story
from bs4 import BeautifulSoup
from story import PRIME, Story, letter, recomputed, record

BOOK = Path(__file__).parents[2] / "book"
GIVEN = set("xwbact")


def drawn(seed: int, height: int = 3, width: int = 4) -> Story:
    """Return a step of a network of drawn numbers, with a kernel of 2 x 3."""
    rng = np.random.default_rng(seed)
    values = {
        "x": rng.standard_normal((height, width)),
        "w": rng.standard_normal((2, 3)),
        "b": rng.standard_normal(),
        "a": rng.standard_normal((height - 1) * (width - 2)),
        "c": rng.standard_normal(),
        "t": rng.standard_normal(),
    }
    return record(values, rate=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_each_number_is_what_its_parts_make_of_it(seed):
    numbers = drawn(seed, *[(2, 3), (3, 4), (4, 5)][seed % 3])
    for name, number in numbers.items():
        assert bool(number.terms) == (name.rstrip("0123456789") not in GIVEN)
        if number.terms:
            expected = pytest.approx(number.value, rel=1e-12, abs=1e-12)
            assert recomputed(numbers, name) == expected, name


def test_a_wrong_number_is_not_what_its_parts_make_of_it():
    numbers = drawn(0)
    numbers["dw01"] = story.Number(
        numbers["dw01"].value + 1e-9, numbers["dw01"].terms
    )
    for name in "dw01", f"w{PRIME}01":
        assert abs(recomputed(numbers, name) - numbers[name].value) > 1e-11


def opened(html: str) -> list[str]:
    """Return what the lines of a tree begin with: ``w′01``, say."""
    page = BeautifulSoup(html, "html.parser")
    for inner in page.select("p"):
        inner.decompose()
    lines = page.select("summary, li:not(:has(> details))")
    return [line.b.get_text() for line in lines]


def test_a_number_unfolds_down_to_what_was_given():
    numbers = drawn(1)
    html = story.made_of(numbers, f"w{PRIME}12")
    names = opened(html)
    assert names[0] == f"w{PRIME}12"
    assert {letter(name) for name in names} >= GIVEN | {"dw", "dz", "dh", "z"}
    for details in BeautifulSoup(html, "html.parser").select("details"):
        name = details.summary.b.get_text()
        inner = details.find("ul").find_all("li", recursive=False)
        found = [item.b.get_text() for item in inner]
        assert found == numbers[name].parts()
        label = details.p.a["href"].removeprefix("equation:")
        assert details.p.code.get_text()
        assert f":label: {label}\n" in "".join(
            page.read_text() for page in BOOK.rglob("*.md")
        )


@pytest.mark.parametrize("name", ["x11", "w01"])
def test_a_number_opens_to_all_that_it_moves(name):
    numbers = drawn(2)
    reached, size = {name}, 0
    while size < len(reached):
        size = len(reached)
        for user, number in numbers.items():
            if reached & set(number.parts()):
                reached.add(user)
    names = opened(story.moves(numbers, name))
    assert len(names) == len(reached)
    assert set(names) == reached
    assert f"w{PRIME}01" in reached


def test_what_is_shown_is_what_it_amounts_to():
    numbers = drawn(3)
    text = BeautifulSoup(story.equation(numbers, "z00"), "html.parser")
    *_, products, value = text.get_text().split(" = ")
    code = products.replace("\N{MINUS SIGN}", "-").replace("·", "*")
    assert re.fullmatch(r"[-+*()e. \d]+", code)
    assert eval(code) == pytest.approx(numbers["z00"].value, abs=0.01)
    assert float(value.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        numbers["z00"].value, rel=1e-3
    )


def test_both_stories_begin_with_one_that_is_open():
    html = story.told(drawn(4), "w01", "x11")
    page = BeautifulSoup(html, "html.parser")
    assert len(page.select("details[open]")) == 1
    first = [
        d.summary.b.get_text()
        for d in page.div.find_all("details", recursive=False)
    ]
    assert first == [f"w{PRIME}01", "w01", "dx11", "x11"]
