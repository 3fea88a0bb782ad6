"""Framing: where the tube stands, and which part of the patient falls on the detector."""

import numpy as np

from pbrs.synthesis.factors import Draw
from pbrs.synthesis.skeleton import Skeleton
from pbrs.synthesis.view import View, on_plane

_SIDE_MARGIN = 1.2  # field without factors: pelvis and a tenth of it on each side


def draw_view(skeleton: Skeleton, size: int, draw: Draw) -> View:
    """Draw tube, detector and field for a skeleton in its pose.

    Parameters
    ----------
    size
        The longer side of the image in pixels.

    Factors: tube, field (its width against the pelvis'), tight_field (hip to hip and closer), high_field and low_field
    (more of the spine or of the femora than of the pelvis), off_centre, plate.
    """
    tube = draw("tube")
    distance, behind = (tube("detector_mm"), tube("behind_mm")) if tube else (1100.0, 130.0)
    source = (
        tube("aside_mm") if tube else 0.0,
        -(distance - behind),
        tube("above_mm") if tube else 30.0,
    )
    hips = np.concatenate([skeleton.bones[f"hip_{side}"].outer.vertices for side in ("left", "right")])
    x, z = on_plane(source, hips)
    width, middle = float(np.ptp(x)), float(x.max() + x.min()) / 2
    field, tight = draw("field"), draw("tight_field")
    wide = tight("width") if tight else field("width") if field else _SIDE_MARGIN
    aspect = field("aspect") if field else 1.2
    top = z.max() + width * (field("above") if field else 0.05)
    high, low = draw("high_field"), draw("low_field")
    if high:
        top = z.max() + width * high("above")
    elif low:
        top = z.max() - width * low("below")
    field_width = wide * width
    field_height = field_width / aspect
    # However high the field, the symphysis lies in it.
    top = min(top, float(on_plane(source, skeleton.points["symphysis"])[1]) - 0.06 * width + field_height)
    off = draw("off_centre")
    centre_x = middle + width * off("aside") * off.sign() if off else middle
    plate = draw("plate")
    longer = max(field_width, field_height)
    shape = (round(size * field_height / longer), round(size * field_width / longer))
    return View(
        shape,
        source,
        behind,
        (centre_x, float(top) - field_height / 2),
        longer / size,
        plate("turned_deg") if plate else 0.0,
    )
