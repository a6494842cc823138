"""The kinds: every layer, loss and optimizer, with chapters that exist."""

import re
from pathlib import Path

import pytest

import scratchcnn
from scratchcnn.doctor.diagnosis import known
from scratchcnn.doctor.kinds import KINDS

ROOT = Path(__file__).parents[2]
TITLES = {}
for path in (ROOT / "book").rglob("*.md"):
    text = path.read_text()
    if title := re.search(r"^# (.+)$", text, re.M):
        TITLES[title[1]] = re.findall(r"^:label: (\S+)$", text, re.M)


def test_every_layer_loss_and_optimizer_has_its_kind():
    bases = scratchcnn.Layer, scratchcnn.Loss, scratchcnn.Optimizer
    names = {
        name.lower()
        for home in (scratchcnn, scratchcnn.layers, scratchcnn.losses)
        for name in home.__all__
        if isinstance(one := getattr(home, name), type)
        and issubclass(one, bases)
        and one not in bases
    }
    assert names <= KINDS.keys()
    assert {"gradient_step", "gradient_descent"} <= KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_the_chapters_and_equations_exist(kind):
    one = KINDS[kind]
    assert one.name.lower() == kind
    labels = {label for title in one.pages for label in TITLES[title]}
    assert {*one.equations.values()} <= labels


@pytest.mark.parametrize("kind", KINDS)
def test_the_probes_have_names_and_nothing_fails_in_them(kind):
    probes = [probe.name for _, probe in KINDS[kind].probes()]
    assert len(probes) == len({*probes})
    right, charts = known(kind)
    assert {probe for probe, _ in right} == {*probes}
    assert not [value for value in right.values() if isinstance(value, str)]
    assert charts or kind == "sigmoid"


def test_a_result_says_where_it_is_derived():
    one = KINDS["conv2d"]
    assert one.chapter("y") == (
        "chapter Convolution, forward, equation conv-forward"
    )
    assert one.chapter("dx, a second time").endswith("equation conv-dx")
    assert KINDS["sgd"].chapter("the first step") == (
        "chapter Optimizers, equation sgd-momentum"
    )
    assert one.chapter("w afterwards") == "chapter Convolution, forward"
