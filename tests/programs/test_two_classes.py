"""The program: what it prints, what it draws, and how it gives up."""

import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

import scratchcnn
from scratchcnn import fashion_mnist
from scratchcnn.data.drawn import dataset
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from scratchcnn.programs import command_line
from scratchcnn.programs import two_classes as program
from scratchcnn.programs.two_classes import main
from scratchcnn.training.gradient_descent import gradient_descent

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a few drawn garments."""
    return dataset.write(tmp_path_factory.mktemp("data"), train=40, test=20)


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """Return the program, to be run in an empty folder for two epochs."""
    monkeypatch.chdir(tmp_path)

    def run(*options):
        return main(["--data", str(folder), "--epochs", "2", *options])

    return run


@pytest.fixture
def no_drawing(monkeypatch):
    """Leave the figure blank, which is quicker."""
    monkeypatch.setattr(program, "plot", lambda *_: Figure())


@pytest.fixture
def refused(run, capsys, monkeypatch):
    """Return the program's one line of complaint, before it has trained."""

    def trained(*_, **__):
        raise AssertionError("it trained before it complained")

    def refused(*options):
        monkeypatch.setattr(program, "two_class", trained)
        with pytest.raises(SystemExit) as stop:
            run(*options)
        out, err = capsys.readouterr()
        assert stop.value.code == 2
        assert out == ""
        assert re.fullmatch(r"scratchcnn: error: [^\n]+\n", err)
        return err

    return refused


def accuracies(out):
    """Return the accuracies that the program printed, from top to bottom."""
    found = re.findall(r"^  (\w[\w ]*\w) +(\d\.\d{4})$", out, re.MULTILINE)
    return dict(found)


def by_hand(folder, *, seed, classes=(0, 1)):
    """Return what the program should print, from the package's parts."""
    train, test, *_ = fashion_mnist.load(classes, data_dir=folder)
    t = train.labels[:, None].astype(np.float32)
    generator = np.random.default_rng(seed)
    network = two_class(rng=generator)
    for _ in gradient_descent(
        network,
        MeanSquaredError(),
        train.images,
        t,
        learning_rate=program.LEARNING_RATE,
        epochs=2,
        batch_size=program.BATCH_SIZE,
        rng=generator,
    ):
        pass
    dense = least_squares(train.images.reshape(len(t), -1), t)
    linear = Network([Flatten(), dense])
    majority = majority_accuracy(train.labels, test.labels)
    return {
        "majority guess": f"{majority:.4f}",
        "linear model": f"{accuracy(linear, MeanSquaredError(), *test):.4f}",
        "network": f"{accuracy(network, MeanSquaredError(), *test):.4f}",
    }


@pytest.mark.usefixtures("no_drawing")
def test_it_prints_the_accuracies_that_its_parts_give(run, folder, capsys):
    assert run("--seed", "3") == 0
    out, _ = capsys.readouterr()
    assert accuracies(out) == by_hand(folder, seed=3)


@pytest.mark.usefixtures("no_drawing")
def test_it_says_what_it_learns_from(run, capsys):
    run("--seed", "3", "--classes", "6", "0")
    out, _ = capsys.readouterr()
    first, second, *_ = out.splitlines()
    assert first == (
        "Shirt or T-shirt/top? (seed 3): drawn stand-ins, not Fashion-MNIST"
    )
    assert second == "80 training images, 40 test images"


@pytest.mark.usefixtures("no_drawing")
def test_the_real_images_are_not_called_drawn(run, capsys, monkeypatch):
    original = fashion_mnist.load

    def load(*args, **kwargs):
        data = original(*args, **kwargs)
        return data._replace(stand_in=False)

    monkeypatch.setattr(fashion_mnist, "load", load)
    run()
    out, _ = capsys.readouterr()
    assert out.startswith("T-shirt/top or Trouser? (seed 0)\n")
    assert "stand-in" not in out


@pytest.mark.usefixtures("no_drawing")
def test_the_bar_ticks_once_an_epoch_on_stderr(run, capsys):
    run("--epochs", "3")
    out, err = capsys.readouterr()
    assert "epoch" not in out
    assert "3/3" in err
    assert re.search(r"loss=\d\.\d{4}", err)


@pytest.mark.usefixtures("no_drawing")
def test_a_quiet_program_shows_no_bar(run, capsys):
    run("--quiet")
    out, err = capsys.readouterr()
    assert "Figure: scratchcnn.png" in out
    assert err == ""


def test_the_figure_is_there_before_anything_is_printed(run, monkeypatch):
    there = []

    def put(stream, text):
        if text.startswith("T-shirt"):
            there.extend(os.listdir())

    monkeypatch.setattr(command_line, "put", put)
    run()
    assert there == ["scratchcnn.png"]


@pytest.mark.usefixtures("no_drawing")
def test_the_seed_decides_every_number(run, capsys):
    def numbers(seed):
        run("--seed", seed)
        out, err = capsys.readouterr()
        return accuracies(out), re.findall(r"loss=[\d.]+", err)[-1]

    first = numbers("5")
    assert numbers("5") == first
    assert numbers("6")[1] != first[1]


def test_the_same_numbers_make_the_same_figure(rng, tmp_path):
    kernels = rng.standard_normal((4, 1, 3, 3))
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in one, two:
        program.write_figure(program.plot([0.3, 0.1], kernels, kernels), path)
    assert one.read_bytes() == two.read_bytes()


