from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from pbrs.dataset.folder import STRUCTURES
from pbrs.synthesis.draw_scene import draw_scene
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import GROUPS, Draw, Range, Table, widened, without
from pbrs.synthesis.generator import SyntheticRadiograph, draw_look, generate

SIZE = 112
PLAIN = without(FACTORS, GROUPS)
BONES = ("shape", "pose", "view", "injury")
"""The groups that a scene is drawn from; the others draw its appearance."""


def only(*names: str) -> Table:
    return PLAIN | {name: replace(FACTORS[name], probability=1.0) for name in names}


def at(end: str, table: Table) -> Table:
    """Every factor there, every number at one end of its range."""
    ends = {}
    for name, row in table.items():
        numbers = {key: getattr(values, end) for key, values in row.ranges.items()}
        ends[name] = replace(row, probability=1.0, ranges={key: Range(n, n) for key, n in numbers.items()})
    return ends


def test_a_sample_depends_on_seed_and_index_alone():
    first, again = generate(4, 17, size=SIZE), generate(4, 17, size=SIZE)
    assert np.array_equal(first.pixels, again.pixels)
    assert all(np.array_equal(first.masks[name], again.masks[name]) for name in STRUCTURES)
    assert first.parameters == again.parameters
    for other in (generate(4, 18, size=SIZE), generate(5, 17, size=SIZE)):
        assert other.pixels.shape != first.pixels.shape or not np.array_equal(other.pixels, first.pixels)


def test_the_longer_side_has_the_size_asked_for():
    for index in range(4):
        assert max(generate(0, index, size=200).pixels.shape) == 200


def test_looks_share_bones_and_projection_but_not_appearance():
    looks = [generate(2, index, size=SIZE, looks=3) for index in range(3, 6)]
    assert {look.anatomy for look in looks} == {"s2-a1"}
    assert len({look.pixels.tobytes() for look in looks}) == 3
    bones = [name for name, row in FACTORS.items() if row.group in BONES]
    assert all(looks[0].parameters[name] == look.parameters[name] for look in looks for name in bones)
    assert generate(2, 6, size=SIZE, looks=3).anatomy == "s2-a2"


NEEDS = {
    "prosthesis": ("arthroplasty",),
    "thighs": ("body",),
    "uneven_body": ("body",),
    "exposure_error": ("quantum_noise",),
    "saturation": ("body", "exposure_error"),
    "auto_shutter": ("collimation",),
    "focal_spot": ("tight_field", "tube"),
}
"""Factors that say something about another: without it they show nothing."""

FINE = ("focal_spot", "detector_blur", "median_filter")
"""What is smaller than a pixel of a small image."""


@cache
def drawn_with(index: int, size: int, *names: str) -> SyntheticRadiograph:
    """Draw with these factors alone; for many tests the same."""
    return generate(1, index, size=size, table=only(*names))


@pytest.mark.parametrize("name", FACTORS)
def test_each_factor_can_be_there_alone_and_shows(name):
    needs = NEEDS.get(name, ())
    size = 1024 if name in FINE else SIZE
    for index in range(8):  # some things fall beside the image: one of a few samples shows them
        sample, plain = generate(1, index, size=size, table=only(name, *needs)), drawn_with(index, size, *needs)
        assert sample.parameters[name] == 1
        assert plain.parameters[name] == 0
        assert sample.mask.any()
        if sample.pixels.shape != plain.pixels.shape or not np.array_equal(sample.pixels, plain.pixels):
            return
    pytest.fail(f"{name} changes nothing")


def test_a_look_is_the_same_whether_or_not_another_of_its_anatomy_was_drawn_before():
    alone = generate(2, 10, size=SIZE, looks=3)
    for index in (9, 10):
        after = generate(2, index, size=SIZE, looks=3)
    assert np.array_equal(alone.pixels, after.pixels)
    assert alone.parameters == after.parameters
    other = generate(2, 10, size=SIZE, looks=3, table=without(FACTORS, ["injury"]))
    assert other.parameters != after.parameters


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_can_be_switched_off_without_changing_the_draws_of_others(group):
    table = without(FACTORS, [group])
    sample, reduced = generate(3, 5, size=SIZE), generate(3, 5, size=SIZE, table=table)
    for key, value in reduced.parameters.items():
        row = FACTORS[key.split(".")[0]]
        if row.group == group:
            assert value == 0, key
        elif key in FACTORS:
            assert value == sample.parameters[key], key


@pytest.mark.parametrize("end", ["low", "high"])
def test_no_factor_at_an_end_of_its_widened_ranges_leaves_an_empty_mask(end):
    plain = draw_scene(Draw(PLAIN, 0, 0), SIZE)
    for name, row in FACTORS.items():
        draw = Draw(PLAIN | at(end, {name: row.widened(1.5)}), 0, 0, 0)
        sample = draw_look(draw_scene(draw, SIZE) if row.group in BONES else plain, draw, "a")
        assert sample.mask.mean() > 0.05, name
        assert all(sample.masks[part].any() for part in STRUCTURES), name


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("by", [1.0, 1.5])
def test_extremes_of_every_parameter_at_once_are_survived(end, by):
    sample = generate(0, 0, size=SIZE, table=at(end, widened(FACTORS, by)))
    assert sample.pixels.dtype == np.uint8
    assert set(sample.masks) == set(STRUCTURES)


def test_no_sample_of_the_widened_ranges_has_an_empty_mask():
    table = widened(FACTORS, 1.5)
    for index in range(40):
        sample = generate(6, index, size=SIZE, table=table)
        assert sample.mask.mean() > 0.02, index
        assert sample.pixels.std() > 1, index


def test_masks_are_the_projection_within_the_exposed_field_and_not_under_a_shield():
    table = only("shutter", "gonad_shield", "letterbox")
    scene = draw_scene(Draw(table, 1, 0), 256)
    sample = draw_look(scene, Draw(table, 1, 0, 0), "a")
    lost = np.zeros(scene.region.shape, bool)
    for name in STRUCTURES:
        assert not (sample.masks[name] & ~scene.masks[name]).any()
        lost |= scene.masks[name] & ~sample.masks[name]
    assert lost.any()
    for name in STRUCTURES:  # what is lost is lost for all structures
        assert not (sample.masks[name] & lost).any()
    plain = draw_look(draw_scene(Draw(PLAIN, 1, 0), 256), Draw(PLAIN, 1, 0, 0), "a")
    assert np.array_equal(plain.mask, draw_scene(Draw(PLAIN, 1, 0), 256).region)


def test_bone_is_brighter_than_what_surrounds_it():
    sample = generate(0, 0, size=256, table=PLAIN)
    shaft = sample.masks["femur_left"]
    beside = np.roll(shaft, 25, axis=1) & ~sample.mask
    assert sample.pixels[shaft].mean() > sample.pixels[beside].mean()
