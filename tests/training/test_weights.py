"""Saving and loading: names, exact numbers, and every way to go wrong."""

import itertools
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import files
from scratchcnn.data.idx import DataError
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten
from scratchcnn.models.two_class import two_class
from scratchcnn.training import weights
from scratchcnn.training.weights import WEIGHTS, load, named_arrays, save
from tests.killing import Killer, start, was_killed

ROOT = Path(__file__).parents[2]


class Counting(Layer):
    """A layer with a buffer: it counts the examples it has seen."""

    def __init__(self):
        self.scale = Parameter(np.ones(1))
        self.seen = np.zeros(())

    def forward(self, x):
        """Count, and scale."""
        self.seen += len(x)
        return x * self.scale.value

    def backward(self, dy):
        """Scale."""
        return dy * self.scale.value

    def buffers(self):
        """Return the count."""
        return {"seen": self.seen}


def build(seed=0):
    """Return a network with a network inside, a buffer and two precisions."""
    rng = np.random.default_rng(seed)
    inner = Network([Conv2D(1, 2, 3, rng=rng), ReLU(), Counting()])
    network = Network([inner, Flatten(), Dense(8, 3, rng=rng)])
    for array in named_arrays(network).values():
        array[...] = rng.standard_normal(array.shape)
    return network


def contents(network):
    """Return copies of all arrays that are saved."""
    return {name: a.copy() for name, a in named_arrays(network).items()}


def assert_same(one, other):
    """Compare names, bits, types and shapes."""
    assert list(one) == list(other)
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        assert array.shape == other[name].shape
        assert array.tobytes() == other[name].tobytes()


@pytest.fixture
def path(tmp_path):
    """Return the path of a saved network."""
    path = tmp_path / "weights.npz"
    save(build(), path)
    return path


@pytest.fixture
def refused(path):
    """Return the message with which a file is refused, unchanged network."""

    def refused(kind, network=None):
        network = network or build(7)
        before = contents(network)
        with pytest.raises(kind) as caught:
            load(network, path)
        assert_same(contents(network), before)
        assert str(path) in str(caught.value)
        return str(caught.value)

    return refused


