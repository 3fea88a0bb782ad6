"""Decoding PNG, JPEG, TIFF and BMP at the full depth they store, with their orientation applied."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.errors import InputError
from pbrs.radiograph.aspect import told_aspect
from pbrs.radiograph.codestream import read_codestream
from pbrs.radiograph.limits import MAX_PIXELS, check_pixels, muted_warnings
from pbrs.radiograph.tiff_file import TiffImage
from pbrs.radiograph.tiff_samples import is_of_samples, read_samples

RasterFormat = Literal["PNG", "JPEG", "TIFF", "BMP"]

_ORIENTATION_TAG = 0x0112
_COLOR_MAP = 320
_DEEP = {
    # Pillow keeps the high byte of each sample; the same bytes read in the other order give the low one.
    "RGB;16B": "RGB;16L",
    "RGBA;16B": "RGBA;16L",
}


@dataclass(frozen=True, eq=False)
class Raster:
    """A decoded picture.

    Attributes
    ----------
    values
        (H, W) or (H, W, 3), integer or floating point, as stored; palettes are resolved.
    transparent
        bool (H, W), True where alpha is zero; None where there is no alpha, or nothing is transparent.
    alpha
        Integer (H, W), or None.
    bits
        Bits of one sample.
    file_format
        ``"PNG"``, ``"JPEG"``, ``"TIFF"`` or ``"BMP"``.
    white_is_zero
        Whether the file stores white as zero (TIFF). `values` have been turned over.
    pixel_aspect
        Height of a pixel divided by its width.
    notes
        What could not be had from the file; one line each.
    """

    values: NDArray[np.generic]
    transparent: NDArray[np.bool_] | None
    alpha: NDArray[np.generic] | None
    bits: int
    file_format: RasterFormat
    white_is_zero: bool = False
    pixel_aspect: float = 1.0
    notes: tuple[str, ...] = ()


def decode_raster(data: bytes, source: str, file_format: RasterFormat) -> Raster:
    """Decode a picture of one page.

    Parameters
    ----------
    data
        The file's bytes.
    source
        Its name, for messages.
    file_format
        What its first bytes say it is.

    Raises
    ------
    InputError
        If it is damaged, too large, of several pages or of a kind that is not supported.
    """
    damaged = InputError(f"{source}: cannot be decoded as {_unusual(data, file_format)}")
    with muted_warnings():
        try:
            if file_format == "TIFF":
                image_tags = TiffImage.of(data, source)
                if is_of_samples(image_tags):
                    return _of_samples(data, image_tags, source)
                _refuse_second_page(image_tags, source)
            with Image.open(io.BytesIO(data), formats=[file_format]) as image:
                check_pixels(source, image.height, image.width)
                _refuse_pages(image, source, file_format)
                return _decode(image, data, file_format)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise InputError(
                f"{source}: too many pixels: expected at most {MAX_PIXELS:,} in all; export it smaller"
            ) from None
        except InputError:
            raise
        except Exception:
            # Pillow raises whatever a broken file makes its readers stumble over.
            raise damaged from None


def _unusual(data: bytes, file_format: str) -> str:
    """Say what a picture is that Pillow may not decode, with a cure."""
    frame = read_codestream(data) if file_format == "JPEG" else None
    if frame is not None and frame.bits != 8:
        return f"JPEG: it has {frame.bits} bits, expected 8; export it as PNG of 16 bits or as DICOM"
    return f"{file_format}: damaged, incomplete or of an unusual kind"


def _refuse_pages(image: Image.Image, source: str, file_format: str) -> None:
    if file_format != "PNG":
        return  # a camera's JPEG may carry a preview as a second picture; of a TIFF pages are counted before
    try:
        image.seek(1)
    except EOFError:
        image.seek(0)
        return
    raise InputError(f"{source}: a {file_format} of several pages: expected one image; export the page you want")


def _refuse_second_page(image: TiffImage, source: str) -> None:
    if not image.is_first:
        raise InputError(f"{source}: a TIFF that begins with a preview: export the image by itself")


def _of_samples(data: bytes, image: TiffImage, source: str) -> Raster:
    """Give a TIFF's samples their meaning: colour, palette, alpha, and which end is white."""
    samples = read_samples(data, image, source)
    colours = {2: 3, 5: 4}.get(image.photometric, 1)
    if image.samples < colours:
        raise InputError(f"{source}: a TIFF in colour of {image.samples} samples a pixel: export it again, in grey")
    values, further, bits = samples[..., :colours], samples[..., colours:], image.bits
    notes: list[str] = []
    alpha = further[..., 0] if further.shape[2] and image.extra[:1] in ((1,), (2,)) else None
    if further.shape[2] > (alpha is not None) and (colours == 1 or further.shape[2] > 1):
        notes.append(f"{image.samples} samples a pixel: the first of them shown")
    if image.photometric == 3:
        values, bits = _palette(values[..., 0], image), 8
    elif image.photometric == 5:
        values = _from_inks(values, bits)
    elif colours == 1:
        values = values[..., 0]
    if image.photometric == 0:
        values = _turned(values, bits)
    values = orient(values, image.orientation)
    alpha = None if alpha is None else orient(alpha, image.orientation)
    transparent = None if alpha is None or alpha.all() else np.asarray(alpha == 0)
    aspect, aspect_notes = _aspect(image.densities, image.orientation, "the TIFF's resolution")
    return Raster(values, transparent, alpha, bits, "TIFF", image.photometric == 0, aspect, tuple(notes + aspect_notes))


