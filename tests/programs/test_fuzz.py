"""Command lines that nobody would write, and what the programs answer."""

import os
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn.data.drawn import dataset
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.programs import record, trainer, two_classes
from scratchcnn.programs.options import Settings

PATIENCE = 12  # batches, after which somebody presses Ctrl-C
ODD = (
    *("", " ", "-", "--", "-1", "0", "1", "2", "3", "7", "1.5", "0.5", "1e3"),
    *("nan", "inf", "-inf", "1e400", "1e-400", "1_0", "0x10", "\u00bd"),
    *("\u0663", "9" * 40, "9" * 5000, "x" * 300, "a\0b", "a\nb", "\udc80"),
    *("%s", "%", "{}", "*", "~", ".", "..", "/", "no/such.npz", "a.npz/b"),
    *("/dev/null", "/dev/full", "None", "True", "@a", "--help", "-h"),
)
NAMES = ("a.npz", "./a.npz", "b.npz", "link", "text", "x" * 251)
CHOICES = {
    "--classes": tuple("0123456789"),
    "--epochs": ("1", "2", "3", "1000000000"),
    "--batch-size": ("1", "2", "5", "20", "100"),
    "--seed": ("0", "1", "12345678901234567890"),
    "--shift": ("0", "1", "28", "29"),
    "--flip": ("0", "0.5", "1", "2"),
    "--erase": ("0", "0.5", "1", "2"),
    "--smoothing": ("0", "0.1", "1"),
    "--average": ("0", "0.5", "1"),
    "--validation": ("0", "1", "5", "29", "30"),
    "--warm-up": ("0", "0.5", "0.99", "1"),
    "--learning-rate": ("0.1", "1e-3", "1e30"),
    "--momentum": ("0", "0.5", "1"),
    "--weight-decay": ("0", "0.1", "1e30"),
    "--network": ("lenet", "two-class", "two_class", "record", "vgg"),
    "--optimizer": ("sgd", "adam", "lbfgs"),
    "--schedule": ("cosine", "constant", "step"),
    "--checkpoint": NAMES,
    "--save": NAMES,
    "--output": ("a.png", "a.PNG", "b.pdf", "c.svg", "d.txt", "x" * 250),
    "--data": ("data", "data/", "empty", "text", "nowhere"),
}
FLAGS = ("--plain", "--nesterov", "--resume", "--quiet", "--speed")
OPTIONS = {
    "scratchcnn": (
        *("--classes", "--epochs", "--batch-size", "--learning-rate"),
        *("--seed", "--output", "--data", "--quiet"),
    ),
    "scratchcnn.programs.trainer": (
        *(name for name in CHOICES if name != "--output"),
        *FLAGS,
    ),
    "scratchcnn.programs.record": ("--quiet", "--data", "--seed"),
}
MAINS = {
    "scratchcnn": two_classes.main,
    "scratchcnn.programs.trainer": trainer.main,
    "scratchcnn.programs.record": record.main,
}


def value(option, rng):
    """Draw a value, most of the time one that has some sense."""
    odd = rng.random() < 0.1
    return str(rng.choice(ODD if odd else CHOICES[option]))


def line(program, rng):
    """Draw what is asked of a program."""
    words = ["--data", "data"] if rng.random() < 0.9 else []
    if program.endswith("trainer") and rng.random() < 0.9:
        words += ["--validation", "5"]
    if program.endswith("record"):
        words.append(value("--save", rng))
    elif rng.random() < 0.9:
        words += ["--epochs", "1", "--batch-size", "3"]
    for option in rng.choice(OPTIONS[program], rng.integers(5)):
        if rng.random() < 0.05:
            words.append(option[: rng.integers(2, len(option))])
        else:
            words.append(str(option))
        if option in FLAGS:
            continue
        count = 1 if option != "--classes" else rng.integers(1, 4)
        drawn = [value(option, rng) for _ in range(count)]
        if drawn and rng.random() < 0.2:
            words[-1] += f"={drawn[0]}"
        else:
            words += drawn
    return words


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Go to a folder with some data, and with files in the way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRATCHCNN_DATA", "data")
    monkeypatch.setattr(two_classes, "plot", lambda *_: Figure())  # quicker
    monkeypatch.setattr(record, "SEEDS", (0, 1))
    short = Settings(network="record", epochs=1, batch_size=10, validation=0)
    monkeypatch.setattr(record, "FINAL", short)
    held = replace(short, validation=5)
    monkeypatch.setattr(record, "SETTINGS", held)
    monkeypatch.setattr(record, "TRIALS", {"one": replace(held, erase=0.5)})
    dataset.write("data", train=3, test=1)
    os.mkdir("empty")
    with open("text", "w") as file:
        file.write("Dear program,\n")
    os.symlink("a.npz", "link")


@pytest.fixture
def impatient(monkeypatch):
    """Return a function after which a training has few batches left."""
    calls = []

    def watch(loss):
        forward = loss.forward

        def count(self, y, t):
            calls.append(None)
            if len(calls) > PATIENCE:
                raise KeyboardInterrupt
            return forward(self, y, t)

        monkeypatch.setattr(loss, "forward", count)

    for loss in BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy:
        watch(loss)
    return calls.clear


def judge(program, code, out, err):
    """Stop a program that does not say in one line what is wrong."""
    *lines, end = err.split("\n")
    assert end == ""
    said = [one for one in lines if one and "\r" not in one]
    if code == 0:
        assert out
        assert said == []
    elif code == 130:
        assert out == ""
        assert said == [f"{program}: interrupted"]
    else:
        assert code == 2
        assert out == ""
        assert len(said) == 1
        assert said[0].startswith(f"{program}: error: ")
        assert len(said[0]) > len(f"{program}: error: ") + 9


def answer(seed, capsys, impatient):
    """Draw a line, run it, and judge the answer; return its code."""
    rng = np.random.default_rng(seed)
    program = str(rng.choice([*OPTIONS], p=[0.3, 0.6, 0.1]))
    words = line(program, rng)
    impatient()
    try:
        code = MAINS[program](words)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    try:
        judge(program, code, out, err)
    except AssertionError as error:
        raise AssertionError(
            f"{program} {words}: code {code}, out {out!r}, err {err!r}"
        ) from error
    return code


@pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "seeds",
    [
        range(100),
        *(
            pytest.param(range(k, k + 200), marks=pytest.mark.fuzz)
            for k in range(100, 2100, 200)
        ),
    ],
    ids=lambda seeds: f"{seeds.start}-{seeds.stop}",
)
def test_every_answer_is_a_result_or_one_line(seeds, capsys, impatient):
    codes = [answer(seed, capsys, impatient) for seed in seeds]
    assert {0, 2} <= set(codes) <= {0, 2, 130}
    assert codes.count(0) > len(codes) / 5
