"""What says how wrong a network is."""

from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.label_smoothing import SmoothedCrossEntropy
from scratchcnn.losses.loss import Loss
from scratchcnn.losses.mean_squared_error import MeanSquaredError

__all__ = [
    "BinaryCrossEntropy",
    "Loss",
    "MeanSquaredError",
    "SmoothedCrossEntropy",
    "SoftmaxCrossEntropy",
]
