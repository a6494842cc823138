"""What the explorers of the pages compute, and how they are touched."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import nbformat.v4 as notebook
import numpy as np
import pytest
from bs4 import BeautifulSoup
from explorers import compact, tenths
from py_mini_racer import MiniRacer

from scratchcnn import (
    SGD,
    AvgPool2D,
    BatchNorm2D,
    Conv2D,
    Dense,
    MaxPool2D,
    MeanSquaredError,
    Network,
    Parameter,
    ReLU,
    Reshape,
    SoftmaxCrossEntropy,
)
from scratchcnn.convolutions.cost import COSTS, least_time, sizes_of
from scratchcnn.layers import softmax
from scratchcnn.models import two_class

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "book" / "_static" / "explorers"
CASES, CLOSE = 200, {"rtol": 0, "atol": 1e-10}
MOST_BYTES = 80_000  # all that we have written, of the whole book
CONFIG = """\
extensions = ["myst_nb", "cells", "elements"]
html_theme = "basic"
nb_execution_mode = "off"
templates_path = ["."]
numfig = True
"""


@pytest.fixture(scope="module")
def arithmetic():
    """Return a function that calls one of the explorers' own."""
    racer = MiniRacer()
    racer.eval((SCRIPTS / "arithmetic.js").read_text())

    def call(name: str, *arguments: Any) -> dict[str, Any]:
        texts = [json.dumps(a, default=np.ndarray.tolist) for a in arguments]
        code = f"JSON.stringify(arithmetic.{name}({', '.join(texts)}))"
        return json.loads(racer.eval(code))

    yield call
    racer.close()


def test_a_convolution_is_that_of_the_package(arithmetic, rng):
    for _ in range(CASES):
        C, F, stride, KH, KW = map(int, rng.integers(1, (3, 3, 4, 4, 4)))
        sizes = stride, int(rng.integers(0, min(KH, KW)))
        form = dict(zip(("stride", "padding"), sizes, strict=True))
        layer = Conv2D(C, F, (KH, KW), **form, rng=rng)
        layer.astype(np.float64)
        layer.bias.value[...] = rng.standard_normal(F)
        x = rng.standard_normal((1, C, *rng.integers((KH, KW), 8)))
        y = layer(x)
        dy = rng.standard_normal(y.shape)
        dx = layer.backward(dy)
        w, b = layer.weight, layer.bias
        found = arithmetic(
            "convolution", x[0], w.value, b.value, dy[0], *sizes
        )
        expected = {"y": y[0], "dx": dx[0], "dw": w.grad, "db": b.grad}
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, **CLOSE)


@pytest.mark.parametrize(
    ("kind", "layer"), [("maximum", MaxPool2D), ("average", AvgPool2D)]
)
def test_pooling_is_that_of_the_package(arithmetic, rng, kind, layer):
    for _ in range(CASES):
        size, stride = (int(k) for k in rng.integers(1, 4, 2))
        shape = (1, 1, *rng.integers(size, 8, 2))
        x = rng.integers(-2, 3, shape).astype(float)  # many tie
        pool = layer(size, stride)
        y = pool(x)
        dy = rng.standard_normal(y.shape)
        found = arithmetic("pooling", x[0, 0], dy[0, 0], size, stride, kind)
        np.testing.assert_allclose(found["y"], y[0, 0], **CLOSE)
        dx = pool.backward(dy)[0, 0]
        np.testing.assert_allclose(found["dx"], dx, **CLOSE)


def test_relu_is_that_of_the_package(arithmetic, rng):
    for _ in range(CASES):
        x = rng.integers(-2, 3, rng.integers(1, 6, 2)) / 2
        dy, relu = rng.standard_normal(x.shape), ReLU()
        found = arithmetic("relu", x, dy)
        np.testing.assert_array_equal(found["y"], relu(x))
        np.testing.assert_allclose(found["dx"], relu.backward(dy), **CLOSE)
        np.testing.assert_array_equal(found["mask"], x > 0)


def test_a_surprise_is_that_of_the_package(arithmetic, rng):
    for _ in range(CASES):
        K = int(rng.integers(2, 6))
        logits = rng.normal(rng.normal(0, 60), 5, K)
        t, temperature = int(rng.integers(K)), rng.uniform(0.2, 5)
        z, loss = logits[None] / temperature, SoftmaxCrossEntropy()
        value = loss.forward(z, np.array([t]))
        found = arithmetic("surprise", logits, t, temperature)
        np.testing.assert_allclose(found["p"], softmax(z)[0], **CLOSE)
        np.testing.assert_allclose(found["loss"], value, **CLOSE)
        dy = loss.backward()[0] / temperature
        np.testing.assert_allclose(found["dy"], dy, **CLOSE)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            e = np.exp(z[0].astype(np.float32))
            naive = e / e.sum()
        printed = np.array(found["naive"], float)  # null is NaN
        np.testing.assert_allclose(printed, naive, rtol=1e-3, atol=1e-6)


