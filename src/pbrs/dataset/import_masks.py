"""From images and an annotation tool's export to a dataset folder."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pbrs import __version__
from pbrs.atomic_write import write_json, write_png
from pbrs.dataset.folder import IMAGE_SUFFIXES
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.match import REGION, images_by_stem, match_masks, shortened
from pbrs.dataset.new_folder import new_folder
from pbrs.dataset.read_coco import read_coco
from pbrs.dataset.read_labelme import read_labelme
from pbrs.dataset.read_mask_files import MITK_SUFFIXES, PNG_SUFFIXES, find_mask_files
from pbrs.errors import InputError
from pbrs.json_object import read_json_object
from pbrs.radiograph import read_radiograph

MaskFormat = Literal["auto", "mitk", "png", "coco", "labelme"]


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


def import_masks(
    masks: Path,
    images: Path,
    target: Path,
    *,
    mask_format: MaskFormat = "auto",
    resize: bool = False,
    category: str | None = None,
    synthetic: bool = False,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ImportReport:
    """Make a dataset folder of the images that have a mask in an export; whole or not at all.

    Images are copied byte for byte, masks written as 0/255 PNG. Masks of structures go to ``structures/NAME/``; where a
    case has structures but no region, the region is their union.

    Parameters
    ----------
    masks
        Folder with MITK's NRRD, NIfTI or PNG exports, a COCO file or LabelMe files; or one such file.
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
    synthetic
        The radiographs show no patient; every score made with them will say so.
    progress
        Wraps the loop over the stems, to show how far it is.

    Raises
    ------
    InputError
        If anything cannot be read or does not fit; then nothing is written.
    """
    found, read_as = find_masks(masks, images, mask_format, resize)
    image_files = images_by_stem(images, besides=masks)
    matched, notes = match_masks(found, list(image_files), category)
    left_out = [stem for stem in image_files if stem not in matched]
    if left_out:
        notes.append(f"{len(left_out)} images without a mask, left out: {shortened(left_out)}")
    source = f"masks from {masks.name}, images from {images.name}"
    info = {"source": source, "licence": None, "mask_format": read_as, "synthetic": synthetic}
    chosen = {stem: image_files[stem] for stem in matched}
    return write_cases(target, chosen, matched, {**info, "imported_by": "import-masks"}, notes=notes, progress=progress)


def find_masks(masks: Path, images: Path, mask_format: MaskFormat, resize: bool) -> tuple[list[FoundMask], str]:
    """Find the masks of an export, and say as what they were read.

    Raises
    ------
    InputError
        If there are none of the format, or they stand among the images.
    """
    if not masks.exists():
        raise InputError(f"no such folder or file: {masks}")
    if mask_format not in ("mitk", "png"):
        annotations = [masks] if masks.is_file() else sorted(masks.rglob("*.json"))
        found: list[FoundMask] = []
        formats: set[str] = set()
        for file in annotations:
            if file.suffix.lower() != ".json" or file.name.startswith("."):
                continue
            content = read_json_object(file, "expected an export of COCO or LabelMe")
            its_format = _json_format(content)
            if its_format is None or mask_format not in ("auto", its_format):
                continue
            formats.add(its_format)
            found += (read_coco if its_format == "coco" else read_labelme)(file, content, resize)
        if len(formats) > 1:
            raise InputError(f"{masks} holds COCO and LabelMe files: choose one with --format")
        if found or mask_format != "auto":
            return _not_empty(found, masks, mask_format), next(iter(formats))
    if masks.is_dir() and masks.resolve() == images.resolve():
        raise InputError(f"masks and images are both in {masks}: put the masks into a folder of their own")
    suffixes = PNG_SUFFIXES if mask_format == "png" else MITK_SUFFIXES
    found = find_mask_files(masks, images, suffixes, resize)
    return _not_empty(found, masks, mask_format), "png" if mask_format == "png" else "mitk"


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
    united = 0
    with new_folder(target) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        for stem in progress(list(images)):
            channels = masks.get(stem, {})
            try:
                united += _write_case(folder, stem, images[stem], channels)
            except InputError as error:
                bad.append(str(error))
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
    if united:
        notes = [*notes, f"{united} cases had structures only: their region is the union of these"]
    return ImportReport(target, len(images), counts[REGION], tuple(notes))


def _write_case(folder: Path, stem: str, image: Path, channels: Mapping[str, FoundMask]) -> bool:
    """Write one image and its masks; return whether the region had to be made of the structures."""
    shape = read_radiograph(image).shape
    suffix = image.suffix if image.suffix.lower() in IMAGE_SUFFIXES else ".dcm"
    shutil.copyfile(image, folder / "images" / f"{stem}{suffix}")
    drawn = {channel: mask.read(shape) for channel, mask in channels.items()}
    for channel, mask in drawn.items():
        place = folder / "masks" if channel == REGION else folder / "structures" / channel
        write_png(place / f"{stem}.png", mask.astype(np.uint8) * 255)
    if not drawn or REGION in drawn:
        return False
    union = np.logical_or.reduce(list(drawn.values()))
    write_png(folder / "masks" / f"{stem}.png", union.astype(np.uint8) * 255)
    return True


def _json_format(content: Mapping[str, Any]) -> Literal["coco", "labelme"] | None:
    if "annotations" in content and "images" in content:
        return "coco"
    return "labelme" if "shapes" in content else None


def _not_empty(found: list[FoundMask], masks: Path, mask_format: MaskFormat) -> list[FoundMask]:
    if not found:
        looked_for = "masks (PNG, NRRD, NIfTI, COCO or LabelMe)" if mask_format == "auto" else f"{mask_format} masks"
        raise InputError(f"no {looked_for} in {masks}: name the folder that your annotation tool exported to")
    return found


def _listed(messages: Sequence[str], most: int = 5) -> str:
    return "; ".join(messages[:most]) + (f"; and {len(messages) - most} more" if len(messages) > most else "")
