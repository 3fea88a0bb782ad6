"""What `segment` writes: names, overlays, regions of interest."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pbrs.errors import InputError
from pbrs.radiograph import Radiograph
from pbrs.segmentation import outputs
from pbrs.segmentation.formats import FormatWriter, ModelIdentity, SegmentedImage
from pbrs.segmentation.outputs import OutputNames, remove_outputs, write_outputs
from pbrs.segmentation.overlay import REGION_COLOUR, draw_overlay
from pbrs.segmentation.quality import Quality
from pbrs.segmentation.roi import Margin, cut_roi, widen_box
from pbrs.segmentation.segmenter import Segmentation, bounding_box


def radiograph(bits: int = 8) -> Radiograph:
    ramp = np.linspace(0, 1, 60 * 80, dtype=np.float32).reshape(60, 80)
    return Radiograph(ramp, "ramp.png", "0" * 64, "PNG", bits, "as drawn")


def segmentation() -> Segmentation:
    mask = np.zeros((60, 80), bool)
    mask[10:31, 20:51] = True
    mask[15, 25] = False
    probability = mask.astype(np.float32)
    return Segmentation(probability, mask, {"sacrum": ~mask}, 0.5, bounding_box(mask), 1.0, (), Quality(None, (), True))


def write(out: Path, picture: Radiograph, made: Segmentation, margin: Margin) -> dict[str, Any]:
    model = ModelIdentity("model", "0" * 64)
    image = SegmentedImage(Path("case.png"), "case", picture, made, model)
    return write_outputs(out, image, FormatWriter((), model), margin)


def test_equal_stems_are_numbered_and_never_collide_with_a_blanked_picture():
    names = OutputNames()
    claimed = [names.claim(Path(path)) for path in ("a/x.png", "b/x.dcm", "X.png", "x_blanked.png", "x_2.png")]
    assert claimed[:3] == ["x", "x_2", "X_3"]
    files = [name.casefold() for stem in claimed for name in (stem, f"{stem}_blanked")]
    assert len(files) == len(set(files))


def test_masks_are_written_as_0_and_255_at_native_size(tmp_path):
    """Closes "masks of 0/1 that look black"."""
    made = segmentation()
    entry = write(tmp_path, radiograph(), made, Margin(0, is_percent=False))
    written = np.asarray(Image.open(tmp_path / entry["files"]["mask"]))
    assert written.dtype == np.uint8
    assert set(np.unique(written)) == {0, 255}
    assert np.array_equal(written == 255, made.mask)
    sacrum = np.asarray(Image.open(tmp_path / entry["files"]["structures"]["sacrum"]))
    assert np.array_equal(sacrum == 255, made.structures["sacrum"])


@pytest.mark.parametrize(("bits", "full"), [(8, 255), (12, 65535)])
def test_the_region_of_interest_keeps_the_sources_depth(tmp_path, bits, full):
    made = segmentation()
    entry = write(tmp_path, radiograph(bits), made, Margin(5, is_percent=False))
    assert entry["roi_box"] == {"top": 5, "left": 15, "bottom": 36, "right": 56}
    cropped = np.asarray(Image.open(tmp_path / "roi" / "case.png")).astype(int)
    blanked = np.asarray(Image.open(tmp_path / "roi" / "case_blanked.png")).astype(int)
    expected = np.rint(radiograph().pixels[5:36, 15:56].astype(np.float64) * full)
    assert np.abs(cropped - expected).max() <= 1
    inside = made.mask[5:36, 15:56]
    assert np.array_equal(blanked[inside], cropped[inside])
    assert not blanked[~inside].any()


def test_an_empty_mask_has_no_region_of_interest(tmp_path):
    empty = replace(segmentation(), mask=np.zeros((60, 80), bool), box=None)
    entry = write(tmp_path, radiograph(), empty, Margin(5, is_percent=True))
    assert "roi" not in entry["files"]
    assert entry["roi_box"] is None
    assert not (tmp_path / "roi").exists()


def test_a_full_disk_leaves_nothing_of_the_case_behind(tmp_path, monkeypatch):
    written = []

    def write_until_full(path: Path, pixels: np.ndarray) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"png")
        written.append(path)

    monkeypatch.setattr(outputs, "write_png", write_until_full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, radiograph(), segmentation(), Margin(5, is_percent=True))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("text", "box", "expected"),
    [
        ("20px", (50, 50, 150, 250), 20),
        ("20", (0, 0, 9, 9), 20),
        ("5%", (50, 50, 150, 250), 10),
        ("0 %", (0, 0, 9, 9), 0),
    ],
)
def test_margins_are_pixels_or_per_cent_of_the_larger_side(text, box, expected):
    assert Margin.parse(text).pixels(box) == expected


@pytest.mark.parametrize("text", ["", "5 mm", "-3", "five", "5%%"])
def test_a_margin_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="20px"):
        Margin.parse(text)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "px", "9" * 400 + "%", "100001"])
def test_a_margin_beyond_any_radiograph_is_refused(text):
    with pytest.raises(InputError, match="at most 100000px") as refused:
        Margin.parse(text)
    assert len(str(refused.value)) < 120


def write_formats(out: Path, stem: str, *formats: str) -> None:
    image = SegmentedImage(Path("x.png"), stem, radiograph(), segmentation(), ModelIdentity("model", "0" * 64))
    write_outputs(out, image, FormatWriter(formats, image.model), Margin(0, is_percent=False))


def files_in(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_all_of_a_stem_is_removed_but_no_other_stem(tmp_path):
    for stem in ("[x]", "x"):
        write_formats(tmp_path, stem, "nifti", "nrrd")
    (tmp_path / "[x].png").write_bytes(b"the radiograph")
    remove_outputs(tmp_path, "[x]")
    assert {name for name in files_in(tmp_path) if "[x]" in name} == {"[x].png"}
    assert len(files_in(tmp_path)) == 1 + 5 + 2 * 2


def test_formats_that_are_not_written_again_do_not_stay_beside_what_is_new(tmp_path):
    write_formats(tmp_path, "x", "nifti", "nrrd")
    write_formats(tmp_path, "x", "png")
    assert {name.partition("/")[0] for name in files_in(tmp_path)} == {"masks", "overlays", "structures", "roi"}


def test_files_named_by_a_uid_keep_its_last_number():
    names = OutputNames()
    claimed = [names.claim(Path(name)) for name in ("a/1.2.840.5", "b/1.2.840.6", "1.2.840.7.dcm")]
    assert claimed == ["1.2.840.5", "1.2.840.6", "1.2.840.7"]


def test_a_widened_box_stays_inside_the_image():
    assert widen_box((2, 3, 50, 78), 10, (60, 80)) == (0, 0, 60, 80)
    assert widen_box((20, 30, 40, 50), 7, (60, 80)) == (13, 23, 47, 57)


def test_the_overlay_outlines_the_mask_and_leaves_the_rest_grey():
    made, image = segmentation(), radiograph()
    overlay = draw_overlay(image.pixels, made.mask)
    assert overlay.shape == (60, 80, 3)
    assert overlay.dtype == np.uint8
    outside = overlay[~made.mask]
    assert (outside == outside[:, :1]).all(), "outside the mask the picture is grey"
    assert tuple(overlay[10, 30]) == REGION_COLOUR
    assert tuple(overlay[20, 35]) != REGION_COLOUR
    assert overlay[20, 35, 0] > overlay[20, 35, 2]


def test_an_overlay_has_no_outline_where_the_region_runs_out_of_the_image():
    mask = np.zeros((60, 80), bool)
    mask[40:, :] = True
    overlay = draw_overlay(np.zeros((60, 80), np.float32), mask)
    assert tuple(overlay[40, 10]) == REGION_COLOUR
    assert tuple(overlay[59, 10]) != REGION_COLOUR


def test_cut_roi_of_the_whole_image_is_the_image():
    image = radiograph()
    cropped, _ = cut_roi(image, np.ones((60, 80), bool), (0, 0, 60, 80))
    assert np.abs(cropped / 255 - image.pixels).max() <= 0.5 / 255 + 1e-6