def test_a_ball_is_that_of_the_package(arithmetic, rng):
    for _ in range(CASES):
        rate, momentum = rng.uniform(0.005, 0.2), rng.uniform(0, 0.98)
        curvatures = rng.uniform(0.5, 9, 2)
        p = Parameter(rng.standard_normal(2))
        start, points = p.value.copy(), [p.value.copy()]
        optimizer = SGD([p], rate, momentum=momentum)
        for _ in range(20):
            p.grad[...] = curvatures * p.value
            optimizer.step()
            points.append(p.value.copy())
        found = arithmetic("descent", start, curvatures, rate, momentum, 20)
        np.testing.assert_allclose(found, points, **CLOSE)
        sizes = rate, momentum
        pairs = [arithmetic("roots", c, *sizes) for c in curvatures]
        for curvature, pair in zip(curvatures, pairs, strict=True):
            line = [1, -(1 + momentum - rate * curvature), momentum]
            roots = [complex(*root) for root in pair]
            np.testing.assert_allclose(np.poly(roots), line, **CLOSE)


def test_a_network_and_its_step_are_those_of_the_package(arithmetic, rng):
    loss = MeanSquaredError()
    for _ in range(CASES):
        F, K, D, H, W = map(int, rng.integers(1, (4, 4, 6, 6, 6)))
        layers = [
            Conv2D(1, F, K, rng=rng),
            ReLU(),
            Reshape((F * H * W,)),
            Dense(F * H * W, D, rng=rng),
            ReLU(),
            Dense(D, 1, rng=rng),
        ]
        network = Network(layers)
        network.astype(np.float64)
        parameters = network.parameters()
        for p in parameters[1::2]:
            p.value[...] = rng.standard_normal(p.value.shape)
        x, t = rng.standard_normal((1, 1, H + K - 1, W + K - 1)), rng.random()
        values = [p.value.copy() for p in parameters]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        found = arithmetic("network", x[0], t, pairs)
        flow = [x]
        for layer in layers:
            flow.append(layer(flow[-1]))
        value = loss.forward(flow[-1], np.array([[t]]))
        np.testing.assert_allclose(found["loss"], value, **CLOSE)
        back = [loss.backward()]
        for layer in reversed(layers):
            back.insert(0, layer.backward(back[0]))
        for name, arrays in ("flow", flow), ("back", back):
            del arrays[3]  # Reshape changes no number
            for some, array in zip(found[name], arrays, strict=True):
                flat = np.ravel(some)
                np.testing.assert_allclose(flat, array.ravel(), **CLOSE)
        gradients = found["gradients"]
        for some, p in zip(chain(*gradients), parameters, strict=True):
            np.testing.assert_allclose(some, p.grad, **CLOSE)
            p.value -= 0.1 * p.grad
        moved = arithmetic("stepped", pairs, gradients, 0.1)
        for some, p in zip(chain(*moved), parameters, strict=True):
            np.testing.assert_allclose(some, p.value, **CLOSE)


def test_a_compact_network_is_made_of_what_it_hands_out(rng):
    network = two_class(rng=rng)
    rounded, data = compact(network)
    digits, unit, _ = data["hidden"]
    weights = (np.array([int(digit, 32) for digit in digits]) - 15) * unit
    hidden, own = (some.layers[3].weight.value for some in (rounded, network))
    np.testing.assert_array_equal(weights.reshape(hidden.shape), hidden)
    assert np.abs(hidden - own).max() <= unit / 2 * (1 + 1e-6)
    np.testing.assert_allclose(np.abs(hidden).max(), np.abs(own).max())
    assert own.dtype == np.float32
    text = json.dumps(data, default=np.ndarray.tolist)
    assert len(gzip.compress(text.encode())) < 50_000


@pytest.mark.parametrize("training", [True, False])
def test_a_normalization_is_that_of_the_package(arithmetic, rng, training):
    for _ in range(CASES):
        N, Q = map(int, rng.integers(1, 4, 2))
        layer = BatchNorm2D(1, epsilon=float(rng.choice([1e-5, 0.5])))
        layer.astype(np.float64)
        layer.weight.value[...], layer.bias.value[...] = rng.normal(0, 2, 2)
        layer.forward(rng.normal(2, 3, (4, 1, 2, 2)))
        layer.training = training
        given = [*layer.running_mean, *layer.running_variance]
        x = rng.integers(-9, 10, (N, 1, 2, Q)) / 2  # some are all equal
        y = layer(x)
        dy = rng.standard_normal(x.shape)
        form = (N, 2 * Q)
        found = arithmetic(
            "normalization",
            x.reshape(form),
            dy.reshape(form),
            layer.weight.value[0],
            layer.bias.value[0],
            layer.epsilon,
            None if training else given,
        )
        mean, variance = (x.mean(), x.var()) if training else given
        dx = layer.backward(dy).reshape(form)
        np.testing.assert_allclose(found["mean"], mean, **CLOSE)
        np.testing.assert_allclose(found["variance"], variance, **CLOSE)
        np.testing.assert_allclose(found["y"], y.reshape(form), **CLOSE)
        np.testing.assert_allclose(found["dx"], dx, **CLOSE)
        np.testing.assert_allclose(np.sum(found["ways"], 2), dx, **CLOSE)


