"""Exercises that answer: every field of the book, judged by its own script.

The cells of all fields are run here without the pages around them: of a page
only the statements that a field needs, however far, come before it.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import answers
import nbformat.v4 as notebook
import numpy as np
import pytest
from answers import Field, wrong
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "book" / "_static" / "answers.js"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```", re.M | re.S)
HEAD = re.compile(r"\A(---\n.*?^---\n|(:[\w-]+:[^\n]*\n)*)", re.M | re.S)
EXERCISE = re.compile(
    r"^```\{exercise-start\}[^\n]*\n:label: (\S+)\n```"
    r"(.*?)^```\{exercise-end\}",
    re.M | re.S,
)
PAGES = {
    path.relative_to(ROOT / "book").with_suffix("").as_posix(): text
    for path in sorted((ROOT / "book").rglob("*.md"))
    if ":tags: [answers]" in (text := path.read_text())
}
FEWEST = 101
MOST_BYTES = 6000


def cells(page: str) -> Iterator[tuple[bool, str]]:
    """Yield whether a cell of a page is one of answers, and its source."""
    for match in CELL.finditer(PAGES[page]):
        head = HEAD.match(match[1])[0]
        yield "[answers]" in head, match[1].removeprefix(head)


def defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement gives to the others."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {
        name.id
        for target in targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }


def used(node: ast.stmt) -> set[str]:
    """Return the names that a statement has from others."""
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return {n.id for n in names} - own


def needed(page: str) -> list[ast.stmt]:
    """Return the statements of the answers, and those that they rest on."""
    statements = [
        (is_answers, node)
        for is_answers, source in cells(page)
        for node in ast.parse(re.sub("^%.*", "", source, flags=re.M)).body
    ]
    chosen = {k for k, (is_answers, _) in enumerate(statements) if is_answers}
    waiting = sorted(chosen)
    while waiting:
        k = waiting.pop()
        for name in used(statements[k][1]):
            for before in reversed(range(k)):
                if name in defined(statements[before][1]):
                    if before not in chosen:
                        chosen.add(before)
                        waiting.append(before)
                    break
    return [statements[k][1] for k in sorted(chosen)]


@cache
def fields(page: str) -> list[Field]:
    """Run the answers of a page, and return its fields."""
    found: list[Field] = []
    program = ast.Module(needed(page), [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "show", found.append)
        exec(compile(program, page, "exec"), {"__name__": page})
    return found


@pytest.fixture(scope="module")
def judge():
    """Return the page's own judge of a field and a text."""
    racer = MiniRacer()
    racer.eval(SCRIPT.read_text())

    def call(sealed: dict[str, Any], text: str) -> list[str]:
        arguments = f"{json.dumps(sealed)}, {json.dumps(text)}"
        return json.loads(racer.eval(f"JSON.stringify(judge({arguments}))"))

    yield call
    racer.close()


class Letter:
    """Writes down what is done with it."""

    def __init__(self, text: str):
        self.text = text

    def __array_ufunc__(self, ufunc, _, *operands):
        name = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
        written = [getattr(o, "text", repr(o)) for o in operands]
        if ufunc.__name__ in ("sqrt", "log", "exp"):
            return Letter(f"{ufunc.__name__}({written[0]})")
        return Letter(f"({name[ufunc.__name__].join(written)})")


def operator(sign, turned=False):
    def write(self, other):
        pair = self.text, getattr(other, "text", repr(other))
        return Letter(f"({sign.join(reversed(pair) if turned else pair)})")

    return write


for name, sign in {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "pow": "^",
}.items():
    setattr(Letter, f"__{name}__", operator(sign))
    setattr(Letter, f"__r{name}__", operator(sign, turned=True))


