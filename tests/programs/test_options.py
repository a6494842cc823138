"""Options: what they mean, and what is refused before anything starts."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.data.fashion_mnist import NAMES
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.programs.options import (
    HELD_OUT,
    NETWORKS,
    RATES,
    choose_optimizer,
    command_line,
)
from scratchcnn.training.optimizers import SGD, Adam


def read(*words):
    """Return the options that these words make."""
    return command_line().parse_args(words)


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
    options = read()
    assert options.classes == list(range(len(NAMES)))
    assert options.validation == HELD_OUT > 0
    assert options.network == "lenet"
    assert options.plain is options.resume is False
    assert options.checkpoint is options.save is None


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_made_by_the_generator(name):
    def values(seed):
        network = NETWORKS[name](rng=np.random.default_rng(seed))
        with evaluation_mode(network):
            return network.forward(np.ones((2, 1, 28, 28), np.float32))

    assert values(0).shape == (2, 1 if name == "two-class" else 10)
    np.testing.assert_array_equal(values(0), values(0))
    assert not np.array_equal(values(0), values(1))


def test_the_optimizer_is_the_one_described(rng):
    network = NETWORKS["two-class"](rng=rng)
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
    options = read("--optimizer", "adam", *words.split())
    with pytest.raises(ValueError, match="are for sgd, not for adam"):
        choose_optimizer(NETWORKS["two-class"](rng=rng), options)


def test_a_learning_rate_of_zero_is_not_the_default(rng):
    options = read("--learning-rate", "0")
    with pytest.raises(ValueError, match=r"wants 0 < learning_rate .*got 0"):
        choose_optimizer(NETWORKS["two-class"](rng=rng), options)


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
