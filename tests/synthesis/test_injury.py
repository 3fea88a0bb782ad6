"""Injury: which piece moves, which way and how far, and what moves with it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pbrs.synthesis.anatomy import draw_skeleton, shape_model
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.injury import injure_femora, injure_pelvis
from pbrs.synthesis.skeleton import SIDES, Skeleton
from plain_scene import only, pinned

OUT = {"left": 1, "right": -1}
SEEDS = range(6)
"""Enough for both sides."""


def injured(name: str, seed: int, **numbers: float) -> Skeleton:
    skeleton = draw_skeleton(Draw(only("coccyx"), 0, 0))
    draw = Draw(pinned(**{name: numbers}), seed, 0)
    injure_femora(skeleton, draw)
    injure_pelvis(skeleton, draw)
    return skeleton


def centre(skeleton: Skeleton, bone: str) -> np.ndarray:
    """Mean of what a bone's faces hold: a piece shares the vertices of the whole."""
    surface = skeleton.bones[bone].outer
    return surface.vertices[np.unique(surface.faces)].mean(0, dtype=np.float64)


def moves(name: str, seed: int, moved: dict[str, float], **numbers: float) -> dict[str, np.ndarray]:
    """How far each bone and piece moves for some numbers of an injury, against the same one without them."""
    before, after = injured(name, seed, **numbers), injured(name, seed, **numbers, **moved)
    return {
        bone: centre(after, bone) - centre(before, bone) for bone in before.bones if len(before.bones[bone].outer.faces)
    }


def piece_of(names: object) -> tuple[str, str]:
    """The one piece, and its side."""
    [piece] = [name for name in names if "/" in name]
    return piece, piece.split("/")[0].split("_")[-1]


FEMUR = {
    "neck_fracture": {"at_mm": 25.0},
    "trochanteric_fracture": {"at_mm": 5.0},
    "shaft_fracture": {"at_mm": 0.0},
}


@pytest.mark.parametrize("name", FEMUR)
def test_the_lower_piece_of_a_femur_goes_outwards_back_and_up_as_drawn_and_nothing_else(name):
    sides = set()
    for seed in SEEDS:
        shift = moves(name, seed, {"aside_mm": 10.0, "deep_mm": 6.0, "shortened_mm": 12.0}, **FEMUR[name])
        piece, side = piece_of(shift)
        sides.add(side)
        assert_allclose(shift.pop(piece), [OUT[side] * 10, 6, 12], atol=0.01)
        assert_allclose(list(shift.values()), 0, atol=1e-4)
        whole = injured(name, seed, **FEMUR[name])
        assert centre(whole, piece)[2] < centre(whole, f"femur_{side}")[2], "the head's side keeps the name"
    assert sides == {"left", "right"}


@pytest.mark.parametrize("name", FEMUR)
def test_points_go_with_the_piece_that_they_are_on(name):
    before, after = injured(name, 0, **FEMUR[name]), injured(name, 0, **FEMUR[name], shortened_mm=20.0)
    _, side = piece_of(before.bones)
    shift = {point: after.points[point] - before.points[point] for point in before.points}
    assert_allclose(shift[f"head_{side}"], 0)
    assert_allclose(shift[f"socket_{side}"], 0)
    # Of a fracture of the shaft, where the shaft's point is what is cut through.
    if name != "shaft_fracture":
        assert_allclose(shift[f"shaft_{side}"], [0, 0, 20])


def test_a_bent_fracture_of_the_shaft_brings_its_lower_end_inwards_and_a_rotated_one_turns_it_out():
    for seed in SEEDS:
        bent = moves("trochanteric_fracture", seed, {"bent_deg": 20.0}, at_mm=5.0)
        piece, side = piece_of(bent)
        assert OUT[side] * bent[piece][0] < -15
        before, after = (injured("shaft_fracture", seed, rotated_deg=turn) for turn in (0.0, 20.0))
        surfaces = [skeleton.bones[piece_of(skeleton.bones)[0]].outer for skeleton in (before, after)]
        # Outwards: what is in front goes to the side.
        step = surfaces[1].vertices - surfaces[0].vertices
        front = surfaces[0].vertices[:, 1].argmin()
        assert OUT[piece_of(after.bones)[1]] * step[front, 0] > 0


def test_a_sliver_is_pulled_away_from_its_bone():
    bones = set()
    for seed in range(12):
        before = injured("avulsion", seed)
        if not any("/" in name for name in before.bones):
            continue
        piece, _ = piece_of(before.bones)
        bones.add(piece.split("_")[0])
        shift = moves("avulsion", seed, {"pulled_mm": 10.0})
        assert np.linalg.norm(shift[piece]) == pytest.approx(10, abs=0.01)
        sliver = before.bones[piece].outer
        cut = sliver.vertices[sliver.faces[-sliver.caps :]].reshape(-1, 3).mean(0)
        assert shift[piece] @ (centre(before, piece) - cut) > 0
        assert_allclose(shift[piece.split("/")[0]], 0, atol=1e-4)
    assert bones == {"femur", "hip"}