def written(field: Field, value: Any) -> list[str]:
    """Return the forms in which a reader may give an answer."""
    if field.kind == "expression":
        text = value(*map(Letter, field.names)).text
        return [text, text.replace("*", "·"), f" {text.replace('^', '**')} "]
    if field.kind == "choice":
        return [value]
    if field.kind == "word":
        return [value, value.upper(), f" {value}. "]
    numbers = [f"{number:.17g}" for number in np.ravel(value).astype(float)]
    if field.kind == "number":
        (one,) = numbers
        exact = Fraction(one)
        return [
            one,
            f"  {one} ",
            f"({one})",
            one.replace("-", "\N{MINUS SIGN}"),
            f"{float(one):.16e}",
            f"{exact.numerator}/{exact.denominator}",
            one.replace(".", ","),
            re.sub(r"^(-?)0\.", r"\1.", one),
        ]
    inside = ", ".join(numbers)
    return [
        f"({inside})",
        f"[{inside}]",
        f"[[{'], ['.join(numbers)}]]",
        f"({inside},)",
        inside,
        inside.replace(",", ";"),
        inside.replace(",", ""),
        f"[{inside.replace(',', '')}]",
        inside.replace("-", "\N{MINUS SIGN}"),
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_field_of_every_exercise_knows_its_answers(page, judge):
    for field in fields(page):
        sealed = field.sealed()
        for value, reply in field.given:
            for text in written(field, value):
                wanted = ["wrong", reply] if reply else ["right", "Right."]
                assert judge(sealed, text) == wanted, (field.name, text)


@pytest.mark.parametrize("page", PAGES)
def test_a_field_belongs_to_its_exercise(page):
    exercises = dict(EXERCISE.findall(PAGES[page]))
    labels = [
        label
        for label, body in exercises.items()
        for _ in re.findall(rf'\b(?:answer|choose)\(\s*"{label}"', body)
    ]
    assert [field.label for field in fields(page)] == labels
    assert PAGES[page].count("[answers]") == len({*labels})


@pytest.mark.parametrize("page", PAGES)
def test_a_field_leaves_the_names_of_its_page_alone(page):
    own, others = set(), set()
    for is_answers, source in cells(page):
        tree = ast.parse(re.sub("^%.*", "", source, flags=re.M))
        for node in tree.body:
            if not is_answers:
                others |= used(node) | defined(node)
            elif not isinstance(node, ast.Import | ast.ImportFrom):
                own |= defined(node)
    assert sorted(own & others) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_reply_is_plain_and_gives_nothing_away(page, judge):
    for field in fields(page):
        sealed = field.sealed()
        for _, reply in field.given[1:]:
            assert not re.search(r"[$`*\\]", reply), reply
            assert re.fullmatch(r"[A-Z].*[.?]", reply), reply
            if field.kind in ("number", "list"):
                for word in re.findall(r"-?[\d.,/]*\d", reply):
                    assert judge(sealed, word)[0] != "right", reply
        assert len({reply for _, reply in field.given}) == len(field.given)


def test_enough_exercises_answer():
    answered = {field.label for page in PAGES for field in fields(page)}
    assert len(answered) >= FEWEST
    assert all(
        any(reply for _, reply in field.given)
        for page in PAGES
        for field in fields(page)
    )


def test_no_answer_stands_in_a_field():
    open_to_all = {"salt", "kind", "names", "step", "shift", "boxes"}
    for page in PAGES:
        for field in fields(page):
            html, sealed = field.html(), field.sealed()
            assert {*sealed} <= open_to_all
            assert sealed["boxes"] == sorted(sealed["boxes"])
            assert all(re.fullmatch("[0-9a-f]+", b) for b in sealed["boxes"])
            numbers = {sealed.get("step"), sealed.get("shift")}
            for value, (_, reply) in zip(
                (case for case, _ in field.cases), field.given, strict=True
            ):
                assert not reply or reply not in html
                assert isinstance(value, str) or not numbers & {*value}


def field_of(*arguments, **settings) -> Field:
    """Return the field that a cell would show."""
    found: list[Field] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "show", found.append)
        (answers.choose if isinstance(arguments[2], dict) else answers.answer)(
            *arguments, **settings
        )
    return found[0]


