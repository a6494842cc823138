"""Layers, each a forward pass and the backward pass derived for it."""

from scratchcnn.layers.batch_normalization import BatchNorm2D
from scratchcnn.layers.blur_pooling import BlurPool2D
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.depthwise_convolution import DepthwiseConv2D
from scratchcnn.layers.dropout import Dropout
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.initialization import he_normal
from scratchcnn.layers.logits import Sigmoid, log_sum_exp, sigmoid, softmax
from scratchcnn.layers.network import Network
from scratchcnn.layers.pooling import AvgPool2D, MaxPool2D
from scratchcnn.layers.relu import ReLU
from scratchcnn.layers.reshape import Flatten, Reshape
from scratchcnn.layers.residual import Residual
from scratchcnn.layers.transposed_convolution import ConvTranspose2D

__all__ = [
    "AvgPool2D",
    "BatchNorm2D",
    "BlurPool2D",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2D",
    "MaxPool2D",
    "Network",
    "ReLU",
    "Reshape",
    "Residual",
    "Sigmoid",
    "he_normal",
    "log_sum_exp",
    "sigmoid",
    "softmax",
]
