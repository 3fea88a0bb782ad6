"""From images and an annotation tool's export to a dataset folder."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs import __version__
from pbrs.atomic_write import write_json, write_png
from pbrs.dataset.contradiction import reach_beyond
from pbrs.dataset.find_masks import MaskFormat, find_masks
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.image_uid import name_by_uid
from pbrs.dataset.match import REGION, images_by_stem, match_masks, shortened
from pbrs.dataset.new_folder import new_folder
from pbrs.errors import InputError
from pbrs.file_name import writable_path
from pbrs.radiograph import read_radiograph
from pbrs.radiograph.find import has_known_suffix

_SUFFIX_OF = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif", "BMP": ".bmp", "DICOM": ".dcm"}


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
        Folder of mask files (NRRD, NIfTI, MetaImage, DICOM SEG, PNG, TIFF, JPEG) or of the annotation files of a tool
        (`ANNOTATION_FORMATS`); or one such file. Or a folder that `pbrs segment` wrote, of which the masks are taken.
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
    matched, notes = match_masks(name_by_uid(found.masks, image_files), list(image_files), category)
    notes = [*found.notes, *notes]
    left_out = [stem for stem in image_files if stem not in matched]
    if left_out:
        notes.append(f"{len(left_out)} images without a mask, left out: {shortened(left_out)}")
    source = f"masks from {masks.name}, images from {images.name}"
    info = {"source": source, "licence": None, "mask_format": found.read_as, "synthetic": synthetic}
    chosen = {stem: image_files[stem] for stem in matched}
    return write_cases(target, chosen, matched, {**info, "imported_by": "import-masks"}, notes=notes, progress=progress)


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
    united, contradicting, empty = [], [], []
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
            if drawn and not any(mask.any() for mask in ([drawn[REGION]] if REGION in drawn else drawn.values())):
                empty.append(stem)
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
    if empty:
        notes.append(f"{len(empty)} masks are empty, which tells that the image shows no bone: {shortened(empty)}")
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
    suffix = image.suffix if has_known_suffix(image) else _SUFFIX_OF[radiograph.file_format]
    shutil.copyfile(image, writable_path(folder / "images" / f"{stem}{suffix}"))
    drawn = {channel: mask.read_for(image, shape) for channel, mask in channels.items()}
    for channel, mask in drawn.items():
        place = folder / "masks" if channel == REGION else folder / "structures" / channel
        write_png(place / f"{stem}.png", mask.astype(np.uint8) * 255)
    if drawn and REGION not in drawn:
        union = np.logical_or.reduce(list(drawn.values()))
        write_png(folder / "masks" / f"{stem}.png", union.astype(np.uint8) * 255)
    return drawn


def _listed(messages: Sequence[str], most: int = 5) -> str:
    return "; ".join(messages[:most]) + (f"; and {len(messages) - most} more" if len(messages) > most else "")
