"""What a dataset of synthetic radiographs holds, and what is told of it in its ``dataset.json``."""

from dataclasses import dataclass
from typing import Any

import pbrs
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Table, without
from pbrs.synthesis.presets import Preset

LICENCE = "CC0-1.0"
"""Of the images that are drawn."""

ANATOMY = {
    "name": "LLP26, shape model of pelvis and femora, from PyPI musculoskeletal-models 0.2.4",
    "licence": "MPL-2.0",
}
"""What the bones are drawn from."""


@dataclass(frozen=True)
class DatasetPlan:
    """What a dataset of synthetic radiographs holds; the same plan and generator give the same files.

    Attributes
    ----------
    count
        Number of radiographs.
    seed
        Of everything random; sample *i* depends on seed and *i* alone.
    size
        Longer side in pixels.
    looks
        Radiographs drawn of each anatomy.
    structures
        Whether a mask of each structure is written, too.
    without
        Factors and groups of factors that are switched off.
    preset
        The frozen test that it is, if it is one.
    """

    count: int
    seed: int = 0
    size: int = 512
    looks: int = 1
    structures: bool = False
    without: tuple[str, ...] = ()
    preset: Preset | None = None

    @classmethod
    def of(cls, preset: Preset) -> "DatasetPlan":
        """Give the plan of a frozen test."""
        return cls(preset.count, preset.seed, preset.size, structures=True, preset=preset)

    @property
    def table(self) -> Table:
        """The factors that it draws from.

        Raises
        ------
        InputError
            If `without` names something that is none.
        """
        return without(FACTORS if self.preset is None else self.preset.table, self.without)

    def stem(self, index: int) -> str:
        """Name sample `index`."""
        return f"synth_{index:05d}"

    def info(self) -> dict[str, Any]:
        """Give what goes into ``dataset.json``."""
        from pbrs.synthesis.generator import GENERATOR_VERSION

        return {
            "source": "drawn by pbrs synthesize; no patient was imaged",
            "synthetic": True,
            "licence": LICENCE,
            "anatomy": ANATOMY,
            "generator_version": GENERATOR_VERSION,
            "pbrs_version": pbrs.__version__,
            "preset": None if self.preset is None else self.preset.name,
            "preset_version": None if self.preset is None else self.preset.version,
            "count": self.count,
            "seed": self.seed,
            "size": self.size,
            "looks": self.looks,
            "structures": self.structures,
            "without": list(self.without),
        }
