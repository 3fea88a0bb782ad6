"""Framing: the tube stands where it was drawn, and the field shows what it should."""

import numpy as np
import pytest

from pbrs.synthesis.anatomy import draw_skeleton
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.framing import draw_view
from pbrs.synthesis.skeleton import Skeleton
from pbrs.synthesis.view import View
from plain_scene import only, pinned

SIZE = 400
FIELD = {"width": 1.2, "aspect": 1.25, "above": 0.1}


def patient(aside_mm: float = 0.0) -> Skeleton:
    skeleton = draw_skeleton(Draw(only(), 0, 0))
    for bone in [*skeleton.bones]:
        skeleton.move(bone, np.eye(3), np.zeros(3), np.array([aside_mm, 0, 0]))
    return skeleton


def framed(skeleton: Skeleton, **factors: dict[str, float]) -> View:
    return draw_view(skeleton, SIZE, Draw(pinned(**factors), 0, 0))


def pelvis(view: View, skeleton: Skeleton) -> tuple[float, float, float]:
    """Outermost columns and uppermost row of the hip bones."""
    points = np.concatenate([skeleton.bones[f"hip_{side}"].outer.vertices for side in ("left", "right")])
    column, row, _ = view.project(points).T
    return column.min(), column.max(), row.min()


def test_source_and_detector_are_as_far_apart_as_drawn():
    tube = {"detector_mm": 1200.0, "behind_mm": 150.0, "aside_mm": 20.0, "above_mm": 40.0}
    view = framed(patient(), tube=tube)
    assert view.source_mm == (20.0, -1050.0, 40.0)
    assert view.detector_mm == 150.0


def test_the_field_is_as_wide_as_drawn_against_the_pelvis_and_has_its_proportions():
    skeleton = patient()
    view = framed(skeleton, field=FIELD)
    left, right, _ = pelvis(view, skeleton)
    height, width = view.shape
    assert width / (right - left) == pytest.approx(1.2, abs=0.01)
    assert width / height == pytest.approx(1.25, abs=0.01)
    assert max(view.shape) == SIZE


@pytest.mark.parametrize("aside_mm", [-60.0, 0.0, 60.0])
def test_the_pelvis_is_in_the_middle_wherever_the_patient_lies(aside_mm):
    skeleton = patient(aside_mm)
    view = framed(skeleton, field=FIELD)
    left, right, _ = pelvis(view, skeleton)
    assert (left + right) / 2 == pytest.approx(view.shape[1] / 2, abs=0.5)


@pytest.mark.parametrize("aside_mm", [0.0, 60.0])
def test_off_centre_moves_it_by_its_share_of_the_pelvis(aside_mm):
    skeleton = patient(aside_mm)
    view = framed(skeleton, field=FIELD, off_centre={"aside": 0.05})
    left, right, _ = pelvis(view, skeleton)
    assert abs((left + right) / 2 - view.shape[1] / 2) == pytest.approx(0.05 * (right - left), abs=0.5)


@pytest.mark.parametrize(
    ("factors", "margin"),
    [({}, 0.1), ({"high_field": {"above": 0.2}}, 0.2), ({"low_field": {"below": 0.15}}, -0.15)],
    ids=["usual", "high", "low"],
)
def test_above_the_crests_is_the_margin_drawn_or_a_low_field_cuts_them_off(factors, margin):
    skeleton = patient()
    view = framed(skeleton, field=FIELD, **factors)
    left, right, top = pelvis(view, skeleton)
    assert top == pytest.approx(margin * (right - left), abs=1)


def test_a_tight_field_is_tighter_than_the_field():
    skeleton = patient()
    view = framed(skeleton, field=FIELD, tight_field={"width": 0.9})
    left, right, _ = pelvis(view, skeleton)
    assert view.shape[1] / (right - left) == pytest.approx(0.9, abs=0.01)


def test_however_high_the_field_the_symphysis_lies_in_it():
    skeleton = patient()
    view = framed(skeleton, field={**FIELD, "aspect": 1.8}, high_field={"above": 0.5})
    left, right, _ = pelvis(view, skeleton)
    _, row = view.to_pixel(*view.on_plane(skeleton.points["symphysis"]))
    assert view.shape[0] - row == pytest.approx(0.06 * (right - left), abs=1)


def test_the_plate_is_turned_as_drawn():
    assert framed(patient(), plate={"turned_deg": 4.0}).plate_deg == 4.0
    assert framed(patient()).plate_deg == 0.0
