"""The scene against its own skeleton: every part in the mask of its name, and as much bone as the rays meet."""

import numpy as np
import pytest

from pbrs.dataset.folder import STRUCTURES
from pbrs.synthesis import draw_scene as module
from pbrs.synthesis.draw_scene import draw_scene
from pbrs.synthesis.factors import Draw, Table
from pbrs.synthesis.framing import draw_view
from pbrs.synthesis.projection import RAYS, to_pixels, trace
from pbrs.synthesis.scene import Scene
from pbrs.synthesis.skeleton import Skeleton
from pbrs.synthesis.view import View
from plain_scene import only, pinned

SIZE = 128
INSIDE = {"foramina": 0.0, "canal": 0.0, "wing_mm": 0.5}


@pytest.fixture
def drawn(monkeypatch):
    """Draw a scene, and give the skeleton that it was drawn from, too."""

    def draw(table: Table, seed: int = 0) -> tuple[Scene, Skeleton]:
        seen: list[Skeleton] = []

        def seeing(skeleton: Skeleton, size: int, draw: Draw) -> View:
            seen.append(skeleton)
            return draw_view(skeleton, size, draw)

        monkeypatch.setattr(module, "draw_view", seeing)
        return draw_scene(Draw(table, seed, 0), SIZE), seen[0]

    return draw


def paths(scene: Scene, skeleton: Skeleton, *bones: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Silhouette of some bones together, and their outer and inner path lengths in mm, by the tracer alone."""
    rays = scene.view.finer(RAYS)
    hit, lengths = np.zeros(rays.shape, bool), []
    for kind in ("outer", "inner"):
        total = np.zeros(rays.shape, np.float32)
        for bone in bones:
            depth, met = trace(rays, getattr(skeleton.bones[bone], kind))
            total += depth
            hit |= met & (kind == "outer")
        lengths.append(to_pixels(total) * scene.view.obliquity)
    return to_pixels(hit) >= 0.5, *lengths


@pytest.mark.parametrize(
    "injuries",
    [("shaft_fracture",), ("ramus_fracture", "neck_fracture"), ("sacral_fracture", "wing_fracture"), ("open_book",)],
)
def test_a_mask_is_the_silhouette_of_all_that_bears_its_name_pieces_and_coccyx_too(drawn, injuries):
    scene, skeleton = drawn(only("coccyx", "lumbar", *injuries))
    assert any("/" in bone for bone in skeleton.bones) or injuries == ("open_book",)
    for structure in STRUCTURES:
        bones = [bone for bone in skeleton.bones if bone.split("/")[0] == structure]
        bones += ["coccyx"] * (structure == "sacrum")
        seen = paths(scene, skeleton, *bones)[0]
        if structure == "sacrum":
            below = scene.view.plane_mm[1] < scene.landmarks["promontory"][1] - 3
            above = scene.view.plane_mm[1] > scene.landmarks["promontory"][1] + 3
            assert np.array_equal(scene.masks[structure] & below, seen & below)
            assert (seen & above).any()
            assert not (scene.masks[structure] & above).any()
        else:
            assert np.array_equal(scene.masks[structure], seen)


def test_compact_and_spongy_bone_are_what_lies_between_and_within_the_surfaces(drawn):
    scene, skeleton = drawn(pinned(inside=INSIDE))
    _, outer, inner = paths(scene, skeleton, "femur_left")
    others = np.logical_or.reduce([scene.masks[name] for name in STRUCTURES if name != "femur_left"])
    alone = scene.masks["femur_left"] & ~_grown(others)
    assert alone.sum() > 300
    np.testing.assert_allclose((scene.cortical_mm + scene.spongiosa_mm)[alone], outer[alone], rtol=0.01, atol=0.05)
    np.testing.assert_allclose(scene.spongiosa_mm[alone], np.minimum(inner, outer)[alone], rtol=0.05, atol=0.3)


def _grown(mask: np.ndarray) -> np.ndarray:
    return np.logical_or.reduce([np.roll(mask, (r, c), (0, 1)) for r in (-2, 0, 2) for c in (-2, 0, 2)])


def bone_mm(scene: Scene) -> np.ndarray:
    return scene.cortical_mm + scene.spongiosa_mm


@pytest.mark.parametrize(
    ("fewer", "where"),
    [({"canal": 0.9}, ("femur_left", "femur_right")), ({"foramina": 0.5}, ("sacrum",))],
    ids=["canal", "foramina"],
)
def test_what_is_hollow_takes_bone_away_in_its_place_and_adds_none(drawn, fewer, where):
    whole, hollow = (drawn(pinned(inside=INSIDE | more))[0] for more in ({}, fewer))
    lost = bone_mm(whole) - bone_mm(hollow)
    assert lost.max() > 1
    assert lost.min() > -1e-3
    assert not lost[~_grown(np.logical_or.reduce([whole.masks[name] for name in where]))].any()


def test_growth_plates_take_bone_away_and_add_none(drawn):
    young = {"scale": 1.0, "plate_mm": 3.0, "at": 0.4, "apophysis_mm": 12.0}
    closed, opened = (drawn(pinned(inside=INSIDE, young={**young, "share": share}))[0] for share in (0.0, 0.9))
    lost = bone_mm(closed) - bone_mm(opened)
    assert lost.max() > 2
    assert lost.min() > -1e-3


def test_a_wing_is_nowhere_thinner_than_its_least(drawn):
    for least in (1.0, 6.0):
        scene, skeleton = drawn(pinned(inside=INSIDE | {"wing_mm": least}))
        rays = scene.view.finer(RAYS)
        whole = to_pixels(trace(rays, skeleton.bones["hip_left"].outer)[1]) == 1
        assert bone_mm(scene)[whole].min() >= least * 0.999
