"""The samples of a TIFF, exactly as its tags describe them.

Pillow's own modes know few layouts, and take some for others (planes of 16 bits, signed 8 bits). So Pillow, with the
libtiff in it, unpacks bytes only, and what the bytes mean is told here. Pictures in which compression and meaning are
one (JPEG, fax) are left to it whole.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from pbrs.errors import InputError
from pbrs.radiograph.limits import MAX_INFLATED_BYTES
from pbrs.radiograph.tiff_file import TiffImage

_PREDICTOR, _FILL_ORDER = 317, 266
_ROWS_PER_STRIP, _STRIP_OFFSETS, _STRIP_COUNTS = 278, 273, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_BYTE_CODES = {1, 5, 8, 32773, 32946, 34925, 50000}
"""None, LZW, Deflate, PackBits, Deflate, LZMA, Zstandard: compressions that know nothing of pixels."""
_MEANINGS = {0, 1, 2, 3, 5}
"""White is zero, black is zero, RGB, palette, CMYK."""
_ROWS_AT_ONCE = 256


def is_of_samples(image: TiffImage) -> bool:
    """Tell whether `read_samples` reads such a TIFF; if not, it is a picture that Pillow decodes."""
    return image.compression in _BYTE_CODES and image.photometric in _MEANINGS


def read_samples(data: bytes, image: TiffImage, source: str) -> NDArray[np.generic]:
    """Read all samples as they are stored.

    Parameters
    ----------
    data, image
        The file's bytes, and its tags.
    source
        Its name, for messages.

    Returns
    -------
    numpy.ndarray
        (H, W, samples): unsigned or signed integers of 8, 16, 32 or 64 bits, or floating point of 16, 32 or 64.

    Raises
    ------
    InputError
        If samples are of a kind that is not read. Other exceptions if the file is damaged.
    """
    _refuse_kinds(image, source)
    height, width = image.shape
    tags = image.ifd
    planes, per_pixel = (image.samples, 1) if image.planar else (1, image.samples)
    tiled = _TILE_WIDTH in tags
    piece_width = int(tags[_TILE_WIDTH]) if tiled else width
    piece_height = int(tags[_TILE_HEIGHT]) if tiled else min(int(tags.get(_ROWS_PER_STRIP, height)) or height, height)
    across, down = -(-width // piece_width), -(-height // piece_height)
    row_bytes = -(-piece_width * per_pixel * image.bits // 8)
    if planes * across * down * piece_height * row_bytes > MAX_INFLATED_BYTES:
        raise InputError(f"{source}: its samples take more than {MAX_INFLATED_BYTES:,} bytes: export it smaller")
    pieces = _pieces(data, image, tiled, planes * across * down, piece_height * row_bytes)
    read = []
    for plane in range(planes):
        own = pieces[plane * across * down : (plane + 1) * across * down]
        rows = across * down * piece_height if tiled else height
        unpacked = _unpack(own, image, row_bytes, piece_height, rows)
        values = _numbers(unpacked, image, piece_width * per_pixel, per_pixel, data[:2] == b"II")
        values = values.reshape(rows, piece_width, per_pixel)
        if tiled:
            values = values.reshape(down, across, piece_height, piece_width, per_pixel).swapaxes(1, 2)
            values = values.reshape(down * piece_height, across * piece_width, per_pixel)[:height, :width]
        read.append(values)
    return read[0] if planes == 1 else np.concatenate(read, axis=2)


def _refuse_kinds(image: TiffImage, source: str) -> None:
    is_known = image.bits in (16, 32, 64) if image.kind == "f" else 1 <= image.bits <= 32 or image.bits == 64
    if image.kind == "i" and image.bits not in (8, 16, 32, 64):
        is_known = False
    if image.kind == "c" or not is_known:
        words = {"u": "unsigned", "i": "signed", "f": "floating point", "c": "complex"}[image.kind]
        raise InputError(
            f"{source}: a TIFF of {words} samples of {image.bits} bits, which is not read: "
            "export it in grey of 8 or 16 bits"
        )
    if image.ifd.get(_PREDICTOR, 1) not in (1, 2, 3):
        raise InputError(f"{source}: a TIFF with an unknown predictor: export it without compression")


def _pieces(data: bytes, image: TiffImage, tiled: bool, count: int, length: int) -> list[bytes]:
    """Cut out the strips or tiles, still compressed, in the file's order.

    Those that are not compressed are taken `length` bytes long, or to the file's end, whatever is said of their
    lengths: writers leave these out, or put 0 there, or count too few bytes where samples have 12 bits.
    """
    tags = image.ifd
    offsets = tags[_TILE_OFFSETS if tiled else _STRIP_OFFSETS]
    if image.compression == 1:
        if len(offsets) < count:
            raise ValueError("strips or tiles are missing")
        return [data[at : at + length] for at in offsets[:count]]
    counts = tags[_TILE_COUNTS if tiled else _STRIP_COUNTS]
    if len(offsets) < count or len(counts) < count:
        raise ValueError("strips or tiles are missing")
    pieces = [data[at : at + size] for at, size in zip(offsets[:count], counts[:count], strict=True)]
    if any(len(piece) < size for piece, size in zip(pieces, counts, strict=False)):
        raise EOFError("a strip or tile is cut off")
    return pieces


def _unpack(pieces: list[bytes], image: TiffImage, row_bytes: int, piece_height: int, rows: int) -> NDArray[np.uint8]:
    """Undo the compression of pieces that lie below one another: uint8 (rows, row_bytes)."""
    reversed_bits = int(image.ifd.get(_FILL_ORDER, 1)) == 2
    if image.compression == 1:
        lengths = [min(piece_height, rows - first) * row_bytes for first in range(0, rows, piece_height)]
        joined = b"".join(piece[:length] for piece, length in zip(pieces, lengths, strict=True))
        unpacked = np.frombuffer(joined, np.uint8).reshape(rows, row_bytes)
        return (
            np.packbits(np.unpackbits(unpacked, bitorder="little")).reshape(rows, row_bytes)
            if reversed_bits
            else (unpacked)
        )
    wrapped = _wrap(pieces, image.compression, row_bytes, piece_height, rows, reversed_bits)
    # Not by Image.open, which would count bytes for pixels and take a large image for a bomb.
    with TiffImagePlugin.TiffImageFile(wrapped) as picture:
        picture.load()
        return np.asarray(picture)


def _wrap(
    pieces: list[bytes], compression: int, row_bytes: int, piece_height: int, rows: int, reversed_bits: bool
) -> Any:
    """Make of compressed pieces a TIFF of 8-bit grey pixels, each of which is one of the bytes."""
    tags = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    offsets = np.cumsum([0, *map(len, pieces)])[:-1].tolist()
    plain = {256: row_bytes, 257: rows, 258: 8, 259: compression, 262: 1, 277: 1, 278: piece_height}
    for tag, value in plain.items():
        tags[tag] = value
    if reversed_bits:
        tags[_FILL_ORDER] = 2
    tags.tagtype[_STRIP_OFFSETS] = tags.tagtype[_STRIP_COUNTS] = 4  # LONG
    tags[_STRIP_OFFSETS], tags[_STRIP_COUNTS] = tuple(offsets), tuple(map(len, pieces))
    # Pillow takes offsets of strips as counted from the directory's end, and writes them as they are then.
    file = io.BytesIO()
    file.write(b"II*\0\x08\0\0\0" + tags.tobytes(8))
    file.writelines(pieces)
    file.seek(0)
    return file


def _numbers(
    unpacked: NDArray[np.uint8], image: TiffImage, per_row: int, per_pixel: int, little: bool
) -> NDArray[np.generic]:
    """Make numbers of the rows' bytes, and undo the predictor (TIFF 6.0, section 14; Technical Note 3): (rows, N)."""
    rows = len(unpacked)
    predictor = int(image.ifd.get(_PREDICTOR, 1)) if image.compression != 1 else 1
    if image.bits not in (8, 16, 32, 64):
        return _from_bits(unpacked, image.bits, per_row)
    size = image.bits // 8
    dtype = np.dtype(f"{image.kind}{size}")
    if predictor == 3:
        # Bytes are differences along the row, and stand by significance, the highest first.
        steps = unpacked.reshape(rows, -1, per_pixel)
        planes = np.add.accumulate(steps, axis=1, dtype=np.uint8).reshape(rows, size, per_row)
        values: NDArray[np.generic] = np.ascontiguousarray(planes.swapaxes(1, 2)).view(dtype.newbyteorder(">"))
        return values.reshape(rows, per_row).astype(dtype)
    order = "<" if little else ">"
    words = np.ascontiguousarray(unpacked).view(np.dtype(f"{order}u{size}")).astype(f"u{size}", copy=False)
    if predictor == 2:
        words = np.add.accumulate(words.reshape(rows, -1, per_pixel), axis=1, dtype=words.dtype).reshape(rows, per_row)
    return words.view(dtype)


def _from_bits(unpacked: NDArray[np.uint8], bits: int, per_row: int) -> NDArray[np.generic]:
    """Make unsigned numbers of rows of packed bits, the highest first, each row beginning with a byte of its own."""
    dtype = np.dtype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)
    values = np.zeros((len(unpacked), per_row), dtype)
    for first in range(0, len(unpacked), _ROWS_AT_ONCE):
        part = np.unpackbits(unpacked[first : first + _ROWS_AT_ONCE], axis=1)[:, : per_row * bits]
        part = part.reshape(len(part), per_row, bits)
        for bit in range(bits):
            values[first : first + _ROWS_AT_ONCE] |= part[:, :, bit].astype(dtype) << dtype.type(bits - 1 - bit)
    return values
