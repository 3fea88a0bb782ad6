"""Decoding PNG, JPEG and TIFF at the full depth they store, with their orientation applied."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.errors import InputError
from pbrs.radiograph.limits import MAX_PIXELS, check_pixels, muted_warnings

RasterFormat = Literal["PNG", "JPEG", "TIFF", "BMP"]

_ORIENTATION_TAG = 0x0112
_BITS_TAG, _PHOTOMETRIC_TAG, _SAMPLE_FORMAT_TAG = 258, 262, 339
_PAGES_THAT_MATTER = ("PNG", "TIFF")
_DEEP = {
    # Pillow keeps the high byte of each sample; the same bytes read in the other order give the low one.
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "RGBX;16B": "RGBX;16L",
    "RGBX;16L": "RGBX;16B",
    "RGB;16N": "RGB;16B" if np.little_endian else "RGB;16L",
    "RGBA;16N": "RGBA;16B" if np.little_endian else "RGBA;16L",
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
        ``"PNG"``, ``"JPEG"`` or ``"TIFF"``.
    white_is_zero
        Whether small values are meant to be shown bright and have not been turned over yet (TIFF).
    notes
        What could not be had from the file; one line each.
    """

    values: NDArray[np.generic]
    transparent: NDArray[np.bool_] | None
    alpha: NDArray[np.generic] | None
    bits: int
    file_format: RasterFormat
    white_is_zero: bool = False
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
    damaged = InputError(f"{source}: cannot be decoded as {file_format}: damaged, incomplete or of an unusual kind")
    with muted_warnings():
        try:
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


def _refuse_pages(image: Image.Image, source: str, file_format: str) -> None:
    if file_format not in _PAGES_THAT_MATTER:
        return  # a camera's JPEG may carry a preview as a second picture
    try:
        image.seek(1)
    except EOFError:
        image.seek(0)
        return
    raise InputError(f"{source}: a {file_format} of several pages: expected one image; export the page you want")


def _decode(image: Image.Image, data: bytes, file_format: RasterFormat) -> Raster:
    bits, white_is_zero, unsigned = _layout(image, data, file_format)
    notes: list[str] = []
    deep = _deep_modes(image)
    if deep is None and bits == 16 and image.mode in ("RGB", "RGBA", "CMYK", "LAB"):
        notes.append("16-bit colour of an unusual layout: read at 8 bits")
        bits = 8
    image.load()
    # After loading: Pillow turns TIFF itself, and then reports nothing left to do.
    orientation = _orientation(image, notes)
    values = _values(image)
    if deep is not None:
        values = _with_low_bytes(values, data, file_format, deep)
    if unsigned and values.dtype == np.int32:
        values = values.view(np.uint32)
    if white_is_zero and image.mode in ("1", "L"):
        white_is_zero = False  # Pillow has turned these over
    alpha = None
    if values.ndim == 3 and values.shape[2] in (2, 4):
        values, alpha = values[..., :-1], values[..., -1]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    values = orient(values, orientation)
    if alpha is not None:
        alpha = orient(alpha, orientation)
    transparent = None if alpha is None or alpha.all() else np.asarray(alpha == 0)
    return Raster(values, transparent, alpha, bits, file_format, white_is_zero, tuple(notes))


def _layout(image: Image.Image, data: bytes, file_format: RasterFormat) -> tuple[int, bool, bool]:
    """Bits of a sample, whether white is zero, and whether 32-bit integers are unsigned."""
    if file_format == "PNG":
        # The header chunk comes first: 8 bytes of signature, length, "IHDR", width, height, depth (PNG 11.2.1).
        return (8 if image.mode == "P" else data[24]), False, False
    if file_format == "JPEG":
        return 8, False, False
    tags = getattr(image, "tag_v2", {})
    bits = max(int(bit) for bit in tags.get(_BITS_TAG, (1,)))
    return bits, tags.get(_PHOTOMETRIC_TAG) == 0, tags.get(_SAMPLE_FORMAT_TAG, (1,))[0] == 1


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
