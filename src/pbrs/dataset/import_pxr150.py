"""The paper's images: 100 of the 150 pelvic radiographs of PXR150, picked by seed."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pbrs.dataset.chance import chance
from pbrs.dataset.find_masks import find_masks
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.import_masks import ImportReport, write_cases
from pbrs.dataset.match import images_by_stem, match_masks, shortened
from pbrs.errors import InputError

PXR150_IMAGES = 150
PAPER_CASES = 100


def import_pxr150(
    folder: Path,
    target: Path,
    *,
    masks: Path | None = None,
    seed: int = 0,
    any_count: bool = False,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ImportReport:
    """Make a dataset folder of 100 PXR150 images, with the masks that the user drew for them.

    Which 100 the paper took is not published. Here a seed puts the 150 in an order and the first 100 are taken; with
    masks, the first 100 that have one. So whoever imports without masks, draws masks for what comes out and imports
    again with the same seed gets the same images.

    Parameters
    ----------
    folder
        The images as downloaded from figshare; their names do not matter.
    target
        The dataset folder to make.
    masks
        Folder of masks, in any format that ``import-masks`` reads.
    seed
        Another seed, other 100 images.
    any_count
        Accept another number of images than 150.
    progress
        Wraps the loop over the stems, to show how far it is.

    Raises
    ------
    InputError
        If there are not 150 images, or something cannot be read; then nothing is written.
    """
    images = images_by_stem(folder, besides=masks)
    if len(images) != PXR150_IMAGES and not any_count:
        raise InputError(
            f"{len(images)} images in {folder}: PXR150 has {PXR150_IMAGES}; name its own folder, or pass --any-count"
        )
    order = sorted(images, key=lambda stem: (chance(f"{seed}/pxr150/{stem}"), stem))
    notes: list[str] = []
    if masks is None:
        matched: dict[str, dict[str, FoundMask]] = {}
        picked = order[:PAPER_CASES]
    else:
        found = find_masks(masks, folder)
        matched, notes = match_masks(found.masks, list(images))
        notes = [*found.notes, *notes]
        picked = [stem for stem in order if stem in matched][:PAPER_CASES]
        missing = sorted(stem for stem in order[:PAPER_CASES] if stem not in matched)
        if missing:
            notes.append(f"{len(missing)} of the {PAPER_CASES} images of this seed have no mask: {shortened(missing)}")
    info = {
        "source": "PXR150, pelvic radiographs on figshare",
        "licence": "as on the figshare page that the images came from",
        "imported_by": "import-pxr150",
        "seed": seed,
        "images_found": len(images),
    }
    return write_cases(
        target, {stem: images[stem] for stem in sorted(picked)}, matched, info, notes=notes, progress=progress
    )
