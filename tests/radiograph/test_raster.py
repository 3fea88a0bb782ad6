import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from damaged_file import assert_refused_or_a_radiograph, damage
from pbrs.errors import InputError
from pbrs.radiograph import read_radiograph
from pbrs.radiograph.raster_file import decode_raster

RANDOM = np.random.default_rng(0)
GREY8 = RANDOM.integers(0, 256, (30, 40), dtype=np.uint8)
GREY16 = RANDOM.integers(0, 65536, (30, 40), dtype=np.uint16)


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def scaled(values: np.ndarray) -> np.ndarray:
    """The rule, written down a second time."""
    low, high = np.percentile(values, [0.5, 99.5])
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


def read(tmp_path: Path, data: bytes, name: str = "image.png", **options: object):
    file = tmp_path / name
    file.write_bytes(data)
    return read_radiograph(file, **options)


@pytest.mark.parametrize(
    ("image", "file_format", "bits", "values"),
    [
        (Image.fromarray(GREY8), "PNG", 8, GREY8),
        (Image.fromarray(GREY16), "PNG", 16, GREY16),
        (Image.fromarray(GREY8), "TIFF", 8, GREY8),
        (Image.fromarray(GREY16), "TIFF", 16, GREY16),
        (Image.merge("RGB", [Image.fromarray(GREY8)] * 3), "PNG", 8, GREY8),
        (Image.merge("RGB", [Image.fromarray(GREY8)] * 3), "TIFF", 8, GREY8),
        (Image.fromarray(GREY8).convert("RGBA"), "PNG", 8, GREY8),
        (Image.fromarray(GREY8).convert("LA"), "PNG", 8, GREY8),
        (Image.fromarray(GREY8).convert("P"), "PNG", 8, GREY8),
        (Image.fromarray(GREY8 > 100), "PNG", 1, GREY8 > 100),
        (Image.fromarray(GREY8.astype(np.int32) * 1000 - 70_000), "TIFF", 32, GREY8 * 1000.0 - 70_000),
        (Image.fromarray(GREY8.astype(np.float32) / 7), "TIFF", 32, GREY8 / 7),
    ],
)
def test_each_kind_of_picture_is_scaled_by_its_percentiles(
    tmp_path: Path, image: Image.Image, file_format: str, bits: int, values: np.ndarray
) -> None:
    radiograph = read(tmp_path, encode(image, file_format))
    assert np.allclose(radiograph.pixels, scaled(values.astype(float)), atol=1e-6)
    assert (radiograph.file_format, radiograph.bits, radiograph.warnings) == (file_format, bits, ())
    assert radiograph.pixels.dtype == np.float32
    assert not radiograph.pixels.flags.writeable
    assert "percentiles" in radiograph.grey_rule


