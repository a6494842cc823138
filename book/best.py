"""The network that the book looks into: `best`."""

import copy
import json
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import numpy as np

from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from scratchcnn.data.idx import DataError
from scratchcnn.layers.network import Network
from scratchcnn.models.record import record
from scratchcnn.programs.options import Settings
from scratchcnn.programs.record import SEEDS
from scratchcnn.programs.trainer import Trainer
from scratchcnn.training.weights import load, named_arrays

RECORD = Path(__file__).with_name("records") / "record.json"
WEIGHTS = RECORD.with_suffix(".npz")
FIRST = 223935845  # the CRC of the first official test image, as floats
FEW = 4000  # of drawn images
SHORT = Settings(
    network="record", epochs=2, batch_size=32, validation=0, quiet=True
)


def best(data: FashionMNIST) -> tuple[Network, Network]:
    """Return the network of the record, as it started and as it ended.

    Drawn garments are other images than those it has learned from: for
    these, another one is trained, for a short while. (An excerpt of the
    real ones begins as they do.)

    Raises
    ------
    DataError
        If the file of weights is not the one that the record speaks of.
    """
    end = record(rng=np.random.default_rng(SEEDS[0]))
    start = copy.deepcopy(end)
    if crc32(data.test.images[0].tobytes()) != FIRST:
        x, labels = data.train
        few = data._replace(train=Split(x[:FEW], labels[:FEW]))
        trainer = Trainer(SHORT, few)
        trainer.run()
        for name, array in named_arrays(trainer.network).items():
            named_arrays(end)[name][...] = array
    elif is_whole():
        load(end, WEIGHTS)
    else:
        raise DataError(f"{WEIGHTS} is not what {RECORD} says: restore both")
    end.eval()
    return start, end


def is_whole() -> bool:
    """Say whether the weights have the hash that the record gives."""
    expected = str(json.loads(RECORD.read_text())["weights"])
    return sha256(WEIGHTS.read_bytes()).hexdigest() == expected
