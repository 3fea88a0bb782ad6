"""The skeleton: closed surfaces of each bone, outer and endosteal, and the points on them that others need to know."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.surface import Surface

Points = NDArray[np.float64]

SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class Bone:
    """A bone, or a piece of one.

    Attributes
    ----------
    outer, inner
        The surface of the bone, and that of its spongiosa and marrow; between them lies compact bone.
    structure
        What it is labelled as; None for bones that are context only.
    """

    outer: Surface
    inner: Surface
    structure: str | None

    def moved(self, turn: Points, about: Points, shift: Points) -> "Bone":
        """Turn by a rotation matrix (3, 3) about a point, then shift."""
        return Bone(self.outer.moved(turn, about, shift), self.inner.moved(turn, about, shift), self.structure)


@dataclass(frozen=True, eq=False)
class Gap:
    """A slab of a bone that is thinner than the rest: a growth plate, or a fracture without displacement.

    Attributes
    ----------
    bone
        Name of the bone.
    point, normal
        float (3,), the slab's middle in mm and its direction.
    width_mm, reach_mm
        Its width, and how far it reaches from its middle.
    share
        The share of the bone that is missing, 0 to 1.
    """

    bone: str
    point: Points
    normal: Points
    width_mm: float
    reach_mm: float
    share: float


@dataclass(eq=False)
class Skeleton:
    """Bones and points, moved together.

    Attributes
    ----------
    bones
        By name: hip_left, hip_right, sacrum, coccyx, lumbar, femur_left, femur_right; pieces that were cut off one are
        called BONE/1 and so on, and move with it.
    points
        float (3,) in mm, by name; see `pbrs.synthesis.scene.LANDMARKS`.
    owner
        The name of the bone that each point moves with.
    head_radius_mm, scale
        Radius of the femoral heads, and the size against the shape model's.
    gaps
        Growth plates and fine fractures.
    arthroplasty
        Sides whose femoral head and neck are cut off.
    """

    bones: dict[str, Bone]
    points: dict[str, Points]
    owner: dict[str, str]
    head_radius_mm: float
    scale: float = 1.0
    gaps: list[Gap] = field(default_factory=list)
    arthroplasty: list[str] = field(default_factory=list)

    def move(self, bone: str, turn: Points, about: Points, shift: Points) -> None:
        """Turn a bone, its pieces and its points by a matrix (3, 3) about a point, then shift them."""
        for name in self.bones:
            if _belongs(name, bone):
                self.bones[name] = self.bones[name].moved(turn, about, shift)
        for name, owner in self.owner.items():
            if _belongs(owner, bone):
                self.points[name] = (self.points[name] - about) @ turn.T + about + shift
        self.gaps = [
            replace(gap, point=(gap.point - about) @ turn.T + about + shift, normal=gap.normal @ turn.T)
            if _belongs(gap.bone, bone)
            else gap
            for gap in self.gaps
        ]

    def move_all(self, turn: Points) -> None:
        """Turn everything about the origin."""
        for bone in [name for name in self.bones if "/" not in name]:
            self.move(bone, turn, np.zeros(3), np.zeros(3))


def _belongs(name: str, bone: str) -> bool:
    return name == bone or name.startswith(f"{bone}/")
