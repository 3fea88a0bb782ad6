"""Pose: which way legs and pelvis turn, and about what."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pbrs.synthesis.anatomy import draw_skeleton, shape_model
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.pose import pose_femora, pose_pelvis
from pbrs.synthesis.skeleton import SIDES, Skeleton
from pbrs.synthesis.surface import fit_sphere
from plain_scene import only, pinned

OUT = {"left": 1, "right": -1}
TURN = np.deg2rad(10)


def plain() -> Skeleton:
    return draw_skeleton(Draw(only("coccyx", "lumbar"), 0, 0))


def with_legs(**angles: float) -> Skeleton:
    skeleton = plain()
    pose_femora(skeleton, Draw(pinned(legs=angles), 0, 0))
    return skeleton


def with_pelvis(**angles: float) -> Skeleton:
    skeleton = plain()
    pose_pelvis(skeleton, Draw(pinned(pelvis=angles), 0, 0))
    return skeleton


@pytest.mark.parametrize("angle", ["abducted_deg", "flexed_deg", "rotated_deg"])
def test_a_femur_turns_about_the_centre_of_its_head(angle):
    straight, turned, head = plain(), with_legs(**{angle: 20.0}), shape_model().head
    for side in SIDES:
        femur = turned.bones[f"femur_{side}"].outer.vertices
        assert_allclose(turned.points[f"head_{side}"], straight.points[f"head_{side}"], atol=1e-6)
        assert_allclose(fit_sphere(femur[head])[0], straight.points[f"head_{side}"], atol=0.01)
        assert np.linalg.norm(femur - straight.bones[f"femur_{side}"].outer.vertices, axis=1).max() > 20
        hips = [skeleton.bones[f"hip_{side}"].outer.vertices for skeleton in (straight, turned)]
        assert np.array_equal(*hips)


def from_head(skeleton: Skeleton, name: str, side: str) -> np.ndarray:
    return skeleton.points[f"{name}_{side}"] - skeleton.points[f"head_{side}"]


@pytest.mark.parametrize("side", SIDES)
def test_an_abducted_shaft_goes_outwards_by_its_angle(side):
    before, after = (from_head(legs, "shaft", side) for legs in (with_legs(), with_legs(abducted_deg=10)))
    angles = [np.arctan2(OUT[side] * x, -z) for x, _, z in (before, after)]
    assert angles[1] - angles[0] == pytest.approx(TURN)
    assert after[1] == pytest.approx(before[1])


@pytest.mark.parametrize("side", SIDES)
def test_a_flexed_shaft_goes_forwards_by_its_angle(side):
    before, after = (from_head(legs, "shaft", side) for legs in (with_legs(), with_legs(flexed_deg=10)))
    angles = [np.arctan2(-y, -z) for _, y, z in (before, after)]
    assert angles[1] - angles[0] == pytest.approx(TURN)
    assert after[0] == pytest.approx(before[0])


@pytest.mark.parametrize("side", SIDES)
def test_a_leg_rotated_outwards_takes_its_neck_backwards_by_its_angle(side):
    before, after = (from_head(legs, "neck", side) for legs in (with_legs(), with_legs(rotated_deg=10)))
    angles = [np.arctan2(y, OUT[side] * x) for x, y, _ in (before, after)]
    assert angles[1] - angles[0] == pytest.approx(TURN)
    assert after[2] == pytest.approx(before[2])


def test_a_pelvis_tilted_forwards_brings_its_crests_forwards_and_keeps_both_sides_alike():
    before, after = with_pelvis(), with_pelvis(tilted_deg=10)
    for side in SIDES:
        (_, y0, z0), (x, y, z) = before.points[f"crest_{side}"], after.points[f"crest_{side}"]
        assert np.arctan2(-y, z) - np.arctan2(-y0, z0) == pytest.approx(TURN)
        assert x == pytest.approx(before.points[f"crest_{side}"][0])


def across(skeleton: Skeleton) -> np.ndarray:
    return skeleton.points["head_left"] - skeleton.points["head_right"]


def test_a_rotated_pelvis_takes_one_head_back_and_an_oblique_one_lifts_one():
    apart = np.linalg.norm(across(with_pelvis()))
    level = across(with_pelvis())
    assert_allclose(level[1:], 0, atol=2)
    assert_allclose(across(with_pelvis(rotated_deg=10))[1] - level[1], apart * np.sin(TURN), atol=1)
    assert across(with_pelvis(rotated_deg=10))[2] == pytest.approx(level[2])
    assert_allclose(np.abs(across(with_pelvis(oblique_deg=10))[2]), apart * np.sin(TURN), atol=2)
    assert across(with_pelvis(oblique_deg=10))[1] == pytest.approx(level[1])


def test_all_bones_turn_with_the_pelvis():
    before, after = with_pelvis(), with_pelvis(oblique_deg=10)
    for name, bone in before.bones.items():
        moved = after.bones[name].outer.vertices
        assert_allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(bone.outer.vertices, axis=1), rtol=1e-4)
        assert np.abs(moved - bone.outer.vertices).max() > 1
