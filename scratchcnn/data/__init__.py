"""The images: files, downloads, two classes or ten, batches."""

from importlib import import_module

from scratchcnn.data import fashion_mnist
from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.batches import minibatches
from scratchcnn.data.erasing import erase
from scratchcnn.data.idx import DataError

__all__ = [
    "DataError",
    "erase",
    "fashion_mnist",
    "minibatches",
    "shift_and_flip",
]


def __getattr__(name: str) -> object:
    if name == "drawn":
        return import_module("scratchcnn.data.drawn")
    raise AttributeError(f"scratchcnn.data has no {name!r}")
