"""A generator that draws a pelvis-like picture in a millisecond, for tests in which rendering is not the point."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from pbrs.dataset.folder import STRUCTURES
from pbrs.synthesis import generator
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Table
from pbrs.synthesis.generator import SyntheticRadiograph

PLACES = ((0.2, 0), (-0.2, 0), (0, -0.1), (0.35, 0.3), (-0.35, 0.3))


def draw(seed: int, index: int, *, size: int = 512, looks: int = 1, table: Table = FACTORS) -> SyntheticRadiograph:
    """Draw rings and a bowel of noise, with the signature and the promises of `pbrs.synthesis.generator.generate`."""
    anatomy = index // looks
    shape, look = (np.random.default_rng([seed, number, kind]) for number, kind in ((anatomy, 0), (index, 1)))
    height, width = size, round(size * shape.uniform(0.75, 1))
    row, column = np.mgrid[:height, :width]
    masks = {}
    for name, place in zip(STRUCTURES, PLACES, strict=True):
        x, y = place + shape.uniform(-0.03, 0.03, 2)
        radius = np.hypot((column / width - 0.5 - x) / 0.16, (row / height - 0.5 - y) / 0.2)
        masks[name] = (radius < 1) & (radius > 0.3)
    bowel = ndimage.zoom(look.normal(size=(12, 12)), (height / 12, width / 12), order=1)
    grey = 60 + 70 * np.logical_or.reduce(list(masks.values())) + 35 * bowel + look.normal(0, 4, (height, width))
    parameters = {"pelvis": 1.0, "pelvis.tilt_deg": float(shape.uniform(-9, 9)), "gas": float(look.random() < 0.5)}
    return SyntheticRadiograph(np.clip(grey, 0, 255).astype(np.uint8), masks, f"s{seed}-a{anatomy}", parameters)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Draw with `draw` in this process; gives the (seed, index) of everything that is drawn."""
    drawn: list[tuple[int, int]] = []
    monkeypatch.setattr(generator, "generate", recording(drawn))
    return drawn


def recording(drawn: list[tuple[int, int]]) -> Callable[..., SyntheticRadiograph]:
    """Give `draw` such that it notes what it is asked for."""

    def noted(seed: int, index: int, **options: object) -> SyntheticRadiograph:
        drawn.append((seed, index))
        return draw(seed, index, **options)

    return noted
