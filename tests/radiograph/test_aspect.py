"""Pixels that are not square: what files say of them, and that a network sees true proportions."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pbrs.radiograph import Placement, read_radiograph

GREY = np.random.default_rng(3).integers(0, 200, (30, 40), dtype=np.uint8)


@pytest.mark.parametrize(
    ("attributes", "aspect"),
    [
        ({"PixelAspectRatio": [2, 1]}, 2),
        ({"PixelAspectRatio": [3, 4]}, 0.75),
        ({"PixelAspectRatio": [1, 1]}, 1),
        ({"PixelSpacing": [0.2, 0.1]}, 2),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, 0.5),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, 2),
        ({"PixelSpacing": [0.1, 0.1], "PixelAspectRatio": [2, 1]}, 1),
        ({"PixelSpacing": [0.143, 0.1435]}, 1),
        ({"PixelSpacing": [0, 0], "PixelAspectRatio": [2, 1]}, 2),
        ({"PixelAspectRatio": [0, 1]}, 1),
    ],
)
def test_dicom_tells_it_by_spacing_or_else_by_the_ratio(
    write_dicom: Callable[..., Path], attributes: dict[str, list[float]], aspect: float
) -> None:
    radiograph = read_radiograph(write_dicom(GREY, **attributes))
    assert radiograph.pixel_aspect == pytest.approx(aspect)
    assert len(radiograph.warnings) == (aspect != 1)


def test_what_is_not_credible_is_taken_as_square(write_dicom: Callable[..., Path]) -> None:
    radiograph = read_radiograph(write_dicom(GREY, PixelAspectRatio=[1000, 1]))
    assert radiograph.pixel_aspect == 1
    assert "not credible" in radiograph.warnings[0]


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG", "BMP"])
def test_pictures_tell_it_by_their_resolution(tmp_path: Path, file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if file_format == "BMP" else {"exif": exif}
    buffer = io.BytesIO()
    # Twice as many columns to the inch as rows: pixels are twice as high as wide.
    Image.fromarray(GREY).save(buffer, format=file_format, dpi=(200, 100), **options)
    (tmp_path / "image").write_bytes(buffer.getvalue())
    turned = orientation == 6 and file_format != "BMP"
    assert read_radiograph(tmp_path / "image").pixel_aspect == pytest.approx(0.5 if turned else 2, rel=0.01)


def test_pictures_of_equal_or_no_resolution_are_square(tmp_path: Path) -> None:
    for options in ({}, {"dpi": (300, 300)}, {"dpi": (300, 301)}):
        Image.fromarray(GREY).save(tmp_path / "image.png", **options)
        radiograph = read_radiograph(tmp_path / "image.png")
        assert (radiograph.pixel_aspect, radiograph.warnings) == (1, ())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    height=st.integers(60, 300),
    width=st.integers(60, 300),
    aspect=st.floats(0.25, 4),
    size=st.tuples(st.integers(96, 256), st.integers(96, 256)),
)
def test_a_circle_squashed_by_its_pixels_is_a_circle_to_the_network(
    height: int, width: int, aspect: float, size: tuple[int, int]
) -> None:
    placement = Placement.fit((height, width), size, "letterbox", aspect)
    per_row, per_column = placement.height / height, placement.width / width
    # Of the rectangle at most half a pixel is lost by rounding on each side.
    slack = 0.5 / placement.height + 0.5 / placement.width
    assert per_row / per_column == pytest.approx(aspect, rel=2 * slack + 1e-6)
    assert placement.height == size[0] or placement.width == size[1]
    assert placement.restore(np.ones(size, np.float32)).shape == (height, width)


def test_an_image_of_high_pixels_is_placed_as_the_same_image_of_square_ones() -> None:
    rows, columns = np.mgrid[0:240, 0:200]
    whole = ((rows - 100) ** 2 + (columns - 90) ** 2 < 60**2).astype(np.float32)
    squashed = whole.reshape(120, 2, 200).mean(axis=1)
    placed = Placement.fit((240, 200), (96, 96), "letterbox").place(whole)
    again = Placement.fit((120, 200), (96, 96), "letterbox", 2).place(squashed)
    assert np.abs(placed - again).mean() < 0.005


def test_a_mask_is_restored_to_the_native_grid() -> None:
    rows, columns = np.mgrid[0:120, 0:200]
    mask = (2 * rows - 100) ** 2 + (columns - 90) ** 2 < 60**2
    placement = Placement.fit(mask.shape, (128, 96), "letterbox", 2)
    restored = placement.restore(placement.place(mask.astype(np.float32))) >= 0.5
    assert restored.shape == mask.shape
    assert (restored & mask).sum() / (restored | mask).sum() > 0.97