FORMS = {
    0.5: ["0.5", "1/2", ".50", "5e-1", "0,5", "50%", "+.5", "2^-1", " 1 / 2 "],
    32: ["2^5", "32.0", "3.2e1", "2**5", "(32)", "[32]", "4·8", "32."],
    1e-3: ["10^-3", "10^(-3)", "1E-3", "\N{MINUS SIGN}-.001", "0.1%"],
    346112: ["346,112", "346 112", "32*4*26*26*4", "346\u202f112"],
    1461: ["1,461", "1461"],
    1.461: ["1,461", "1.461"],
    -2: ["-2", "\N{MINUS SIGN}2", "\N{EN DASH}2", "-(1+1)", "-2^1", "-√4"],
    0: ["0", "-0", "0.0", "1-1", "0e5"],
    -4: ["-2^2", "-(2)^2", "0-2*2"],
    math.pi / 2: ["pi/2", "2pi/4", "pi / 2"],
    math.sqrt(5): ["sqrt(5)", "√5", "5^0.5", "5^(1/2)", "sqrt 5"],
    math.log(4): ["log(4)", "ln 4", "2 log 2", "ln(4)"],
    2**9: ["2^3^2"],
}
LISTS = {
    (32, 8, 24, 24): [
        "(32, 8, 24, 24)",
        "32 8 24 24",
        "32,8,24,24",
        "[32, 8, 24, 24]",
        "32 x 8 x 24 x 24",
        "32\N{MULTIPLICATION SIGN}8\N{MULTIPLICATION SIGN}24"
        "\N{MULTIPLICATION SIGN}24",
        "((32, 8), (24, 24))",
        "[[32 8]\n [24 24]]",
    ],
    (10,): ["(10,)", "10", "[10]"],
    (0, 4, -4, 0): ["0 4 -4 0", "0, 4, -4, -0", "[ 0.  4. -4.  0.]"],
    (0.6, -0.7, 0.1): [
        ".6 -.7 .1",
        "3/5, -7/10, 1 / 10",
        "0,6; -0,7; 0,1",
        "(6/10; -(7/10); 0.1)",
    ],
}
UNREAD = ["", "  ", "?", "1/0", "0/0", "sqrt(-1)", "10^400", "2(1", "two"]


@pytest.mark.parametrize("value", FORMS)
def test_equivalent_numbers_are_equal(value, judge):
    sealed = field_of("some", "x", value, within=1e-9).sealed()
    for text in FORMS[value]:
        assert judge(sealed, text) == ["right", "Right."], text
    assert judge(sealed, "17.3")[0] == "wrong"


@pytest.mark.parametrize("value", LISTS)
def test_equivalent_lists_are_equal(value, judge):
    sealed = field_of("some", "x", value).sealed()
    for text in LISTS[value]:
        assert judge(sealed, text) == ["right", "Right."], text
    for text in "1, 2", f"{value}, 0", f"7, {value}":
        assert judge(sealed, text)[0] == "wrong"


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_number_is_told_how_to_write_one(text, judge):
    for value in 1, (1, 2), lambda a: a:
        state, reply = judge(field_of("some", "x", value).sealed(), text)
        assert state == "unread", text
        assert "can\N{RIGHT SINGLE QUOTATION MARK}t be read" in reply


def test_expressions_are_compared_by_value(judge):
    sealed = field_of("some", "x", lambda D0, D1: 2 * D0**2 - D1 / 2).sealed()
    for text in (
        "2 D0^2 - D1/2",
        "2D0D0-.5D1",
        "D_0 (D_0 + D0) \N{MINUS SIGN} D1 / 2",
        "2 D0² - D1/2",
        "sqrt(4) D0^2 - exp(0) D1 / 2",
    ):
        assert judge(sealed, text)[0] == "right", text
    for text in "2 D1^2 - D0/2", "2 D0^2", "D0", "7":
        assert judge(sealed, text)[0] == "wrong", text
    assert judge(sealed, "2 X^2")[0] == "unread"