def _turned(values: NDArray[np.generic], bits: int) -> NDArray[np.generic]:
    """Exchange white and black, within the range of what is stored: no number wraps around."""
    if values.dtype.kind == "f":
        return np.asarray(np.negative(values))
    most = values.dtype.type(2**bits - 1 if values.dtype.kind == "u" else -1)
    return np.asarray(np.subtract(most, values))


def _palette(index: NDArray[np.generic], image: TiffImage) -> NDArray[np.generic]:
    """Look colours up: uint8 (H, W, 3)."""
    colours = np.asarray(image.ifd[_COLOR_MAP], np.uint32).reshape(3, 2**image.bits).T
    # 16 bits by the rule; some writers put 8 there.
    colours = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
    return np.asarray(colours[index.astype(np.intp)])


def _from_inks(inks: NDArray[np.generic], bits: int) -> NDArray[np.generic]:
    """Turn cyan, magenta, yellow and black (H, W, 4) into RGB of the same type, without a profile."""
    most = float(2**bits - 1)
    white = most - inks.astype(np.float64)
    return np.asarray(np.rint(white[..., :3] * white[..., 3:] / most).astype(inks.dtype))


def _aspect(densities: tuple[float, float] | None, orientation: int, teller: str) -> tuple[float, list[str]]:
    """Give the height of a pixel by its width, as it is shown, from pixels per unit along stored rows and columns."""
    if densities is None:
        return 1.0, []
    across, down = densities if orientation < 5 else densities[::-1]
    # Twice as many to the inch are half as large.
    return told_aspect(across, down, teller)


def _densities(image: Image.Image) -> tuple[float, float] | None:
    """Find what PNG (pHYs), JPEG (JFIF, EXIF) and BMP say of pixels per unit; only their ratio matters."""
    for name in ("aspect", "jfif_density", "dpi"):
        found = image.info.get(name)
        if isinstance(found, tuple) and len(found) == 2 and all(float(one) > 0 for one in found):
            return float(found[0]), float(found[1])
    return None


