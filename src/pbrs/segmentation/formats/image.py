"""What a writer is given: one segmented radiograph, where it came from and which model segmented it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pbrs.radiograph.anatomy import REGION, in_order
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.formats.source_header import SourceHeader, read_source_header
from pbrs.segmentation.overlay import draw_overlay
from pbrs.segmentation.segmenter import Segmentation


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made a segmentation: its card's name, and the SHA-256 of its file."""

    name: str
    sha256: str


class HasMasks(Protocol):
    """A segmentation, or what was read back of one: bool (H, W), the region and each structure by name."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The region."""
        ...

    @property
    def structures(self) -> Mapping[str, NDArray[np.bool_]]:
        """Each structure that the model has."""
        ...


@dataclass(frozen=True, eq=False)
class SegmentedImage:
    """One radiograph with its segmentation.

    Attributes
    ----------
    source
        The file that was read; DICOM writers read its header once more.
    stem
        What its outputs are called.
    """

    source: Path
    stem: str
    radiograph: Radiograph
    segmentation: Segmentation
    model: ModelIdentity

    @property
    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """The region and each structure by name, bool (H, W), in the order of `anatomy.ANATOMY`."""
        return all_masks(self.segmentation)

    @cached_property
    def overlay(self) -> NDArray[np.uint8]:
        """The radiograph with the region drawn over it, uint8 (H, W, 3)."""
        return draw_overlay(self.radiograph.pixels, self.segmentation.mask)

    @cached_property
    def source_header(self) -> SourceHeader:
        """What DICOM objects derived from the source take from it; raises InputError as `read_source_header` does."""
        return read_source_header(self.source, self.radiograph)


def all_masks(found: HasMasks) -> dict[str, NDArray[np.bool_]]:
    """Give the region and each structure by name, in the order of `anatomy.ANATOMY`."""
    masks = {REGION: found.mask, **found.structures}
    return {name: masks[name] for name in in_order(masks)}