def rewrite(path, **changes):
    """Write the arrays of a file again with NumPy, some of them changed."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {**file} | {
            k.replace("__", "."): v for k, v in changes.items()
        }
    kept = {name: array for name, array in arrays.items() if array is not None}
    with open(path, "wb") as file:
        np.savez(file, **kept)


@pytest.mark.pytorch
def test_names_are_those_of_pytorch():
    assert list(named_arrays(build())) == [
        *("0.0.weight", "0.0.bias", "0.2.scale", "0.2.seen"),
        *("2.weight", "2.bias"),
    ]
    assert list(named_arrays(Dense(2, 1, rng=np.random.default_rng(0)))) == [
        "weight",
        "bias",
    ]
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn
    theirs = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 26 * 26, 32),
        nn.ReLU(),
        nn.Linear(32, 1),
    ).state_dict()
    ours = named_arrays(two_class(rng=np.random.default_rng(0)))
    assert {name: tuple(array.shape) for name, array in theirs.items()} == {
        name: array.shape for name, array in ours.items()
    }


def test_arrays_are_the_live_ones():
    network = build()
    named_arrays(network)["2.bias"][...] = 5
    np.testing.assert_array_equal(network.layers[2].bias.value, 5)


def test_every_bit_comes_back(path):
    network = build(7)
    network.layers[2].weight.value = np.asfortranarray(
        network.layers[2].weight.value
    )
    arrays = named_arrays(network)
    load(network, path)
    assert_same(contents(network), contents(build()))
    for name, array in named_arrays(network).items():
        assert array is arrays[name]


@given(st.binary(min_size=12, max_size=12))
def test_even_nan_and_minus_zero_come_back(tmp_path_factory, bits):
    layer = Dense(2, 1, rng=np.random.default_rng(0))
    layer.weight.value[0] = np.frombuffer(bits[:8], np.float32)
    layer.bias.value[...] = np.frombuffer(bits[8:], np.float32)
    wanted = contents(layer)
    path = tmp_path_factory.getbasetemp() / "bits.npz"
    save(layer, path)
    layer.weight.value[...] = 0
    load(layer, path)
    assert_same(contents(layer), wanted)


def test_numpy_reads_the_file_without_pickle(path):
    with np.load(path, allow_pickle=False) as file:
        assert file[WEIGHTS] == weights.FORMAT
        arrays = {name: file[name] for name in file if name != WEIGHTS}
    assert_same(arrays, contents(build()))


def test_a_file_that_numpy_wrote_is_as_good(path, refused):
    rewrite(path)
    network = build(7)
    load(network, path)
    assert_same(contents(network), contents(build()))


def test_the_other_byte_order_is_the_same_number(path):
    weight = build().layers[2].weight.value
    rewrite(path, **{"2__weight": weight.astype(weight.dtype.newbyteorder())})
    network = build(7)
    load(network, path)
    np.testing.assert_array_equal(network.layers[2].weight.value, weight)


def test_the_same_network_makes_the_same_bytes(path, tmp_path):
    save(build(), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


@pytest.mark.pytorch
def test_weights_go_to_pytorch_and_back(tmp_path, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = Network([Dense(5, 4, rng=rng), ReLU(), Dense(4, 2, rng=rng)])
    save(network, tmp_path / "ours.npz")
    nn = torch.nn
    theirs = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with np.load(tmp_path / "ours.npz", allow_pickle=False) as file:
        theirs.load_state_dict(
            {n: torch.from_numpy(file[n]) for n in file if n != WEIGHTS}
        )
    x = rng.standard_normal((3, 5)).astype(np.float32)
    with torch.no_grad():
        y = theirs(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(network.forward(x), y, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"2__bias": None}, "2.bias is missing"),
        ({"3__bias": np.zeros(3)}, "3.bias is not asked for"),
        (
            {"2__weight": np.zeros((8, 3), np.float32)},
            "2.weight is (8, 3), not (3, 8)",
        ),
        ({"2__bias": np.zeros(3)}, "2.bias is float64, not float32"),
        ({"0__2__scale": np.ones(1, "f4")}, "is float32, not float64"),
        ({"2__bias": np.zeros(3, np.int32)}, "2.bias is int32, not float32"),
        ({"0__2__seen": np.zeros(1)}, "0.2.seen is (1,), not ()"),
    ],
)
def test_a_mismatch_is_named(path, refused, changes, message):
    rewrite(path, **changes)
    assert message in refused(ValueError)


def test_all_mismatches_are_named_at_once(path, refused):
    rewrite(
        path,
        **{"2__bias": None, "0__0__bias": np.zeros(5), "x": np.zeros(())},
    )
    assert refused(ValueError) == (
        f"{path} does not fit: 2.bias is missing; 0.0.bias is (5,), not (2,); "
        "0.0.bias is float64, not float32; x is not asked for"
    )


def test_another_network_is_refused(path, refused, rng):
    message = refused(ValueError, two_class(rng=rng))
    assert "0.weight is missing" in message
    assert "0.0.weight is not asked for" in message


def test_a_cut_file_is_refused_wherever_it_is_cut(path, refused):
    whole = path.read_bytes()
    for size in range(2, len(whole), 7):
        path.write_bytes(whole[:size])
        assert "is cut short" in refused(DataError)
    path.write_bytes(b"")
    assert "should be a .npz file, but is none" in refused(DataError)


def test_any_wrong_byte_is_refused_or_harmless(path, rng, thinned):
    layer = Dense(2, 1, rng=rng)
    save(layer, path)
    whole, wanted = path.read_bytes(), contents(layer)
    masks = [1 << bit for bit in range(8)] + [255]
    cases = itertools.product(range(len(whole)), masks)
    refusals = count = 0
    for place, mask in thinned(cases):
        count += 1
        changed = bytearray(whole)
        changed[place] ^= mask
        path.write_bytes(changed)
        for array in named_arrays(layer).values():
            array[...] = 7
        before = contents(layer)
        try:
            load(layer, path)
        except DataError:
            assert_same(contents(layer), before)
            refusals += 1
        else:
            assert_same(contents(layer), wanted)
    assert refusals > 5 / 9 * count > 0


def test_a_foreign_file_is_refused(path, refused):
    np.savez(path, **{"2.weight": np.zeros((3, 8), np.float32)})
    assert f"it holds no '{WEIGHTS}'" in refused(DataError)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    assert "should be a .npz file, but is none" in refused(DataError)
    path.write_text("PK, but no archive")
    assert "is cut short" in refused(DataError)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "Dear reader")
    assert "damaged or something else" in refused(DataError)


@pytest.mark.parametrize("number", [[1], 1.5, "one"])
def test_a_format_that_is_no_number_is_refused(path, refused, number):
    rewrite(path, **{WEIGHTS: np.array(number)})
    assert f"holds no '{WEIGHTS}' with the number" in refused(DataError)


@pytest.mark.parametrize("number", [0, 2])
def test_another_version_is_refused(path, refused, number):
    rewrite(path, **{WEIGHTS: np.array(number)})
    message = f"has format {number}, and this version of scratchcnn reads"
    assert message in refused(DataError)


class Trap:
    """An object whose pickle runs what it likes when it is read."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_a_pickle_is_never_read(path, refused):
    rewrite(path, **{"2__bias": np.array([Trap()], object)})
    assert "damaged or something else" in refused(DataError)
    assert not Trap.sprung
    path.write_bytes(pickle.dumps(Trap()))
    refused(DataError)
    assert not Trap.sprung
    pickle.loads(path.read_bytes())
    assert Trap.sprung
    Trap.sprung = False


