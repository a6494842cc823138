"""What says how good a network is, and compared with what."""

from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import (
    constant_loss,
    least_squares,
    majority_accuracy,
)
from scratchcnn.evaluation.calibration import (
    Bins,
    calibration_error,
    fit_temperature,
    reliability,
)
from scratchcnn.evaluation.confusion import confusion_matrix

__all__ = [
    "Bins",
    "accuracy",
    "calibration_error",
    "confusion_matrix",
    "constant_loss",
    "fit_temperature",
    "least_squares",
    "majority_accuracy",
    "reliability",
]
