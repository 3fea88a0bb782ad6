"""The scene: what projecting one patient's bones gives, before any tissue, exposure or object is added."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.view import View

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

LANDMARKS = (
    "head_left", "head_right",  # centres of the femoral heads
    "socket_left", "socket_right",  # centres of the sockets: the head's, unless it is dislocated
    "neck_left", "neck_right",  # middle of the femoral neck's base, on the shaft's axis
    "trochanter_left", "trochanter_right",  # tip of the greater trochanter
    "shaft_left", "shaft_right",  # a point of the shaft's axis 150 mm below the head
    "crest_left", "crest_right",  # highest point of the iliac crest
    "flank_left", "flank_right",  # outermost point of the iliac crest
    "ischium_left", "ischium_right",  # lowest point of the ischial tuberosity
    "symphysis",  # middle of the pubic symphysis
    "promontory",
    "coccyx",  # its tip
)  # fmt: skip
"""Names in `Scene.landmarks`; left and right are the patient's."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One patient's bones in one projection. All arrays have the shape `view.shape`.

    Attributes
    ----------
    view
        The projection.
    cortical_mm, spongiosa_mm
        Path length through compact and through spongy bone, float32 ≥ 0: of all bones, vertebrae too. The medullary
        canal of a long bone counts as neither.
    masks
        bool, the exact projection of each structure of `pbrs.dataset.folder.STRUCTURES` (coverage ≥ 0.5); they may
        overlap.
    landmarks
        (x_mm, z_mm) on the reference plane, by the names in `LANDMARKS`; also those that lie outside the image.
    head_radius_mm
        Radius of the femoral heads.
    arthroplasty
        Sides, of ``left`` and ``right``, whose femoral head and neck are cut off for a prosthesis to be drawn.
    parameters
        What was drawn for shape, pose, view and injury.
    """

    view: View
    cortical_mm: Floats
    spongiosa_mm: Floats
    masks: dict[str, Bools]
    landmarks: dict[str, tuple[float, float]]
    head_radius_mm: float
    arthroplasty: tuple[str, ...] = ()
    parameters: dict[str, float] = field(default_factory=dict)

    @property
    def region(self) -> Bools:
        """The union of the structures."""
        return np.asarray(np.logical_or.reduce(list(self.masks.values())))
