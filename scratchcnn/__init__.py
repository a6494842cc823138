"""A convolutional neural network, by hand, with NumPy and SciPy alone."""

from scratchcnn import autograd
from scratchcnn.autograd import Tensor
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.convolutions.backward import PROGRAMS
from scratchcnn.convolutions.forward import (
    by_fft,
    by_im2col,
    by_loops,
    by_scipy,
    by_toeplitz,
)
from scratchcnn.data import fashion_mnist
from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.drawn import dataset as wardrobe
from scratchcnn.data.idx import DataError
from scratchcnn.evaluation.accuracy import evaluate, predict
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.gradient_check import check_layer, check_loss
from scratchcnn.inspection.features import (
    activations,
    neighbors,
    patches,
    receptive_field,
    strongest,
)
from scratchcnn.inspection.saliency import occlusion, saliency
from scratchcnn.layer import Layer, Parameter
from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.initialization import he_normal
from scratchcnn.layers.logits import Sigmoid, log_sum_exp, sigmoid, softmax
from scratchcnn.layers.network import Network, two_class_network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.mean_squared_error import Loss, MeanSquaredError
from scratchcnn.models.lenet import confusion_matrix, ten_class_network
from scratchcnn.programs.options import record_network
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.gradient_descent import (
    gradient_descent,
    gradient_step,
    minibatches,
)
from scratchcnn.training.loop import History, train
from scratchcnn.training.optimizers import SGD, Adam, Optimizer
from scratchcnn.training.schedules import Schedule, constant, cosine, warm_up
from scratchcnn.training.weights import load, save

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
