"""Training without files: every radiograph is drawn when it is needed, and never twice."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.examples import Example, Examples, place_image
from pbrs.radiograph.grey import Levels, scale_by_percentiles
from pbrs.radiograph.placement import Placement
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Table, without
from pbrs.synthesis.presets import check_seed
from pbrs.synthesis.view import LARGEST_PX, SMALLEST_PX
from pbrs.synthesis.workers import START_METHOD
from pbrs.training.settings import TrainingSettings

if TYPE_CHECKING:
    from pbrs.synthesis.generator import SyntheticRadiograph

TRAINING_SEEDS = 2**32
"""Added to the seed of training samples. Seeds of datasets are smaller: no training ever sees one of their samples."""

VALIDATION_SEEDS = 2 * 2**32
"""Added to the seed of validation samples, which are thus neither of any training nor of any dataset."""

MARGIN = 1.15
"""Samples are drawn so much larger than the network's input: placing them smooths as it does with real radiographs."""

FEWEST_VALIDATED, MOST_VALIDATED = 20, 200
"""Samples of the validation part, whatever an epoch has."""


@dataclass(frozen=True, eq=False)
class SyntheticExamples:
    """Synthetic radiographs at the network's size: an `ExampleSource` whose examples are others in each epoch.

    Attributes
    ----------
    settings
        Seed, looks, factors switched off, and the network's channels, size and placement.
    count
        Examples of an epoch.
    seeds
        `TRAINING_SEEDS` or `VALIDATION_SEEDS`.
    seconds
        Processor time that drawing took, in all processes.
    """

    settings: TrainingSettings
    count: int
    seeds: int
    seconds: "Synchronized[float]" = field(default_factory=lambda: get_context(START_METHOD).Value("d", 0.0))

    def __len__(self) -> int:
        return self.count

    @cached_property
    def table(self) -> Table:
        """The factors that are drawn from; training never widens their ranges."""
        return without(FACTORS, self.settings.synthetic_without)

    def draw(self, number: int) -> "SyntheticRadiograph":
        """Draw a sample by its number over all epochs."""
        from pbrs.synthesis import generator

        begun = time.thread_time()
        sample = generator.generate(
            self.settings.seed + self.seeds,
            number,
            size=min(max(round(max(self.settings.image_size) * MARGIN), SMALLEST_PX), LARGEST_PX),
            looks=self.settings.synthetic_looks,
            table=self.table,
        )
        with self.seconds.get_lock():
            self.seconds.value += time.thread_time() - begun
        return sample

    def example(self, epoch: int, index: int) -> Example:
        """Draw the example that belongs to epoch and index."""
        sample = self.draw(epoch * self.count + index)
        height, width = sample.pixels.shape
        fit = Placement.fit((height, width), self.settings.image_size, self.settings.placement)
        masks = [
            fit.place_mask(sample.mask if name == "region" else sample.masks[name]) for name in self.settings.channels
        ]
        return place_image(fit, read_as_file(sample)), np.stack(masks), np.ones(len(masks), np.bool_)


def read_as_file(sample: "SyntheticRadiograph") -> NDArray[np.float32]:
    """Give a sample's pixels, float32 (H, W) in [0, 1], as `read_radiograph` gives those of a file."""
    levels = Levels.of(sample.pixels)
    return levels.paint(scale_by_percentiles(levels.values, levels.counts).table)


def training_samples(settings: TrainingSettings) -> SyntheticExamples:
    """Give the samples that a synthetic training trains on, as many as the settings want in each epoch.

    Raises
    ------
    InputError
        If the settings' seed is one of the frozen tests', or they switch off something that is no factor.
    """
    assert settings.synthetic is not None
    check_seed(settings.seed)
    return SyntheticExamples(settings, settings.synthetic, TRAINING_SEEDS)


def validation_samples(settings: TrainingSettings) -> SyntheticExamples:
    """Give the samples that it validates on: a seventh as many as an epoch has, but 20 to 200."""
    assert settings.synthetic is not None
    count = min(max(round(settings.synthetic / 7), FEWEST_VALIDATED), MOST_VALIDATED)
    return SyntheticExamples(settings, count, VALIDATION_SEEDS)


def hold(samples: SyntheticExamples, progress: Callable[[Sequence[str]], Iterable[str]] = iter) -> Examples:
    """Draw the samples of the first epoch once, and hold them in memory."""
    stems = tuple(f"sample_{index:05d}" for index in range(len(samples)))
    drawn = [samples.example(0, index) for index, _ in enumerate(progress(stems))]
    images, masks, available = (np.stack(column) for column in zip(*drawn, strict=True))
    return Examples(stems, images, masks, available, samples.settings.channels)
