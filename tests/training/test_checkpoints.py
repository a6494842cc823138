"""Checkpoints: a run that was interrupted ends as if it had not been."""

import copy
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data.idx import DataError
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.lenet import lenet
from scratchcnn.training.checkpoints import CHECKPOINT, RUN, Checkpoint
from scratchcnn.training.loop import History, train
from scratchcnn.training.optimizers import SGD, Adam
from scratchcnn.training.schedules import cosine, warm_up
from scratchcnn.training.weights import load, named_arrays, save, write_arrays
from tests.killing import PROCESSES, Killer, start, was_killed

ROOT = Path(__file__).parents[2]
EPOCHS = 4

OPTIMIZERS = {
    "plain": lambda p: SGD(p, 0.02),
    "momentum": lambda p: SGD(p, 0.02, momentum=0.9, nesterov=True),
    "adam": lambda p: Adam(p, 0.01, weight_decay=1e-3),
}


class Run:
    """A small training run that uses everything that has a state."""

    def __init__(self, path, kind="adam", bits=np.random.PCG64, **settings):
        self.rng = np.random.Generator(bits(5))
        other = np.random.Generator(bits(6))
        inner = Network([Dropout(0.3, rng=self.rng), ReLU()])
        self.network = Network(
            [
                Conv2D(1, 2, 3, rng=self.rng),
                BatchNorm2D(2),
                inner,
                Flatten(),
                Dropout(0.2, rng=other),
                Dropout(0.1, rng=other),
                Dense(8, 1, rng=self.rng),
            ]
        )
        self.optimizer = OPTIMIZERS[kind](self.network.parameters())
        self.checkpoint = Checkpoint(
            path, self.network, self.optimizer, self.rng, settings=settings
        )
        data = np.random.default_rng(7)
        self.x = data.standard_normal((20, 1, 4, 4)).astype(np.float32)
        self.t = self.x.mean(axis=(1, 2, 3))[:, None]
        self.history = None

    def go(self, epochs=EPOCHS, loss=None, after_epoch=None):
        """Train on from the checkpoint, if there is one."""
        self.history = self.checkpoint.restore()
        self.history = train(
            self.network,
            loss or MeanSquaredError(),
            self.optimizer,
            self.x,
            self.t,
            epochs=epochs,
            batch_size=8,
            rng=self.rng,
            schedule=warm_up(0.2, cosine()),
            augment=lambda x, rng: (
                x + rng.normal(0, 0.1, x.shape).astype("f4")
            ),
            score=lambda net: float(np.abs(net.forward(self.x)).mean()),
            after_epoch=after_epoch or self.checkpoint.save,
            history=self.history,
        )
        return self.state()

    def state(self):
        """Return copies of all that the rest of the run depends on."""
        found = {
            **{
                f"network {n}": a
                for n, a in named_arrays(self.network).items()
            },
            **{f"optimizer {n}": a for n, a in self.optimizer.state().items()},
        }
        generators = [
            value
            for _, layer in self.network.walk()
            for value in vars(layer).values()
            if isinstance(value, np.random.Generator)
        ]
        return {
            "arrays": {name: a.tobytes() for name, a in found.items()},
            "generators": [
                repr(g.bit_generator.state) for g in (self.rng, *generators)
            ],
            "history": copy.deepcopy(self.history),
            "rate": self.optimizer.learning_rate,
        }


