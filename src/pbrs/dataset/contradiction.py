"""Structures that reach beyond the region: one of the two masks is wrong, by definition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_BEYOND = 0.01
"""Share of the region: what lies outside it by less may be how two outlines were drawn."""


def reach_beyond(structures: Sequence[NDArray[np.bool_]], region: NDArray[np.bool_]) -> bool:
    """Tell whether structures, each bool (H, W), reach beyond their region by more than outlines may differ."""
    if not structures:
        return False
    outside = np.logical_or.reduce(list(structures)) & ~region
    return bool(outside.sum() > MOST_BEYOND * region.sum())
