"""A convolutional neural network, by hand, with NumPy and SciPy alone."""

from scratchcnn import fashion_mnist, wardrobe
from scratchcnn.baselines import least_squares, majority_accuracy
from scratchcnn.convolution import Conv2D
from scratchcnn.dense import Dense
from scratchcnn.evaluation import evaluate, predict
from scratchcnn.five_programs import (
    by_fft,
    by_im2col,
    by_loops,
    by_scipy,
    by_toeplitz,
)
from scratchcnn.five_transposes import PROGRAMS
from scratchcnn.gradient_check import check_layer, check_loss
from scratchcnn.idx import DataError
from scratchcnn.initialization import he_normal
from scratchcnn.layer import Layer, Parameter
from scratchcnn.mean_squared_error import Loss, MeanSquaredError
from scratchcnn.network import Network, two_class_network
from scratchcnn.pooling import AvgPool2D, MaxPool2D
from scratchcnn.relu import ReLU
from scratchcnn.reshape import Flatten, Reshape
from scratchcnn.training import (
    gradient_descent,
    gradient_step,
    minibatches,
)

__all__ = [
    "PROGRAMS",
    "AvgPool2D",
    "Conv2D",
    "DataError",
    "Dense",
    "Flatten",
    "Layer",
    "Loss",
    "MaxPool2D",
    "MeanSquaredError",
    "Network",
    "Parameter",
    "ReLU",
    "Reshape",
    "by_fft",
    "by_im2col",
    "by_loops",
    "by_scipy",
    "by_toeplitz",
    "check_layer",
    "check_loss",
    "evaluate",
    "fashion_mnist",
    "gradient_descent",
    "gradient_step",
    "he_normal",
    "least_squares",
    "majority_accuracy",
    "minibatches",
    "predict",
    "two_class_network",
    "wardrobe",
]
__version__ = "0.1.0"
