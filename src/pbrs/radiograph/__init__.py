"""One radiograph, or one mask, in: files, limits, and the placement into a network's input and back."""

from pbrs.radiograph.find import Found, LeftOut, find_radiographs
from pbrs.radiograph.masks import read_mask
from pbrs.radiograph.placement import Placement
from pbrs.radiograph.radiograph import Radiograph
from pbrs.radiograph.reading import Polarity, read_radiograph

__all__ = [
    "Found",
    "LeftOut",
    "Placement",
    "Polarity",
    "Radiograph",
    "find_radiographs",
    "read_mask",
    "read_radiograph",
]
