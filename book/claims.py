"""What the text says of the data: numbers and verdicts, computed and checked.

A cell with the tag ``claims`` holds them, and folds to one line of the page.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from myst_nb import glue


def truth(condition: Any) -> bool:
    """Return a condition as the one truth value that it has to be.

    Raises
    ------
    TypeError
        If the condition is not one boolean, of Python or of NumPy.
    """
    value = np.asarray(condition)
    if value.dtype != bool or value.size != 1:
        raise TypeError(
            f"A claim is one boolean, and this is {value.size} of type "
            f"{value.dtype}; write a comparison, and .all() or .any() of it."
        )
    return bool(value.item())


def claim(condition: Any, words: str = "") -> None:
    """Let the page fail to build unless a condition holds.

    Parameters
    ----------
    condition
        One boolean, of Python or of NumPy.
    words
        What the condition says, where its own text does not.

    Raises
    ------
    AssertionError
        If the condition is false.
    TypeError
        If it is not one boolean: a list or a string would always be true.
    """
    if not truth(condition):
        raise AssertionError(words or "A claim of this page does not hold.")


def number(name: str, value: Any, form: str = "") -> None:
    """Keep a value for the text, which says it with ``{glue:text}``.

    Parameters
    ----------
    name
        The name under which the text finds it.
    value
        A text, or a number that `form` makes one.
    form
        How to write a number, as in an f-string: ``.1%``.
    """
    glue(name, format(value, form), display=False)


def verdict(name: str, condition: Any, then: str, otherwise: str) -> bool:
    """Keep one of two phrases, where the data decides what is true.

    Returns
    -------
    bool
        The condition.

    Raises
    ------
    TypeError
        If the condition is not one boolean.
    """
    holds = truth(condition)
    number(name, then if holds else otherwise)
    return holds


def interval(values: Any) -> tuple[float, float]:
    """Return the mean of a few results, and how sure it is.

    The true mean lies within the second number of the first in nineteen
    cases of twenty, if the results are independent and normal: that is
    Student's distribution, 2.8 standard errors for five results.
    """
    from scipy.stats import t  # slow to load, and not in a page

    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(t.ppf(0.975, len(values) - 1) * error)
