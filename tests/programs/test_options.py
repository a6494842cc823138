"""Settings: what they mean, and what is refused before anything starts."""

import dataclasses
import os
import re
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.erasing import erase
from scratchcnn.data.fashion_mnist import NAMES
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.label_smoothing import SmoothedCrossEntropy
from scratchcnn.programs.options import (
    NETWORKS,
    PROGRAM,
    RATES,
    Settings,
    choose_augment,
    choose_loss,
    choose_optimizer,
    command_line,
)
from scratchcnn.training.optimizers import SGD, Adam

ALL = Settings(
    classes=(5, 7),
    network="two_class",
    epochs=3,
    batch_size=7,
    seed=9,
    shift=2,
    flip=0.25,
    erase=0.5,
    smoothing=0.125,
    average=0.75,
    validation=6,
    plain=True,
    optimizer="adam",
    learning_rate=0.125,
    momentum=0.5,
    nesterov=True,
    weight_decay=5e-4,
    schedule="constant",
    warm_up=0.75,
    data="folder",
    checkpoint=Path("run.npz"),
    resume=True,
    save=Path("weights.npz"),
    quiet=True,
)


def read(*words):
    """Return the settings that these words make."""
    return Settings(**vars(command_line().parse_args(words)))


@pytest.fixture
def refused(capsys):
    """Return the one line with which words are refused."""

    def refused(*words):
        with pytest.raises(SystemExit) as stop:
            read(*words)
        out, err = capsys.readouterr()
        assert stop.value.code == 2
        assert out == ""
        assert re.fullmatch(
            r"scratchcnn\.programs\.trainer: error: [^\n]+\n", err
        )
        return err

    return refused


def test_without_options_it_explores_on_held_out_images():
    settings = read()
    assert settings == Settings()
    assert settings.classes == tuple(range(len(NAMES)))
    assert settings.validation == 5000
    assert settings.network == "lenet"
    assert settings.plain is settings.resume is False
    assert settings.checkpoint is settings.save is None


def test_settings_are_fixed_once_they_are_made():
    settings = Settings(classes=[3, 1])
    assert hash(settings) == hash(Settings(classes=(3, 1)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.seed = 1


def test_every_option_is_a_setting_and_has_its_type(capsys):
    with pytest.raises(SystemExit):
        read("--help")
    described = set(re.findall(r"--([\w-]+)", capsys.readouterr().out))
    names = {field.name for field in dataclasses.fields(Settings)}
    assert {word.replace("-", "_") for word in described} == names | {"help"}
    usual = vars(Settings())
    assert not [name for name in names if vars(ALL)[name] == usual[name]]
    assert read(*ALL.words()) == ALL


def test_words_are_only_those_that_are_needed():
    assert Settings().words() == []
    settings = Settings(classes=(0, 6), batch_size=8, nesterov=True)
    words = ["--classes", "0", "6", "--batch-size", "8", "--nesterov"]
    assert settings.words() == words
    assert read(*settings.words()) == settings


@pytest.mark.parametrize("name", ["two-class", "two_class"])
def test_a_network_is_called_as_in_python_or_with_a_hyphen(name):
    assert read("--network", name).network == "two_class"


def test_a_resumed_run_agrees_on_what_has_a_say_in_the_numbers():
    fixed = Settings().fixed()
    assert fixed == {
        "classes": tuple(range(10)),
        "network": "lenet",
        "epochs": 10,
        "batch_size": 64,
        "seed": 0,
        "shift": 0,
        "flip": 0.0,
        "erase": 0.0,
        "smoothing": 0.0,
        "average": 0.0,
        "validation": 5000,
        "plain": False,
        "learning_rate": 0.05,
        "schedule": "cosine",
        "warm_up": 0.0,
    }
    constant = dataclasses.replace(Settings(), schedule="constant")
    assert fixed.keys() - constant.fixed().keys() == {"epochs"}
    for name in "warm_up", "average":
        stretched = dataclasses.replace(constant, **{name: 0.1})
        assert stretched.fixed().keys() == fixed.keys()


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"network": "resnet"}, "lenet, record, two_class, got 'resnet'"),
        (
            {"network": ["lenet"]},
            "--network as one of lenet, .*, got .'lenet'",
        ),
        ({"optimizer": "rmsprop"}, "--optimizer as one of sgd, adam, got 'rm"),
        ({"schedule": "linear"}, "constant, cosine, got 'linear'"),
        ({"epochs": 10**400, "average": 0.5}, r"--epochs < 1e\+18, got 1000"),
        ({"validation": 10**400}, r"--validation < 1e\+18, got 1000"),
    ],
)
def test_what_no_command_line_has_read_is_checked_too(setting, told):
    with pytest.raises(ValueError, match=f"^{PROGRAM} wants .*{told}"):
        Settings(**setting).check()


