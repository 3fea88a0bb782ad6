"""From images and an annotation tool's export to a dataset folder."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pbrs import __version__
from pbrs.atomic_write import write_json, write_png
from pbrs.dataset.contradiction import reach_beyond
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.match import REGION, as_structure, images_by_stem, match_masks, shortened
from pbrs.dataset.new_folder import new_folder
from pbrs.dataset.read_coco import read_coco
from pbrs.dataset.read_labelme import read_labelme
from pbrs.dataset.read_mask_files import MITK_SUFFIXES, PNG_SUFFIXES, find_mask_files
from pbrs.dataset.segment_output import find_segment_output
from pbrs.errors import InputError
from pbrs.json_object import read_json_object
from pbrs.radiograph import read_radiograph
from pbrs.radiograph.find import image_stem

_SUFFIX_OF = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif", "BMP": ".bmp", "DICOM": ".dcm"}

MaskFormat = Literal["auto", "mitk", "png", "coco", "labelme"]


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


@dataclass(frozen=True)
class ImportReport:
    """What an import has written.

    Attributes
    ----------
    path
        The dataset folder.
    images, masks
        How many.
    notes
        One line for each thing that was left out or made up.
    """

    path: Path
    images: int
    masks: int
    notes: tuple[str, ...]


def import_masks(  # noqa: PLR0913 -- as many as the command has options
    masks: Path,
    images: Path,
    target: Path,
    *,
    mask_format: MaskFormat = "auto",
    resize: bool = False,
    category: str | None = None,
    structures: bool = False,
    synthetic: bool = False,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ImportReport:
    """Make a dataset folder of the images that have a mask in an export; whole or not at all.

    Images are copied byte for byte, masks written as 0/255 PNG. Masks of structures go to ``structures/NAME/``; where a
    case has structures but no region, the region is their union.

    Parameters
    ----------
    masks
        Folder with MITK's NRRD, NIfTI or PNG exports, a COCO file or LabelMe files; or one such file. Or a folder that
        `pbrs segment` wrote, of which the masks are taken.
    images
        Folder of radiographs; found by the masks' names.
    target
        The dataset folder to make.
    mask_format
        ``"auto"`` looks at the files.
    resize
        Resize masks to the image's size where they differ, instead of refusing them.
    category
        The label that is the pelvic bone region, where the export has several.
    structures
        Of a folder that `pbrs segment` wrote, take the structures, too; of any other they are taken in any case.
    synthetic
        The radiographs show no patient; every score made with them will say so.
    progress
        Wraps the loop over the stems, to show how far it is.

    Raises
    ------
    InputError
        If anything cannot be read or does not fit; then nothing is written.
    """
    found = find_masks(masks, images, mask_format, resize, structures)
    image_files = images_by_stem(images, besides=masks)
    matched, notes = match_masks(found.masks, list(image_files), category)
    notes = [*found.notes, *notes]
    left_out = [stem for stem in image_files if stem not in matched]
    if left_out:
        notes.append(f"{len(left_out)} images without a mask, left out: {shortened(left_out)}")
    source = f"masks from {masks.name}, images from {images.name}"
    info = {"source": source, "licence": None, "mask_format": found.read_as, "synthetic": synthetic}
    chosen = {stem: image_files[stem] for stem in matched}
    return write_cases(target, chosen, matched, {**info, "imported_by": "import-masks"}, notes=notes, progress=progress)


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
    if ours is not None and ours.path == masks.resolve() and mask_format not in ("coco", "labelme"):
        places = [masks / "masks", masks / "structures"]
        notes = [f"{masks} is of `pbrs segment`: every mask in {places[0]} is taken as true, corrected or not"]
    annotated, formats = _find_annotated(places, mask_format, resize)
    if len(formats) > 1:
        raise InputError(f"{masks} holds COCO and LabelMe files: choose one with --format")
    # LabelMe writes beside the images: what else lies there are radiographs.
    among_images = images.resolve() in [place.resolve() for place in places]
    if among_images and not annotated and mask_format not in ("coco", "labelme"):
        raise InputError(f"masks and images are both in {masks}: put the masks into a folder of their own")
    drawn = [] if among_images else _find_drawn(places, images, mask_format, resize)
    if annotated and drawn:
        raise InputError(
            f"{masks} holds annotations ({annotated[0].file}) and mask files ({drawn[0].file}): choose with "
            f"--format {formats.pop()} or --format mitk"
        )
    found = annotated or drawn
    if not found:
        looked_for = "masks (PNG, NRRD, NIfTI, COCO or LabelMe)" if mask_format == "auto" else f"{mask_format} masks"
        raise InputError(f"no {looked_for} in {masks}: name the folder that your annotation tool exported to")
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
    """Find masks in COCO and LabelMe files, and tell which of the two there are."""
    found: list[FoundMask] = []
    formats: set[str] = set()
    if mask_format in ("mitk", "png"):
        return found, formats
    for file in (file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*.json")))):
        if file.suffix.lower() != ".json" or file.name.startswith("."):
            continue
        content = read_json_object(file, "expected an export of COCO or LabelMe")
        its_format = _json_format(content)
        if its_format is None or mask_format not in ("auto", its_format):
            continue
        formats.add(its_format)
        found += (read_coco if its_format == "coco" else read_labelme)(file, content, resize)
    return found, formats


def _find_drawn(places: Sequence[Path], images: Path, mask_format: MaskFormat, resize: bool) -> list[FoundMask]:
    """Find masks in files of their own."""
    if mask_format in ("coco", "labelme"):
        return []
    suffixes = PNG_SUFFIXES if mask_format == "png" else MITK_SUFFIXES
    return [mask for place in places for mask in find_mask_files(place, images, suffixes, resize)]


def write_cases(
    target: Path,
    images: Mapping[str, Path],
    masks: Mapping[str, Mapping[str, FoundMask]],
    info: Mapping[str, Any],
    *,
    notes: Sequence[str] = (),
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ImportReport:
    """Write a dataset folder, whole or not at all: images as they are, masks where there are any, ``dataset.json``.

    Raises
    ------
    InputError
        If the folder exists, or an image or a mask cannot be read or they differ in shape: all bad ones are named.
    """
    counts: Counter[str] = Counter()
    bad: list[str] = []
    united, contradicting = [], []
    with new_folder(target) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        for stem in progress(list(images)):
            channels = masks.get(stem, {})
            try:
                drawn = _write_case(folder, stem, images[stem], channels)
            except InputError as error:
                bad.append(str(error))
                continue
            if drawn and REGION not in drawn:
                united.append(stem)
            elif drawn and reach_beyond([mask for name, mask in drawn.items() if name != REGION], drawn[REGION]):
                contradicting.append(stem)
            counts.update({REGION} | set(channels) if channels else ())
        if bad:
            raise InputError(
                f"{len(bad)} of {len(images)} cases cannot be imported, nothing is written: {_listed(bad)}"
            )
        structures = {name: count for name, count in sorted(counts.items()) if name != REGION}
        write_json(
            folder / "dataset.json",
            {
                "synthetic": False,
                **info,
                "images": len(images),
                "masks": counts[REGION],
                "structures": structures,
                "pbrs_version": __version__,
            },
        )
    notes = list(notes)
    if united:
        notes.append(f"{len(united)} cases had structures only: their region is the union of these")
    if contradicting:
        notes.append(
            f"{len(contradicting)} cases have structures that reach beyond their region, one of which is wrong: "
            f"{shortened(contradicting)}"
        )
    return ImportReport(target, len(images), counts[REGION], tuple(notes))


def _write_case(
    folder: Path, stem: str, image: Path, channels: Mapping[str, FoundMask]
) -> dict[str, NDArray[np.bool_]]:
    """Write one image and its masks, the region made of the structures if need be; return what was drawn."""
    radiograph = read_radiograph(image)
    shape = radiograph.shape
    suffix = image.suffix if image_stem(image) != image.name else _SUFFIX_OF[radiograph.file_format]
    shutil.copyfile(image, folder / "images" / f"{stem}{suffix}")
    drawn = {channel: mask.read(shape) for channel, mask in channels.items()}
    for channel, mask in drawn.items():
        place = folder / "masks" if channel == REGION else folder / "structures" / channel
        write_png(place / f"{stem}.png", mask.astype(np.uint8) * 255)
    if drawn and REGION not in drawn:
        union = np.logical_or.reduce(list(drawn.values()))
        write_png(folder / "masks" / f"{stem}.png", union.astype(np.uint8) * 255)
    return drawn


def _json_format(content: Mapping[str, Any]) -> Literal["coco", "labelme"] | None:
    if "annotations" in content and "images" in content:
        return "coco"
    return "labelme" if "shapes" in content else None


def _listed(messages: Sequence[str], most: int = 5) -> str:
    return "; ".join(messages[:most]) + (f"; and {len(messages) - most} more" if len(messages) > most else "")
