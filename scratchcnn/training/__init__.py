"""From gradients to a trained network, and to files."""

from scratchcnn.training import schedules
from scratchcnn.training.averaging import (
    Averaged,
    averages,
    estimate_statistics,
)
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.gradient_descent import (
    gradient_descent,
    gradient_step,
)
from scratchcnn.training.loop import History, train
from scratchcnn.training.optimizers import SGD, Adam, Optimizer
from scratchcnn.training.weights import load, save

__all__ = [
    "SGD",
    "Adam",
    "Averaged",
    "Checkpoint",
    "History",
    "Optimizer",
    "averages",
    "estimate_statistics",
    "gradient_descent",
    "gradient_step",
    "load",
    "save",
    "schedules",
    "train",
]
