"""Looking at a radiograph in several ways, and averaging."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pbrs.errors import InputError
from pbrs.radiograph import Radiograph
from pbrs.radiograph.placement import Placement
from pbrs.segmentation import Segmenter
from pbrs.segmentation.views import check_views, disagreement, look, swap_sides
from phantom import phantom
from small_model import CHANNELS, write_small_model


@pytest.fixture
def segmenter(tmp_path: Path) -> Segmenter:
    return Segmenter.load(write_small_model(tmp_path / "small.onnx"), "onnxruntime")


def radiograph(index: int = 0, shape: tuple[int, int] = (64, 64)) -> Radiograph:
    pixels, _ = phantom(index, shape)
    return Radiograph(pixels.astype(np.float32) / 255, "drawn.png", "0" * 64, "PNG", 8, "as drawn")


def mirrored(original: Radiograph) -> Radiograph:
    return replace(original, pixels=np.ascontiguousarray(original.pixels[:, ::-1]))


OTHER_SIDE = {
    "hip_left": "hip_right",
    "hip_right": "hip_left",
    "sacrum": "sacrum",
    "femur_left": "femur_right",
    "femur_right": "femur_left",
}


@pytest.mark.parametrize("views", [("flip",), ("flip", "scale")])
@pytest.mark.parametrize("shape", [(64, 64), (150, 131)])
def test_with_the_mirrored_view_a_mirrored_radiograph_gives_the_mirrored_result_with_sides_swapped(
    segmenter, views, shape
):
    original = radiograph(shape=shape)
    straight = segmenter.segment(original, views=views)
    turned = segmenter.segment(mirrored(original), views=views)
    assert np.abs(straight.probability - turned.probability[:, ::-1]).max() < 1e-5
    assert (straight.mask != turned.mask[:, ::-1]).mean() < 1e-3
    for name, mask in straight.structures.items():
        assert (mask != turned.structures[OTHER_SIDE[name]][:, ::-1]).mean() < 1e-3
    assert straight.views_disagreement == pytest.approx(turned.views_disagreement, abs=1e-3)


def test_between_bars_of_unlike_width_the_mirrored_radiograph_gives_the_mirrored_result(segmenter):
    """55 of 64 columns: letterboxed, there are 4 columns of bar on the left and 5 on the right."""
    original = radiograph(shape=(64, 55))
    straight, turned = (
        look(segmenter.runtime.run, fit.place(image.pixels), fit, CHANNELS, ("flip", "scale")).mean(axis=0)
        for image in (original, mirrored(original))
        for fit in [Placement.fit(image.shape, (64, 64), "letterbox")]
    )
    seen = slice(4, 59)
    assert np.abs(straight[..., seen] - turned[swap_sides(CHANNELS)][..., seen][..., ::-1]).max() < 1e-5


def test_it_is_exact_where_nothing_is_resampled(segmenter):
    straight = segmenter.segment(radiograph(), views=("flip",))
    turned = segmenter.segment(mirrored(radiograph()), views=("flip",))
    assert np.array_equal(straight.probability, turned.probability[:, ::-1])
    for name, mask in straight.structures.items():
        assert np.array_equal(mask, turned.structures[OTHER_SIDE[name]][:, ::-1])


def test_without_it_a_network_that_is_not_symmetric_answers_differently(segmenter):
    """So that the tests above can fail."""
    straight, turned = segmenter.segment(radiograph()), segmenter.segment(mirrored(radiograph()))
    assert np.abs(straight.probability - turned.probability[:, ::-1]).max() > 0.1


def test_the_result_is_the_mean_of_the_views(segmenter):
    image, runtime = radiograph(), segmenter.runtime
    plain = runtime.run(image.pixels[None, None])[0]
    turned = runtime.run(mirrored(image).pixels[None, None])[0][swap_sides(CHANNELS)][..., ::-1]
    found = segmenter.segment(image, views=("flip",))
    assert np.allclose(found.probability, (plain[0] + turned[0]) / 2, atol=1e-6)
    assert np.array_equal(found.structures["hip_left"], (plain[1] + turned[1]) / 2 >= 0.5)


def test_quality_and_disagreement_are_those_at_the_models_own_threshold(segmenter):
    found = [segmenter.segment(radiograph(), threshold, ["flip"]) for threshold in (0.05, None, 0.95)]
    assert found[0].mask.sum() > found[2].mask.sum()
    assert len({each.views_disagreement for each in found}) == 1
    assert len({str(each.quality) for each in found}) == 1


def test_a_threshold_that_everything_or_nothing_passes_is_refused(segmenter):
    for threshold in (0.0, 1.0, 7.0, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            segmenter.segment(radiograph(), threshold=threshold)


def test_no_views_are_one_look_and_no_disagreement(segmenter):
    found = segmenter.segment(radiograph())
    assert found.views_disagreement is None
    assert np.array_equal(found.probability, segmenter.runtime.run(radiograph().pixels[None, None])[0, 0])


def test_a_scaled_view_lies_where_the_plain_one_does():
    """A network that answers with its input: brought back, every view is the input."""
    row, column = np.mgrid[0:64, 0:80] / 64
    smooth = (0.5 + 0.3 * np.sin(5 * row) * np.cos(4 * column)).astype(np.float32)
    whole = Placement.fit((64, 80), (64, 80), "stretch")
    seen = look(lambda images: images, smooth, whole, ("region",), ("flip", "scale"))
    assert seen.shape == (6, 1, 64, 80)
    away_from_the_border = seen[..., 8:-8, 8:-8]
    assert np.abs(away_from_the_border - smooth[8:-8, 8:-8]).max() < 0.005


def test_disagreement_is_one_less_the_iou():
    mask = np.zeros((10, 10), np.float32)
    mask[:4] = 1
    half = mask.copy()
    half[2:4] = 0
    assert disagreement(np.stack([mask, mask]), mask, 0.5) == 0
    assert disagreement(np.stack([mask, half]), mask, 0.5) == pytest.approx(0.25)
    assert disagreement(np.zeros((2, 10, 10), np.float32), np.zeros((10, 10), np.float32), 0.5) == 0
    assert disagreement(mask[None], 1 - mask, 0.5) == 1


@pytest.mark.parametrize("views", [(), ("flip",), ("scale",), ("flip", "scale")])
@pytest.mark.parametrize("shape", [(64, 64), (300, 251), (40, 90)])
def test_the_region_is_never_smaller_than_its_structures(segmenter, views, shape):
    for threshold in (0.3, 0.5, 0.9):
        found = segmenter.segment(radiograph(shape=shape), threshold, views)
        union = np.logical_or.reduce(list(found.structures.values()))
        assert union.any()
        assert not (union & ~found.mask).any()


def test_sides_are_the_patients_where_the_file_says_that_the_left_lies_left(segmenter):
    usual = segmenter.segment(radiograph())
    turned = segmenter.segment(replace(radiograph(), patient_left="left"))
    assert np.array_equal(usual.mask, turned.mask)
    for name, mask in usual.structures.items():
        assert np.array_equal(mask, turned.structures[OTHER_SIDE[name]])


def test_views_have_known_names():
    assert check_views(["scale", "flip", "flip"]) == ("flip", "scale")
    assert check_views([]) == ()
    with pytest.raises(InputError, match="expected flip or scale"):
        check_views(["flip", "rotate"])


def test_a_model_of_one_side_cannot_be_mirrored(tmp_path):
    one_sided = Segmenter.load(write_small_model(tmp_path / "one.onnx", ("region", "hip_left")), "onnxruntime")
    one_sided.segment(radiograph())
    with pytest.raises(InputError, match="hip_right"):
        one_sided.segment(radiograph(), views=("flip",))
