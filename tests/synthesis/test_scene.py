import numpy as np
import pytest

from pbrs.dataset.folder import STRUCTURES
from pbrs.synthesis.anatomy import draw_skeleton, shape_model
from pbrs.synthesis.draw_scene import draw_scene
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Factor, Range, Table, widened, without
from pbrs.synthesis.scene import LANDMARKS
from pbrs.synthesis.surface import fit_sphere

SIZE = 96
GEOMETRY = ("shape", "pose", "view", "injury")
BONES = [name for name, row in FACTORS.items() if row.group in GEOMETRY] + ["arthroplasty"]
PLAIN = without(FACTORS, [*GEOMETRY, "objects"])


def only(name: str, table: Table = FACTORS) -> Table:
    """Everything off but one factor, which is always there."""
    row = table[name]
    return {**PLAIN, name: Factor(name, row.group, 1.0, row.about, row.ranges)}


def always(table: Table, end: str) -> Table:
    """Every factor of the bones there, every number at the low or the high end of its range."""

    def at(values: Range) -> Range:
        number = values.low if end == "low" else values.high
        return Range(number, number)

    ends = {}
    for name, row in table.items():
        ranges = {key: at(values) for key, values in row.ranges.items()}
        ends[name] = Factor(name, row.group, float(name in BONES), row.about, ranges)
    return ends


def test_without_any_factor_the_mean_anatomy_is_drawn():
    one, two = (draw_scene(Draw(PLAIN, 0, index), SIZE) for index in (0, 1))
    assert all(np.array_equal(one.masks[name], two.masks[name]) for name in STRUCTURES)
    assert one.region.any()


@pytest.mark.parametrize("name", BONES)
def test_each_factor_of_the_bones_changes_the_scene_and_leaves_it_whole(name):
    plain, scene = draw_scene(Draw(PLAIN, 3, 1), 160), draw_scene(Draw(only(name), 3, 1), 160)
    changed = plain.view != scene.view or not np.array_equal(plain.cortical_mm, scene.cortical_mm)
    assert changed or not np.array_equal(plain.spongiosa_mm, scene.spongiosa_mm)
    assert all(mask.any() for mask in scene.masks.values())


@pytest.mark.parametrize("table", [FACTORS, widened(FACTORS, 1.5)], ids=["ranges", "half as wide again"])
@pytest.mark.parametrize("end", ["low", "high"])
def test_extremes_of_every_parameter_give_a_region(table, end):
    scene = draw_scene(Draw(always(table, end), 0, 0), SIZE)
    assert scene.region.mean() > 0.05
    assert np.isfinite(scene.cortical_mm).all()
    assert np.isfinite(scene.spongiosa_mm).all()


def test_drawn_at_random_from_the_widened_ranges_no_region_is_empty():
    table = widened(FACTORS, 1.5)
    for index in range(25):
        scene = draw_scene(Draw(table, 5, index), SIZE)
        assert scene.region.mean() > 0.05, index
        assert set(scene.landmarks) == set(LANDMARKS)


def test_all_bone_of_the_labelled_parts_lies_in_a_mask():
    # Without vertebrae, all bone is labelled but what reaches above the promontory's line.
    scene = draw_scene(Draw(PLAIN, 0, 0), 256)
    bone = scene.cortical_mm + scene.spongiosa_mm > 0
    low = scene.view.plane_mm[1] < scene.landmarks["promontory"][1] - 2
    # A pixel belongs to the mask where at least half of its rays meet bone: a rim of less is left over.
    assert not (scene.region & ~bone).any()
    only_bone = bone & ~scene.region & low
    assert only_bone.sum() < 0.05 * bone.sum()
    assert not only_bone[1:-1, 1:-1][_eroded(bone & low)].any()


def _eroded(mask: np.ndarray) -> np.ndarray:
    return np.logical_and.reduce(
        [mask[1 + r : mask.shape[0] - 1 + r, 1 + c : mask.shape[1] - 1 + c] for r in (-1, 0, 1) for c in (-1, 0, 1)]
    )


def test_the_patients_left_is_on_the_images_right_and_nothing_is_upside_down():
    scene = draw_scene(Draw(PLAIN, 0, 0), SIZE)
    centre = {name: np.argwhere(mask).mean(0) for name, mask in scene.masks.items()}
    assert centre["hip_left"][1] > centre["hip_right"][1]
    assert centre["femur_left"][1] > centre["femur_right"][1]
    assert centre["femur_left"][0] > centre["hip_left"][0]
    assert centre["sacrum"][0] < centre["femur_left"][0]
    assert scene.landmarks["head_left"][0] > 0 > scene.landmarks["head_right"][0]


