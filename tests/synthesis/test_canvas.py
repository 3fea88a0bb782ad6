"""What is painted has the right volume, at any size of pixel and wherever it lies."""

import numpy as np
import pytest

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import dots, oblong, oval, placed, strokes
from pbrs.synthesis.lettering import FACES, written
from plain_scene import plain_scene

SHAPES = ((96, 128), (384, 512))


def volume_mm3(canvas: Canvas, material: str = "steel") -> float:
    return float(canvas.materials[material].sum(dtype=np.float64) * canvas.view.pixel_mm**2)


@pytest.fixture(params=SHAPES, ids=str)
def canvas(request: pytest.FixtureRequest) -> Canvas:
    return Canvas(plain_scene(request.param, plate_deg=7).view)


@pytest.mark.parametrize("radius", [0.2, 1.0, 9.0])
def test_a_rod_has_the_volume_of_a_rod_with_round_ends(canvas: Canvas, radius: float) -> None:
    canvas.rod("steel", np.array([(-70.3, -20), (31, 55.5)]), radius)
    expected = np.pi * radius**2 * np.hypot(101.3, 75.5) + 4 / 3 * np.pi * radius**3
    # ends are as coarse as the pixels
    assert volume_mm3(canvas) == pytest.approx(expected, rel=0.05)


def test_a_single_point_makes_a_ball(canvas: Canvas) -> None:
    canvas.rod("steel", np.array([(10.2, 20.0)]), 14)
    assert volume_mm3(canvas) == pytest.approx(4 / 3 * np.pi * 14**3, rel=0.02)
    assert canvas.materials["steel"].max() == pytest.approx(28, rel=0.05)


def test_a_bent_tube_is_hollow_all_along(canvas: Canvas) -> None:
    angle = np.linspace(0, np.pi, 80)
    canvas.rod("steel", 70 * np.stack([np.cos(angle), np.sin(angle)], 1), 6, hollow=0.8)
    solid = np.pi * 36 * 70 * np.pi
    assert volume_mm3(canvas) == pytest.approx(solid * (1 - 0.8**2), rel=0.1)


def test_lifting_the_pen_leaves_a_gap() -> None:
    view = plain_scene().view
    lines = [np.array([(-90.0, 30), (-50, 30)]), np.array([(50.0, 30), (90, 30)])]
    together, apart = Canvas(view), Canvas(view)
    together.rod("steel", strokes(lines), 3)
    for line in lines:
        apart.rod("steel", line, 3)
    np.testing.assert_array_equal(together.materials["steel"], apart.materials["steel"])
    spots = Canvas(view)
    spots.rod("steel", dots(np.array([(-60.0, 0), (60, 0)])), 8)
    assert spots.materials["steel"][:, 96].max() == 0


def test_a_plate_has_its_area_without_its_hole(canvas: Canvas) -> None:
    canvas.plate("steel", [placed(oblong(90, 40), (10, 20), 33), placed(oval(20, 20, 64), (10, 20))], 2)
    assert volume_mm3(canvas) == pytest.approx(2 * (3600 - np.pi * 100), rel=0.04)


def test_a_ribbon_has_its_area(canvas: Canvas) -> None:
    canvas.ribbon("steel", np.array([(-60.0, 0), (60, 33)]), 12, 3)
    assert volume_mm3(canvas) == pytest.approx(3 * (12 * np.hypot(120, 33) + np.pi * 36), rel=0.03)


@pytest.mark.parametrize("turn", [0, 30, 180])
def test_a_stamp_keeps_its_place_and_its_ink(canvas: Canvas, turn: float) -> None:
    picture = written(["R"], 48, weight=700)
    canvas.stamp("lead", picture, (20, 40), 45, turn, 1.5)
    pixel_mm = 45 / picture.shape[0]
    assert volume_mm3(canvas, "lead") == pytest.approx(1.5 * float(picture.sum()) * pixel_mm**2, rel=0.03)
    x, z = canvas.view.plane_mm
    ink = canvas.materials["lead"]
    middle = float((x * ink).sum() / ink.sum()), float((z * ink).sum() / ink.sum())
    assert np.hypot(middle[0] - 20, middle[1] - 40) < 8


def test_a_place_falls_on_its_fraction_of_the_image() -> None:
    canvas = Canvas(plain_scene(plate_deg=20).view)
    column, row = canvas.view.to_pixel(*canvas.place(0.25, 0.8))
    assert (float(column), float(row)) == pytest.approx((0.25 * 192, 0.8 * 144))


def test_nothing_outside_the_image_is_painted() -> None:
    canvas = Canvas(plain_scene().view)
    far = np.array([(900.0, 900), (990, 910)])
    canvas.rod("steel", far, 5)
    canvas.plate("steel", [placed(oval(50, 50), (900, 900))], 5)
    canvas.stamp("lead", written(["L"], 20), (900, 900), 20, 0, 1)
    assert all(not layer.any() for layer in canvas.materials.values())


@pytest.mark.parametrize("face", FACES)
def test_every_face_writes_what_can_be_told_apart(face: str) -> None:
    words = [written([word], 20, face) for word in ("LEFT", "RIGHT")]
    assert all(word.min() >= 0 and word.max() <= 1 and word.any() for word in words)
    assert words[0].shape != words[1].shape or not np.array_equal(*words)