@pytest.mark.parametrize("classes", [3, None])
def test_one_class_alone_is_told_so(classes):
    with pytest.raises(TypeError, match=f"^Settings wants .*, got {classes}$"):
        Settings(classes=classes)


def test_a_seed_may_have_any_number_of_digits():
    Settings(seed=10**400).check()


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_made_by_the_generator(name):
    def values(seed):
        network = NETWORKS[name](rng=np.random.default_rng(seed))
        with evaluation_mode(network):
            return network.forward(np.ones((2, 1, 28, 28), np.float32))

    assert values(0).shape == (2, 1 if name == "two_class" else 10)
    np.testing.assert_array_equal(values(0), values(0))
    assert not np.array_equal(values(0), values(1))


def test_the_optimizer_is_the_one_described(rng):
    network = NETWORKS["two_class"](rng=rng)
    sgd = choose_optimizer(network, read())
    assert type(sgd) is SGD
    assert (sgd.learning_rate, sgd.momentum) == (RATES["sgd"], 0.9)
    assert (sgd.nesterov, sgd.weight_decay) == (False, 0)
    assert sgd.parameters == network.parameters()
    words = "--learning-rate 0.5 --momentum 0.3 --nesterov --weight-decay 0.1"
    sgd = choose_optimizer(network, read(*words.split()))
    assert (sgd.learning_rate, sgd.momentum) == (0.5, 0.3)
    assert (sgd.nesterov, sgd.weight_decay) == (True, 0.1)
    plain = choose_optimizer(network, read("--momentum", "0"))
    assert plain.momentum == 0
    adam = choose_optimizer(network, read("--optimizer", "adam"))
    assert type(adam) is Adam
    assert adam.learning_rate == RATES["adam"]


@pytest.mark.parametrize("words", ["--momentum 0.9", "--nesterov"])
def test_adam_has_no_momentum_of_sgd(words, rng):
    settings = read("--optimizer", "adam", *words.split())
    with pytest.raises(ValueError, match="are for sgd, not for adam"):
        choose_optimizer(NETWORKS["two_class"](rng=rng), settings)


def test_a_learning_rate_of_zero_is_not_the_default(rng):
    settings = read("--learning-rate", "0")
    with pytest.raises(ValueError, match=r"wants 0 < learning_rate .*got 0"):
        choose_optimizer(NETWORKS["two_class"](rng=rng), settings)


def test_the_loss_is_the_one_described():
    assert type(choose_loss(read())) is SoftmaxCrossEntropy
    smoothed = choose_loss(read("--smoothing", "0.25"))
    assert type(smoothed) is SmoothedCrossEntropy
    assert smoothed.smoothing == 0.25
    two = read("--network", "two-class")
    assert type(choose_loss(two)) is BinaryCrossEntropy


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("--erase 0.5", lambda x, rng: erase(x, rng, share=0.5)),
        (
            "--shift 1 --erase 1",
            lambda x, rng: erase(
                shift_and_flip(x, rng, shift=1, flip=0), rng, share=1
            ),
        ),
        ("--flip 1", lambda x, rng: shift_and_flip(x, rng, shift=0, flip=1)),
    ],
)
def test_images_are_moved_before_they_are_covered(words, wanted):
    x = np.random.default_rng(1).random((9, 1, 28, 28))
    np.testing.assert_array_equal(
        choose_augment(read(*words.split()))(x, np.random.default_rng(2)),
        wanted(x, np.random.default_rng(2)),
    )
    assert choose_augment(read()) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--network vgg", "invalid choice: 'vgg'"),
        ("--optimizer lbfgs", "invalid choice: 'lbfgs'"),
        ("--schedule step", "invalid choice: 'step'"),
        ("--epochs many", "invalid int value: 'many'"),
        ("--classes", "expected at least one argument"),
        ("--save no/a.npz", "'no' should be a folder that can be written to"),
        ("--checkpoint no/a.npz", "'no' should be a folder"),
        ("--speed 1", "unrecognized arguments: --speed 1"),
    ],
)
def test_what_is_no_option_is_one_line(refused, words, message):
    assert message in refused(*words.split())


def test_a_folder_is_no_file(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.npz").mkdir()
    assert "'a.npz' is a folder, not a file" in refused("--save", "a.npz")
    read("--save", "b.npz")
    assert os.listdir() == ["a.npz"]