def _decode(image: Image.Image, data: bytes, file_format: RasterFormat) -> Raster:
    notes: list[str] = []
    bits = _bits(image, data, file_format)
    deep = _deep_modes(image) if file_format == "PNG" else None
    densities = _densities(image)
    image.load()
    # After loading: Pillow turns TIFF itself, and then reports nothing left to do.
    orientation = _orientation(image, notes)
    values = _values(image)
    if deep is not None:
        values = _with_low_bytes(values, data, file_format, deep)
    alpha = None
    if values.ndim == 3 and values.shape[2] in (2, 4):
        values, alpha = values[..., :-1], values[..., -1]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if file_format == "BMP" and alpha is not None and not alpha.any():
        alpha = None  # the fourth byte of a BMP is seldom meant
    values = orient(values, orientation)
    if alpha is not None:
        alpha = orient(alpha, orientation)
    transparent = _keyed_out(image, values, bits) if alpha is None else None if alpha.all() else np.asarray(alpha == 0)
    aspect, aspect_notes = _aspect(densities, orientation, f"the {file_format}'s resolution")
    return Raster(values, transparent, alpha, bits, file_format, False, aspect, tuple(notes + aspect_notes))


def _keyed_out(image: Image.Image, values: NDArray[np.generic], bits: int) -> NDArray[np.bool_] | None:
    """Find the pixels of the one grey or colour that a PNG calls transparent (tRNS; PNG 11.3.2.1)."""
    key = image.info.get("transparency")
    if image.mode in ("P", "PA") or not isinstance(key, int | tuple):
        return None
    if isinstance(key, int) and 1 < bits < 8:
        key = key * 255 // (2**bits - 1)  # as Pillow spreads such greys
    equal = np.asarray(values == np.asarray(key))
    same = equal if equal.ndim == 2 else np.asarray(equal.all(axis=2))
    return same if same.any() and not same.all() else None


def _bits(image: Image.Image, data: bytes, file_format: RasterFormat) -> int:
    """Count the bits of a sample."""
    if file_format == "PNG" and image.mode != "P":
        # The header chunk comes first: 8 bytes of signature, length, "IHDR", width, height, depth (PNG 11.2.1).
        return data[24]
    return 1 if image.mode == "1" else 8


def _deep_modes(image: Image.Image) -> str | None:
    """Name the raw mode with which Pillow gives the low bytes of 16-bit colour, before the image is loaded."""
    tiles = getattr(image, "tile", [])
    raw_modes = {tile[3] if isinstance(tile[3], str) else tile[3][0] for tile in tiles if tile[3]}
    if len(raw_modes) != 1:
        return None
    raw_mode = str(raw_modes.pop())
    return "RGBA" if raw_mode == "LA;16B" else _DEEP.get(raw_mode)


def _with_low_bytes(high: NDArray[np.generic], data: bytes, file_format: str, low_mode: str) -> NDArray[np.generic]:
    """Decode once more for the low bytes, and join them with the high ones: uint16, same shape."""
    with Image.open(io.BytesIO(data), formats=[file_format]) as image:
        tiles = getattr(image, "tile", [])
        image.tile = [
            tile._replace(args=low_mode if isinstance(tile.args, str) else (low_mode, *tile.args[1:])) for tile in tiles
        ]
        low = np.asarray(image)
    if low_mode == "RGBA":
        # Grey with alpha: the four bytes of a pixel as they stand.
        high, low = low[..., 0::2], low[..., 1::2]
    joined: NDArray[np.uint16] = high.astype(np.uint16) * np.uint16(256) + low.astype(np.uint16)
    return joined


def _values(image: Image.Image) -> NDArray[np.generic]:
    if image.mode in {"P", "PA"}:
        has_alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode == "LAB":
        return np.asarray(image)[..., 0]
    elif image.mode in ("CMYK", "YCbCr", "HSV", "RGBX", "RGBa", "La"):
        image = image.convert({"RGBa": "RGBA", "La": "LA"}.get(image.mode, "RGB"))
    return np.asarray(image)


def _orientation(image: Image.Image, notes: list[str]) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        notes.append("the EXIF data cannot be read: no orientation applied")
        return 1
    return orientation if orientation in range(1, 9) else 1


def orient(values: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Turn and mirror (H, W, …) as the EXIF orientation 1 to 8 says (Exif 2.32, tag 0x0112).

    The orientation says where the stored first row and first column belong in the picture.
    """
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values
