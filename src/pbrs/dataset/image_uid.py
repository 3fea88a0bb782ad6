"""Which radiograph a DICOM SEG belongs to: the one whose SOPInstanceUID it refers to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pbrs.dataset.found_mask import FoundMask
from pbrs.errors import InputError
from pbrs.radiograph.file_kind import has_dicom_prefix
from pbrs.radiograph.limits import muted_warnings


def name_by_uid(found: Sequence[FoundMask], images: Mapping[str, Path]) -> list[FoundMask]:
    """Give masks that refer to one of the images its stem; others keep the stem of their file.

    Raises
    ------
    InputError
        If two images have the UID that a mask refers to, and neither is named like the mask.
    """
    if all(mask.image_uid is None for mask in found):
        return list(found)
    stems: dict[str, list[str]] = {}
    for stem, path in images.items():
        uid = _sop_instance_uid(path)
        if uid is not None:
            stems.setdefault(uid, []).append(stem)
    named = []
    for mask in found:
        known = stems.get(mask.image_uid or "", [])
        if len(known) > 1 and mask.stem not in known:
            raise InputError(
                f"{mask.file.name} refers to an image of which there are two, {known[0]} and {known[1]}: remove one"
            )
        named.append(replace(mask, stem=known[0]) if len(known) == 1 else mask)
    return named


def _sop_instance_uid(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            if not has_dicom_prefix(file.read(132)):
                return None
        from pydicom import dcmread

        with muted_warnings():
            found = dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID")
    except Exception:
        return None  # read as a radiograph, it will be named
    return str(found) if found else None
