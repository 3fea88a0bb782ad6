"""What the header of an NRRD segmentation says of its segments: 3D Slicer's ``.seg.nrrd``, and MITK's JSON.

3D Slicer crops the file to its segments. `SegmentN_Name`, `SegmentN_LabelValue` and `SegmentN_Layer` say which value of
which layer a segment is (without these, as before 2020, each layer is one), `SegmentN_Tags` what it means, in codes;
`Segmentation_ReferenceImageExtentOffset` at which pixel of the image the file begins, and
`Segmentation_ConversionParameters` the image's whole geometry, in RAS [1]_.

References
----------
.. [1] https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html, "Segmentations file format"
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.mask_segment import DrawnOn, MaskGeometry, MaskPlane, Segment, segment_name
from pbrs.radiograph.segment_names import channel_of_codes

_REFERENCE = re.compile(r"Reference image geometry\|([-+.\deE;]+)")
_MITK = "org.mitk.multilabel.segmentation.labelgroups"


@dataclass(frozen=True)
class ToldSegment:
    """One segment of a header: its name, what its codes mean, and which value of which layer it is.

    Of an older Slicer, whose layers hold one segment each, the value is None: whatever is not 0.
    """

    name: str
    channel: str | None
    layer: int
    value: int | None


def told_segments(header: dict[str, Any], layers: int, source: str) -> list[ToldSegment] | None:
    """List the segments that a header tells of; None where it tells of none.

    Raises
    ------
    InputError
        If what it says cannot be read, or names a layer that the file does not have.
    """
    try:
        told = _of_slicer(header, layers) or _of_mitk(header)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{source}: its header does not say which values are which segment: export it again") from None
    if any(not 0 <= segment.layer < layers for segment in told):
        raise InputError(f"{source}: its header names a layer that the file does not have: export it again")
    return told or None


def as_segments(
    told: list[ToldSegment],
    geometry: MaskGeometry | None,
    read_layer: Callable[[int], NDArray[np.generic]],
    source: str,
) -> list[Segment]:
    """Give the segments that a header tells of; a value of a layer that is no segment is refused when it is read."""
    decoded = lru_cache(maxsize=1)(read_layer)

    def read(segment: ToldSegment) -> MaskPlane:
        values = decoded(segment.layer)
        if segment.value is None:
            return MaskPlane(values != 0, geometry)
        named = {other.value for other in told if other.layer == segment.layer}
        unknown = sorted({int(value) for value in np.unique(values)} - named - {0})
        if unknown:
            raise InputError(f"{source}: values {unknown[:5]} that its header gives no name: export it again")
        return MaskPlane(values == segment.value, geometry)

    return [
        Segment(segment_name(segment.name, len(told) == 1, segment.channel), lambda segment=segment: read(segment))  # type: ignore[misc]
        for segment in told
    ]


def drawn_on(header: dict[str, Any]) -> DrawnOn | None:
    """Read what Slicer says of the image that a segmentation was drawn on; None where it says nothing usable."""
    first = _numbers(header.get("Segmentation_ReferenceImageExtentOffset"), r"\s+")
    index = (int(first[0]), int(first[1])) if len(first) == 3 else None
    found = _REFERENCE.search(str(header.get("Segmentation_ConversionParameters", "")))
    numbers = _numbers(found.group(1), ";") if found else []
    if len(numbers) != 22:
        return None if index is None else DrawnOn(index)
    # A matrix from index to RAS, row by row, and the first and last index along three axes.
    to_ras, extent = np.array(numbers[:16]).reshape(4, 4), [int(number) for number in numbers[16:]]
    to_lps = np.diag([-1.0, -1.0, 1.0]) @ to_ras[:3]
    origin = to_lps @ [extent[0], extent[2], extent[4], 1]
    size = (extent[1] - extent[0] + 1, extent[3] - extent[2] + 1)
    if min(size) < 1 or extent[5] != extent[4] or not np.any(to_lps[:, :2]):
        return None if index is None else DrawnOn(index)
    return DrawnOn(index, origin, to_lps[:, :2], size)


def _numbers(text: Any, separator: str) -> list[float]:
    try:
        found = [float(part) for part in re.split(separator, str(text or "").strip().strip(";"))]
    except ValueError:
        return []
    return found if all(abs(number) < 1e9 for number in found) else []


def _of_slicer(header: dict[str, Any], layers: int) -> list[ToldSegment]:
    numbers = sorted({int(found.group(1)) for key in header if (found := re.match(r"Segment(\d+)_(Name|ID)$", key))})
    told = []
    for place, number in enumerate(numbers):
        given = {key: header.get(f"Segment{number}_{key}") for key in ("Name", "ID", "LabelValue", "Layer", "Tags")}
        name = str(given["Name"] or given["ID"] or "")
        channel = channel_of_codes(re.findall(r"(?:SCT|SRT)\^([^\^~|]+)\^", str(given["Tags"] or "")))
        if given["Layer"] is None and given["LabelValue"] is None and layers == len(numbers) > 1:
            told.append(ToldSegment(name, channel, place, None))
        elif given["LabelValue"] is None and len(numbers) == 1:
            told.append(ToldSegment(name, channel, int(given["Layer"] or 0), None))
        else:
            told.append(ToldSegment(name, channel, int(given["Layer"] or 0), int(given["LabelValue"] or 1)))
    return told


def _of_mitk(header: dict[str, Any]) -> list[ToldSegment]:
    if _MITK not in header:
        return []
    groups = json.loads(str(header[_MITK]))
    return [
        ToldSegment(str(label.get("name", "")), None, layer, int(label["value"]))
        for layer, group in enumerate(groups)
        for label in group.get("labels", [])
    ]
