"""Which channel of ours a segment of another program is: by its codes, else by its name."""

import re
from collections.abc import Iterable

from pbrs.radiograph.anatomy import ANATOMY, REGION, SIDES

_SRT = {"T-12710": "71341001", "T-11AD0": "54735007", "T-12375": "118645006", "G-A101": "7771000", "G-A100": "24028007"}
"""SNOMED RT's older codes of the same concepts (PS3.16, annex D before 2019): what dcmqi and older Slicers write."""

_BONES = {
    "hip": "hip",
    "innominate": "hip",
    "coxae": "hip",
    "coxal": "hip",
    "hipbone": "hip",
    "femur": "femur",
    "femora": "femur",
    "sacrum": "sacrum",
}
_SIDE_WORDS = {"left": "left", "l": "left", "right": "right", "r": "right"}
_NO_WORDS = {"bone", "os", "the", "of", "structure", "mask", "seg", "segment", "label"}
_REGION_NAMES = {"region", "pelvic bone region", "pelvic bones", "pelvic bone", "bone structure of pelvis"}
_DEFAULT_NAME = re.compile(r"(segment|label|mask|segmentation|seg|new label)?[\s_#-]*\d*", re.IGNORECASE)


def channel_of_codes(codes: Iterable[str]) -> str | None:
    """Give the channel that a segment's SNOMED codes name together: a bone of `ANATOMY` with its side, or None.

    Parameters
    ----------
    codes
        Values of type, modifier and region, in SNOMED CT or in the older SNOMED RT; others do not matter.
    """
    found = {_SRT.get(code.strip(), code.strip()) for code in codes}
    sides = [side for side, (code, _) in SIDES.items() if code in found]
    named = [
        channel
        for channel, anatomy in ANATOMY.items()
        if anatomy.code in found and (anatomy.side is None or sides == [anatomy.side])
    ]
    return named[0] if len(named) == 1 else None


def channel_of_name(name: str | None) -> str | None:
    """Give the channel that a name means in whatever order and spelling, such as ``Left hip bone``, or None."""
    plain = re.sub(r"[\W_]+", " ", name or "").strip().lower()
    if plain in _REGION_NAMES:
        return REGION
    words = [word for word in plain.split() if word not in _NO_WORDS]
    sides = [_SIDE_WORDS[word] for word in words if word in _SIDE_WORDS]
    bones = [_BONES.get(word) for word in words if word not in _SIDE_WORDS]
    if len(bones) != 1 or bones[0] is None or len(sides) > 1:
        return None
    channel = "_".join([bones[0], *sides])
    return channel if channel in ANATOMY else None


def is_default_name(name: str | None) -> bool:
    """Tell whether a name is none, or one that a program gives by itself, such as ``Segment_1``."""
    return _DEFAULT_NAME.fullmatch((name or "").strip()) is not None
