"""The trainer: what it prints and saves, how it resumes and gives up."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import scratchcnn
from scratchcnn import MeanSquaredError, fashion_mnist
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.drawn import dataset
from scratchcnn.data.fashion_mnist import Split
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import majority_accuracy
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.label_smoothing import SmoothedCrossEntropy
from scratchcnn.models import record
from scratchcnn.models.lenet import lenet
from scratchcnn.programs import command_line as cli
from scratchcnn.programs import trainer
from scratchcnn.programs.options import Settings
from scratchcnn.programs.trainer import main
from scratchcnn.training.averaging import Averaged, estimate_statistics
from scratchcnn.training.loop import train
from scratchcnn.training.optimizers import SGD, Adam
from scratchcnn.training.schedules import constant, cosine, warm_up
from scratchcnn.training.weights import load, named_arrays

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a few drawn garments of every class."""
    return dataset.write(tmp_path_factory.mktemp("data"), train=12, test=5)


@pytest.fixture
def words(folder, tmp_path, monkeypatch):
    """Return options for three short epochs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return [
        *("--data", str(folder), "--epochs", "3"),
        *("--batch-size", "16", "--validation", "20"),
    ]


@pytest.fixture
def run(words, capsys):
    """Return the program, which returns what it prints."""

    def run(*options):
        assert main([*words, *options]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(words, capsys):
    """Return the program's one line of complaint."""

    def refused(*options):
        with pytest.raises(SystemExit) as stop:
            main([*words, *options])
        assert stop.value.code == 2
        err = capsys.readouterr().err
        *_, line, end = err.split("\n")
        assert line.startswith("scratchcnn.programs.trainer: error: ")
        assert end == ""
        return line

    return refused


def accuracies(out):
    """Return the accuracies at the end of what was printed."""
    found = re.findall(r"^  (\w[\w ]*\w) +(\d\.\d{4})$", out, re.MULTILINE)
    return dict(found)


def table(out):
    """Return the rows of losses and scores, as they were printed."""
    rows = re.findall(r"^ +\d+((?:  \d\.\d{4})+)$", out, re.MULTILINE)
    return [row.split() for row in rows]


def by_hand(folder, seed=0, held_out=20):
    """Return losses, scores and test accuracy, from the package's parts."""
    data = fashion_mnist.load(range(10), data_dir=folder)
    x, labels = data.train
    n = len(x) - held_out
    test = (x[n:], labels[n:]) if held_out else data.test
    rng = np.random.default_rng(seed)
    network = accelerate(lenet(rng=rng))
    history = train(
        network,
        SoftmaxCrossEntropy(),
        SGD(network.parameters(), 0.05, momentum=0.9),
        x[:n],
        labels[:n],
        epochs=3,
        batch_size=16,
        rng=rng,
        schedule=cosine(),
        score=lambda net: accuracy(net, MeanSquaredError(), *test),
    )
    return history, network, majority_accuracy(labels[:n], test[1])


def test_it_prints_what_its_parts_give(run, folder):
    history, _, majority = by_hand(folder, seed=4)
    out = run("--seed", "4")
    rows = zip(history.losses, history.scores, strict=True)
    assert table(out) == [[f"{a:.4f}", f"{b:.4f}"] for a, b in rows]
    assert accuracies(out) == {
        "majority guess": f"{majority:.4f}",
        "network": f"{history.scores[-1]:.4f}",
    }


def test_it_says_what_it_learns_from(run):
    lines = run("--seed", "4", "--classes", "6", "0", "3").splitlines()
    assert lines[:3] == [
        "Shirt, T-shirt/top, Dress (seed 4): "
        "drawn stand-ins, not Fashion-MNIST",
        "16 training images",
        "Network lenet, 29,738 parameters",
    ]
    assert "Accuracy on 20 validation images:" in lines


def test_the_real_images_are_not_called_drawn(run, monkeypatch):
    original = fashion_mnist.load

    def load(*args, **kwargs):
        data = original(*args, **kwargs)
        return data._replace(stand_in=False)

    monkeypatch.setattr(fashion_mnist, "load", load)
    assert "stand-in" not in run("--epochs", "1")


def test_while_it_explores_the_test_images_are_not_touched(run, monkeypatch):
    original = fashion_mnist.load

    def load(*args, **kwargs):
        data = original(*args, **kwargs)
        return data._replace(test=None)

    monkeypatch.setattr(fashion_mnist, "load", load)
    assert "validation" in run()


