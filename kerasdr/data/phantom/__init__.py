"""Synthetic fundus photographs whose truth is known, down to each lesion."""

from kerasdr.data.phantom.draw import Phantom, draw_person
from kerasdr.data.phantom.lesions import KINDS
from kerasdr.data.phantom.write import write_phantoms

__all__ = ["KINDS", "Phantom", "draw_person", "write_phantoms"]
