"""The catalog: each mistake is an edit of today's text, and changes it."""

import re
import sys
from pathlib import Path

import pytest

from scratchcnn import Dense, ReLU
from scratchcnn.doctor import catalog
from scratchcnn.doctor.catalog import (
    CAUSES,
    Cause,
    edited,
    executed,
    planted,
    source,
    variant,
)

ROOT = Path(__file__).parents[2]


def told(cause):
    return f"{cause.name}, {cause.module}"


@pytest.mark.parametrize("cause", CAUSES, ids=told)
def test_each_is_an_edit_of_a_text_that_still_runs(cause):
    assert edited(cause) != source(cause.module)
    assert planted(cause).__doc__
    assert cause.why.endswith(".")


def test_the_gallery_shows_what_the_catalog_says_it_shows():
    page = (ROOT / "book" / "bug_gallery.md").read_text()
    letters = {c.exhibit: c.name for c in CAUSES if c.exhibit}
    shown = dict(re.findall(r'^    "([A-Z])": "([^"]+)",$', page, re.M))
    assert len(shown) == 8
    assert shown.items() <= letters.items()
    for letter, name in letters.items():
        start = page.index(f"Exhibit{'s' * (letter in 'CDGH')} ")
        assert f'show_edit("{name}")' in page[start:]


def test_a_text_that_has_changed_is_refused():
    cause = CAUSES[0]._replace(edits=[("no such line", "")])
    with pytest.raises(ValueError, match=r"kernels redrawn.*0 times"):
        edited(cause)


def test_a_variant_leaves_the_package_as_it_is():
    (cause, *_) = [c for c in CAUSES if c.name == "mask forgotten"]
    ill = variant(cause, "layers/relu", "ReLU")
    assert ill is not ReLU
    assert ill.__module__ == ReLU.__module__
    assert ill.backward is not ReLU.backward


def test_a_mistake_reaches_those_who_import_it(rng):
    (cause, *_) = [c for c in CAUSES if c.name == "seed fixed inside"]
    ill = variant(cause, "layers/dense", "Dense")
    drawn = [ill(3, 2, rng=rng).weight.value for _ in range(2)]
    assert (drawn[0] == drawn[1]).all()
    assert (Dense(3, 2, rng=rng).weight.value != drawn[0]).any()
    assert variant(cause, "layers/relu", "ReLU") is None


def test_no_other_thread_imports_what_is_ill(monkeypatch):
    modules = []

    def watched(*arguments):
        modules.append(sys.modules["scratchcnn.layers.initialization"])
        return executed(*arguments)

    monkeypatch.setattr(catalog, "executed", watched)
    (cause, *_) = [c for c in CAUSES if c.name == "seed fixed inside"]
    variant(cause, "layers/dense", "Dense")
    assert modules == [sys.modules["scratchcnn.layers.initialization"]] * 2


def test_a_mistake_can_be_several_edits():
    edits = [("x > 0", "x > 1"), ("np.maximum(x, 0)", "np.maximum(x, 1)")]
    text = edited(Cause("two", "layers/relu", edits, "Why."))
    assert "x > 1" in text
    assert "np.maximum(x, 1)" in text
