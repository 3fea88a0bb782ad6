import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pbrs.synthesis.anatomy import shape_model
from pbrs.synthesis.cut import cut, cut_surface, plane, rough_plane, within
from pbrs.synthesis.skeleton import Bone
from pbrs.synthesis.surface import Surface


def volume(surface: Surface) -> float:
    # A cut that misses leaves an empty piece.
    return float(trimesh.Trimesh(surface.vertices, surface.faces, process=False).volume) if len(surface.faces) else 0.0


def is_closed(surface: Surface) -> bool:
    """Whether every directed edge has its opposite."""
    edges = np.concatenate([surface.faces[:, [0, 1]], surface.faces[:, [1, 2]], surface.faces[:, [2, 0]]])
    return sorted(map(tuple, edges)) == sorted(map(tuple, edges[:, ::-1]))


def hip() -> Surface:
    model = shape_model()
    return Surface(model.mean["hip_left"], model.faces["hip_left"])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_both_pieces_of_a_fracture_are_closed_and_together_the_bone(seed):
    rng = np.random.default_rng(seed)
    bone = hip()
    point = bone.vertices[rng.integers(len(bone.vertices))]
    where = rough_plane(point, rng.normal(size=3), 2.0, rng)
    low, high = cut_surface(bone, where(bone.vertices))
    assert is_closed(low)
    assert is_closed(high)
    assert volume(low) + volume(high) == pytest.approx(volume(bone), rel=1e-3)


def test_a_cut_box_has_the_volumes_of_its_halves():
    mesh = trimesh.creation.box((20, 20, 20)).subdivide().subdivide()
    box = Surface(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
    where = plane(np.array([0, 0, 4.0]), np.array([0, 0, 2.0]))
    low, high = cut_surface(box, where(box.vertices))
    assert (volume(low), volume(high)) == (pytest.approx(20 * 20 * 14), pytest.approx(20 * 20 * 6))
    caps = high.vertices[high.faces[-high.caps :]].reshape(-1, 3)
    assert np.allclose(caps[:, 2], 4)  # the faces that close it, and no others, are counted as caps
    assert not np.allclose(high.vertices[high.faces[: -high.caps]].reshape(-1, 3)[:, 2], 4)


def test_a_piece_that_is_cut_again_still_knows_its_caps():
    mesh = trimesh.creation.box((20, 20, 20)).subdivide().subdivide()
    box = Surface(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
    _, high = cut_surface(box, box.vertices[:, 2] - 4.0)
    quarter, _ = cut_surface(high, high.vertices[:, 0] - 3.0)
    assert is_closed(quarter)
    assert volume(quarter) == pytest.approx(13 * 20 * 6)
    caps = quarter.vertices[quarter.faces[-quarter.caps :]]
    flat = np.isclose(caps[:, :, 2], 4).all(1) | np.isclose(caps[:, :, 0], 3).all(1)
    assert flat.all()


def test_a_cut_beside_the_bone_leaves_it_whole():
    bone = hip()
    low, high = cut_surface(bone, np.full(len(bone.vertices), -1.0))
    assert low is bone
    assert len(high.faces) == 0


def test_a_sliver_reaches_no_further_than_it_may():
    bone = hip()
    point = bone.vertices[bone.vertices[:, 2].argmin()].astype(float)
    where = within(plane(point + [0, 0, 12], np.array([0, 0, -1.0])), point, 15.0)
    _, sliver = cut_surface(bone, where(bone.vertices))
    distance = np.linalg.norm(sliver.vertices[sliver.faces].reshape(-1, 3) - point, axis=1)
    assert len(sliver.faces)
    assert distance.max() < 15.5


def test_a_rough_surface_departs_from_its_plane_by_its_roughness():
    rng = np.random.default_rng(0)
    point, normal = np.array([5.0, -3.0, 10.0]), np.array([1.0, 2.0, -1.0])
    points = rng.uniform(-400, 400, (20_000, 3))
    for roughness in (0.0, 2.0):
        waves = rough_plane(point, normal, roughness, rng)(points) - plane(point, normal)(points)
        assert np.sqrt((waves**2).mean()) == pytest.approx(roughness, rel=0.1)


def test_both_pieces_of_a_bone_keep_its_name_and_the_part_within_them():
    bone = Bone(hip(), hip().inset(np.full(len(hip().vertices), 1.5, np.float32)), "hip_left")
    low, high = cut(bone, plane(np.array([0, 0, 20.0]), np.array([0, 0, 1.0])))
    assert low.structure == high.structure == "hip_left"
    for piece, side in ((low, -1), (high, 1)):
        for surface in (piece.outer, piece.inner):
            assert (side * (surface.vertices[surface.faces][:, :, 2] - 20) > -1e-3).all()
        assert 0 < volume(piece.inner) < volume(piece.outer)
