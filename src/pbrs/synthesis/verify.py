"""Is a dataset the frozen test that it says it is? To the bit, or near enough for scores to mean the same."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pbrs.dataset.folder import Dataset
from pbrs.errors import InputError
from pbrs.synthesis.presets import PRESETS, preset_of
from pbrs.synthesis.reference import MASKS, SAMPLE_SIDE, Case, Reference, frozen_reference, read_case

MOST_LEVELS = 1
"""Grey levels by which a pixel may differ as if it did not."""
MOST_PIXELS = 0.001
"""Share of an image's pixels that may differ by more."""
MOST_MASK_PIXELS = 5
"""Pixels in which a mask may differ."""


@dataclass(frozen=True)
class Difference:
    """How one case differs from the reference: nothing is told of images of another size.

    Attributes
    ----------
    stem
        Which.
    levels
        Largest difference of the 4,096 pixels that are compared, in grey levels; 0 where the image's hash is the
        reference's.
    share
        Of those pixels, how many differ by more than `MOST_LEVELS`.
    image_differs
        Whether the image's hash is another than the reference's.
    mask_pixels
        Pixels that differ, by name of each mask that does.
    """

    stem: str
    levels: int
    share: float
    image_differs: bool
    mask_pixels: dict[str, int]

    @property
    def problem(self) -> str | None:
        """What is beyond the tolerance, in words; None if nothing is."""
        beyond = []
        if self.share > MOST_PIXELS:
            beyond.append(f"{self.share:.2%} of its pixels differ by more than 1 grey level, by up to {self.levels}")
        beyond += [
            f"the mask of {name} differs in {pixels} pixels"
            for name, pixels in self.mask_pixels.items()
            if pixels > MOST_MASK_PIXELS
        ]
        return "; ".join(beyond) or None


@dataclass(frozen=True)
class Verdict:
    """What `verify_dataset` found.

    Attributes
    ----------
    title
        Name and version of the frozen test.
    images
        Number of images that the frozen test has.
    differences
        Cases that are not identical, within the tolerance or not.
    problems
        Whatever is beyond the tolerance, missing, damaged or too much, by stem; empty if the dataset will do.
    """

    title: str
    images: int
    differences: list[Difference]
    problems: dict[str, str]

    @property
    def is_identical(self) -> bool:
        """Whether every pixel of every image and mask is the reference's."""
        return not self.differences and not self.problems

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        if self.is_identical:
            return f"{self.images} images and their masks are identical"
        told = []
        images = [difference for difference in self.differences if difference.image_differs]
        if images:
            levels, share = max(image.levels for image in images), max(image.share for image in images)
            seen = f"in {SAMPLE_SIDE**2:,} pixels of each that are compared"
            told.append(
                f"{len(images)} of {self.images} images differ: {seen}, by up to {levels} grey levels, "
                f"by more than one in up to {share:.2%}"
                if levels
                else f"{len(images)} of {self.images} images differ, but not {seen}"
            )
        masks = [pixels for difference in self.differences for pixels in difference.mask_pixels.values()]
        if masks:
            told.append(f"{len(masks)} masks differ, by up to {max(masks)} pixels")
        told.append(f"{len(self.problems)} faults" if self.problems else "all within the tolerance")
        return "; ".join(told)


def verify_dataset(dataset: Dataset, progress: Callable[[Sequence[str]], Iterable[str]] = iter) -> Verdict:
    """Compare a dataset with the frozen test that it was drawn as.

    Of every image the hash of its decoded pixels is compared; where that differs, how far is estimated from 4,096
    pixels, of which an image of the reference keeps the values. Masks are compared pixel by pixel.

    Raises
    ------
    InputError
        If the dataset is of no preset, or of another version of it than is kept here.
    """
    preset = preset_of(dataset.info)
    if preset is None:
        raise InputError(
            f"{dataset.path} was not drawn as a frozen test: expected a dataset of `pbrs synthesize --preset NAME` "
            f"({', '.join(PRESETS)})"
        )
    reference = frozen_reference(preset)
    drawn = (dataset.info.get("preset_version"), dataset.info.get("generator_version"))
    if drawn != (reference.version, reference.generator_version):
        raise InputError(
            f"{dataset.path} is {preset.name} version {drawn[0]} of generator {drawn[1]}; here version "
            f"{reference.version} of generator {reference.generator_version} is kept: draw it anew, or verify it with "
            "the pbrs that drew it"
        )
    return compare(dataset, reference, progress)


def compare(
    dataset: Dataset, reference: Reference, progress: Callable[[Sequence[str]], Iterable[str]] = iter
) -> Verdict:
    """Compare a dataset with a reference, image by image."""
    differences, problems = [], {}
    for stem in progress(list(reference.cases)):
        if stem not in dataset.images:
            problems[stem] = "its image is missing"
            continue
        try:
            case = read_case(dataset, stem)
        except InputError as error:
            problems[stem] = str(error)
            continue
        kept = reference.cases[stem]
        if case.shape != kept.shape:
            problems[stem] = f"it has {case.shape[1]}×{case.shape[0]} pixels, expected {kept.shape[1]}×{kept.shape[0]}"
        elif case.digests != kept.digests:
            difference = _difference(stem, case, kept)
            differences.append(difference)
            if difference.problem:
                problems[stem] = difference.problem
    masks = {stem for names in (dataset.masks, *dataset.structures.values()) for stem in names}
    for stem in sorted({*dataset.images, *masks} - set(reference.cases)):
        problems[stem] = "the frozen test has no such image"
    title = f"{reference.name} version {reference.version}"
    return Verdict(title, len(reference.cases), differences, problems)


def _difference(stem: str, case: Case, kept: Case) -> Difference:
    levels = np.abs(case.sample.astype(np.int16) - kept.sample)
    changed = case.labels ^ kept.labels
    pixels = {name: int((changed >> bit & 1).sum()) for bit, name in enumerate(MASKS)}
    return Difference(
        stem,
        levels=int(levels.max()),
        share=float((levels > MOST_LEVELS).sum()) / SAMPLE_SIDE**2,
        image_differs=case.digests["image"] != kept.digests["image"],
        mask_pixels={name: count for name, count in pixels.items() if count},
    )