def test_with_nothing_held_out_the_test_images_are_asked_once(
    run, folder, monkeypatch
):
    asked = []

    def ask(network, loss, *test):
        asked.append(len(test[0]))
        return accuracy(network, loss, *test)

    monkeypatch.setattr(trainer, "accuracy", ask)
    out = run("--validation", "0")
    assert asked == [50]
    assert "120 training images" in out
    assert "Accuracy on 50 test images:" in out
    history, _, _ = by_hand(folder, held_out=0)
    assert table(out) == [[f"{loss:.4f}"] for loss in history.losses]
    assert accuracies(out)["network"] == f"{history.scores[-1]:.4f}"


def test_the_seed_decides_every_number(run):
    first = run("--seed", "5").replace("seed 5", "")
    assert run("--seed", "5").replace("seed 5", "") == first
    assert table(run("--seed", "6")) != table(first)


def test_every_option_reaches_its_place(run, folder, monkeypatch):
    seen = {}

    def train(network, loss, optimizer, x, t, **options):
        seen.update(options, loss=loss, optimizer=optimizer, t=t)
        seen["network"] = network
        return scratchcnn.History([0.5])

    monkeypatch.setattr(trainer, "train", train)
    run(
        *("--optimizer", "adam", "--learning-rate", "0.5", "--plain"),
        *("--schedule", "constant", "--warm-up", "0.5", "--weight-decay", "2"),
        *("--shift", "3", "--flip", "0.25", "--epochs", "7"),
        *("--batch-size", "9", "--network", "two-class"),
        *("--classes", "3", "1"),
    )
    assert type(seen["optimizer"]) is Adam
    assert seen["optimizer"].learning_rate == 0.5
    assert seen["optimizer"].weight_decay == 2
    assert type(seen["loss"]) is BinaryCrossEntropy
    assert type(seen["network"]) is scratchcnn.Network
    assert (seen["epochs"], seen["batch_size"]) == (7, 9)
    assert seen["t"].shape == (4, 1)
    assert set(seen["t"].ravel()) <= {0.0, 1.0}
    wanted = warm_up(0.5, constant())
    for share in (0.0, 0.2, 0.5, 0.9):
        assert seen["schedule"](share) == wanted(share)
    x = np.random.default_rng(1).random((6, 1, 28, 28))
    np.testing.assert_array_equal(
        seen["augment"](x, np.random.default_rng(2)),
        shift_and_flip(x, np.random.default_rng(2), shift=3, flip=0.25),
    )
    run("--smoothing", "0.25", "--average", "0.25", "--momentum", "0.5")
    assert type(seen["loss"]) is SmoothedCrossEntropy
    assert seen["loss"].smoothing == 0.25
    assert type(seen["optimizer"]) is Averaged
    assert seen["optimizer"].start == 16  # of 3 * 7 steps, less a quarter
    assert seen["optimizer"].optimizer.momentum == 0.5
    run()
    assert seen["augment"] is None
    assert type(seen["optimizer"]) is SGD
    assert type(seen["loss"]) is SoftmaxCrossEntropy
    assert seen["network"].children()
    assert seen["t"].ndim == 1


def test_two_classes_are_divided_at_the_logit_zero(folder):
    data = fashion_mnist.load((0, 1), data_dir=folder)
    settings = Settings(
        classes=(0, 1), network="two_class", validation=20, plain=True
    )
    two = trainer.Trainer(settings, data)
    *_, weight, bias = two.network.parameters()
    weight.value[...] = 0
    x, labels = data.test
    two.tested = type(data.test)(x[labels == 1], labels[labels == 1])
    for logit, share in (0.25, 1.0), (-0.25, 0.0):
        bias.value[...] = logit
        assert two.score(two.network) == share


def test_plain_and_accelerated_agree(run):
    rows = np.array(table(run("--plain")), float)
    np.testing.assert_allclose(np.array(table(run()), float), rows, atol=0.01)


def test_the_saved_network_is_the_trained_one(run, folder):
    out = run("--save", "weights.npz")
    assert out.splitlines()[-1] == "Network: weights.npz"
    assert os.listdir() == ["weights.npz"]
    network = lenet(rng=np.random.default_rng(9))
    load(network, "weights.npz")
    _, trained, _ = by_hand(folder)
    for name, array in named_arrays(trained).items():
        np.testing.assert_array_equal(named_arrays(network)[name], array)


