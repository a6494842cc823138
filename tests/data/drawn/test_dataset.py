"""What the stand-in dataset writes, and what it never does to a folder."""

import gzip
import math
import os
import struct

import numpy as np
import pytest

from scratchcnn import MeanSquaredError, accuracy, fashion_mnist
from scratchcnn.data.download import SHA256, UNZIPPED
from scratchcnn.data.drawn import dataset
from scratchcnn.data.drawn.more_garments import GARMENTS
from scratchcnn.data.fashion_mnist import STAND_IN
from scratchcnn.data.idx import DataError, read_idx
from scratchcnn.evaluation import least_squares

FILES = tuple(SHA256)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES
SMALL = {"train": 3, "test": 2}


def contents(folder):
    """Return the bytes of all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a very small dataset."""
    return dataset.write(tmp_path / "dataset", **SMALL)


# The files


def test_the_folder_is_made_and_returned(tmp_path):
    asked = tmp_path / "a" / "b"
    assert dataset.write(str(asked), **SMALL) == asked
    assert set(contents(asked)) == {*FILES, STAND_IN}


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset.write("~/w", **SMALL) == tmp_path / "w"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (TRAIN_IMAGES, struct.pack(">4B3I", 0, 0, 8, 3, 30, 28, 28)),
        (TRAIN_LABELS, struct.pack(">4B1I", 0, 0, 8, 1, 30)),
        (TEST_IMAGES, struct.pack(">4B3I", 0, 0, 8, 3, 20, 28, 28)),
        (TEST_LABELS, struct.pack(">4B1I", 0, 0, 8, 1, 20)),
    ],
    ids=FILES,
)
def test_a_file_is_idx_in_gzip_without_a_date(folder, name, header):
    packed = (folder / name).read_bytes()
    assert packed[4:8] == bytes(4)  # RFC 1952: the time of modification
    raw = gzip.decompress(packed)
    assert raw.startswith(header)
    assert len(raw) == len(header) + math.prod(
        struct.unpack(f">{(len(header) - 4) // 4}I", header[4:])
    )


def test_there_are_as_many_of_each_class_as_asked_for(folder):
    for name, count in (TRAIN_LABELS, 3), (TEST_LABELS, 2):
        counts = np.bincount(read_idx(folder / name, ndim=1))
        np.testing.assert_array_equal(counts, [count] * 10)


def test_the_classes_are_shuffled():
    _, labels = dataset.fill(200, rng=np.random.default_rng(0))
    # Of 1,999 neighbors in a random order, one tenth are of one class: 200,
    # give or take 14 (one standard deviation); in blocks, 1,990 would be.
    alike = np.sum(labels[1:] == labels[:-1])
    assert abs(alike - 200) < 6 * 14


def test_the_classes_of_part_one_keep_their_order_among_themselves():
    labels = dataset.shuffled(100)
    three = np.repeat(np.array([0, 1, 6], np.uint8), 100)
    np.random.default_rng(0).shuffle(three)
    np.testing.assert_array_equal(labels[np.isin(labels, [0, 1, 6])], three)
    # Nor are they all at one end: of 300 among 1,000, half of 1,000 holds
    # 150, give or take 7.
    assert abs(np.isin(labels[:500], [0, 1, 6]).sum() - 150) < 6 * 7


