"""What runs in a page, here without one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import in_page
import in_page_figures
import numpy as np
import pytest
from in_page import MOST, Silence, check, judge, patch, restore, run
from in_page_shapes import Silent
from scipy import signal

import scratchcnn
from scratchcnn import Conv2D, Dense
from scratchcnn.layers import initialization

ROOT = Path(__file__).parents[2]
BACKWARD = """\
    def backward(self, dy: Array) -> Array:
        x = self.recall()
        self.weight.grad[...] = dy.T @ x
        self.bias.grad[...] = dy.sum(axis=1)[: len(self.bias.grad)]
        return dy @ self.weight.value
"""


@pytest.fixture
def space(monkeypatch):
    """Return the names of the cells, which are another test's no more."""
    module = type(sys)("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    return vars(module)


@pytest.fixture(autouse=True)
def package():
    """Leave the package as it is."""
    yield
    for module, piece in [*in_page.PATCHED]:
        restore(module, piece)


def said(work, *arguments) -> tuple[bool, str]:
    """Return what a call says, and how it ends."""
    texts: list[str] = []
    well = work(lambda text, *_: texts.append(text), *arguments)
    return well, "".join(texts)


def test_a_cell_shows_what_it_prints_and_its_last_line(space):
    assert said(run, "cell 1", "x = 2\nprint(x)\nx + 1") == (True, "2\n3\n")
    assert said(run, "cell 2", "x\nNone") == (True, "")
    assert said(run, "cell 3", "x;") == (True, "")
    assert said(run, "cell 4", "") == (True, "")
    assert said(run, "cell 5", "import sys; print(x, file=sys.stderr)")[1]
    assert space["x"] == 2


def test_a_cell_shows_what_it_draws_after_what_it_writes(space, monkeypatch):
    figure = in_page_figures.subplots
    monkeypatch.setitem(space, "subplots", figure)
    told: list[tuple[str, ...]] = []
    cell = "a = subplots()[1]\na.quiver(1)\nprint(1)\na.plot([1, 2]);"
    assert run(lambda *what: told.append(what), "cell 1", cell, "A line.")
    *texts, (nothing, drawn) = told
    assert "".join(text for (text,) in texts) == "1\n"
    assert nothing == ""
    assert 'aria-label="A line."' in drawn
    assert drawn.endswith("<p>Not drawn: quiver.</p>")
    assert said(run, "cell 2", "2") == (True, "2\n")


def test_an_error_is_shown_with_its_line_and_nothing_before(space):
    well, text = said(run, "cell 7", "x = 1\ndef f():\n    1 / 0\n\nf()")
    assert not well
    assert 'File "cell 7", line 3, in f\n    1 / 0\n' in text
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert "in_page" not in text
    well, text = said(run, "cell 8", "x = (1,\ny = 2")
    assert not well
    assert "line 1" in text
    assert "SyntaxError" in text
    assert said(run, "cell 9", "raise SystemExit")[0] is False


def test_what_writes_without_end_is_stopped(space):
    program = "try:\n    while True: print('x' * 99)\nexcept Exception: pass"
    well, text = said(run, "cell 1", program)
    assert not well
    assert MOST < len(text) < MOST + 100
    assert text.endswith(f"stopped after {MOST:,} characters of output\n")


def test_annotations_of_cells_are_those_of_a_notebook(space):
    said(run, "cell 1", "def f(x: int) -> int: return x")
    assert space["f"].__annotations__ == {"x": int, "return": int}


def test_a_cell_draws_and_computes_without_matplotlib():
    program = """
        import sys
        sys.path[:0] = ["book"]
        from in_page import Silence
        sys.meta_path[:0] = [Silence()]
        import matplotlib.pyplot as plt
        import numpy as np
        from claims import claim, number, verdict
        from figures import board, image_row, numbers, write_values
        from figures import INPUT, show_image, show_signed
        from explorers import explorer
        from matplotlib.patches import Rectangle
        from tqdm import tqdm
        figure, ((a, b), (c, d)) = plt.subplots(2, 2)
        _, one = plt.subplots()
        _, row = plt.subplots(1, 3, squeeze=False)
        assert row.shape == (1, 3)
        a.plot([1], color=INPUT)
        one.add_patch(Rectangle((0, 0), 1, 1)).set(x=1)
        show_signed(b, np.eye(2))
        write_values(show_image(c, np.eye(2)).axes, np.eye(2))
        image_row([np.eye(2)] * 2, ["a", "b"])
        numbers(board(2, 3), np.eye(2), INPUT)
        explorer("relu", x=np.eye(2))
        claim(True)
        number("a", 1)
        assert verdict("b", True, "yes", "no")
        with tqdm(total=1) as bar:
            bar.update()
        from in_page_figures import take
        assert take().count("<svg class=") == 5
        print("computed")
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "computed\n"


def test_silence_has_two_functions_of_scipy_and_no_other():
    silence = Silence()
    assert silence.find_spec("scipy.fft") is None
    assert silence.find_spec("pandas") is None
    spec = silence.find_spec("scipy.signal")
    assert spec is not None
    stand_in = silence.create_module(spec)
    silence.exec_module(stand_in)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 4)), rng.standard_normal((2, 3))
    for name in "convolve2d", "correlate2d":
        for mode in "valid", "full":
            np.testing.assert_allclose(
                getattr(stand_in, name)(x, w, mode),
                getattr(signal, name)(x, w, mode),
                rtol=0,
                atol=1e-12,
            )
    with pytest.raises(AttributeError):
        _ = stand_in.fftconvolve
    assert [*Silent()] == []


def test_an_edited_method_is_the_packages_until_it_is_restored():
    module, piece = "scratchcnn.layers.dense", "Dense.backward"
    layer = Dense(3, 2, rng=np.random.default_rng(0))
    layer.forward(np.ones((4, 3)))
    right = layer.backward(np.ones((4, 2)))
    assert said(patch, module, piece, BACKWARD) == (True, "")
    layer.forward(np.ones((4, 3)))
    assert np.array_equal(layer.backward(np.ones((4, 2))), right)
    assert layer.bias.grad.tolist() == [2, 2]
    well, text = said(judge, module, piece)
    assert well
    assert "Most likely: bias over the wrong axis." in text
    assert "exhibit B" in text
    restore(module, piece)
    layer.backward(np.ones((4, 2)))
    assert layer.bias.grad.tolist() == [4, 4]
    assert said(judge, module, piece)[1].startswith("dense: healthy")


def test_an_edited_function_is_every_importers():
    module, piece = "scratchcnn.layers.initialization", "he_normal"
    source = "def he_normal(shape, *, fan_in, rng):\n    return np.ones(shape)"
    rng = np.random.default_rng(0)
    assert said(patch, module, piece, source) == (True, "")
    assert Dense(3, 2, rng=rng).weight.value.tolist() == [[1] * 3] * 2
    assert Conv2D(1, 1, 2, rng=rng).weight.value.min() == 1
    assert "he_normal" in said(judge, module, piece)[1]
    restore(module, piece)
    assert initialization.he_normal((2, 2), fan_in=2, rng=rng).std() > 0


def test_an_edited_class_is_every_instances():
    module, piece = "scratchcnn.layers.reshape", "Flatten"
    layer = scratchcnn.Flatten()
    before = vars(scratchcnn.Flatten)["__init__"]
    source = textwrap.dedent("""
        class Flatten(Reshape):
            def __init__(self):
                super().__init__((-1,))
            def forward(self, x):
                return super().forward(x)[:, ::-1]
    """)
    assert said(patch, module, piece, source) == (True, "")
    x = np.arange(4.0).reshape(1, 2, 2)
    assert layer.forward(x).tolist() == [[3, 2, 1, 0]]
    restore(module, piece)
    assert layer.forward(x).tolist() == [[0, 1, 2, 3]]
    assert vars(scratchcnn.Flatten)["__init__"] is before


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def backward(self, dy)\n    return dy", "SyntaxError"),
        ("def forwards(self, x):\n    return x", "backward is not defined"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_can_not_be_put_there_changes_nothing(source, what):
    before = vars(Dense)["backward"]
    found = said(patch, "scratchcnn.layers.dense", "Dense.backward", source)
    assert found[0] is False
    assert what in found[1]
    assert vars(Dense)["backward"] is before
    assert in_page.PATCHED == {}


def test_an_error_in_an_edited_listing_has_its_line(space):
    source = "    def forward(self, x):\n        y = x\n        return y.no\n"
    said(patch, "scratchcnn.layers.dense", "Dense.forward", source)
    space["layer"] = Dense(3, 2, rng=np.random.default_rng(0))
    text = said(run, "cell 1", "layer.forward(1.0)")[1]
    assert 'File "your Dense.forward", line 3, in forward' in text
    assert "return y.no" in text


def test_a_file_of_the_workbook_is_judged_by_the_books_own(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    said(patch, "scratchcnn.layers.dense", "Dense.backward", BACKWARD)
    text = (ROOT / "scratchcnn/layers/dense.py").read_text()
    well, board = said(check, "dense", text)
    assert well
    assert "healthy" in board
    board = said(check, "dense", text.replace("dy.T, x", "dy.T, 2 * x"))[1]
    assert "is 2 times the right one" in board
    board = said(check, "dense", "class Dense(")[1]
    assert "can't be imported: SyntaxError" in board