def stop_in_epoch(monkeypatch, epoch, batches):
    """Let Ctrl-C come in the middle of an epoch."""
    calls = []
    forward = SoftmaxCrossEntropy.forward

    def interrupt(self, y, t):
        calls.append(None)
        if len(calls) == (epoch - 1) * batches + 2:
            raise KeyboardInterrupt
        return forward(self, y, t)

    monkeypatch.setattr(SoftmaxCrossEntropy, "forward", interrupt)


@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    run, words, capsys, monkeypatch, plain
):
    options = ["--flip", "0.5", "--shift", "1", *plain]
    wanted = run(*options, "--save", "whole.npz")
    keep = ["--checkpoint", "run.npz", "--resume", "--save", "parts.npz"]
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, epoch=2, batches=7)
        assert main([*words, *options, *keep]) == 130
    err = capsys.readouterr().err
    assert err.endswith("\nscratchcnn.programs.trainer: interrupted\n")
    assert sorted(os.listdir()) == ["run.npz", "whole.npz"]
    out = run(*options, *keep)
    assert table(out) == table(wanted)
    assert Path("parts.npz").read_bytes() == Path("whole.npz").read_bytes()
    assert table(run(*options, *keep)) == table(wanted)


def test_averages_are_scored_and_saved_and_do_not_change_the_run(run, folder):
    options = ["--network", "record", "--average", "0.5"]
    out = run(*options, "--save", "average.npz")
    plain = run("--network", "record", "--save", "last.npz")
    assert [row[0] for row in table(out)] == [row[0] for row in table(plain)]
    assert table(out)[-1][1] == accuracies(out)["network"]
    data = fashion_mnist.load(range(10), data_dir=folder)
    settings = Settings(
        network="record", epochs=3, batch_size=16, validation=20, average=0.5
    )
    three = trainer.Trainer(settings, data)
    assert three.optimizer.start == 10  # of 3 * 7 steps, rounded to even
    three.run()
    saved = record(rng=np.random.default_rng(9))
    load(saved, "last.npz")
    for p, q in zip(
        saved.parameters(), three.network.parameters(), strict=True
    ):
        np.testing.assert_array_equal(p.value, q.value)
    load(saved, "average.npz")
    averages = three.optimizer.average
    for p, average in zip(saved.parameters(), averages, strict=True):
        np.testing.assert_array_equal(p.value, average.astype(np.float32))
    x = data.train.images[:-20]
    estimate_statistics(saved, x)
    found = named_arrays(saved)
    load(saved, "average.npz")
    for name, array in named_arrays(saved).items():
        np.testing.assert_allclose(found[name], array, 1e-4, 1e-5)


def test_a_killed_process_resumes_to_the_same_bytes(run, words):
    options = ["--network", "record", "--nesterov", "--flip", "0.5"]
    options += ["--erase", "0.5", "--smoothing", "0.1", "--average", "0.9"]
    wanted = run(*options, "--save", "whole.npz")
    keep = ["--checkpoint", "run.npz", "--resume", "--save", "parts.npz"]
    command = [sys.executable, "-m", "scratchcnn.programs.trainer"]
    with subprocess.Popen(
        [*command, *words, *options, *keep],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not Path("run.npz").exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not Path("parts.npz").exists()
    assert table(run(*options, *keep)) == table(wanted)
    assert Path("parts.npz").read_bytes() == Path("whole.npz").read_bytes()


def test_a_run_goes_on_for_more_epochs_if_the_schedule_allows(run):
    keep = ["--checkpoint", "run.npz", "--resume", "--schedule", "constant"]
    whole = run("--schedule", "constant")
    run(*keep, "--epochs", "2")
    assert table(run(*keep)) == table(whole)


def test_a_checkpoint_is_not_replaced_by_mistake(run, refused):
    run("--checkpoint", "run.npz", "--epochs", "1")
    before = Path("run.npz").read_bytes()
    assert refused("--checkpoint", "run.npz").endswith(
        "run.npz exists: --resume it, or choose another --checkpoint"
    )
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--batch-size 8", "batch_size is 16, not 8"),
        ("--seed 1", "seed is 0, not 1"),
        ("--flip 0.5", "flip is 0.0, not 0.5"),
        ("--plain", "plain is False, not True"),
        ("--epochs 4", "epochs is 3, not 4"),
        ("--momentum 0.5", "optimizer is SGD(momentum=0.9, "),
        ("--learning-rate 0.1", "learning_rate is 0.05, not 0.1"),
        ("--optimizer adam", "nesterov=False), not Adam(betas="),
        ("--network record", "network is lenet, not record"),
        ("--classes 1 2 3", "not [1, 2, 3]"),
    ],
)
def test_another_run_is_not_resumed(run, refused, options, message):
    run("--checkpoint", "run.npz")
    before = Path("run.npz").read_bytes()
    keep = ["--checkpoint", "run.npz", "--resume"]
    assert message in refused(*keep, *options.split())
    assert Path("run.npz").read_bytes() == before