def test_images_and_labels_belong_together(monkeypatch):
    # A garment whose pixels all say its class
    number = {garment: label for label, garment in GARMENTS.items()}
    monkeypatch.setattr(
        dataset,
        "draw",
        lambda garment, count, *, rng: np.full(
            (count, 28, 28), number[garment], np.uint8
        ),
    )
    images, labels = dataset.fill(50, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(
        images, np.ones_like(images) * labels[:, None, None]
    )


def test_the_same_seed_gives_the_same_bytes(tmp_path, folder):
    again = dataset.write(tmp_path / "again", seed=0, **SMALL)
    assert contents(again) == contents(folder)


def test_another_seed_gives_other_images(tmp_path, folder):
    other = dataset.write(tmp_path / "other", seed=1, **SMALL)
    for name in TRAIN_IMAGES, TEST_IMAGES:
        assert (other / name).read_bytes() != (folder / name).read_bytes()


def test_the_test_images_do_not_depend_on_the_number_of_training_images(
    tmp_path, folder
):
    more = dataset.write(tmp_path / "more", train=5, test=2)
    for name in TEST_IMAGES, TEST_LABELS:
        assert (more / name).read_bytes() == (folder / name).read_bytes()


def test_training_and_test_images_differ(tmp_path):
    folder = dataset.write(tmp_path, train=5, test=5)
    train, test = (
        read_idx(folder / name, ndim=3) for name in (TRAIN_IMAGES, TEST_IMAGES)
    )
    assert not any((image == train).all((1, 2)).any() for image in test)


def test_the_marker_says_what_this_is(folder):
    note = (folder / STAND_IN).read_text("ascii")
    assert "not Fashion-MNIST" in note
    assert note.endswith(".\n")


def test_load_takes_them_and_says_that_they_are_drawn(folder):
    data = fashion_mnist.load((6, 0), data_dir=folder)
    assert data.stand_in
    assert data.names == ("Shirt", "T-shirt/top")
    assert data.train.images.shape == (6, 1, 28, 28)
    np.testing.assert_array_equal(np.bincount(data.test.labels), [2, 2])


def test_load_finds_all_ten_classes(folder):
    data = fashion_mnist.load(range(10), data_dir=folder)
    np.testing.assert_array_equal(np.bincount(data.train.labels), [3] * 10)
    np.testing.assert_array_equal(np.bincount(data.test.labels), [2] * 10)


# What it never does to a folder


@pytest.mark.parametrize("name", [*FILES, *UNZIPPED])
def test_a_file_that_was_not_drawn_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_bytes(b"somebody's own")
    with pytest.raises(DataError, match="not drawn") as caught:
        dataset.write(tmp_path, **SMALL)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert contents(tmp_path) == {name: b"somebody's own"}


@pytest.mark.parametrize("name", FILES)
def test_an_official_file_is_not_replaced(folder, name, monkeypatch):
    before = contents(folder)
    official = folder / name
    monkeypatch.setattr(dataset, "is_official", lambda path: path == official)
    with pytest.raises(DataError, match="not drawn") as caught:
        dataset.write(folder, seed=1, **SMALL)
    assert str(caught.value).startswith(str(official))
    assert contents(folder) == before


def test_drawn_files_are_replaced(tmp_path, folder):
    dataset.write(folder, seed=1, train=4, test=1)
    fresh = dataset.write(tmp_path / "fresh", seed=1, train=4, test=1)
    assert contents(folder) == contents(fresh)


@pytest.fixture
def interrupt(monkeypatch):
    """Return a function that lets only the first k files be put in place."""
    put = os.replace

    def after(k):
        left = iter(range(k))

        def replace(path, target):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return put(path, target)

        monkeypatch.setattr(os, "replace", replace)

    return after


@pytest.mark.parametrize("k", range(5))
def test_what_an_interruption_leaves_is_whole_and_marked(
    k, tmp_path, folder, interrupt
):
    interrupt(k)
    with pytest.raises(KeyboardInterrupt):
        dataset.write(tmp_path / "cut", **SMALL)
    left, whole = contents(tmp_path / "cut"), contents(folder)
    assert list(left) == [] or STAND_IN in left
    assert len(left) == k
    assert left.items() <= whole.items()


@pytest.mark.parametrize("k", range(5))
def test_an_interrupted_rewriting_mixes_up_no_labels(
    k, tmp_path, folder, interrupt
):
    fresh = dataset.write(tmp_path / "fresh", seed=1, **SMALL)
    interrupt(k)
    with pytest.raises(KeyboardInterrupt):
        dataset.write(folder, seed=1, **SMALL)
    for name in TRAIN_LABELS, TEST_LABELS:  # right for old and new images
        assert (folder / name).read_bytes() == (fresh / name).read_bytes()
    assert fashion_mnist.load((0, 1, 6), data_dir=folder).stand_in


def test_a_full_disk_leaves_the_old_files_and_no_draft(folder, monkeypatch):
    before = contents(folder)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left") as caught:
        dataset.write(folder, seed=1, **SMALL)
    assert str(caught.value).startswith(str(folder))
    assert contents(folder) == before


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(DataError, match="can't take") as caught:
        dataset.write(path, **SMALL)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("name", ["seed", "train", "test"])
@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), (1.5, TypeError), ("3", TypeError), (True, TypeError)],
)
def test_a_bad_number_is_named_and_nothing_is_made(
    name, value, error, tmp_path
):
    with pytest.raises(error, match=f"write wants {name}"):
        dataset.write(tmp_path / "new", **{name: value})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["train", "test"])
def test_no_garment_at_all_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"write wants {name} >= 1, got 0"):
        dataset.write(tmp_path / "new", **{name: 0})


def test_a_linear_model_gets_many_right_but_not_all(tmp_path):
    folder = dataset.write(tmp_path, train=1000, test=500)
    score = {}
    for pair in (0, 1), (0, 6):
        train, test, _, _ = fashion_mnist.load(pair, data_dir=folder)
        x, xs = (s.images.reshape(len(s.images), -1) for s in (train, test))
        t = train.labels[:, np.newaxis].astype(np.float32)
        score[pair] = accuracy(
            least_squares(x, t), MeanSquaredError(), xs, test.labels
        )
    # 1,000 guesses by tossing a coin: 0.5, give or take 0.016
    assert 0.5 + 6 * 0.016 < score[0, 6] < score[0, 1] < 1
