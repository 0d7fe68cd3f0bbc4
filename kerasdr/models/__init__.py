"""Networks: trunks by name, attention, single and dual classifiers, weights as arrays, Grad-CAM in closed form.

Importing this package imports Keras.
"""

from kerasdr.config import ModelSpec
from kerasdr.models.attention import attention_names
from kerasdr.models.blocks import block_names
from kerasdr.models.classifier import build_classifier
from kerasdr.models.gradcam import reference_heatmap, with_gradcam
from kerasdr.models.registry import register_trunk, trunk_names
from kerasdr.models.trainable import set_trainable
from kerasdr.models.weights import get_weights, set_weights

__all__ = [
    "ModelSpec",
    "attention_names",
    "block_names",
    "build_classifier",
    "get_weights",
    "reference_heatmap",
    "register_trunk",
    "set_trainable",
    "set_weights",
    "trunk_names",
    "with_gradcam",
]