def test_the_obturator_foramina_are_open():
    scene = draw_scene(Draw(PLAIN, 0, 0), 256)
    for side in ("left", "right"):
        x = scene.landmarks[f"ischium_{side}"][0] * 0.6 + scene.landmarks["symphysis"][0] * 0.4
        z = (scene.landmarks["symphysis"][1] + scene.landmarks[f"ischium_{side}"][1]) / 2 + 4
        column, row = scene.view.to_pixel(x, z)
        reach = 14 / scene.view.pixel_mm
        rows, columns = slice(int(row - reach), int(row + reach)), slice(int(column - reach), int(column + reach))
        assert (~scene.region[rows, columns]).mean() > 0.2


def test_nothing_of_the_sacrum_is_labelled_above_the_promontory():
    scene = draw_scene(Draw(PLAIN, 0, 0), 256)
    rows = np.flatnonzero(scene.masks["sacrum"].any(1))
    row = scene.view.to_pixel(*scene.landmarks["promontory"])[1]
    assert abs(rows[0] - row) <= 1.5


def test_every_head_sits_in_its_socket_unless_it_is_dislocated():
    table = without(FACTORS, ["injury", "arthroplasty"])
    model = shape_model()
    for index in range(8):
        skeleton = draw_skeleton(Draw(table, 2, index))
        for side in ("left", "right"):
            head, radius = fit_sphere(skeleton.bones[f"femur_{side}"].outer.vertices[model.head])
            socket, room = fit_sphere(skeleton.bones[f"hip_{side}"].outer.vertices[model.socket[f"hip_{side}"]])
            assert np.linalg.norm(head - socket) < 0.5
            assert radius < room
    scene = draw_scene(Draw(only("dislocation"), 2, 0), SIZE)
    moved = [
        np.subtract(scene.landmarks[f"head_{side}"], scene.landmarks[f"socket_{side}"]) for side in ("left", "right")
    ]
    assert max(np.linalg.norm(move) for move in moved) > 4


def test_the_symphysis_is_as_wide_as_drawn():
    for gap in (3.0, 8.0):
        table = only("symphysis", {**FACTORS, "symphysis": _at(FACTORS["symphysis"], gap)})
        skeleton = draw_skeleton(Draw(table, 0, 0))
        model = shape_model()
        left, right = (
            skeleton.bones[name].outer.vertices[model.marks[name]["symphysis"], 0] for name in ("hip_left", "hip_right")
        )
        assert left.min() - right.max() == pytest.approx(gap, abs=0.6)


def _at(row: Factor, number: float) -> Factor:
    return Factor(row.name, row.group, row.probability, row.about, {key: Range(number, number) for key in row.ranges})


def test_inner_surfaces_lie_within_outer_ones():
    skeleton = draw_skeleton(Draw(FACTORS, 4, 2))
    for name, bone in skeleton.bones.items():
        depth = np.linalg.norm(bone.outer.vertices - bone.inner.vertices, axis=1)
        assert 0 < depth.max() < 15, name


def test_a_displaced_fracture_moves_the_mask_with_the_piece():
    plain = draw_scene(Draw(PLAIN, 0, 0), 192)
    broken = draw_scene(Draw(only("trochanteric_fracture"), 0, 0), 192)
    changed = {name for name in STRUCTURES if not np.array_equal(plain.masks[name], broken.masks[name])}
    assert len(changed & {"femur_left", "femur_right"}) == 1
    assert changed <= {"femur_left", "femur_right"}


def test_a_prosthesis_takes_head_and_neck_off_the_mask():
    plain, cut = draw_scene(Draw(PLAIN, 0, 0), 192), draw_scene(Draw(only("arthroplasty"), 0, 0), 192)
    assert cut.arthroplasty
    for side in cut.arthroplasty:
        column, row = (int(place) for place in plain.view.to_pixel(*plain.landmarks[f"head_{side}"]))
        assert plain.masks[f"femur_{side}"][row, column]
        assert not cut.masks[f"femur_{side}"][row, column]


def test_the_mask_is_the_same_at_any_size():
    small, large = (draw_scene(Draw(PLAIN, 0, 0), size) for size in (120, 480))
    coarse = large.region.reshape(small.region.shape[0], 4, -1, 4).mean((1, 3)) >= 0.5
    assert (coarse != small.region).mean() < 0.004
