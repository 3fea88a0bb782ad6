"""The region of interest, cut out for a fracture detector."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.radiograph import Radiograph

LARGEST_MARGIN = 100_000
"""In pixels or per cent: beyond the border of any radiograph."""


@dataclass(frozen=True)
class Margin:
    """How much to leave around the region: pixels, or a percentage of the region's larger side."""

    value: float
    is_percent: bool

    @classmethod
    def parse(cls, text: str) -> "Margin":
        """Read ``20px``, ``20`` or ``5%``.

        Raises
        ------
        InputError
            If it is none of these, or larger than `LARGEST_MARGIN`.
        """
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(px|%)?\s*", text)
        if match is None:
            raise InputError(f"margin {text!r} is not a length: write pixels (20px) or a percentage (5%)")
        value = float(match[1])
        if value > LARGEST_MARGIN:
            raise InputError(
                f"the margin is larger than any radiograph: expected at most {LARGEST_MARGIN}px, or {LARGEST_MARGIN}%"
            )
        return cls(value, match[2] == "%")

    def pixels(self, box: tuple[int, int, int, int]) -> int:
        """Tell the margin around `box` (top, left, bottom, right) in whole pixels."""
        top, left, bottom, right = box
        return round(self.value / 100 * max(bottom - top, right - left) if self.is_percent else self.value)


def widen_box(box: tuple[int, int, int, int], margin_px: int, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Move all sides of a box (top, left, bottom, right; exclusive) outwards, at most to the image's border."""
    top, left, bottom, right = box
    return (
        max(0, top - margin_px),
        max(0, left - margin_px),
        min(shape[0], bottom + margin_px),
        min(shape[1], right + margin_px),
    )


def cut_roi(
    radiograph: Radiograph, mask: NDArray[np.bool_], box: tuple[int, int, int, int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cut a box out of a radiograph.

    Parameters
    ----------
    radiograph
        Grey values as read: bone bright.
    mask
        bool (H, W): the region.
    box
        Top, left, bottom, right; bottom and right exclusive.

    Returns
    -------
    cropped, blanked
        What is inside the box, and the same with everything outside the mask black; uint8 for a source of 8 bits or
        fewer, uint16 for a deeper one.
    """
    top, left, bottom, right = box
    window = slice(top, bottom), slice(left, right)
    depth = np.uint8 if radiograph.bits <= 8 else np.uint16
    cropped = np.rint(radiograph.pixels[window] * np.iinfo(depth).max).astype(depth)
    return cropped, np.where(mask[window], cropped, depth(0))
