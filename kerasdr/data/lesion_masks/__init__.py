"""Photographs with masks of their lesions: phantoms, and the public layouts of IDRiD and DDR."""

from kerasdr.data.lesion_masks.masked import MaskedPhotograph, MaskedPhotographs, MaskFile, read_masks
from kerasdr.data.lesion_masks.readers import MASK_LAYOUTS, detect_mask_layout, read_masked

__all__ = [
    "MASK_LAYOUTS",
    "MaskFile",
    "MaskedPhotograph",
    "MaskedPhotographs",
    "detect_mask_layout",
    "read_masked",
    "read_masks",
]
