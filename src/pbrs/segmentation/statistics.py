"""Numbers of each structure that was found: area, place and mean grey value."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.formats.image import HasMasks
from pbrs.segmentation.outputs import stem_of
from pbrs.segmentation.segmenter import bounding_box
from pbrs.table import write_csv

COLUMNS = (
    *("input", "stem", "structure", "area_px", "area_mm2", "spacing_source", "fraction"),
    *("top", "left", "bottom", "right", "mean_grey"),
)


def measure(entry: dict[str, Any], radiograph: Radiograph, segmentation: HasMasks) -> list[dict[str, Any]]:
    """Measure the region and each structure of one radiograph.

    Parameters
    ----------
    entry
        The radiograph's entry in the report.

    Returns
    -------
    list of dict
        One row a structure, the region first, with the keys `COLUMNS`. Areas in pixels, and in mm² where the file tells
        a spacing (with ImagerPixelSpacing: in the plane of the detector, not of the patient); the fraction is of the
        image; bottom and right are exclusive; the mean grey value is in [0, 1], as read. None where there is nothing to
        tell.
    """
    known = {"input": entry["input"], "stem": stem_of(entry)}
    masks = {"region": segmentation.mask, **segmentation.structures}
    return [{**known, "structure": name, **_measure_one(radiograph, mask)} for name, mask in masks.items()]


def write_statistics(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows of all radiographs as one comma-separated table."""
    write_csv(path, COLUMNS, rows)


def _measure_one(radiograph: Radiograph, mask: NDArray[np.bool_]) -> dict[str, Any]:
    area = int(np.count_nonzero(mask))
    spacing = radiograph.spacing_mm
    box = bounding_box(mask)
    mean = None
    if box is not None:
        top, left, bottom, right = box
        window = slice(top, bottom), slice(left, right)
        mean = round(float(radiograph.pixels[window].mean(where=mask[window], dtype=np.float64)), 6)
    return {
        "area_px": area,
        "area_mm2": None if spacing is None else round(area * spacing[0] * spacing[1], 3),
        "spacing_source": radiograph.spacing_source,
        "fraction": round(area / mask.size, 6),
        **dict(zip(("top", "left", "bottom", "right"), box or (None,) * 4, strict=True)),
        "mean_grey": mean,
    }
