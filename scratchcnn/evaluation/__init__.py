"""What says how good a network is, and compared with what."""

from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import (
    constant_loss,
    least_squares,
    majority_accuracy,
)
from scratchcnn.evaluation.confusion import confusion_matrix

__all__ = [
    "accuracy",
    "confusion_matrix",
    "constant_loss",
    "least_squares",
    "majority_accuracy",
]
