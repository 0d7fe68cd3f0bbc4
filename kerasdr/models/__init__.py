"""Networks: trunks by name, single and dual classifiers, weights as arrays, Grad-CAM in closed form.

Importing this package imports Keras.
"""

from kerasdr.config import ModelSpec
from kerasdr.models.classifier import build_classifier, set_trainable
from kerasdr.models.gradcam import reference_heatmap, with_gradcam
from kerasdr.models.registry import register_trunk, trunk_names
from kerasdr.models.weights import get_weights, set_weights

__all__ = [
    "ModelSpec",
    "build_classifier",
    "get_weights",
    "reference_heatmap",
    "register_trunk",
    "set_trainable",
    "set_weights",
    "trunk_names",
    "with_gradcam",
]
