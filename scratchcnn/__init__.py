"""A convolutional neural network, by hand, with NumPy and SciPy alone.

The names below are what most programs need; the rest keeps the name of its
folder, ``scratchcnn.schedules.cosine`` for example, which is loaded when it
is first used.
"""

from importlib import import_module

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data import fashion_mnist
from scratchcnn.data.idx import DataError
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.gradient_check import check_layer, check_loss
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.logits import Sigmoid
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.loss import Loss
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.training import schedules
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.loop import History, train
from scratchcnn.training.optimizers import SGD, Adam, Optimizer
from scratchcnn.training.weights import load, save

FOLDERS = [
    "autograd",
    "compiler",
    "convolutions",
    "data",
    "doctor",
    "evaluation",
    "inspection",
    "layers",
    "losses",
    "models",
    "programs",
    "training",
    "workbook",
]
__all__ = [
    "SGD",
    "Adam",
    "AvgPool2D",
    "BatchNorm2D",
    "BinaryCrossEntropy",
    "Checkpoint",
    "Conv2D",
    "DataError",
    "Dense",
    "Dropout",
    "Flatten",
    "History",
    "Layer",
    "Loss",
    "MaxPool2D",
    "MeanSquaredError",
    "Network",
    "Optimizer",
    "Parameter",
    "ReLU",
    "Reshape",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "accelerate",
    "accuracy",
    "check_layer",
    "check_loss",
    "fashion_mnist",
    "load",
    "save",
    "schedules",
    "train",
]
__version__ = "0.3.0.dev0"


def __getattr__(name: str) -> object:
    if name in FOLDERS:
        return import_module(f"scratchcnn.{name}")
    raise AttributeError(f"scratchcnn has no {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *FOLDERS, "__version__"])