@pytest.fixture
def path(tmp_path):
    """Return where the checkpoint shall be."""
    return tmp_path / "run.npz"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Return how the run ends if nothing interrupts it."""
    return Run(tmp_path_factory.mktemp("unbroken") / "run.npz").go()


def test_without_a_file_there_is_nothing_to_restore(path):
    run = Run(path)
    before = run.state()
    assert run.checkpoint.restore() is None
    assert run.state() == before
    assert not os.listdir(path.parent)


def test_a_missing_folder_is_found_before_the_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="in a folder that exists"):
        Run(tmp_path / "no" / "run.npz")


def test_a_seed_is_no_generator(path):
    run = Run(path)
    with pytest.raises(TypeError, match="Checkpoint wants rng as a numpy"):
        Checkpoint(path, run.network, run.optimizer, 0)


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("done", range(1, EPOCHS + 1))
def test_a_resumed_run_ends_like_an_unbroken_one(tmp_path, kind, done):
    wanted = Run(tmp_path / "whole.npz", kind).go()

    class StopError(Exception):
        pass

    first = Run(tmp_path / "parts.npz", kind)

    def save_and_stop(history):
        first.checkpoint.save(history)
        if len(history) == done:
            raise StopError

    with pytest.raises(StopError):
        first.go(after_epoch=save_and_stop)
    second = Run(tmp_path / "parts.npz", kind)
    second.rng.random(17)
    assert second.go() == wanted
    assert len(second.history) == EPOCHS


def test_the_same_objects_can_go_back(path):
    run = Run(path)
    saved = run.go()
    arrays = named_arrays(run.network)
    run.rng.random(9)
    for array in (*arrays.values(), *run.optimizer.state().values()):
        array += 1
    run.optimizer.learning_rate = 5.0
    run.history = run.checkpoint.restore()
    assert run.state() == saved
    for name, array in named_arrays(run.network).items():
        assert array is arrays[name]


def test_the_learning_rate_comes_back(path):
    run = Run(path)
    run.optimizer.learning_rate = 1 / 3
    run.checkpoint.save(History())
    other = Run(path)
    assert other.checkpoint.restore() == History()
    assert other.optimizer.learning_rate == 1 / 3


@pytest.mark.parametrize(
    "bits",
    [
        *(np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937),
        *(np.random.Philox, np.random.SFC64),
    ],
)
def test_every_kind_of_generator_comes_back(path, bits):
    run = Run(path, bits=bits)
    run.rng.integers(0, 9, 3, dtype=np.int32)
    run.rng.standard_normal(5)
    run.checkpoint.save(History())
    wanted = run.state()["generators"]
    other = Run(path, bits=bits)
    other.rng.random(3)
    other.checkpoint.restore()
    np.testing.assert_equal(other.state()["generators"], wanted)
    assert np.array_equal(other.rng.random(99), run.rng.random(99))


def test_history_keeps_every_digit_and_nan(path):
    run = Run(path)
    history = History([1 / 3, float("nan"), 1e-300], [0.1 + 0.2], [5e-324])
    run.checkpoint.save(history)
    restored = run.checkpoint.restore()
    np.testing.assert_equal(vars(restored), vars(history))


def test_the_file_holds_no_pickle_and_one_text(path):
    Run(path).go(1)
    with np.load(path, allow_pickle=False) as file:
        kinds = {name: file[name].dtype.kind for name in file}
    assert [name for name in kinds if kinds[name] == "U"] == [RUN]
    assert set(kinds.values()) == {"f", "i", "U"}
    assert {"network/1.running_mean", "optimizer/mean.0"} < set(kinds)


def refused(run, kind):
    """Return the message with which a file is refused, nothing changed."""
    before = run.state()
    with pytest.raises(kind) as caught:
        run.checkpoint.restore()
    assert run.state() == before
    assert str(run.checkpoint.path) in str(caught.value)
    return str(caught.value)


def test_another_optimizer_is_refused(path):
    Run(path, "plain").go(1)
    message = refused(Run(path, "adam"), ValueError)
    assert message.endswith(
        ": optimizer is SGD(momentum=0.0, weight_decay=0.0, nesterov=False), "
        "not Adam(betas=(0.9, 0.999), epsilon=1e-08, weight_decay=0.001)"
    )
    message = refused(Run(path, "momentum"), ValueError)
    assert "not SGD(momentum=0.9, weight_decay=0.0, nesterov=True)" in message


def test_other_settings_are_refused(path):
    Run(path, batch_size=32, classes=(0, 1)).go(1)
    Run(path, batch_size=32, classes=[0, 1]).checkpoint.restore()
    message = refused(Run(path, batch_size=8, classes=(0, 1)), ValueError)
    assert message.endswith("does not fit: batch_size is 32, not 8")
    assert "seed is missing, not 3" in refused(
        Run(path, batch_size=32, classes=(0, 1), seed=3), ValueError
    )


def test_another_kind_of_generator_is_refused(path):
    Run(path).go(1)
    message = refused(Run(path, bits=np.random.MT19937), ValueError)
    assert "rng is PCG64, not MT19937" in message


def test_another_sharing_of_generators_is_refused(path):
    Run(path).go(1)
    run = Run(path)
    run.network.layers[5].rng = np.random.default_rng(6)
    message = refused(run, ValueError)
    assert message.endswith(": network/5.rng is missing, not PCG64")


def test_another_network_is_refused(path):
    Run(path).go(1)
    run = Run(path)
    run.network.layers[6] = Dense(8, 2, rng=np.random.default_rng(0))
    assert refused(run, ValueError).endswith(
        "does not fit: network/6. is Dense(in_features=8, out_features=1), "
        "not Dense(in_features=8, out_features=2)"
    )


def another_stride(layers):
    layers[0] = Conv2D(1, 2, 3, stride=2, rng=np.random.default_rng(0))


def another_layer(layers):
    layers[2].layers[1] = Flatten()


def one_layer_more(layers):
    layers.append(ReLU())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (another_stride, "stride=(1, 1), padding=(0, 0)), not Conv2D("),
        (another_layer, "network/2.1. is ReLU(), not Flatten(shape=(-1,))"),
        (one_layer_more, "network/7. is missing, not ReLU()"),
        (lambda layers: setattr(layers[4], "p", 0.1), "network/4. is Dropou"),
        (
            lambda layers: setattr(layers[1], "momentum", 0.5),
            "momentum=0.1, epsilon=1e-05), not BatchNorm2D(channels=2, mome",
        ),
    ],
)
def test_another_network_of_equal_shapes_is_refused(path, change, message):
    Run(path).go(1)
    run = Run(path)
    change(run.network.layers)
    assert message in refused(run, ValueError)


def test_plain_and_accelerated_networks_share_their_checkpoints(tmp_path):
    rng = np.random.default_rng(0)
    network = lenet(rng=rng)
    optimizer = SGD(network.parameters(), 0.1)
    for one, other in (
        (network, accelerate(network)),
        (accelerate(network), network),
        (accelerate(network, input_gradient=True), accelerate(network)),
    ):
        first = Checkpoint(tmp_path / "a.npz", one, optimizer, rng)
        first.save(History([0.5]))
        second = Checkpoint(tmp_path / "a.npz", other, optimizer, rng)
        assert second.restore() == History([0.5])


def test_the_same_numbers_in_another_precision_are_refused(path):
    Run(path).go(1)
    run = Run(path)
    run.network.astype(np.float64)
    message = refused(run, ValueError)
    assert "network/6.weight is float32, not float64" in message


def test_nan_among_the_settings_is_the_same_as_itself(path):
    nan = {"limits": [1, float("nan")], "inner": {"floor": float("nan")}}
    run = Run(path, **nan)
    run.checkpoint.save(History([0.5]))
    assert Run(path, **nan).checkpoint.restore() == History([0.5])
    other = {**nan, "limits": [1, 2.0]}
    message = refused(Run(path, **other), ValueError)
    assert message.endswith("limits is [1, nan], not [1, 2.0]")


def test_nothing_is_not_the_same_as_missing(path):
    Run(path).checkpoint.save(History())
    message = refused(Run(path, seed=None), ValueError)
    assert message.endswith("seed is missing, not None")


def test_settings_that_can_not_be_saved_are_told_at_once(path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        Run(path, rate=np.float32(1))


def test_a_file_without_its_text_is_refused(path):
    run = Run(path)
    write_arrays(path, CHECKPOINT, run.checkpoint.arrays())
    assert "damaged (it holds no text)" in refused(run, DataError)


def test_a_checkpoint_and_saved_weights_are_two_things(path):
    run = Run(path)
    save(run.network, path)
    assert f"it holds no '{CHECKPOINT}'" in refused(run, DataError)
    run.checkpoint.save(History())
    with pytest.raises(DataError, match="holds no 'scratchcnn-weights'"):
        load(run.network, path)


def test_a_damaged_checkpoint_is_refused(path):
    Run(path).go(1)
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        refused(Run(path), DataError)


def test_a_flipped_bit_is_refused_or_harmless(path, thinned):
    wanted = Run(path).go(1)
    whole, refusals, count = path.read_bytes(), 0, 0
    for place in thinned(range(2, len(whole), 43)):
        count += 1
        changed = bytearray(whole)
        changed[place] ^= 4
        path.write_bytes(changed)
        run = Run(path)
        before = run.state()
        try:
            run.history = run.checkpoint.restore()
        except DataError:
            assert run.state() == before
            refusals += 1
        else:
            assert run.state() == wanted
    assert refusals > count / 2 > 0


def test_a_write_that_fails_midway_keeps_the_last_checkpoint(
    path, monkeypatch
):
    Run(path).go(1)
    before = path.read_bytes()
    write_array, calls = np.lib.format.write_array, []

    def full(*args, **kwargs):
        calls.append(args)
        if len(calls) > 7:
            raise OSError(28, "No space left on device")
        write_array(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(OSError, match="No space left"):
            Run(path).go()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def killed(path, where, calls):
    """Run in this process until the n-th call of something kills it."""
    run, loss = Run(path), MeanSquaredError()
    owners = {"forward": loss, "write_array": np.lib.format}
    Killer(owners.get(where, os), where, calls)
    run.go(loss=loss)


@pytest.mark.parametrize(
    ("where", "calls", "left"),
    [
        ("forward", 2, []),
        ("write_array", 9, [".partial"]),
        ("replace", 1, [".partial"]),
        ("forward", 5, ["run.npz"]),
        ("write_array", 50, [".partial", "run.npz"]),
        ("fsync", 2, [".partial", "run.npz"]),
        ("replace", 3, [".partial", "run.npz"]),
        ("unlink", 3, ["run.npz"]),
        ("forward", 12, ["run.npz"]),
    ],
)
def test_a_killed_run_resumes_to_the_same_numbers(
    path, unbroken, where, calls, left
):
    assert was_killed(start(killed, path, where, calls))
    names = [
        re.sub(r"^\..*\.partial", ".partial", n)
        for n in os.listdir(path.parent)
    ]
    assert sorted(names) == left
    assert Run(path).go() == unbroken


def announced(path, ready):
    """Run, having said that everything is imported."""
    run = Run(path)
    ready.send(None)
    run.go()


def test_a_run_that_is_killed_again_and_again_ends_the_same(path, unbroken):
    pauses = np.random.default_rng(1)
    deaths = 0
    for _ in range(3):
        ready, other_end = PROCESSES.Pipe(duplex=False)
        process = start(announced, path, other_end)
        ready.recv()
        time.sleep(pauses.uniform(0, 0.03))
        process.kill()
        deaths += was_killed(process)
    assert deaths
    assert Run(path).go() == unbroken


@pytest.mark.parametrize("name", ["optimizer", "rng", "network/0."])
def test_a_setting_can_not_hide_a_comparison(path, name):
    checkpoint = Run(path).checkpoint
    checkpoint.settings = {name: 1}
    with pytest.raises(ValueError, match=name):
        checkpoint.save(History())
    assert not path.exists()
    with pytest.raises(ValueError, match=name):
        Run(path, **{name: 1})