@pytest.mark.parametrize(
    ("name", "numbers"), [("ramus_fracture", {"at_mm": 30.0}), ("wing_fracture", {"below_mm": 40.0})]
)
def test_a_broken_hip_has_a_piece_that_is_displaced_as_far_as_drawn(name, numbers):
    for seed in SEEDS:
        shift = moves(name, seed, {"displaced_mm": 8.0}, **numbers)
        pieces = [piece for piece in shift if "/" in piece]
        assert pieces
        for piece in pieces:
            assert np.linalg.norm(shift[piece]) == pytest.approx(8, abs=0.01)
        assert all(np.abs(by).max() < 1e-4 for bone, by in shift.items() if bone not in pieces)


def test_a_broken_socket_goes_inwards_with_its_share_of_the_femur():
    for seed in SEEDS:
        shift = moves("acetabular_fracture", seed, {"inwards_mm": 10.0, "up_mm": 4.0}, above_mm=5.0, femur_share=0.5)
        piece, side = piece_of(shift)
        assert_allclose(shift[piece], [-OUT[side] * 10, 0, 4], atol=0.01)
        assert_allclose(shift[f"femur_{side}"], [-OUT[side] * 5, 0, 2], atol=0.01)
        assert_allclose(shift[f"hip_{side}"], 0, atol=1e-4)


def test_a_sacrum_broken_lengthwise_goes_up_with_its_half_of_the_pelvis_and_across_forwards_with_the_coccyx():
    kinds = set()
    for seed in range(10):
        shift = moves("sacral_fracture", seed, {"displaced_mm": 10.0}, beside_mm=20.0, above_tip_mm=30.0)
        piece = shift.pop("sacrum/1")
        if piece[2] > 1:
            side = "left" if piece[0] > 0 else "right"
            moved = (f"hip_{side}", f"femur_{side}")
            assert_allclose(piece, [OUT[side] * 4, 0, 10], atol=0.01)
        else:
            side, moved = "none", ("coccyx",)
            assert_allclose(piece, [3, -10, 0], atol=0.01)
        kinds.add(side)
        for bone, by in shift.items():
            assert_allclose(by, piece if bone in moved else 0, atol=0.01, err_msg=bone)
    assert kinds == {"left", "right", "none"}


def test_an_open_book_opens_the_symphysis_outwards_by_what_was_drawn():
    marks = {side: shape_model().marks[f"hip_{side}"]["symphysis"] for side in SIDES}
    for seed in SEEDS:
        closed, opened = (injured("open_book", seed, open_mm=wide) for wide in (0.0, 30.0))
        aside = {
            side: OUT[side] * (opened.bones[f"hip_{side}"].outer.vertices - closed.bones[f"hip_{side}"].outer.vertices)
            for side in SIDES
        }
        turned = [side for side in SIDES if np.abs(aside[side]).max() > 0.1]
        assert turned
        for side in turned:
            assert aside[side][marks[side], 0].mean() == pytest.approx(30, rel=0.1)
            assert opened.points[f"head_{side}"][0] * OUT[side] > closed.points[f"head_{side}"][0] * OUT[side] + 5


def test_vertical_shear_lifts_one_half_and_leaves_the_other():
    for seed in SEEDS:
        shift = moves("vertical_shear", seed, {"up_mm": 15.0, "aside_mm": 4.0})
        [side] = [side for side in SIDES if shift[f"hip_{side}"].any()]
        for bone, by in shift.items():
            there = bone in (f"hip_{side}", f"femur_{side}")
            assert_allclose(by, [OUT[side] * 4, 0, 15] if there else 0, atol=0.01, err_msg=bone)


def test_a_dislocated_head_lies_behind_and_above_its_socket_or_before_and_below():
    ways = []
    for seed in range(16):
        skeleton = injured("dislocation", seed, aside_mm=10.0, deep_mm=15.0, up_mm=25.0)
        away = {side: skeleton.points[f"head_{side}"] - skeleton.points[f"socket_{side}"] for side in SIDES}
        [side] = [side for side in SIDES if np.linalg.norm(away[side]) > 5]
        back = away[side][1] > 0
        ways.append(back)
        assert_allclose(away[side], np.array([OUT[side] * 10, 15, 25]) * (1 if back else -0.8), atol=0.5)
    assert 0 < ways.count(False) < ways.count(True), "mostly backwards"


def test_a_protruding_head_goes_inwards_and_up():
    for seed in SEEDS:
        skeleton = injured("protrusion", seed, inwards_mm=10.0, up_mm=6.0)
        away = {side: skeleton.points[f"head_{side}"] - skeleton.points[f"socket_{side}"] for side in SIDES}
        [side] = [side for side in SIDES if np.linalg.norm(away[side]) > 5]
        assert_allclose(away[side], [-OUT[side] * 10, 0, 6], atol=0.5)


def test_for_a_prosthesis_the_head_is_cut_off_on_the_side_that_is_told():
    for seed in SEEDS:
        skeleton = injured("arthroplasty", seed, neck_mm=35.0)
        assert skeleton.arthroplasty
        for side in SIDES:
            femur = skeleton.bones[f"femur_{side}"].outer
            left = np.linalg.norm(femur.vertices[np.unique(femur.faces)] - skeleton.points[f"head_{side}"], axis=1)
            there = left.min() < 1.05 * skeleton.head_radius_mm
            assert there == (side not in skeleton.arthroplasty)
            assert centre(skeleton, f"femur_{side}")[2] < skeleton.points[f"neck_{side}"][2]