def test_a_roof_is_that_of_the_package(arithmetic, rng):
    for _ in range(CASES):
        N, C, F, K = (int(2**k) for k in rng.integers(0, 4, 4))
        s = sizes_of((N, C, 14, 14), (F, C, K, K))
        cost = COSTS[str(rng.choice([*COSTS]))]
        work = cost.flops(s), cost.bytes(s, 4)
        peak, bandwidth = 10 ** rng.uniform(9, (14, 13))
        found = arithmetic("roofline", *work, peak, bandwidth)
        time = least_time(*work, peak=peak, bandwidth=bandwidth)
        np.testing.assert_allclose(found["time"] / time, 1, **CLOSE)
        ratio = found["intensity"] * work[1] / work[0]
        np.testing.assert_allclose(ratio, 1, **CLOSE)
        slower = least_time(*work, peak=peak, bandwidth=bandwidth / 2) > time
        faster = least_time(*work, peak=2 * peak, bandwidth=bandwidth) < time
        assert found["waits"] == ("operations" if faster else "bytes")
        assert slower or faster


def test_suspects_are_those_of_whom_the_checks_say_the_same(arithmetic, rng):
    for _ in range(CASES):
        bugs, checks = map(int, rng.integers(2, 7, 2))
        results = rng.choice(["", "dx", "dw"], (bugs, checks))
        spent = rng.permutation(checks)[: rng.integers(checks)]
        bug = int(rng.integers(bugs))
        same = (results[:, spent] == results[bug, spent]).all(axis=1)
        found = arithmetic("suspects", results, bug, spent)
        np.testing.assert_array_equal(found, np.flatnonzero(same))


def test_the_scripts_are_small():
    sizes = [path.stat().st_size for path in SCRIPTS.parent.rglob("*.js")]
    assert 0 < sum(sizes) < MOST_BYTES


def test_tenths_keep_the_ink_of_a_garment():
    image = np.zeros((28, 28))
    image[:2, :2], image[26:, 26:] = 1, 0.5
    small = tenths(image)
    assert small.shape == (14, 14)
    assert small[0, 0] == 9
    assert small[13, 13] in (4, 5)
    assert small.sum() == small[0, 0] + small[13, 13]


def built(folder: Path, shown: str, words: str) -> BeautifulSoup:
    """Build a page whose explorer stands before a figure."""
    page = notebook.new_notebook(
        metadata={"language_info": {"name": "python"}}
    )
    output = notebook.new_output
    for source, out, figure in [
        ("explorer()", output("display_data", {"text/html": shown}), {}),
        (
            "draw()",
            output("display_data", {"text/html": "<p>still</p>"}),
            {"name": "fig-a", "caption": "A figure."},
        ),
    ]:
        cell = notebook.new_code_cell(source, outputs=[out])
        cell.metadata = {"tags": ["hide-input"], "mystnb": {"figure": figure}}
        page.cells.append(cell)
    page.cells.insert(0, notebook.new_markdown_cell(words))
    (folder / "index.ipynb").write_text(notebook.writes(page))
    (folder / "conf.py").write_text(CONFIG)
    (folder / "page.html").write_text(
        '{% extends "!page.html" %}{% block footer %}'
        "<i>{{ explorers | join(' ') }}</i>{% endblock %}"
    )
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-qW", folder, folder / "html"],
        env={"PYTHONPATH": str(ROOT / "book" / "_ext")},
        check=True,
    )
    text = (folder / "html" / "index.html").read_text()
    return BeautifulSoup(text, "html.parser")


def test_an_explorer_stands_in_the_figure_that_follows_it(tmp_path):
    shown = '<relu-explorer class="explorer">data</relu-explorer>'
    html = built(tmp_path, shown, "# Page")
    (figure,) = html.find_all("figure")
    first, *_, last = [tag.name for tag in figure.find_all(recursive=False)]
    assert (first, last) == ("relu-explorer", "figcaption")
    assert figure.p.get_text() == "still"
    (cell,) = html.select("div.cell")
    code = [pre.get_text().strip() for pre in cell.select("details.code pre")]
    assert code == ["explorer()", "draw()"]
    assert html.i.get_text() == "arithmetic explorer relu"


def test_a_story_needs_no_script_and_is_linked(tmp_path):
    equation, listing = (
        '<a href="equation:one"></a>',
        '<a href="listing:two-a_b"><code>y = x</code></a>',
    )
    shown = f'<div class="explorer story">{equation}{listing}</div>'
    words = """# Page

```{math}
:label: one
y = x
```

```{code-block} python
:name: listing-two-a_b
y = x
```
"""
    html = built(tmp_path, shown, words)
    figure = html.find("figure")
    assert figure.find(recursive=False)["class"] == ["explorer", "story"]
    links = [(a["href"], a.get_text()) for a in figure.select(".story a")]
    assert links == [("#equation-one", "(1)"), ("#listing-two-a-b", "y = x")]
    for href, _ in links:
        assert html.select(href)
    assert html.i.get_text() == ""
