"""What a network has learned, and where it looks."""

from scratchcnn.inspection.account import account
from scratchcnn.inspection.adversarial import adversarial
from scratchcnn.inspection.class_activation import (
    class_activation_map,
    grad_cam,
)
from scratchcnn.inspection.features import (
    activations,
    neighbors,
    patches,
    strongest,
)
from scratchcnn.inspection.receptive_field import receptive_field
from scratchcnn.inspection.saliency import occlusion, saliency

__all__ = [
    "account",
    "activations",
    "adversarial",
    "class_activation_map",
    "grad_cam",
    "neighbors",
    "occlusion",
    "patches",
    "receptive_field",
    "saliency",
    "strongest",
]
