"""Detail of the bones that the shape model smooths away: bumps and hollows, of an amount that varies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Detail:
    """A bump (or a hollow) on a bone.

    Attributes
    ----------
    name
        Its factor.
    bone
        hip or femur; both sides have it.
    place_mm
        Of the mean shape's left bone: hips in the model's coordinates, femora from the head's centre.
    direction
        Where it grows to, on the left.
    size_mm
        Standard deviation of the bell that it has the form of.
    """

    name: str
    bone: str
    place_mm: tuple[float, float, float]
    direction: tuple[float, float, float]
    size_mm: float


DETAILS = (
    Detail("lesser_trochanter", "femur", (5, 20, -58), (-0.80, 0.6, -0.05), 6.5),
    Detail("greater_trochanter", "femur", (53, 31, 0), (-0.15, 0.2, 1.0), 8),
    Detail("saddle", "femur", (34, 8, -8), (0, 0, -1), 8),
    Detail("trochanteric_fossa", "femur", (41, 24, -5), (0.5, -0.3, -0.8), 6),
    Detail("ischial_spine", "hip", (49, 53, 2), (-0.9, 0.45, 0), 5),
)  # fmt: skip
"""Every detail that is one bump; the acetabular rim and the thin wing are drawn by `anatomy`."""


def weights_of(bone: str, left: NDArray[np.floating]) -> dict[str, Floats]:
    """Tell how much each vertex of the mean shape, float (N, 3), takes part in each detail of a bone."""
    made = {}
    for detail in DETAILS:
        if detail.bone != bone:
            continue
        # The bell stands on the surface, at the vertex nearest to the place.
        nearest = left[((left - detail.place_mm) ** 2).sum(1).argmin()]
        square = ((left - nearest) ** 2).sum(1)
        made[detail.name] = np.exp(-square / (2 * detail.size_mm**2)).astype(np.float32)
    return made


def displace(vertices: Floats, weight: Floats, detail: Detail, side: str, amount_mm: float) -> None:
    """Let a detail grow by `amount_mm`, in place."""
    direction = np.array(detail.direction, np.float32) * [1 if side == "left" else -1, 1, 1]
    vertices += weight[:, None] * (direction * (amount_mm / np.linalg.norm(direction))).astype(np.float32)
