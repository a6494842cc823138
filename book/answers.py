"""Fields in which a reader answers an exercise, and what they reply.

A cell with the tag ``answers`` stands inside its exercise. It computes the
answer, and the wrong answers that people give, each in its own wrong way; the
page shows nothing of the cell but a field. Neither the answer nor a reply
stands in the page as text: a field keeps hashes of the answers that it knows,
and under each of them a reply, which nothing but that answer can read. The
other side is `_static/answers.js`.
"""

from __future__ import annotations

import inspect
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import combinations
from operator import xor
from re import sub
from typing import Any
from urllib.parse import quote

import numpy as np
from claims import truth
from IPython.display import HTML, display

Case = tuple[Any, str]  # an answer, and the reply to it; none if it is right
EXACT = 1e-6  # how far from a whole number its other forms may be
UNQUOTED = "!~*'()"  # by the browser's encodeURIComponent, too
POINTS = 3  # at which two expressions are compared
FIELDS: Counter[str] = Counter()


def wrong(value: Any, reply: str) -> Case:
    """Return a wrong answer, with the reply that it deserves."""
    return value, curled(reply)


def curled(text: str) -> str:
    """Return a text with the apostrophes of a printed page."""
    return sub(r"(?<=\w)'(?=\w)", "\N{RIGHT SINGLE QUOTATION MARK}", text)


def point(index: int, k: int) -> float:
    """Return the value of a letter, by its index, at a point."""
    return math.sqrt(3 + index + 10 * k)


def at_points(formula: Callable[..., Any]) -> list[float]:
    """Return the values of an expression that tell it from all others."""
    letters = range(len(inspect.signature(formula).parameters))
    return [
        float(formula(*(point(index, k) for index in letters)))
        for k in range(POINTS)
    ]


def grid(values: list[float], within: float) -> tuple[float, float]:
    """Choose bins so that no value lies near the edge of one.

    The bins are so wide, and so placed, that around each value there is room
    for five times the tolerance.

    Returns
    -------
    float
        The width of a bin.
    float
        What is added before rounding down, as a share of the width.
    """
    step = 12 * within * len(values)
    places = sorted({value / step % 1 for value in values})
    gaps = np.diff([*places, places[0] + 1])
    edge = places[gaps.argmax()] + gaps.max() / 2
    return step, float(-edge % 1)


def small_hash(text: str) -> int:
    """Return 32 bits of a text: FNV-1a, stirred as in MurmurHash3.

    It hides, and does not protect: who wants the answer opens the solution.
    """
    h = 2166136261
    for byte in text.encode("ascii"):
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    for shift, factor in (16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1):
        h = (h ^ h >> shift) * factor & 0xFFFFFFFF
    return h


def seal(lock: str, message: list[Any]) -> str:
    """Return eight bytes that know a lock, and a message that it opens."""
    content = bytes(8) + json.dumps(message, ensure_ascii=False).encode()
    stream = b"".join(
        small_hash(f"{k}:{lock}").to_bytes(4, "big")
        for k in range(math.ceil(len(content) / 4))
    )
    return bytes(map(xor, content, stream)).hex()


def mark(text: str) -> str:
    """Return a text as HTML, with its code between backticks."""
    return sub("`(.+?)`", r"<code>\1</code>", escape(curled(text)))