def test_a_run_is_not_resumed_on_other_images(run, refused, monkeypatch):
    run("--checkpoint", "run.npz")
    before = Path("run.npz").read_bytes()

    original = fashion_mnist.load

    def load(*args, **kwargs):
        data = original(*args, **kwargs)
        return data._replace(stand_in=False)

    monkeypatch.setattr(fashion_mnist, "load", load)
    message = refused("--checkpoint", "run.npz", "--resume")
    assert "stand_in is True, not False" in message
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--resume", "--resume wants a --checkpoint"),
        ("--validation 120", "wants --validation < 120"),
        ("--validation -1", "wants --validation >= 0, got -1"),
        ("--seed -1", "wants --seed >= 0, got -1"),
        ("--epochs 0", "wants --epochs >= 1, got 0"),
        ("--batch-size 101", "wants batch_size <= 100"),
        ("--learning-rate 0", "wants 0 < learning_rate < inf, got 0"),
        ("--batch-size 0", "wants --batch-size >= 1, got 0"),
        ("--learning-rate nan", "wants 0 < learning_rate < inf, got nan"),
        ("--momentum 1", "momentum"),
        ("--momentum 0 --nesterov", "wants momentum > 0 with nesterov"),
        ("--warm-up 1", "share"),
        ("--flip 2", "wants flip from 0 to 1, got 2.0"),
        ("--flip nan", "wants flip from 0 to 1, got nan"),
        ("--erase 2", "wants share from 0 to 1, got 2.0"),
        ("--smoothing 1", "wants 0 <= smoothing < 1, got 1.0"),
        ("--average 1", "wants 0 <= --average < 1, got 1.0"),
        ("--average nan", "wants 0 <= --average < 1, got nan"),
        (
            "--network two-class --classes 1 2 --smoothing 0.1",
            "--smoothing is for an output for each class, and --network two_",
        ),
        ("--shift -1", "wants shift >= 0, got -1"),
        ("--shift 20000", "wants shift <= 28, the size of the images, got 2"),
        ("--network two-class", "two_class wants two --classes, got 10"),
        ("--classes 1", "two or more different integers"),
        ("--classes 1 1", "two or more different integers"),
        ("--data nowhere", "nowhere"),
        ("--data=", "data_dir should name a folder, but is empty"),
        ("--save a.npz --checkpoint a.npz", "a.npz are one file: each wants"),
        ("--save a.npz --checkpoint ./a.npz --resume", "are one file"),
        ("--learning-rate 1e30", "smaller learning_rate than 1e+30"),
        ("--checkpoint no/run.npz", "'no' should be a folder"),
    ],
)
def test_what_cannot_be_used_is_one_line(refused, options, message):
    assert message in refused(*options.split())
    assert os.listdir() == []


@pytest.mark.parametrize(
    "options",
    [
        *("--epochs 0", "--batch-size 0", "--seed -1", "--validation -1"),
        *("--shift -1", "--shift 29", "--flip 1.5", "--flip nan"),
        *("--erase -1", "--erase nan", "--smoothing nan", "--average -1"),
        *("--learning-rate 0", "--momentum 1", "--momentum 0 --nesterov"),
        *("--weight-decay -1", "--warm-up 1", "--optimizer adam --nesterov"),
        *("--classes 1", "--classes 1 1", "--network two-class", "--resume"),
        *("--save a --checkpoint a", "--optimizer adam --momentum 0.5"),
    ],
)
def test_no_image_is_loaded_for_what_can_not_be(refused, monkeypatch, options):
    def load(*_, **__):
        raise AssertionError("it loaded before it complained")

    monkeypatch.setattr(fashion_mnist, "load", load)
    refused(*options.split())


def test_a_checkpoint_and_a_network_are_two_files(run, refused):
    run("--checkpoint", "run.npz")
    before = Path("run.npz").read_bytes()
    Path("link.npz").symlink_to("run.npz")
    for name in (
        "run.npz",
        "./run.npz",
        "link.npz",
        str(Path.cwd() / "run.npz"),
    ):
        message = refused(
            "--checkpoint", "run.npz", "--resume", "--save", name
        )
        assert "are one file: each wants its own" in message
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_a_single_step_that_is_too_large_is_named(refused, plain):
    one = ["--epochs", "1", "--batch-size", "100", *plain]
    message = refused(*one, "--learning-rate", "1e30")
    assert "the network has diverged" in message
    assert "smaller learning_rate than 1e+30" in message


