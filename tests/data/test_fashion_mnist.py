"""What `load` makes of the four files, and which files it refuses."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.data.download import ADVICE, SHA256, UNZIPPED, is_official
from scratchcnn.data.fashion_mnist import NAMES, STAND_IN, load, select
from scratchcnn.data.idx import CURE, DataError, unzip
from tests.data.test_idx import write_idx

FILES = tuple(SHA256)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES
HELD = (0, 1, 6, 9)  # the classes of the small files


@pytest.fixture
def arrays(rng):
    """Return what the four small files hold."""
    made = []
    for size in 40, 12:
        labels = np.resize(HELD, size).astype(np.uint8)
        made.append(rng.integers(0, 256, (size, 28, 28)).astype(np.uint8))
        made.append(rng.permutation(labels))
    return dict(zip(FILES, made, strict=True))


@pytest.fixture
def folder(tmp_path, arrays):
    """Return a folder of small files, marked as stand-ins."""
    for name, array in arrays.items():
        write_idx(tmp_path / name, array)
    (tmp_path / STAND_IN).touch()
    return tmp_path


@pytest.fixture
def official(folder, monkeypatch):
    """Return the same folder, its files made official for a while."""
    for name in FILES:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        monkeypatch.setitem(SHA256, name, digest)
    (folder / STAND_IN).unlink()
    return folder


def refusal(folder, name, classes=(0, 1)):
    """Return what `load` says, having checked that it begins with a file."""
    with pytest.raises(DataError) as caught:
        load(classes, data_dir=folder)
    message = str(caught.value)
    assert message.startswith(str(folder / name))
    assert "\n" not in message
    return message


def unpack(folder, *names):
    """Put what is in some files in their place, without .gz."""
    for name in names:
        bare = folder / name.removesuffix(".gz")
        bare.write_bytes(gzip.decompress((folder / name).read_bytes()))
        (folder / name).unlink()


# What `load` returns


@pytest.mark.parametrize("names", [FILES[:1], FILES[1:3], FILES])
def test_unzipped_files_are_as_good(folder, names):
    wanted = load(data_dir=folder)
    unpack(folder, *names)
    for one, other in zip(load(data_dir=folder)[:2], wanted[:2], strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_unzipped_files_must_be_the_official_ones_too(official, monkeypatch):
    unpack(official, *FILES)
    bare = FILES[0].removesuffix(".gz")
    assert "its SHA-256 is wrong" in refusal(official, bare)
    for name in UNZIPPED:
        digest = hashlib.sha256((official / name).read_bytes()).hexdigest()
        monkeypatch.setitem(UNZIPPED, name, digest)
    assert not load(data_dir=official).stand_in


def test_a_zipped_file_is_taken_before_an_unzipped_one(folder):
    (folder / FILES[0].removesuffix(".gz")).write_bytes(b"something else")
    load(data_dir=folder)


@pytest.mark.equation("pixel-scale")
@pytest.mark.parametrize("classes", [(0, 1), (6, 0), (9, 1, 0), HELD])
def test_pixels_and_labels_in_naive_loops(folder, arrays, classes):
    data = load(classes, data_dir=folder)
    for split, images, labels in (
        (data.train, arrays[TRAIN_IMAGES], arrays[TRAIN_LABELS]),
        (data.test, arrays[TEST_IMAGES], arrays[TEST_LABELS]),
    ):
        x, t = [], []
        for image, label in zip(images, labels, strict=True):
            for k, c in enumerate(classes):
                if label == c:
                    t.append(k)
                    x.append([[[int(b) / 255 for b in r] for r in image]])
        assert split.images.tolist() == np.array(x, np.float32).tolist()
        assert split.labels.tolist() == t


@given(byte=st.integers(0, 255))
def test_a_byte_becomes_the_nearest_float32(byte):
    image = np.full((1, 28, 28), byte, np.uint8)
    x = select(image, np.zeros(1, np.uint8), [0, 1]).images
    assert np.all(x == np.float32(byte / 255))
    assert 0 <= x.min() <= x.max() <= 1


def test_types_shapes_and_names(folder):
    data = load((6, 9), data_dir=folder)
    for split, size in (data.train, 20), (data.test, 6):
        assert split.images.shape == (size, 1, 28, 28)
        assert split.labels.shape == (size,)
        assert split.images.dtype == np.float32
        assert split.labels.dtype == np.int64
        for array in split:
            assert array.flags.c_contiguous
            assert array.flags.writeable
    assert data.names == ("Shirt", "Ankle boot")


def test_twice_the_same(folder):
    first, second = load(data_dir=folder), load(data_dir=str(folder))
    for one, other in zip(
        (*first.train, *first.test), (*second.train, *second.test), strict=True
    ):
        assert one.tobytes() == other.tobytes()
        assert not np.shares_memory(one, other)


def test_t_shirt_and_trouser_unless_asked(folder):
    assert load(data_dir=folder).names == ("T-shirt/top", "Trouser")
    assert NAMES[:2] == ("T-shirt/top", "Trouser")


def test_nothing_is_printed(folder, capfd):
    load(data_dir=folder)
    assert capfd.readouterr() == ("", "")


def test_stand_ins_say_so(folder):
    assert load(data_dir=folder).stand_in is True


def test_official_files_are_no_stand_ins(official):
    assert load(data_dir=official).stand_in is False


# Which classes may be asked for


@pytest.mark.parametrize(
    "classes",
    [
        [0, 1],
        range(2),
        np.arange(2),
        np.array([0, 1], np.uint8),
        (np.int64(0), 1),
        iter((0, 1)),
    ],
    ids=lambda c: type(c).__name__,
)
def test_any_sequence_of_integers_will_do(folder, classes):
    assert load(classes, data_dir=folder).names == NAMES[:2]


@pytest.mark.parametrize(
    ("classes", "shown"),
    [
        ((0, True), "True"),
        ((np.True_, 0), "True"),
        ((0, 1.0), "1.0"),
        (np.array([0.0, 1.0]), "0.0"),
        ("01", "'0'"),
        ((0, "Trouser"), "'Trouser'"),
        ((0, None), "None"),
        ([[0, 1]], r"\[0, 1\]"),
        (None, "None"),
    ],
)
def test_classes_that_are_no_integers(folder, classes, shown):
    wanted = f"load wants classes as integers, got .*{shown}"
    with pytest.raises(TypeError, match=wanted):
        load(classes, data_dir=folder)


@pytest.mark.parametrize(
    ("classes", "shown"),
    [
        ((), "none"),
        (3, "3"),
        ((3,), "3"),
        ((1, 1), "1, 1"),
        ((0, 1, 0), "0, 1, 0"),
        ((0, 10), "0, 10"),
        ((-1, 0), "-1, 0"),
        (range(11), "0, 1, .*, 10"),
    ],
)
def test_classes_that_can_not_be(folder, classes, shown):
    wanted = f"two or more different integers from 0 to 9, got {shown}$"
    with pytest.raises(ValueError, match=wanted):
        load(classes, data_dir=folder)


def test_classes_are_checked_before_any_file(tmp_path):
    with pytest.raises(ValueError, match="different integers"):
        load((0, 0), data_dir=tmp_path / "nowhere")


def test_a_class_without_images_is_named(folder):
    message = refusal(folder, TRAIN_LABELS, (0, 3))
    assert "should hold class 3 (Dress), but has no image of it" in message
    assert "its classes: 0, 1, 6, 9. Choose among them" in message


def test_a_class_without_test_images_is_named(folder, arrays):
    labels = arrays[TEST_LABELS]
    write_idx(
        folder / TEST_LABELS, np.where(labels == 1, 0, labels).astype("B")
    )
    assert "class 1 (Trouser)" in refusal(folder, TEST_LABELS)
    assert load((0, 6), data_dir=folder).test.labels.any()


def test_files_without_any_image(folder):
    write_idx(folder / TRAIN_IMAGES, np.zeros((0, 28, 28), np.uint8))
    write_idx(folder / TRAIN_LABELS, np.zeros(0, np.uint8))
    assert "its classes: none" in refusal(folder, TRAIN_LABELS)


# Which files are refused


@pytest.mark.parametrize("name", FILES)
def test_each_damaged_file_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    assert refusal(folder, name).endswith(
        f"is cut short: its gzip has no end. {CURE}"
    )


@pytest.mark.parametrize(
    ("images", "labels"),
    [(TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)],
)
def test_images_and_labels_swapped(folder, images, labels):
    (folder / images).rename(folder / "third")
    (folder / labels).rename(folder / images)
    (folder / "third").rename(folder / labels)
    assert "begins with 00 00 08 01" in refusal(folder, images)


def test_images_in_place_of_labels(folder):
    content = (folder / TRAIN_IMAGES).read_bytes()
    (folder / TRAIN_LABELS).write_bytes(content)
    assert "begins with 00 00 08 03" in refusal(folder, TRAIN_LABELS)


@pytest.mark.parametrize("change", [-1, 1])
def test_not_as_many_images_as_labels(folder, arrays, change):
    images = np.resize(arrays[TEST_IMAGES], (12 + change, 28, 28))
    write_idx(folder / TEST_IMAGES, images)
    message = refusal(folder, TEST_IMAGES)
    assert "should hold 12 images of 28 x 28" in message
    assert f"one for each label in {TEST_LABELS}" in message
    assert f"holds the shape ({12 + change}, 28, 28)" in message
    assert message.endswith(ADVICE)


@pytest.mark.parametrize("shape", [(40, 28, 27), (40, 32, 32), (40, 14, 56)])
def test_images_of_another_size(folder, shape):
    write_idx(folder / TRAIN_IMAGES, np.zeros(shape, np.uint8))
    assert f"holds the shape {shape}" in refusal(folder, TRAIN_IMAGES)


def test_a_label_that_is_no_class(folder, arrays):
    labels = arrays[TRAIN_LABELS].copy()
    labels[7] = 10
    write_idx(folder / TRAIN_LABELS, labels)
    message = refusal(folder, TRAIN_LABELS)
    assert "should hold labels from 0 to 9, but holds 10" in message


@pytest.mark.parametrize("name", FILES)
def test_a_sound_file_of_another_dataset(official, arrays, name):
    array = arrays[name].copy()
    array[0], array[1] = arrays[name][1], arrays[name][0]
    if array.ndim == 1:
        array = np.roll(arrays[name], 1)
    write_idx(official / name, array)
    message = refusal(official, name)
    assert "should be the file of Fashion-MNIST, but is another" in message
    assert "its SHA-256 is wrong" in message
    assert message.endswith(ADVICE)


def test_stand_ins_without_their_mark_are_refused(folder):
    (folder / STAND_IN).unlink()
    assert "its SHA-256 is wrong" in refusal(folder, TRAIN_IMAGES)


# The dataset itself


@pytest.fixture(scope="module")
def real():
    """Return all ten classes of the real dataset."""
    folder = os.environ.get("SCRATCHCNN_DATA")
    if not folder or (Path(folder).expanduser() / STAND_IN).exists():
        pytest.skip("needs the official files, named by SCRATCHCNN_DATA")
    return load(range(10))


def test_the_official_files_are_official_when_unzipped(real, tmp_path):
    folder = Path(os.environ["SCRATCHCNN_DATA"]).expanduser()
    for name in FILES:
        path = tmp_path / name.removesuffix(".gz")
        path.write_bytes(unzip(folder / name, (folder / name).read_bytes()))
        assert is_official(path)
    unzipped = load(range(10), data_dir=tmp_path)
    np.testing.assert_array_equal(unzipped.test.labels, real.test.labels)


def test_ten_classes_as_published(real):
    assert real.names == NAMES
    assert real.stand_in is False
    assert np.bincount(real.train.labels).tolist() == [6000] * 10
    assert np.bincount(real.test.labels).tolist() == [1000] * 10
    assert real.train.labels[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    for split in real.train, real.test:
        assert split.images.min() == 0
        assert split.images.max() == 1


@pytest.mark.parametrize("classes", [(0, 1), (6, 0)])
def test_two_classes_as_published(real, classes):
    data = load(classes)
    assert data.names == tuple(NAMES[c] for c in classes)
    for split, whole, size in (
        (data.train, real.train, 12000),
        (data.test, real.test, 2000),
    ):
        assert split.images.shape == (size, 1, 28, 28)
        assert np.bincount(split.labels).tolist() == [size // 2] * 2
        for k, c in enumerate(classes):
            np.testing.assert_array_equal(
                split.images[split.labels == k],
                whole.images[whole.labels == c],
            )
