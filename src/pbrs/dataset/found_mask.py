"""One mask as an annotation tool exported it, whatever the format: where it belongs, and how to get its pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.errors import InputError

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
    """

    stem: str
    label: str | None
    file: Path
    read: Callable[[tuple[int, int]], NDArray[np.bool_]]
    other_stems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def fit(mask: NDArray[np.bool_], shape: tuple[int, int], file: Path, stem: str, resize: bool) -> NDArray[np.bool_]:
    """Make sure that a drawn mask, bool (H, W), has the image's shape; resize to it (nearest) if asked to.

    Raises
    ------
    InputError
        If the shapes differ and `resize` is not set.
    """
    check_size((mask.shape[0], mask.shape[1]), shape, file, stem, resize)
    if mask.shape == shape:
        return mask
    height, width = shape
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST), dtype=np.bool_)


def check_size(drawn: tuple[int, int], shape: tuple[int, int], file: Path, stem: str, resize: bool) -> None:
    """Refuse annotations drawn on a picture of another size, before anything of that size is made.

    Raises
    ------
    InputError
        If the size is not the image's and `resize` is not set, or of other proportions, or is beyond sense.
    """
    if drawn != shape and not resize:
        raise InputError(
            f"{file.name}: annotated at {drawn[1]}×{drawn[0]}, but the image {stem} has {shape[1]}×{shape[0]} pixels: "
            "annotate the same file, or pass --resize-masks"
        )
    if min(drawn) < 1 or drawn[0] * drawn[1] > _MOST_PIXELS:
        raise InputError(
            f"{file.name}: {stem} is said to be {drawn[1]}×{drawn[0]} pixels: expected at most {_MOST_PIXELS:,} in all"
        )
    # A side that a tool has scaled and rounded is off by one pixel at most.
    across, down = drawn[1] * shape[0] / shape[1], drawn[0] * shape[1] / shape[0]
    if min(abs(drawn[0] - across), abs(drawn[1] - down)) > 1:
        raise InputError(
            f"{file.name}: annotated at {drawn[1]}×{drawn[0]}, but the image {stem} has {shape[1]}×{shape[0]} pixels, "
            "which are other proportions: annotate the same file"
        )
