"""The networks of the book."""

from scratchcnn.models.lenet import lenet
from scratchcnn.models.record import record
from scratchcnn.models.two_class import two_class

__all__ = ["lenet", "record", "two_class"]