@pytest.mark.parametrize("colour_type", [2, 4, 6])
def test_sixteen_bit_colour_png_keeps_all_bits(colour_type: int) -> None:
    # 12 bits in a 16-bit file, which Pillow alone would bring down to 16 greys. Written by hand: Pillow cannot.
    import zlib

    channels = {2: 3, 4: 2, 6: 4}[colour_type]
    samples = RANDOM.integers(0, 4096, (9, 5, channels), dtype=np.uint16)
    rows = samples.astype(">u2").reshape(9, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = (5).to_bytes(4, "big") + (9).to_bytes(4, "big") + bytes([16, colour_type, 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    raster = decode_raster(data, "deep.png", "PNG")
    expected = samples[..., 0] if colour_type == 4 else samples[..., :3]
    assert np.array_equal(raster.values, expected)
    assert raster.bits == 16
    if colour_type in (4, 6):
        assert np.array_equal(raster.alpha, samples[..., -1])


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_colour_tiff_keeps_all_bits(compression: str | None, order: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    samples = RANDOM.integers(0, 4096, (9, 5, 3), dtype=np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, photometric="rgb", byteorder=order, compression=compression)
    raster = decode_raster(buffer.getvalue(), "deep.tif", "TIFF")
    assert np.array_equal(raster.values, samples)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_in_a_tiff_is_turned_over(tmp_path: Path, dtype: type) -> None:
    values = RANDOM.integers(0, 200, (12, 14)).astype(dtype)
    plain = read(tmp_path, encode(Image.fromarray(values), "TIFF"))
    data = encode(Image.fromarray(values), "TIFF", tiffinfo={262: 0})
    with Image.open(io.BytesIO(data)) as image:
        assert image.tag_v2[262] == 0
    turned = read(tmp_path, data)
    # Pillow turns 8 bits over when it writes and again when it reads, and leaves 16 bits alone both times.
    expected = plain.pixels if dtype is np.uint8 else 1 - plain.pixels
    assert np.allclose(turned.pixels, expected, atol=1e-6)


def test_jpeg_is_read_within_its_loss(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    radiograph = read(tmp_path, encode(Image.fromarray(smooth), "JPEG", quality=95), "image.jpg")
    assert radiograph.file_format == "JPEG"
    assert np.abs(radiograph.pixels - scaled(smooth)).max() < 0.03


def test_jpeg_in_cmyk_is_read(tmp_path: Path) -> None:
    image = Image.fromarray(GREY8).convert("RGB").convert("CMYK")
    assert read(tmp_path, encode(image, "JPEG"), "image.jpg").shape == (30, 40)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
def test_exif_orientation_is_applied_as_pillow_does(tmp_path: Path, orientation: int, file_format: str) -> None:
    image = Image.fromarray(np.add.outer(3 * np.arange(24), np.arange(40)).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(image, file_format, exif=exif)
    with Image.open(io.BytesIO(data)) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    radiograph = read(tmp_path, data)
    assert radiograph.shape == ((40, 24) if orientation >= 5 else (24, 40))
    assert np.allclose(radiograph.pixels, scaled(expected), atol=1e-6)


def test_exif_orientation_6_puts_the_stored_first_row_at_the_right(tmp_path: Path) -> None:
    values = np.zeros((4, 6), np.uint8)
    values[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    radiograph = read(tmp_path, encode(Image.fromarray(values), "PNG", exif=exif))
    assert np.array_equal(radiograph.pixels[:, -1], np.ones(6))
    assert not radiograph.pixels[:, :-1].any()


def test_12_bits_in_a_16_bit_file_do_not_come_out_black(tmp_path: Path) -> None:
    values = RANDOM.integers(0, 4096, (30, 40), dtype=np.uint16)
    assert 0.45 < read(tmp_path, encode(Image.fromarray(values), "PNG")).pixels.mean() < 0.55


def test_polarity_inverted_turns_the_result_over(tmp_path: Path) -> None:
    data = encode(Image.fromarray(GREY8), "PNG")
    as_is, inverted = read(tmp_path, data), read(tmp_path, data, polarity="inverted")
    assert np.allclose(inverted.pixels, 1 - as_is.pixels)
    assert (as_is.inverted, inverted.inverted) == (False, True)


@pytest.mark.parametrize("polarity", ["as-is", "inverted"])
@pytest.mark.parametrize("value", [0, 77, 255])
def test_a_constant_image_gives_zeros_and_a_warning(tmp_path: Path, value: int, polarity: str) -> None:
    radiograph = read(tmp_path, encode(Image.fromarray(np.full((5, 5), value, np.uint8)), "PNG"), polarity=polarity)
    assert not radiograph.pixels.any()
    assert "same grey value" in radiograph.warnings[0]


def test_pixels_that_are_not_numbers_become_background(tmp_path: Path) -> None:
    values = GREY8.astype(np.float32)
    values[3, 4], values[5, 6], values[7, 8] = np.nan, np.inf, -np.inf
    for polarity in ("as-is", "inverted"):
        radiograph = read(tmp_path, encode(Image.fromarray(values), "TIFF"), polarity=polarity)
        assert np.isfinite(radiograph.pixels).all()
        assert radiograph.pixels[3, 4] == radiograph.pixels[5, 6] == radiograph.pixels[7, 8] == 0
        assert radiograph.warnings == ("3 pixels are not finite numbers: set to background",)


def test_all_nan_gives_zeros(tmp_path: Path) -> None:
    radiograph = read(tmp_path, encode(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"))
    assert not radiograph.pixels.any()


def test_transparent_pixels_are_left_out(tmp_path: Path) -> None:
    alpha = np.full(GREY8.shape, 255, np.uint8)
    alpha[:10] = 0
    image = Image.merge("LA", [Image.fromarray(GREY8), Image.fromarray(alpha)])
    pixels = read(tmp_path, encode(image, "PNG")).pixels
    assert not pixels[:10].any()
    assert np.allclose(pixels[10:], scaled(GREY8[10:]), atol=1e-6)


@pytest.mark.parametrize("kind", ["L", "I;16", "RGB"])
def test_the_grey_or_colour_that_a_png_calls_transparent_is_padding(tmp_path: Path, kind: str) -> None:
    # Pillow 154 and 3379.
    most = 65535 if kind == "I;16" else 255
    values = (GREY16 if kind == "I;16" else GREY8) % (most - 1)
    values[:10] = most
    image = Image.fromarray(np.stack([values] * 3, axis=2) if kind == "RGB" else values)
    pixels = read(tmp_path, encode(image, "PNG", transparency=(255, 255, 255) if kind == "RGB" else most)).pixels
    assert not pixels[:10].any()
    assert np.allclose(pixels[10:], scaled(values[10:]), atol=1e-6)


@pytest.mark.parametrize("kind", ["L", "RGB", "P", "1"])
def test_bmp_is_read(tmp_path: Path, kind: str) -> None:
    values = (GREY8 > 100) if kind == "1" else GREY8
    radiograph = read(tmp_path, encode(Image.fromarray(values).convert(kind), "BMP"), "image.bmp")
    assert radiograph.file_format == "BMP"
    assert np.allclose(radiograph.pixels, scaled(values.astype(float)), atol=1e-6)


def test_the_empty_fourth_byte_of_a_bmp_is_not_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(np.dstack([GREY8] * 3 + [np.zeros_like(GREY8)]))
    assert np.allclose(read(tmp_path, encode(image, "BMP"), "image.bmp").pixels, scaled(GREY8), atol=1e-6)


def test_a_jpeg_of_12_bits_is_refused_with_a_cure(tmp_path: Path) -> None:
    frame = b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x08\0\x08\x01\x01\x11\0\xff\xd9"
    with pytest.raises(InputError, match="it has 12 bits, expected 8; export it as PNG"):
        read(tmp_path, frame, "image.jpg")


@pytest.mark.parametrize("file_format", ["TIFF", "PNG"])
def test_several_pages_are_refused(tmp_path: Path, file_format: str) -> None:
    pages = [Image.fromarray(GREY8), Image.fromarray(255 - GREY8)]
    with pytest.raises(InputError, match="several pages"):
        read(tmp_path, encode(pages[0], file_format, save_all=True, append_images=pages[1:]))


def kinds() -> dict[str, bytes]:
    rgb = Image.merge(
        "RGB", [Image.fromarray(GREY8), Image.fromarray(GREY8.T.copy().reshape(30, 40)), Image.new("L", (40, 30))]
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "png8": encode(Image.fromarray(GREY8), "PNG", exif=exif),
        "png16": encode(Image.fromarray(GREY16), "PNG"),
        "palette": encode(rgb.convert("P"), "PNG", transparency=3),
        "jpeg": encode(rgb, "JPEG", exif=exif),
        "tiff": encode(Image.fromarray(GREY16), "TIFF", exif=exif),
        "deflated": encode(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "lzw": encode(Image.fromarray(GREY8), "TIFF", compression="tiff_lzw"),
        "float": encode(Image.fromarray(GREY8.astype(np.float32)), "TIFF"),
    }


KINDS = kinds()


def damage_a_picture(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = KINDS[data.draw(st.sampled_from(sorted(KINDS)))]
    file = tmp_path_factory.getbasetemp() / "damaged.png"
    file.write_bytes(damage(content, data))
    assert_refused_or_a_radiograph(file)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_picture_is_an_input_error_or_still_a_radiograph(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damage_a_picture(tmp_path_factory, data)


@pytest.mark.soak
@settings(max_examples=6000, deadline=None)
@given(st.data())
def test_a_damaged_picture_is_at_length_an_input_error_or_still_a_radiograph(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damage_a_picture(tmp_path_factory, data)