def test_a_pickle_is_never_written(path):
    network = build()
    before = path.read_bytes()
    network.layers[0].layers[2].seen = np.array([None])
    with pytest.raises(ValueError, match="allow_pickle=False"):
        save(network, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_missing_file_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(build(), tmp_path / "weights.npz")
    with pytest.raises(FileNotFoundError):
        save(build(), tmp_path / "no" / "weights.npz")
    with pytest.raises(OSError, match=r"\[Errno "):
        load(build(), tmp_path)


def test_the_name_is_taken_as_it_is(tmp_path):
    save(build(), str(tmp_path / "weights"))
    assert os.listdir(tmp_path) == ["weights"]
    load(build(7), str(tmp_path / "weights"))


@pytest.mark.parametrize("error", [OSError(28, "No space"), KeyboardInterrupt])
@pytest.mark.parametrize("after", [0, 3])
def test_a_write_that_fails_midway_leaves_the_old_file(
    path, monkeypatch, error, after
):
    before, calls = path.read_bytes(), []
    write_array = np.lib.format.write_array

    def full(*args, **kwargs):
        calls.append(args)
        if len(calls) > after:
            raise error
        write_array(*args, **kwargs)

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises((OSError, KeyboardInterrupt)):
        save(build(7), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_an_error_and_not_a_short_file(path, monkeypatch):
    before = path.read_bytes()

    def full(partial, mode):
        Path(partial).touch()
        return open("/dev/full", "wb")

    monkeypatch.setattr(files, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left on device"):
        save(build(7), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_bytes_are_on_the_disk_before_the_name(path, monkeypatch):
    events = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def record(*args, name=name, original=original):
            events.append(name)
            return original(*args)

        monkeypatch.setattr(os, name, record)
    save(build(7), path)
    assert events == ["fsync", "replace"]


def killed(path, where, calls):
    """Save in this process until the n-th call of something kills it."""
    Killer(os if hasattr(os, where) else np.lib.format, where, calls)
    save(build(7), path)


@pytest.mark.parametrize(
    ("where", "calls"), [("write_array", 5), ("fsync", 1), ("replace", 1)]
)
def test_a_process_killed_while_it_writes_leaves_the_old_file(
    path, where, calls
):
    before = path.read_bytes()
    assert was_killed(start(killed, path, where, calls))
    assert path.read_bytes() == before
    (partial,) = set(os.listdir(path.parent)) - {path.name}
    assert re.fullmatch(r"\.scratchcnn-[0-9a-f]{16}\.partial", partial)
    save(build(7), path)
    network = build()
    load(network, path)
    assert_same(contents(network), contents(build(7)))
