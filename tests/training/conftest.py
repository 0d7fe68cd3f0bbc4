"""What tests of training share."""

from typing import Any

OFF: dict[str, Any] = {
    "horizontal_flip": False,
    "vertical_flip": False,
    "rotation": 0,
    "zoom": 0,
    "brightness": 0,
    "contrast": 0,
}
"""Random changes, all of them off."""
