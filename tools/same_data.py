"""Experiments that go on must go on with the same images: `same_data`."""

from __future__ import annotations

from typing import Any

from scratchcnn.data.fashion_mnist import FashionMNIST
from scratchcnn.programs.trainer import checksum


def same_data(record: dict[str, Any], data: FashionMNIST) -> dict[str, Any]:
    """Return what a record is to say of its images.

    Raises
    ------
    ValueError
        If it has runs on others. A record that was begun before there were
        checksums says only whether they are stand-ins.
    """
    found = {
        "stand_in": data.stand_in,
        "checksum": checksum(data.train, data.test),
    }
    for name, value in found.items():
        if record["runs"] and record.get(name, value) != value:
            raise ValueError(
                f"the record wants images of {name} {record[name]}, as its "
                f"runs had, got {value}: begin another file"
            )
    return found
