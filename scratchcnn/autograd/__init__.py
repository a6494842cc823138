"""Gradients that nobody derived, from operations that are recorded."""

from scratchcnn.autograd import operations
from scratchcnn.autograd.replay import learned, replay
from scratchcnn.autograd.tensor import Tensor

__all__ = ["Tensor", "learned", "operations", "replay"]