@dataclass
class Field:
    """What one field asks and knows.

    Parameters
    ----------
    label : str
        The exercise's label.
    prompt : str
        What is asked for, in a few words.
    kind : str
        How an answer is read: as a ``number``, a ``list`` of numbers, an
        ``expression``, a ``word`` or a ``choice``.
    given : list
        The right answer first, then wrong ones, each with its reply.
    within : float
        How far a number may be from an answer.
    names : list of str
        The letters of an expression, or the choices.
    """

    label: str
    prompt: str
    kind: str
    given: list[Case]
    within: float
    names: list[str]

    def __post_init__(self) -> None:
        FIELDS[self.label] += 1
        self.name = f"{self.label}-{FIELDS[self.label]}"
        self.cases = [(self.canonical(v), reply) for v, reply in self.given]
        for (one, _), (other, _) in combinations(self.cases, 2):
            if self.alike(one, other):
                raise ValueError(
                    f"{self.label}: {one} and {other} can't be told apart"
                )

    def canonical(self, value: Any) -> Any:
        """Return the one form of an answer that is hidden."""
        if self.kind == "choice":
            return value
        if self.kind == "word":
            return sub("[^a-z0-9]", "", value.lower())
        if self.kind == "expression":
            return at_points(value)
        return np.asarray(value, float).ravel().tolist()

    def alike(self, one: Any, other: Any) -> bool:
        """Say whether some answer would be taken for either."""
        if isinstance(one, str) or len(one) != len(other):
            return bool(one == other)
        return bool(np.abs(np.subtract(one, other)).max() <= 2 * self.within)

    def sealed(self) -> dict[str, Any]:
        """Return all that the page has of a field."""
        form = {"salt": self.name, "kind": self.kind, "names": self.names}
        if self.kind in ("word", "choice"):
            boxes = [
                seal(f"{self.name}:{quote(value, safe=UNQUOTED)}", [reply])
                for value, reply in self.cases
            ]
            return form | {"boxes": sorted(boxes)}
        known = [v for values, _ in self.cases for v in values]
        step, shift = grid(known, self.within)
        widened = self.within * (1 + 1e-9)
        boxes = []
        for values, reply in self.cases:
            bins = [math.floor(v / step + shift) for v in values]
            lock = f"{self.name}:{','.join(map(str, bins))}"
            boxes.append(seal(lock, [reply, widened, values]))
        return form | {"step": step, "shift": shift, "boxes": sorted(boxes)}

    def html(self) -> str:
        """Return the field as an element of a page."""
        content = escape(json.dumps(self.sealed()), quote=True)
        button = "<button>Check</button>"
        if self.kind == "choice":
            choices = "".join(
                f'<label><input type="radio" name="answer" '
                f'value="{escape(name, quote=True)}"> {mark(name)}</label>'
                for name in self.names
            )
            body = (
                f"<fieldset><legend>{mark(self.prompt)}</legend>"
                f"{choices}{button}</fieldset>"
            )
        else:
            body = (
                f'<label for="{self.name}">{mark(self.prompt)}</label>'
                f'<span><input id="{self.name}" name="answer" type="text" '
                f'autocomplete="off" autocapitalize="off" spellcheck="false">'
                f"{button}</span>"
            )
        return (
            f'<form class="answer scripted" data-field="{content}">{body}'
            f'<p role="status"></p></form>'
        )


def show(field: Field) -> None:
    """Hand a field to the page."""
    display(HTML(field.html()))


def answer(
    label: str,
    prompt: str,
    value: Any,
    *mistakes: Case,
    within: float = EXACT,
) -> None:
    """Give an exercise a field, in which its answer is typed.

    Parameters
    ----------
    label
        The exercise's label.
    prompt
        What is asked for, in a few words.
    value
        The answer: a number, an array, a word, or a function whose
        parameters are the letters of an expression.
    mistakes
        Wrong answers, each made by `wrong`.
    within
        How far a number may be from an answer to be taken for it; as it is,
        an answer has to be exact.

    Raises
    ------
    ValueError
        If two answers can't be told apart.
    """
    kind, names = "list" if np.ndim(value) else "number", list[str]()
    if isinstance(value, str):
        kind = "word"
    if callable(value):
        kind, names = "expression", [*inspect.signature(value).parameters]
    given = [(value, ""), *mistakes]
    show(Field(label, prompt, kind, given, within, names))


def choose(
    label: str, prompt: str, choices: Mapping[str, Any], *mistakes: Case
) -> None:
    """Give an exercise a field, in which one of a few answers is chosen.

    Parameters
    ----------
    label
        The exercise's label.
    prompt
        What is asked, in a few words.
    choices
        Every choice, and whether it is true, which it is of exactly one.
    mistakes
        The other choices, each with its reply, made by `wrong`.

    Raises
    ------
    ValueError
        If not exactly one choice is true, or another has no reply.
    """
    right = [name for name, holds in choices.items() if truth(holds)]
    false = {*choices} - {*right}
    if len(right) != 1 or {name for name, _ in mistakes} != false:
        raise ValueError(f"{label}: the choices do not fit the answer")
    given = [(right[0], ""), *mistakes]
    show(Field(label, prompt, "choice", given, EXACT, [*choices]))
