"""What the pages claim, and the numbers that their text says."""

from __future__ import annotations

import claims
import numpy as np
import pytest
from myst_nb.ext import glue
from nbformat import NotebookNode


@pytest.fixture
def kept(monkeypatch):
    """Return a function that says what a page finds by which name."""
    cell = NotebookNode(outputs=[])

    def display(data, raw, metadata):
        assert raw
        cell.outputs.append(NotebookNode(data=data, metadata=metadata))

    def texts():
        found = glue.extract_glue_data_cell(cell)
        assert not cell.outputs  # nothing of it is displayed
        return {name: output["data"]["text/plain"] for name, output in found}

    monkeypatch.setattr(glue, "ipy_display", display)
    return texts


@pytest.mark.parametrize("kind", [bool, np.bool_, np.array, np.atleast_2d])
def test_a_claim_holds_or_stops_the_page(kind):
    claims.claim(kind(True))
    with pytest.raises(AssertionError, match="does not hold"):
        claims.claim(kind(False))


def test_a_claim_that_fails_says_its_words():
    with pytest.raises(AssertionError, match=r"^the loss falls$"):
        claims.claim(3 < 2, "the loss falls")


@pytest.mark.parametrize(
    "condition", [[True, True], np.ones(2, bool), [], "no", 1, np.nan, None]
)
def test_what_is_not_one_boolean_is_no_claim(condition, kept):
    with pytest.raises(TypeError, match="A claim is one boolean"):
        claims.claim(condition)
    with pytest.raises(TypeError, match="A claim is one boolean"):
        claims.verdict("loss", condition, "falls", "rises")
    assert not kept()


def test_a_number_is_kept_as_it_shall_be_read(kept):
    claims.number("images", 60000)
    claims.number("right", np.float32(0.9349), ".1%")
    claims.number("pair", "3 of 4")
    assert kept() == {
        "images": "'60000'",
        "right": "'93.5%'",
        "pair": "'3 of 4'",
    }  # the text leaves out the quotation marks


def test_a_verdict_follows_the_data(kept):
    losses = np.array([0.7, 0.2])
    assert (
        claims.verdict("up", losses[0] < losses[1], "rises", "falls") is False
    )
    assert claims.verdict("low", losses[1] < 0.5, "low", "high") is True
    assert kept() == {"up": "'falls'", "low": "'low'"}


def test_an_interval_is_that_of_student(rng):
    mean, half = claims.interval([1, 2, 3, 4, 5])
    assert mean == 3
    assert half == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)
    games = rng.standard_normal((2000, 5))
    inside = [abs(m) < h for m, h in map(claims.interval, games)]
    assert 0.93 < np.mean(inside) < 0.97
