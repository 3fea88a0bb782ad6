"""The frozen tests: datasets that every copy of this version draws alike, and that no training may draw from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pbrs.errors import InputError
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Table, widened


@dataclass(frozen=True)
class Preset:
    """One frozen test. A change of the generator that alters its images makes a new `version`; old numbers keep theirs.

    Attributes
    ----------
    name
        As in ``pbrs synthesize --preset``.
    version
        Of the benchmark.
    count
        Number of radiographs.
    seed
        Reserved for it.
    widening
        How many times as wide its ranges are as those that training draws from.
    size
        Longer side of the images in pixels.
    """

    name: str
    version: int
    count: int
    seed: int
    widening: float = 1.0
    size: int = 512

    @property
    def table(self) -> Table:
        """The factors that it draws from."""
        return FACTORS if self.widening == 1 else widened(FACTORS, self.widening)

    @property
    def title(self) -> str:
        """Name and version, as scores are quoted."""
        return f"{self.name} version {self.version}"


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("pelvissynth-150", version=1, count=150, seed=1_895_150),
        Preset("shifted-200", version=1, count=200, seed=1_895_200, widening=1.5),
    )
}
"""The frozen tests by name."""

RESERVED_SEEDS: Mapping[int, str] = {preset.seed: preset.name for preset in PRESETS.values()}
"""Seeds that only the presets may draw with: preset by seed."""


def find_preset(name: str) -> Preset:
    """Find a preset by name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in PRESETS:
        raise InputError(f"no preset is called {name}: expected {' or '.join(PRESETS)}")
    return PRESETS[name]


def check_seed(seed: int) -> None:
    """Make sure that a seed is none of those of the frozen tests.

    Raises
    ------
    InputError
        If it is.
    """
    if seed in RESERVED_SEEDS:
        raise InputError(f"seed {seed} is reserved for the frozen test {RESERVED_SEEDS[seed]}: choose another seed")


def preset_of(info: Mapping[str, Any]) -> Preset | None:
    """Tell whose preset a dataset is, by the preset or the reserved seed in its ``dataset.json``; None if no one's."""
    name = info.get("preset")
    if name is None and info.get("synthetic") is True:
        seed = info.get("seed")
        name = RESERVED_SEEDS.get(seed) if isinstance(seed, int) else None
    return PRESETS.get(name) if isinstance(name, str) else None


def check_trainable(info: Mapping[str, Any], path: object) -> Preset | None:
    """Make sure that a dataset may be trained on, and tell whose preset it is.

    Raises
    ------
    InputError
        If it was drawn from widened ranges: it is there to test what no training has seen.
    """
    preset = preset_of(info)
    if preset is not None and preset.widening > 1:
        raise InputError(
            f"{path} is the frozen test {preset.name}, whose ranges no training may see: train on another dataset, "
            "and score on this one with `pbrs evaluate --part all`"
        )
    return preset
