"""What the region and its structures are called, coded and coloured, in pictures and in other programs' formats."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

REGION = "region"


@dataclass(frozen=True)
class Anatomy:
    """One channel of a model, as other programs are told of it.

    Attributes
    ----------
    label
        In words.
    code, meaning
        SNOMED CT concept; DICOM allows at most 64 characters of meaning.
    side
        The patient's side, which SNOMED CT adds as a modifier.
    colour
        Red, green, blue, 0–255.
    """

    label: str
    code: str
    meaning: str
    side: Literal["left", "right"] | None
    colour: tuple[int, int, int]


ANATOMY: dict[str, Anatomy] = {
    # The concept of the bony pelvis has no femora in it; there is none for our region with them.
    REGION: Anatomy("Pelvic bone region", "118645006", "Bone structure of pelvis", None, (255, 140, 0)),
    "hip_left": Anatomy("Left hip bone", "28254004", "Innominate bone structure", "left", (0, 158, 115)),
    "hip_right": Anatomy("Right hip bone", "28254004", "Innominate bone structure", "right", (86, 180, 233)),
    "sacrum": Anatomy("Sacrum", "54735007", "Sacrum", None, (240, 228, 66)),
    "femur_left": Anatomy("Left femur", "71341001", "Femur", "left", (213, 94, 0)),
    "femur_right": Anatomy("Right femur", "71341001", "Femur", "right", (204, 121, 167)),
}
"""By channel, in the order in which they are written. The colours are Okabe and Ito's, told apart by everyone."""

SIDES = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
"""SNOMED CT qualifiers, DICOM's context group 244."""


def anatomy_of(channel: str) -> Anatomy:
    """Describe a channel; one that is not in `ANATOMY` is a bone by its own name."""
    unknown = Anatomy(channel[:64], "272673000", "Bone", None, (153, 153, 153))
    return ANATOMY.get(channel, unknown)


def in_order(channels: Iterable[str]) -> list[str]:
    """Sort channels as in `ANATOMY`; others follow as they come."""
    given = list(dict.fromkeys(channels))
    known = [name for name in ANATOMY if name in given]
    return known + [name for name in given if name not in ANATOMY]