def test_who_is_nearly_right_is_told_so(judge):
    sealed = field_of("some", "x", 0.0272, within=0.001).sealed()
    assert judge(sealed, "0.027")[0] == "right"
    assert judge(sealed, "0.03")[1].startswith("Close")
    assert judge(sealed, "0.2")[1].startswith("Not yet")


def test_words_and_choices(judge):
    word = field_of("some", "x", "T-shirt", wrong("bag", "Not a bag."))
    for text in "t-shirt", "T shirt", " TShirt.":
        assert judge(word.sealed(), text)[0] == "right"
    assert judge(word.sealed(), "a bag") != ["wrong", "Not a bag."]
    assert judge(word.sealed(), "Bag") == ["wrong", "Not a bag."]
    assert judge(word.sealed(), "-")[0] == "unread"
    sign = "5 \N{DIVISION SIGN} 5 = \N{GREEK SMALL LETTER PI}"
    options = {"y > 0": True, "y < 0": False, sign: np.bool_(False)}
    choice = field_of(
        "some", "x", options, wrong("y < 0", "No."), wrong(sign, "Nor that.")
    )
    assert judge(choice.sealed(), "y > 0")[0] == "right"
    assert judge(choice.sealed(), "y < 0") == ["wrong", "No."]
    assert judge(choice.sealed(), sign) == ["wrong", "Nor that."]
    assert judge(choice.sealed(), "")[0] == "unread"


def test_what_can_not_be_told_apart_is_refused():
    with pytest.raises(ValueError, match="told apart"):
        field_of("some", "x", 1.0, wrong(1.3, "No."), within=0.2)
    with pytest.raises(ValueError, match="told apart"):
        field_of("some", "x", 5, wrong(1, "No."), wrong(1, "Never."))
    with pytest.raises(ValueError, match="do not fit"):
        field_of("some", "x", {"yes": True, "no": True})
    with pytest.raises(ValueError, match="do not fit"):
        field_of("some", "x", {"yes": True, "no": False}, wrong("yes", "No."))
    with pytest.raises(ValueError, match="do not fit"):
        field_of("some", "x", {"yes": True, "no": False})
    with pytest.raises(TypeError, match="A claim is one boolean"):
        field_of("some", "x", {"yes": [True, True], "no": False})


NUMBERS = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(
    values=st.lists(NUMBERS, min_size=1, max_size=4),
    others=st.lists(NUMBERS, min_size=1, max_size=4),
    within=st.sampled_from([1e-6, 1e-3, 0.5, 100.0]),
    off=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
)
def test_the_script_judges_as_the_definition_does(
    values, others, within, off, judge
):
    # The definition: of what lies within the tolerance of an answer, in
    # every number, it is known which it is. The edges are left to rounding.
    try:
        field = field_of(
            "some", "x", values, wrong(others, "Other."), within=within
        )
    except ValueError:
        return
    sealed = field.sealed()
    for known in values, others:
        for far in [0.0] * 4, off:
            tried = [x + within * f for x, f in zip(known, far, strict=False)]
            if any(abs(abs(f) - 1) < 1e-6 for f in far):
                continue
            near = [
                reply
                for right, reply in field.cases
                if len(right) == len(tried)
                and np.abs(np.subtract(right, tried)).max() <= within
            ]
            state, reply = judge(sealed, ", ".join(map(repr, tried)))
            assert state == ("right" if near == [""] else "wrong")
            if near:
                assert reply == (near[0] or "Right.")
            else:
                assert reply.startswith(("Not yet", "Close."))


TREES = st.recursive(
    st.one_of(
        st.integers(0, 99).map(str),
        st.floats(0.01, 9).map(lambda x: f"{x:.3f}"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", "/"]), inner).map(
            "".join
        ),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("sqrt({})".format),
        st.tuples(inner, st.integers(0, 3)).map("({0[0]})^{0[1]}".format),
    ),
    max_leaves=8,
)


@given(text=TREES)
def test_the_script_reads_expressions_as_python_does(text, judge):
    try:
        value = eval(text.replace("^", "**"), {"sqrt": math.sqrt})
    except (ZeroDivisionError, ValueError, OverflowError, SyntaxError):
        return
    if not abs(value) < 1e12:
        return
    within = 1e-9 * max(1.0, abs(value))
    assert (
        judge(field_of("some", "x", value, within=within).sealed(), text)[0]
        == "right"
    )