@pytest.mark.parametrize("option", ["--save", "--checkpoint"])
def test_no_file_of_the_data_is_written_to(refused, folder, option):
    for path in sorted(folder.glob("*ubyte*")):
        before = path.read_bytes()
        message = refused(option, str(path))
        assert "are one file: each wants its own" in message
        assert path.read_bytes() == before
    Path("link").symlink_to(path)
    assert "are one file" in refused(option, "link")


def test_the_usual_learning_rate_may_be_said_or_not(run, refused):
    keep = ["--checkpoint", "run.npz", "--resume"]
    out = run(*keep)
    assert run(*keep, "--learning-rate", "0.05") == out
    assert "learning_rate is 0.05, not 0.001" in refused(
        *keep, "--optimizer", "adam"
    )


def test_a_run_is_not_resumed_on_other_drawn_images(run, refused, tmp_path):
    run("--checkpoint", "run.npz")
    before = Path("run.npz").read_bytes()
    other = dataset.write(tmp_path / "other", seed=1, train=12, test=5)
    message = refused(
        "--checkpoint", "run.npz", "--resume", "--data", str(other)
    )
    assert re.search(r"does not fit: checksum is \d+, not \d+$", message)
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize("validation", [0, 3])
def test_the_checksum_sees_every_pixel_and_label_of_the_training(validation):
    rng = np.random.default_rng(0)

    def kept(change=lambda train, test: None):
        images = rng.random((8, 1, 28, 28), np.float32)
        images[...] = np.arange(8)[:, None, None, None]
        train = images, np.arange(8) % 2
        test = images[:2].copy(), np.arange(2)
        change(train, test)
        data = fashion_mnist.FashionMNIST(
            Split(*train), Split(*test), ("a", "b"), False
        )
        settings = Settings(
            classes=(0, 1), validation=validation, checkpoint=Path("a.npz")
        )
        return trainer.Trainer(settings, data).checkpoint().settings

    def pixel(train, test):
        train[0][7, 0, 27, 27] += 1

    def label(train, test):
        train[1][0] = 1

    def unseen(train, test):
        test[0][...] = 0

    usual = kept()["checksum"]
    assert kept()["checksum"] == usual
    assert kept(unseen)["checksum"] == usual
    assert len({usual, kept(pixel)["checksum"], kept(label)["checksum"]}) == 3


def test_a_network_that_has_gone_flat_is_told(run):
    """Ten balanced classes are guessed at a loss of log(10), 2.3026."""
    flat = "The last loss is not below 2.29"
    *_, line = run("--learning-rate", "5", "--validation", "20").splitlines()
    assert line.startswith(flat)
    assert "try a smaller --learning-rate" in line
    assert flat not in run("--epochs", "12")


def test_a_quiet_run_shows_no_bar(words, capsys):
    main([*words, "--quiet"])
    out, err = capsys.readouterr()
    assert "Accuracy" in out
    assert err == ""


def test_the_network_is_saved_before_anything_is_printed(run, monkeypatch):
    there = []

    def put(stream, text):
        there.append((os.listdir(), text))

    monkeypatch.setattr(cli, "put", put)
    run("--save", "weights.npz")
    assert [files for files, text in there if text] == [["weights.npz"]]


def test_a_damaged_checkpoint_is_one_line(refused):
    Path("run.npz").write_bytes(b"PK and nothing more")
    message = refused("--checkpoint", "run.npz", "--resume")
    assert "run.npz is cut short" in message


def test_a_full_disk_is_one_line(refused, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    message = refused("--save", "weights.npz")
    assert message.endswith("No space left on device: 'weights.npz'")
    assert os.listdir() == []


def test_the_bar_is_on_stderr(words, capsys):
    main([*words, "--epochs", "2"])
    out, err = capsys.readouterr()
    assert "epoch 2 of 2" in err
    assert "epoch 2 of 2" not in out


def test_it_runs_as_a_module_and_lists_its_options():
    out = subprocess.run(
        [sys.executable, "-m", "scratchcnn.programs.trainer", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert out.startswith("usage: scratchcnn.programs.trainer ")
    for option in ("checkpoint", "resume", "plain", "save", "quiet"):
        assert f"--{option}" in out
