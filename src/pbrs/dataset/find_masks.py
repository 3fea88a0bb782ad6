"""Which masks an export holds, whatever tool wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pbrs.dataset.annotation_formats import ANNOTATION_FORMATS, find_format, parse
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.match import as_structure
from pbrs.dataset.read_mask_files import MITK_SUFFIXES, PNG_SUFFIXES, find_mask_files
from pbrs.dataset.segment_output import find_segment_output
from pbrs.errors import InputError

MaskFormat = Literal["auto", "mitk", "png", "coco", "labelme", "yolo", "cvat", "labelstudio", "via"]


@dataclass(frozen=True)
class FoundMasks:
    """The masks of an export.

    Attributes
    ----------
    masks
        Not yet decoded.
    read_as
        The format that they were read as, ``"auto"`` resolved.
    notes
        One line for each thing that was chosen or left out.
    """

    masks: list[FoundMask]
    read_as: str
    notes: list[str]


def find_masks(
    masks: Path, images: Path, mask_format: MaskFormat = "auto", resize: bool = False, structures: bool = False
) -> FoundMasks:
    """Find the masks of an export; the arguments are those of `import_masks`.

    Raises
    ------
    InputError
        If there are none of the format, there are several formats and none was named, or they stand among the images.
    """
    if not masks.exists():
        raise InputError(f"no such folder or file: {masks}")
    places, notes = [masks], []
    ours = find_segment_output(masks)
    if ours is not None and ours.path == masks.resolve() and mask_format not in ANNOTATION_FORMATS:
        places = [masks / "masks", masks / "structures"]
        notes = [f"{masks} is of `pbrs segment`: every mask in {places[0]} is taken as true, corrected or not"]
    annotated, formats = _find_annotated(places, mask_format, resize)
    if len(formats) > 1:
        titles = " and ".join(ANNOTATION_FORMATS[name].title for name in sorted(formats))
        raise InputError(f"{masks} holds {titles} files: choose one with --format")
    # LabelMe writes beside the images: what else lies there are radiographs.
    among_images = images.resolve() in [place.resolve() for place in places]
    if among_images and not annotated and mask_format not in ANNOTATION_FORMATS:
        raise InputError(f"masks and images are both in {masks}: put the masks into a folder of their own")
    drawn, left_out = ([], []) if among_images else _find_drawn(places, images, mask_format, resize)
    notes += left_out
    if annotated and drawn:
        raise InputError(
            f"{masks} holds annotations ({annotated[0].file}) and mask files ({drawn[0].file}): choose with "
            f"--format {formats.pop()} or --format mitk"
        )
    found = annotated or drawn
    if not found and formats:
        raise InputError(
            f"{masks} holds {ANNOTATION_FORMATS[formats.pop()].title} files without any annotation that counts: draw, "
            "submit and export again"
        )
    if not found and any(
        file.suffix.lower() == ".zip" for file in (masks, *(masks.iterdir() if masks.is_dir() else ()))
    ):
        raise InputError(f"{masks} is or holds a ZIP archive: unpack it first, and name the folder")
    if not found:
        titles = ", ".join(its.title for its in ANNOTATION_FORMATS.values())
        drawn_as = "PNG, TIFF, JPEG, NRRD, NIfTI, DICOM SEG"
        looked_for = f"masks ({drawn_as}, {titles})" if mask_format == "auto" else f"{mask_format} masks"
        besides = f"; {'; '.join(left_out)}" if left_out else ""
        raise InputError(f"no {looked_for} in {masks}: name the folder that your annotation tool exported to{besides}")
    if ours is not None:
        found = [replace(mask, stem=ours.image_stems.get(mask.stem, mask.stem)) for mask in found]
    # Whoever corrected the region has not corrected these: trained on, they would bring the old outlines back.
    if ours is not None and not structures:
        regions = [mask for mask in found if as_structure(mask.label) is None]
        if not regions:
            raise InputError(
                f"{masks} holds structures only, of `pbrs segment`: name the folder above it, or make the region of "
                "them with --structures"
            )
        if len(regions) < len(found):
            notes.append("structures are left out, as they are the model's: if you corrected them, add --structures")
        found = regions
    read_as = formats.pop() if annotated else "png" if mask_format == "png" else "mitk"
    return FoundMasks(found, read_as, notes)


def _find_annotated(places: Sequence[Path], mask_format: MaskFormat, resize: bool) -> tuple[list[FoundMask], set[str]]:
    """Find masks in annotation files, and tell which formats there are."""
    found: list[FoundMask] = []
    formats: set[str] = set()
    if mask_format in ("mitk", "png"):
        return found, formats
    suffixes = {its.suffix for name, its in ANNOTATION_FORMATS.items() if mask_format in ("auto", name)}
    for file in (file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*")))):
        if file.suffix.lower() not in suffixes or file.name.startswith(".") or not file.is_file():
            continue
        content = parse(file)
        its_format = find_format(file, content)
        if its_format is None or mask_format not in ("auto", its_format):
            continue
        formats.add(its_format)
        found += ANNOTATION_FORMATS[its_format].read(file, content, resize)
    return found, formats


def _find_drawn(
    places: Sequence[Path], images: Path, mask_format: MaskFormat, resize: bool
) -> tuple[list[FoundMask], list[str]]:
    """Find masks in files of their own, and say which files are not read."""
    if mask_format in ANNOTATION_FORMATS:
        return [], []
    suffixes = PNG_SUFFIXES if mask_format == "png" else MITK_SUFFIXES
    found = [find_mask_files(place, images, suffixes, resize) for place in places]
    return [mask for one in found for mask in one.masks], [line for one in found for line in one.left_out]