CONFIG = """\
extensions = ["myst_nb", "sphinx_exercise", "fields", "cells"]
html_theme = "basic"
nb_execution_mode = "off"
"""
SOURCE = 'answer("volume", "Numbers", 2 * 3 * 4711)'


def page_of(path: Path, html: str) -> None:
    """Write a page with an exercise, and with a field if there is one."""
    page = notebook.new_notebook()
    page.metadata["language_info"] = {"name": "python"}
    start = (
        "# P\n\n```{exercise-start} Volume\n:label: volume\n```\nHow many?\n"
    )
    end = (
        "```{exercise-end}\n```\n\n```{solution-start} volume\n```\n"
        "It is there.\n```{solution-end}\n```"
    )
    if html:
        data = {"text/html": html, "text/plain": "<HTML object>"}
        output = notebook.new_output("display_data", data)
        cell = notebook.new_code_cell(
            SOURCE, outputs=[output], metadata={"tags": ["answers"]}
        )
        page.cells = [
            notebook.new_markdown_cell(start),
            cell,
            notebook.new_markdown_cell(end),
        ]
    else:
        page.cells = [notebook.new_markdown_cell(start + "\n" + end)]
    path.write_text(notebook.writes(page))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a page with a field, and the same page without it."""
    field = field_of(
        "volume",
        "Numbers of `x`",
        2 * 3 * 4711,
        wrong(4711, "That is one of \N{LEFT DOUBLE QUOTATION MARK}six."),
    )
    source = tmp_path_factory.mktemp("book")
    pages = []
    for name, html in ("with", field.html()), ("without", ""):
        folder = source / name
        folder.mkdir()
        (folder / "conf.py").write_text(CONFIG)
        page_of(folder / "index.ipynb", html)
        subprocess.run(
            [sys.executable, "-m", "sphinx", "-qW", folder, folder / "html"],
            env={"PYTHONPATH": str(ROOT / "book" / "_ext")},
            check=True,
        )
        pages.append((folder / "html" / "index.html").read_text())
    return field, *pages


def test_a_page_shows_the_field_and_nothing_of_its_cell(built):
    field, html, _ = built
    page = BeautifulSoup(html, "html.parser")
    (form,) = page.select(".exercise form.answer.scripted")
    assert form.label["for"] == form.input["id"]
    assert form.label.decode_contents() == "Numbers of <code>x</code>"
    assert form.select_one("[role=status]").get_text() == ""
    assert form.button.get("type") is None
    assert json.loads(form["data-field"]) == field.sealed()
    for hidden in "4711", "28266", "six", "wrong", 'answer("volume"':
        assert hidden not in html
    assert not page.select("div.cell")


def test_without_its_field_a_page_is_what_it_was(built):
    _, html, without = built
    page = BeautifulSoup(html, "html.parser")
    page.select_one("form").decompose()
    plain = BeautifulSoup(without, "html.parser")
    bodies = [p.select_one("[role=main]").get_text() for p in (page, plain)]
    assert [*map(str.split, bodies)] == [bodies[1].split()] * 2


def test_the_script_is_small_and_asks_for_nothing():
    script = SCRIPT.read_text()
    assert len(script.encode()) <= MOST_BYTES
    assert not re.search(r"fetch|import|XMLHttp|crypto|https?:", script)
    style = (ROOT / "book" / "_static" / "book.css").read_text()
    printed = style.partition("@media print")[2]
    assert re.search(r"\.answer\b[^}]*display: none", printed)
    assert ":root:not(.script) .scripted { display: none; }" in style


def test_the_letters_of_an_expression_are_its_parameters():
    for page in PAGES:
        for field in fields(page):
            if field.kind == "expression":
                names = [*inspect.signature(field.given[0][0]).parameters]
                assert field.names == names
                assert all(n in field.prompt for n in names)
