"""Looking through a dataset folder for what would spoil a training or its scores."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.contact_sheet import CASES_PER_PAGE, ContactSheet
from pbrs.dataset.contradiction import reach_beyond
from pbrs.dataset.folder import STRUCTURES, Dataset
from pbrs.dataset.hashing import near_duplicates, perceptual_hash
from pbrs.dataset.match import shortened
from pbrs.dataset.overlap import find_overlaps
from pbrs.dataset.split_file import holds_folds, read_folds, read_split
from pbrs.errors import InputError
from pbrs.radiograph import read_mask, read_radiograph
from pbrs.radiograph.find import looks_like_radiograph


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or may be.

    Attributes
    ----------
    severity
        An error would stop a training or make a score wrong; a warning is worth a look.
    subject
        What it is about: ``image``, ``mask``, ``structure``, ``near-duplicate``, ``patients`` or ``split``.
    message
        One line.
    """

    severity: Literal["error", "warning"]
    subject: str
    message: str


@dataclass(frozen=True)
class CheckReport:
    """What a dataset holds and what is wrong with it.

    Attributes
    ----------
    path
        The dataset folder.
    counts
        Files of each kind; ``cases`` have image and mask.
    formats
        Images by file format.
    height, width
        Least and most pixels of the images that could be read; None where none could.
    shapes
        How many different shapes.
    region_share
        Least, median and most of a picture that the masks cover, 0 to 1; None without masks.
    near_duplicates
        Pairs of stems that show the same picture.
    problems
        Errors first.
    pages
        The contact sheet's files.
    """

    path: Path
    counts: dict[str, int]
    formats: dict[str, int]
    height: tuple[int, int] | None
    width: tuple[int, int] | None
    shapes: int
    region_share: tuple[float, float, float] | None
    near_duplicates: list[tuple[str, str]]
    problems: list[Problem]
    pages: list[Path]

    @property
    def errors(self) -> int:
        """How many problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            **asdict(self),
            "path": str(self.path),
            "pages": [str(page) for page in self.pages],
            "errors": self.errors,
            "warnings": len(self.problems) - self.errors,
        }


def check_dataset(
    dataset: Dataset,
    sheet: Path | None = None,
    most_pages: int = 10,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> CheckReport:
    """Read every file of a dataset, one after another, and report.

    Parameters
    ----------
    dataset
        As `open_dataset` gives it.
    sheet
        Folder for the contact sheet; None for no sheet.
    most_pages
        Of the contact sheet. A larger dataset is shown by cases at even distances.
    progress
        Wraps the loop over the stems, to show how far it is.
    """
    look = _Look(dataset)
    stems = list(dataset.images)
    pages = None if sheet is None else ContactSheet(sheet)
    # Exact integer steps: the same cases each time, the first one always.
    step = max(1, -(-len(stems) // (most_pages * CASES_PER_PAGE)))
    shown = set(stems[::step])
    for stem in progress(stems):
        pixels, mask, remark = look.at(stem)
        if pages is not None and stem in shown:
            pages.add(stem, pixels, mask, remark)
    if pages is not None:
        pages.close()
    look.at_files()
    duplicates = near_duplicates(look.hashes)
    look.at_tables(duplicates)
    heights, widths = zip(*look.shapes, strict=True) if look.shapes else ((), ())
    shares = np.array(look.shares)
    return CheckReport(
        path=dataset.path,
        counts={
            "images": len(dataset.images),
            "masks": len(dataset.masks),
            "cases": len(dataset.stems),
            **{name: len(files) for name, files in dataset.structures.items()},
            **({} if dataset.patients is None else {"patients": len(set(dataset.patients.values()))}),
        },
        formats=dict(sorted(look.formats.items())),
        height=(min(heights), max(heights)) if heights else None,
        width=(min(widths), max(widths)) if widths else None,
        shapes=len(look.shapes),
        region_share=(shares.min().item(), np.median(shares).item(), shares.max().item()) if shares.size else None,
        near_duplicates=duplicates,
        problems=sorted(look.problems, key=lambda problem: problem.severity),
        pages=[] if pages is None else pages.pages,
    )


class _Look:
    """What is gathered while the files are read: a few numbers for each, never its pixels."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.problems: list[Problem] = []
        self.hashes: dict[str, NDArray[np.uint64]] = {}
        self.shapes: set[tuple[int, int]] = set()
        self.formats: Counter[str] = Counter()
        self.shares: list[float] = []
        self._empty: set[str] = set()

    def at(self, stem: str) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_] | None, str]:
        """Read one image with its masks; give pixels, mask and a remark for the contact sheet."""
        try:
            radiograph = read_radiograph(self._dataset.images[stem])
        except InputError as error:
            self._error("image", f"{stem}: {error}")
            return None, None, "image unreadable"
        self.hashes[stem] = perceptual_hash(radiograph.pixels)
        self.shapes.add(radiograph.shape)
        self.formats[radiograph.file_format] += 1
        structures, wrong_structure = self._structures_of(stem, radiograph.shape)
        remark = f"{wrong_structure}: see report" if wrong_structure else ""
        if stem not in self._dataset.masks:
            self._warning("image", f"{stem} has no mask: it is left out of training; draw one, or remove the image")
            return radiograph.pixels, None, "no mask"
        try:
            mask = read_mask(self._dataset.masks[stem], radiograph.shape)
        except InputError as error:
            self._error("mask", f"{stem}: {error}")
            return radiograph.pixels, None, "mask does not fit"
        self.shares.append(float(mask.mean()))
        if not mask.any():
            self._empty.add(stem)
            self._error("mask", f"{stem}: the mask is empty; draw the bone, or remove mask and image")
            remark = "mask empty"
        elif mask.all():
            self._error("mask", f"{stem}: the mask covers the whole image; draw the bone only")
            remark = "mask covers all"
        elif reach_beyond(structures, mask):
            self._warning("structure", f"{stem}: structures reach beyond the region: correct one of the two")
            remark = remark or "structures beyond region"
        return radiograph.pixels, mask, remark

    def at_files(self) -> None:
        """Files that belong to no image, or that no one will read."""
        dataset = self._dataset
        for stem in dataset.masks:
            if stem not in dataset.images:
                self._error("mask", f"{stem} has a mask but no image: add images/{stem}.png, or remove the mask")
        for name, files in dataset.structures.items():
            for stem in files:
                if stem not in dataset.images:
                    self._error("structure", f"{stem} has a {name} but no image: add the image, or remove the mask")
        for place in ["images", "masks", *(f"structures/{name}" for name in STRUCTURES)]:
            unread = _unread(dataset.path / place, looks_like_radiograph if place == "images" else _is_png)
            if unread:
                self._warning(place.split("/")[0].removesuffix("s"), f"{place}/ holds files not read: {unread}")
        if (dataset.path / "structures").is_dir():
            there = {path.name for path in (dataset.path / "structures").iterdir() if not path.name.startswith(".")}
            strangers = sorted(there - set(STRUCTURES))
            if strangers:
                self._warning("structure", f"structures/ holds unknown names: {shortened(strangers)}")
        if not dataset.stems:
            self._error("mask", "no image has a mask: nothing can be trained or scored yet")

    def at_tables(self, duplicates: Sequence[tuple[str, str]]) -> None:
        """``patients.csv`` and ``split.csv``, against the files and against each other."""
        dataset = self._dataset
        if dataset.patients is not None:
            missing = [stem for stem in dataset.stems if stem not in dataset.patients]
            if missing:
                self._error("patients", f"patients.csv lacks {shortened(missing)}: add their patients")
            unknown = sorted(set(dataset.patients) - set(dataset.images))
            if unknown:
                self._warning("patients", f"patients.csv names {shortened(unknown)}: there is no such image")
        for one, other in duplicates:
            self._warning("near-duplicate", f"{one} and {other} look the same: keep both only in one part")
        file = dataset.path / "split.csv"
        if not file.exists():
            return
        try:
            parts = (
                {stem: f"fold {fold}" for stem, fold in read_folds(file).items()}
                if holds_folds(file)
                else (read_split(file).parts)
            )
        except InputError as error:
            self._error("split", str(error))
            return
        for part in sorted(set(parts.values())):
            its = [stem for stem in parts if parts[stem] == part]
            if self._empty.issuperset(its):
                self._error("split", f"all {len(its)} masks of {part} are empty: nothing can be learnt or scored there")
        missing = [stem for stem in dataset.stems if stem not in parts]
        if missing:
            self._error("split", f"split.csv lacks {shortened(missing)}: run `pbrs dataset split --force`")
        unknown = sorted(set(parts) - set(dataset.stems))
        if unknown:
            self._error("split", f"split.csv names {shortened(unknown)}: no such image with a mask")
        for overlap in find_overlaps(parts, dataset.patients, duplicates):
            self._error("split", f"{overlap}: run `pbrs dataset split --force`")

    def _structures_of(self, stem: str, shape: tuple[int, int]) -> tuple[list[NDArray[np.bool_]], str]:
        """Read the structures' masks; give them, and the name of one that cannot be read, or nothing.

        One that is empty is no problem: not every image shows every structure.
        """
        masks, wrong = [], ""
        for name in self._dataset.structures:
            try:
                if (mask := self._dataset.read_structure(stem, name, shape)) is not None:
                    masks.append(mask)
            except InputError as error:
                self._error("structure", f"{stem}, {name}: {error}")
                wrong = name
        return masks, wrong

    def _error(self, subject: str, message: str) -> None:
        self.problems.append(Problem("error", subject, message))

    def _warning(self, subject: str, message: str) -> None:
        self.problems.append(Problem("warning", subject, message))


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == ".png"


def _unread(folder: Path, is_read: Callable[[Path], bool]) -> str:
    if not folder.is_dir():
        return ""
    return shortened(
        sorted(path.name for path in folder.iterdir() if not path.name.startswith(".") and not is_read(path))
    )