def test_the_figure_is_the_only_file_and_its_path_is_printed(run, capsys):
    run()
    out, _ = capsys.readouterr()
    assert out.splitlines()[-1] == "Figure: scratchcnn.png"
    assert os.listdir() == ["scratchcnn.png"]
    image = matplotlib.image.imread("scratchcnn.png")
    assert image.min() < 0.5 < image.max()


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("name", "start"),
    [
        *(("a.png", b"\x89PNG"), ("a.PNG", b"\x89PNG")),
        *(("a.pdf", b"%PDF"), ("a.svg", b"<?xml")),
    ],
)
def test_the_suffix_decides_the_format(run, name, start):
    run("--output", name)
    assert Path(name).read_bytes().startswith(start)


def test_the_figure_shows_the_loss_and_the_kernels(rng):
    before, after = rng.standard_normal((2, 4, 1, 3, 3))
    figure = program.plot([0.3, 0.1], before, after)
    curve, *kernels, _ = [a for s in figure.subfigs for a in s.axes]
    np.testing.assert_array_equal(
        curve.lines[0].get_xydata(), [[1, 0.3], [2, 0.1]]
    )
    shown = [axes.images[0].get_array() for axes in kernels]
    np.testing.assert_array_equal(shown, np.concatenate([before, after])[:, 0])
    scales = {axes.images[0].get_clim() for axes in kernels}
    largest = np.abs([before, after]).max()
    assert scales == {(-largest, largest)}


def test_the_kernels_on_show_are_those_before_and_after(run, monkeypatch):
    shown = {}

    def plot(losses, before, after):
        shown.update(losses=losses, before=before.copy(), after=after.copy())
        return Figure()

    monkeypatch.setattr(program, "plot", plot)
    run("--seed", "4")
    start = two_class(rng=np.random.default_rng(4)).parameters()[0]
    np.testing.assert_array_equal(shown["before"], start.value)
    assert not np.array_equal(shown["after"], start.value)
    assert len(shown["losses"]) == 2


def test_a_figure_that_fails_leaves_the_old_one(run, capsys, monkeypatch):
    Path("scratchcnn.png").write_text("the old one")

    def half(_, file, **__):
        file.write(b"half of th")
        raise OSError("No space left on device")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == 2
    _, err = capsys.readouterr()
    assert err.endswith("] No space left on device: 'scratchcnn.png'\n")
    assert os.listdir() == ["scratchcnn.png"]
    assert Path("scratchcnn.png").read_text() == "the old one"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "a.xyz"], "'a.xyz' should be a file that ends in .png"),
        (["--output", "a"], "'a' should be a file that ends in .png"),
        (["--output", "no/a.png"], "'no' should be a folder"),
        (["--classes", "1"], "--classes: expected 2 arguments"),
        (["--classes", "1", "1"], "two or more different integers"),
        (["--classes", "1", "x"], "invalid int value: 'x'"),
        (["--seed", "-1"], "wants --seed >= 0, got -1"),
        (["--seed", "one"], "invalid int value: 'one'"),
        (["--speed", "1"], "unrecognized arguments: --speed 1"),
        (["--data", "nowhere"], "nowhere"),
        (["--learning-rate", "nan"], "0 < --learning-rate < inf, got nan"),
        (["--learning-rate", "0"], "wants 0 < --learning-rate < inf, got 0"),
        (["--batch-size", "0"], "wants --batch-size >= 1, got 0"),
        (["--epochs", "0"], "wants --epochs >= 1, got 0"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_training(
    refused, options, message
):
    assert message in refused(*options)
    assert os.listdir() == []


def test_a_folder_is_no_figure(refused):
    Path("a.png").mkdir()
    assert "'a.png' is a folder, not a file" in refused("--output", "a.png")


def test_a_folder_that_refuses_files_is_named(refused, monkeypatch):
    def refuse(**_):
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert "'.' should be a folder that can be written to" in refused()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch-size", "81"], "wants batch_size <= 80"),
        (
            ["--learning-rate", "1e30"],
            "try a smaller learning_rate than 1e+30",
        ),
    ],
)
def test_what_training_refuses_ends_in_one_line(run, capsys, options, message):
    with pytest.raises(SystemExit) as stop:
        run(*options)
    assert stop.value.code == 2
    *_, line, end = capsys.readouterr().err.split("\n")
    assert line.startswith("scratchcnn: error: ")
    assert message in line
    assert end == ""
    assert os.listdir() == []


def test_an_error_of_several_lines_becomes_one(refused, monkeypatch):
    def load(*_, **__):
        raise scratchcnn.DataError("one\ntwo")

    monkeypatch.setattr(fashion_mnist, "load", load)
    assert refused() == "scratchcnn: error: one two\n"


def test_an_interrupt_ends_in_a_line_and_130(run, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(program, "gradient_descent", interrupt)
    assert run() == 130
    assert capsys.readouterr().err.endswith("\nscratchcnn: interrupted\n")
    assert os.listdir() == []


def python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_it_runs_as_a_module_and_lists_its_options():
    out = python("-m", "scratchcnn", "--help")
    assert out.startswith("usage: scratchcnn ")
    for option in (
        *("classes", "epochs", "batch-size", "learning-rate"),
        *("seed", "data", "output", "quiet"),
    ):
        assert f"--{option}" in out
    for name in fashion_mnist.NAMES:
        assert name in " ".join(out.split())


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, scratchcnn.programs.two_classes"
    code += "; print('matplotlib' in sys.modules)"
    assert python("-c", code) == "False\n"
