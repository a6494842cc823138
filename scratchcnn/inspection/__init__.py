"""What a network has learned, and where it looks."""

from scratchcnn.inspection.account import account
from scratchcnn.inspection.adversarial import adversarial
from scratchcnn.inspection.features import (
    activations,
    neighbors,
    patches,
    receptive_field,
    strongest,
)
from scratchcnn.inspection.saliency import occlusion, saliency

__all__ = [
    "account",
    "activations",
    "adversarial",
    "neighbors",
    "occlusion",
    "patches",
    "receptive_field",
    "saliency",
    "strongest",
]
