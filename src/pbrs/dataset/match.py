"""Which mask belongs to which image, and to the region or which structure."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pbrs.dataset.folder import STRUCTURES
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.read_mask_files import strip_mask_suffix
from pbrs.errors import InputError
from pbrs.file_name import name_as_text
from pbrs.radiograph import find_radiographs
from pbrs.radiograph.find import image_stem

REGION = "region"


def images_by_stem(folder: Path, besides: Path | None = None) -> dict[str, Path]:
    """Radiographs in a folder and below it, by stem, sorted.

    Parameters
    ----------
    folder
        Where to look.
    besides
        A folder below it whose pictures are masks, not radiographs.

    Raises
    ------
    InputError
        If there is none, or two have one stem.
    """
    inside = besides.resolve() if besides is not None and folder.resolve() in besides.resolve().parents else None
    found: dict[str, Path] = {}
    for path in find_radiographs([folder]).files:
        if inside is not None and inside in path.resolve().parents:
            continue
        stem = image_stem(path)
        if stem in found:
            raise InputError(f"{found[stem]} and {path} share the stem {stem}: rename or remove one")
        found[stem] = path
    return dict(sorted(found.items()))


def match_masks(
    found: Sequence[FoundMask], stems: Sequence[str], category: str | None = None
) -> tuple[dict[str, dict[str, FoundMask]], list[str]]:
    """Find each mask's image and channel.

    Parameters
    ----------
    found
        The masks of an export.
    stems
        Of the images.
    category
        The label that is the pelvic bone region; needed where the export has several that are no structure.

    Returns
    -------
    masks, notes
        For each stem, masks by channel (``"region"`` or one of `STRUCTURES`); and one line for each thing left out.

    Raises
    ------
    InputError
        If the region's label is not clear, two masks are for the same channel of an image, or no mask has an image.
    """
    region = _region_label(found, category)
    known = set(stems)
    masks: dict[str, dict[str, FoundMask]] = {}
    without_image: list[str] = []
    ignored: set[str] = set()
    remarks: dict[str, list[str]] = defaultdict(list)
    for mask in found:
        channel = REGION if mask.label in (None, region) else as_structure(mask.label)
        if channel is None:
            ignored.add(str(mask.label))
            continue
        stem = next((its for named in (mask.stem, *mask.other_stems) if (its := _image_of(named, known))), None)
        if stem is None:
            without_image.append(mask.stem)
            continue
        channels = masks.setdefault(stem, {})
        if channel in channels:
            raise InputError(
                f"{channels[channel].file} and {mask.file} both hold the {channel} of {stem}: keep one of them"
            )
        channels[channel] = mask
        for remark in mask.remarks:
            remarks[remark].append(mask.file.name if mask.file.stem == mask.stem else stem)
    if not masks:
        raise InputError(
            f"none of {len(found)} masks has an image of its name (masks: {shortened([mask.stem for mask in found])}; "
            f"images: {shortened(stems)}): name them alike"
        )
    notes = [f"{len(names)} {remark}: {shortened(names)}" for remark, names in remarks.items()]
    if ignored:
        notes.append(f"labels left out: {shortened(sorted(ignored))}")
    if without_image:
        notes.append(f"{len(without_image)} masks without an image, left out: {shortened(sorted(set(without_image)))}")
    return {stem: masks[stem] for stem in sorted(masks)}, notes


def as_structure(label: str | None) -> str | None:
    """Give the structure that a label names in whatever spelling, one of `STRUCTURES`, or None."""
    name = (label or "").strip().lower().replace(" ", "_").replace("-", "_")
    return name if name in STRUCTURES else None


def shortened(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _region_label(found: Sequence[FoundMask], category: str | None) -> str | None:
    labels = sorted({mask.label for mask in found if mask.label is not None})
    others = [label for label in labels if as_structure(label) is None]
    if category is not None:
        category = name_as_text(category)
        if category not in labels:
            raise InputError(f"no mask is labelled {category}: the labels are {', '.join(labels) or 'none'}")
        return category
    # Beside structures a single other name may be a screw's: only one that sounds like it is the region.
    has_structures = len(others) < len(labels)
    if REGION in others or not others or (has_structures and not any(_sounds_like_region(name) for name in others)):
        return REGION
    if len(others) > 1:
        raise InputError(f"the masks are labelled {shortened(others)}: name the bone region's with --category")
    return others[0]


def _sounds_like_region(label: str) -> bool:
    return any(word in label.lower() for word in ("pelvi", "becken", "bone", "region", "mask", "foreground"))


def _image_of(stem: str, known: set[str]) -> str | None:
    shorter: str | None = stem
    while shorter is not None and shorter not in known:
        shorter = strip_mask_suffix(shorter)
    return shorter
