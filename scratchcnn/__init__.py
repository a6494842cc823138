"""A convolutional neural network, by hand, with NumPy and SciPy alone."""

from scratchcnn import autograd, fashion_mnist, wardrobe
from scratchcnn.accelerate import accelerate
from scratchcnn.augmentation import shift_and_flip
from scratchcnn.autograd import Tensor
from scratchcnn.baselines import least_squares, majority_accuracy
from scratchcnn.batch_normalization import BatchNorm2D
from scratchcnn.checkpoints import Checkpoint
from scratchcnn.convolution import Conv2D
from scratchcnn.cross_entropy import BinaryCrossEntropy, SoftmaxCrossEntropy
from scratchcnn.dense import Dense
from scratchcnn.dropout import Dropout
from scratchcnn.evaluation import evaluate, predict
from scratchcnn.features import (
    activations,
    neighbors,
    patches,
    receptive_field,
    strongest,
)
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
from scratchcnn.logits import Sigmoid, log_sum_exp, sigmoid, softmax
from scratchcnn.mean_squared_error import Loss, MeanSquaredError
from scratchcnn.network import Network, two_class_network
from scratchcnn.optimizers import SGD, Adam, Optimizer
from scratchcnn.options import record_network
from scratchcnn.pooling import AvgPool2D, MaxPool2D
from scratchcnn.relu import ReLU
from scratchcnn.reshape import Flatten, Reshape
from scratchcnn.runs import History, train
from scratchcnn.saliency import occlusion, saliency
from scratchcnn.saving import load, save
from scratchcnn.schedules import Schedule, constant, cosine, warm_up
from scratchcnn.ten_classes import confusion_matrix, ten_class_network
from scratchcnn.training import (
    gradient_descent,
    gradient_step,
    minibatches,
)

__all__ = [
    "PROGRAMS",
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
    "Schedule",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "Tensor",
    "accelerate",
    "activations",
    "autograd",
    "by_fft",
    "by_im2col",
    "by_loops",
    "by_scipy",
    "by_toeplitz",
    "check_layer",
    "check_loss",
    "confusion_matrix",
    "constant",
    "cosine",
    "evaluate",
    "fashion_mnist",
    "gradient_descent",
    "gradient_step",
    "he_normal",
    "least_squares",
    "load",
    "log_sum_exp",
    "majority_accuracy",
    "minibatches",
    "neighbors",
    "occlusion",
    "patches",
    "predict",
    "receptive_field",
    "record_network",
    "saliency",
    "save",
    "shift_and_flip",
    "sigmoid",
    "softmax",
    "strongest",
    "ten_class_network",
    "train",
    "two_class_network",
    "wardrobe",
    "warm_up",
]
__version__ = "0.2.0"
