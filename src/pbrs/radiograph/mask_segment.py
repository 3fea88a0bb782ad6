"""What a mask file holds: segments, each with a name, and where it lies."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pbrs.radiograph.segment_names import channel_of_name, is_default_name


@dataclass(frozen=True, eq=False)
class DrawnOn:
    """The image that a mask was drawn on, as the mask's file tells of it (3D Slicer).

    Attributes
    ----------
    first
        Its index of the mask's first pixel along both axes, where the file gives it.
    origin, steps, size
        Its geometry, as that of `MaskGeometry`, and its count of pixels along both axes; None where not told.
    """

    first: tuple[int, int] | None = None
    origin: NDArray[np.float64] | None = None
    steps: NDArray[np.float64] | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class MaskGeometry:
    """Where a mask's pixels lie, in millimetres of LPS (x to the patient's left, y to the back, z to the head).

    Attributes
    ----------
    origin
        float64 (3,): centre of the first pixel.
    steps
        float64 (3, 2): column k is the way from one pixel to the next along index k.
    drawn_on
        The image that it was drawn on, where the file tells of it.
    letters_only
        Whether only directions are known, from PatientOrientation: not where it lies, nor its spacing.
    """

    origin: NDArray[np.float64]
    steps: NDArray[np.float64]
    drawn_on: DrawnOn | None = None
    letters_only: bool = False


@dataclass(frozen=True, eq=False)
class MaskPlane:
    """Pixels of one mask in index order, (X, Y), and their geometry; None where the file gives none."""

    values: NDArray[np.generic]
    geometry: MaskGeometry | None = None


@dataclass(frozen=True, eq=False)
class Segment:
    """One mask of a file, not decoded yet.

    Attributes
    ----------
    name
        A channel of `pbrs.radiograph.anatomy.ANATOMY` where it is known to be one; else what the file calls it; None
        where it gives no name, or one that a program has made up.
    read
        Decodes it, bool (X, Y).
    image
        SOPInstanceUID of the image that it belongs to, where the file says so.
    images
        Of how many images the file holds segments.
    """

    name: str | None
    read: Callable[[], MaskPlane]
    image: str | None = None
    images: int = 1


def segment_name(name: str | None, alone: bool, channel: str | None = None) -> str | None:
    """Give the name of a `Segment`: its channel by codes or by name, else what the file calls it.

    Parameters
    ----------
    name
        In the file.
    alone
        Whether there is no other segment: a name that a program made up then means nothing.
    channel
        What its codes say, if anything.
    """
    found = channel or channel_of_name(name)
    if found is not None or (alone and is_default_name(name)):
        return found
    return (name or "").strip() or None
