"""TIFF as `tifffile`, an independent writer, and a few lines of our own make it."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.errors import InputError
from pbrs.radiograph import read_radiograph
from pbrs.radiograph.raster_file import decode_raster

tifffile = pytest.importorskip("tifffile")
RANDOM = np.random.default_rng(5)
UNIT = RANDOM.random((37, 29))


def written(values: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **{"photometric": "minisblack", **options})
    return buffer.getvalue()


def by_hand(tags: dict[int, tuple[int, ...]], body: bytes) -> bytes:
    """A TIFF of one strip: little-endian, each tag as LONGs but for the doubled ones."""
    entries = {279: (len(body),), **tags, 273: (0,)}
    at = 8 + 2 + 12 * len(entries) + 4
    extra = b""
    rows = []
    for tag in sorted(entries):
        values = entries[tag]
        packed = struct.pack(f"<{len(values)}I", *values)
        if tag == 273:
            packed = b"body"
        if len(packed) > 4:
            extra_at = at + len(extra)
            extra += packed
            packed = struct.pack("<I", extra_at)
        rows.append(struct.pack("<HHI", tag, 4, len(values)) + packed)
    directory = b"".join(rows).replace(b"body", struct.pack("<I", at + len(extra)))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + b"\0" * 4 + extra + body


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_every_kind_of_number_is_read_as_it_was_written(
    kind: str, tile: tuple[int, int] | None, compression: str | None, order: str
) -> None:
    values = (UNIT * 250 - 125 if kind[0] in "if" else UNIT * 250).astype(kind)
    for predictor in [None, *([2] if compression and kind[0] != "f" else [])]:
        data = written(values, byteorder=order, compression=compression, tile=tile, predictor=predictor)
        raster = decode_raster(data, "image.tif", "TIFF")
        assert np.array_equal(raster.values, values)
        assert raster.values.dtype.kind == kind[0]
        assert raster.bits == 8 * values.dtype.itemsize


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_colour_is_read_whether_by_pixel_or_in_planes(planes: str, kind: str, tile: tuple[int, int] | None) -> None:
    colour = (RANDOM.random((37, 29, 3)) * np.iinfo(kind).max).astype(kind)
    stored = colour if planes == "contig" else np.ascontiguousarray(np.moveaxis(colour, 2, 0))
    data = written(stored, photometric="rgb", planarconfig=planes, tile=tile, compression="zlib", predictor=2)
    assert np.array_equal(decode_raster(data, "image.tif", "TIFF").values, colour)


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_packed_bits_are_unpacked(bits: int) -> None:
    values = RANDOM.integers(0, 2**bits, (7, 9))
    rows = [np.packbits([(value >> bit) & 1 for value in row for bit in reversed(range(bits))]) for row in values]
    tags = {256: (9,), 257: (7,), 258: (bits,), 259: (1,), 262: (1,), 277: (1,), 278: (7,)}
    raster = decode_raster(by_hand(tags, b"".join(row.tobytes() for row in rows)), "image.tif", "TIFF")
    assert np.array_equal(raster.values, values)
    assert raster.bits == bits


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", None])
def test_what_pillow_compresses_is_read(compression: str | None) -> None:
    values = (UNIT * 65535).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", **({"compression": compression} if compression else {}))
    assert np.array_equal(decode_raster(buffer.getvalue(), "image.tif", "TIFF").values, values)


def test_the_predictor_of_floating_point_is_undone() -> None:
    values = UNIT.astype(np.float32)
    buffer = io.BytesIO()
    # libtiff writes it: Technical Note 3 of TIFF.
    Image.fromarray(values).save(buffer, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 3})
    raster = decode_raster(buffer.getvalue(), "image.tif", "TIFF")
    assert b"\x3d\x01\x03\x00\x01\x00\x00\x00\x03" in buffer.getvalue()
    assert np.array_equal(raster.values, values)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "f4"])
def test_white_is_zero_is_turned_over_without_wrapping(tmp_path: Path, kind: str) -> None:
    values = (UNIT * 200 - (100 if kind[0] == "i" else 0)).astype(kind)
    pixels = {}
    for photometric in ("minisblack", "miniswhite"):
        (tmp_path / "image.tif").write_bytes(written(values, photometric=photometric))
        radiograph = read_radiograph(tmp_path / "image.tif")
        pixels[photometric] = radiograph.pixels
        assert radiograph.inverted == (photometric == "miniswhite")
    assert np.allclose(pixels["miniswhite"], 1 - pixels["minisblack"], atol=1e-6)


def test_alpha_is_told_from_a_sample_that_is_not_said() -> None:
    values = (RANDOM.random((20, 30, 2)) * 255).astype(np.uint8)
    with_alpha = decode_raster(written(values, extrasamples=["unassalpha"]), "image.tif", "TIFF")
    assert np.array_equal(with_alpha.alpha, values[..., 1])
    without = decode_raster(written(values, extrasamples=["unspecified"]), "image.tif", "TIFF")
    assert without.alpha is None
    assert without.notes == ("2 samples a pixel: the first of them shown",)
    assert np.array_equal(without.values, values[..., 0])


def test_a_preview_beside_the_image_is_passed_over() -> None:
    values = (UNIT * 255).astype(np.uint8)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(values, photometric="minisblack")
        writer.write(values[::4, ::4], photometric="minisblack", subfiletype=1)
    assert np.array_equal(decode_raster(buffer.getvalue(), "image.tif", "TIFF").values, values)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: written(UNIT.astype(np.complex64)), "complex samples"),
        (lambda: written((UNIT * 255).astype(np.uint16), bigtiff=True, byteorder=">"), "big-endian BigTIFF"),
        (lambda: written(np.zeros((2, 8, 8), np.uint8), photometric="minisblack"), "several pages"),
    ],
)
def test_what_is_not_read_is_refused_with_a_cure(data, words: str) -> None:
    with pytest.raises(InputError, match=rf"^image.tif: .*{words}.*export"):
        decode_raster(data(), "image.tif", "TIFF")


def test_a_large_bigtiff_in_strips_is_read() -> None:
    values = (UNIT * 65535).astype(np.uint16)
    data = written(values, bigtiff=True, rowsperstrip=3, compression="zlib")
    assert np.array_equal(decode_raster(data, "image.tif", "TIFF").values, values)


@pytest.mark.parametrize(
    "wrong",
    [
        {278: (0,)},  # OpenImageIO 5160, Pillow 4034
        {278: (2**32 - 1,)},
        {279: (0,)},  # TwelveMonkeys 449
        {279: (7,)},  # TwelveMonkeys 683
        {279: (2**32 - 1,)},  # Bio-Formats 1423
        {274: (9,)},
        {339: (4,)},
    ],
)
def test_tags_that_are_wrong_but_not_needed_do_not_matter(wrong: dict[int, tuple[int, ...]]) -> None:
    values = (UNIT * 255).astype(np.uint8)
    tags = {256: (29,), 257: (37,), 258: (8,), 259: (1,), 262: (1,), 277: (1,), 278: (37,)}
    data = by_hand({**tags, **wrong}, values.tobytes())
    assert np.array_equal(decode_raster(data, "image.tif", "TIFF").values, values)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_tiff_that_is_cut_off_is_refused(kept: float) -> None:
    data = written((UNIT * 65535).astype(np.uint16), rowsperstrip=4)
    with pytest.raises(InputError, match="damaged, incomplete"):
        decode_raster(data[: int(len(data) * kept)], "image.tif", "TIFF")
