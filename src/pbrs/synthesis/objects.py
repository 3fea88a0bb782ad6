"""Objects on, in and beside the patient, as millimetres of material along each ray."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis import objects_bed, objects_body, objects_clothes, objects_hard, objects_lines
from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.scene import Scene

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Painter = Callable[[Drawn, Canvas, Scene], None]

PAINTERS: dict[str, Painter] = {
    "phleboliths": objects_body.phleboliths,
    "arteries": objects_body.arteries,
    "granulomas": objects_body.granulomas,
    "contrast_medium": objects_body.contrast_medium,
    "barium_remains": objects_body.barium_remains,
    "womb_devices": objects_body.womb_devices,
    "surgical_clips": objects_body.surgical_clips,
    "sterilisation_clips": objects_body.sterilisation_clips,
    "ecg_leads": objects_lines.ecg_leads,
    "cables": objects_lines.cables,
    "infusion": objects_lines.infusion,
    "needle": objects_lines.needle,
    "urinary_catheter": objects_lines.urinary_catheter,
    "vessel_catheter": objects_lines.vessel_catheter,
    "drain": objects_lines.drain,
    "zips": objects_clothes.zips,
    "buttons": objects_clothes.buttons,
    "buckle": objects_clothes.buckle,
    "coins_and_keys": objects_clothes.coins_and_keys,
    "rings": objects_clothes.rings,
    "phone": objects_clothes.phone,
    "springs": objects_bed.springs,
    "board": objects_bed.board,
    "binder": objects_bed.binder,
    "folds": objects_bed.folds,
    "dressing": objects_bed.dressing,
    "pad": objects_bed.pad,
    "debris": objects_hard.debris,
    "bullets": objects_hard.bullets,
    "calibration_ball": objects_hard.calibration_ball,
    "gonad_shield": objects_hard.gonad_shield,
}
"""What paints each factor."""


@dataclass(frozen=True, eq=False)
class Objects:
    """What objects add along each ray.

    Attributes
    ----------
    materials
        Material → float32 (H, W) in mm. Muscle and water may be below 0, where an object holds air in their stead.
    opaque
        bool (H, W): under lead, where nothing is labelled.
    """

    materials: dict[str, Floats]
    opaque: Bools


def draw_objects(scene: Scene, draw: Draw) -> Objects:
    """Draw all objects that are there in this sample."""
    canvas = Canvas(scene.view)
    for name, paint in PAINTERS.items():
        factor = draw(name)
        if factor is not None:
            paint(factor, canvas, scene)
    return Objects(canvas.materials, canvas.opaque)
