import numpy as np
import pytest
import trimesh

from pbrs.synthesis.anatomy import shape_model
from pbrs.synthesis.projection import RAYS, box_of, to_pixels, trace
from pbrs.synthesis.surface import Surface, tube
from pbrs.synthesis.view import View

VIEW = View((160, 180), (20.0, -1000.0, 40.0), 120.0, (5.0, 10.0), 0.7, plate_deg=3.0)


def rays_of(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Source and unit direction of each pixel's ray, from the definition of the reference plane."""
    x, z = view.plane_mm
    ends = np.stack([x, np.zeros_like(x), z], -1).astype(float)
    towards = ends - np.array(view.source_mm)
    return np.array(view.source_mm), towards / np.linalg.norm(towards, axis=-1, keepdims=True)


def sphere(centre: tuple[float, float, float], radius: float) -> Surface:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    return Surface((mesh.vertices + centre).astype(np.float32), mesh.faces.astype(np.int32))


@pytest.mark.parametrize("centre", [(0, 0, 0), (20, -60, 15), (-25, 70, -10)])
def test_the_path_through_a_sphere_is_its_chord_within_1_percent(centre):
    radius = 30.0
    depth, _ = trace(VIEW, sphere(centre, radius))
    source, direction = rays_of(VIEW)
    along = direction @ (np.array(centre) - source)
    square = radius**2 - (np.linalg.norm(np.array(centre) - source) ** 2 - along**2)
    chord = 2 * np.sqrt(np.clip(square, 0, None))
    inner = chord > 0.5 * radius
    np.testing.assert_allclose((depth * VIEW.obliquity)[inner], chord[inner], rtol=0.01)
    assert (depth * VIEW.obliquity).sum() == pytest.approx(chord.sum(), rel=0.01)


def test_the_path_through_an_upright_cylinder_is_its_chord_within_1_percent():
    radius, centre = 25.0, np.array([-10.0, 30.0])
    level = np.linspace(-80, 80, 80)
    along = np.stack([np.full(80, centre[0]), np.full(80, centre[1]), level], 1)
    depth, _ = trace(VIEW, tube(np.full((80, 2), radius), along, sides=720))
    source, direction = rays_of(VIEW)
    flat = direction[..., :2]
    length = np.linalg.norm(flat, axis=-1)
    to_axis = centre - source[:2]
    nearest = np.abs(flat[..., 0] * to_axis[1] - flat[..., 1] * to_axis[0]) / length
    chord = 2 * np.sqrt(np.clip(radius**2 - nearest**2, 0, None)) / length
    inside = (nearest < 0.85 * radius) & (np.abs(VIEW.plane_mm[1]) < 50)
    assert inside.sum() > 1000
    np.testing.assert_allclose((depth * VIEW.obliquity)[inside], chord[inside], rtol=0.01)


@pytest.mark.parametrize("structure", ["hip_left", "sacrum", "femur_right"])
def test_silhouette_and_path_of_a_bone_agree_with_an_independent_ray_caster(structure):
    view = View((60, 70), (20.0, -1000.0, 40.0), 120.0, (0.0, 20.0), 4.5, plate_deg=-4.0)
    model = shape_model()
    surface = Surface(model.mean[structure], model.faces[structure])
    depth, hit = trace(view, surface)
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    source, direction = rays_of(view)
    flat = direction.reshape(-1, 3)
    places, ray, _ = mesh.ray.intersects_location(np.broadcast_to(source, flat.shape), flat)
    met = np.zeros(len(flat), bool)
    met[ray] = True
    assert (met.reshape(view.shape) != hit).sum() <= 1  # a ray along an edge may go either way
    # Sorted along the ray, the distances between entering and leaving add up to the path.
    path = np.zeros(len(flat))
    for number in np.unique(ray):
        distance = np.sort(np.linalg.norm(places[ray == number] - source, axis=1))
        if len(distance) % 2 == 0:
            path[number] = (distance[1::2] - distance[::2]).sum()
    np.testing.assert_allclose((depth * view.obliquity).reshape(-1)[path > 3], path[path > 3], rtol=0.02, atol=0.1)
    assert hit.sum() == pytest.approx(met.sum(), rel=0.01)


def test_each_ray_counts_a_shared_edge_once():
    # A box whose faces are two triangles each: rays run exactly through their diagonals.
    view = View((8, 8), (0.0, -1e6, 0.0), 10.0, (0.0, 0.0), 1.0)
    corners = [(x, y, z) for x in (-2, 2) for y in (-3, 3) for z in (-2, 2)]
    mesh = trimesh.Trimesh(corners).convex_hull
    depth, hit = trace(view, Surface(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32)))
    assert set(np.round(np.unique(depth), 3)) == {0, 6}
    assert hit.sum() == (depth > 0).sum() == 16


def test_a_box_holds_the_same_pixels_as_the_whole_image():
    surface = sphere((10, 5, -8), 20)
    whole = trace(VIEW, surface)
    box = box_of(VIEW, surface)
    part = trace(VIEW, surface, box)
    np.testing.assert_allclose(whole[0][box], part[0], atol=1e-3)
    assert whole[1].sum() == part[1].sum()


def test_a_surface_beside_the_image_leaves_an_empty_box():
    box = box_of(VIEW, sphere((500, 0, 0), 20))
    depth, hit = trace(VIEW, sphere((500, 0, 0), 20), box)
    assert depth.size == hit.size == 0


def test_pixels_are_the_mean_of_their_rays():
    rays = np.arange(64, dtype=np.float32).reshape(8, 8)
    expected = [[rays[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean() for c in range(4)] for r in range(4)]
    assert RAYS == 2
    np.testing.assert_allclose(to_pixels(rays), expected)


def plate(thickness_mm: float, half_mm: float = 2.0) -> Surface:
    mesh = trimesh.creation.box((2 * half_mm, thickness_mm, 2 * half_mm))
    return Surface(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))


def test_a_thin_plate_keeps_its_thickness_however_far_the_tube():
    depth, hit = trace(View((8, 8), (0.0, -1e6, 0.0), 10.0, (0.0, 0.0), 1.0), plate(0.7))
    np.testing.assert_allclose(depth[hit], 0.7, atol=1e-4)


def test_a_cap_that_reaches_beyond_the_solid_belongs_to_no_silhouette():
    view, solid = View((12, 12), (0.0, -1000.0, 0.0), 10.0, (0.0, 0.0), 1.0), plate(3.0)
    beyond = np.array([[0, 0, 0], [5.4, 0, 5], [5.4, 0, -5]], np.float32)
    fan = len(solid.vertices) + np.array([[0, 1, 2], [0, 2, 1]])
    capped = Surface(np.concatenate([solid.vertices, beyond]), np.concatenate([solid.faces, fan]).astype(np.int32), 2)
    depth, hit = trace(view, capped)
    np.testing.assert_array_equal(hit, trace(view, solid)[1])
    np.testing.assert_allclose(depth, trace(view, solid)[0], atol=1e-4)
