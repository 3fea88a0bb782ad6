"""One mask as an annotation tool exported it, whatever the format: where it belongs, and how to get its pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.mask_placing import have_same_proportions, resized

_MOST_PIXELS = 100_000_000


@dataclass(frozen=True)
class FoundMask:
    """A mask that a reader has found, not yet decoded.

    Attributes
    ----------
    stem
        The image's stem as the export names it, possibly with a suffix such as ``_mask``.
    label
        What the export calls it; None where it does not say.
    file
        The file it came from, for messages.
    read
        Gives the mask, bool (H, W), for an image of that shape; raises InputError where it does not fit.
    other_stems
        What the image may be called where none is called `stem`, the likeliest first.
    remarks
        What is to be told of it, as the end of a sentence that begins with a number.
    place
        The same for the image's file and shape, where the mask has a geometry that is placed in the image's own; used
        instead of `read`.
    image_uid
        SOPInstanceUID of the image, where the mask's file says to which it belongs.
    """

    stem: str
    label: str | None
    file: Path
    read: Callable[[tuple[int, int]], NDArray[np.bool_]]
    other_stems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    place: Callable[[Path, tuple[int, int]], NDArray[np.bool_]] | None = None
    image_uid: str | None = None

    def read_for(self, image: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Give the mask, bool (H, W), for an image's file and shape; raises InputError where it does not fit."""
        return self.read(shape) if self.place is None else self.place(image, shape)


def fit(mask: NDArray[np.bool_], shape: tuple[int, int], file: Path, stem: str, resize: bool) -> NDArray[np.bool_]:
    """Make sure that a drawn mask, bool (H, W), has the image's shape; resize to it (nearest) if asked to.

    Raises
    ------
    InputError
        If the shapes differ and `resize` is not set, or their proportions differ.
    """
    check_size((mask.shape[0], mask.shape[1]), shape, file, stem, resize)
    return mask if mask.shape == shape else resized(mask, shape, file.name, resize)


def check_size(drawn: tuple[int, int], shape: tuple[int, int], file: Path, stem: str, resize: bool) -> None:
    """Refuse annotations drawn on a picture of another size, before anything of that size is made.

    Raises
    ------
    InputError
        If the size is not the image's and `resize` is not set, its proportions are not the image's, or it is beyond
        sense.
    """
    sizes = f"{file.name}: annotated at {drawn[1]}×{drawn[0]}, but the image {stem} has {shape[1]}×{shape[0]} pixels"
    if drawn != shape and not resize:
        raise InputError(f"{sizes}: annotate the same file, or pass --resize-masks")
    if min(drawn) < 1 or drawn[0] * drawn[1] > _MOST_PIXELS:
        raise InputError(
            f"{file.name}: {stem} is said to be {drawn[1]}×{drawn[0]} pixels: expected at most {_MOST_PIXELS:,} in all"
        )
    if not have_same_proportions(drawn, shape):
        raise InputError(f"{sizes}, in other proportions: it was cropped or squashed; annotate the same file")
