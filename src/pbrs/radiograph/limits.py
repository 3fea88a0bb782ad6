"""Bounds that are checked before anything is decoded, so that no file can fill the memory."""

import bz2
import gzip
import io
import logging
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

from PIL import Image

from pbrs.bounded_read import read_bounded
from pbrs.errors import InputError

MAX_FILE_BYTES = 512 * 2**20
"""Most bytes of one file."""

MAX_INFLATED_BYTES = 1024 * 2**20
"""Most bytes that a deflated file may inflate to."""

MAX_PIXELS = 80_000_000
"""Most rows × columns × frames: three times a whole-leg radiograph, and below Pillow's own limit."""

_PYDICOM_LOG = logging.getLogger("pydicom")
_MUTING = threading.RLock()

DEFLATE, GZIP = -zlib.MAX_WBITS, zlib.MAX_WBITS | 16


def read_bytes(path: Path) -> bytes:
    """Read a file whole, if it is not too large.

    Raises
    ------
    InputError
        If it does not exist, is no file, is empty, too large or cannot be read.
    """
    data = read_bounded(path, MAX_FILE_BYTES, "export a single image")
    if not data:
        raise InputError(f"{path.name} is empty: export it again")
    return data


def check_pixels(source: str, rows: int, columns: int, frames: int = 1) -> None:
    """Refuse an image that is empty or too large, by what its header says.

    Raises
    ------
    InputError
        If rows × columns × frames is below 1 or above `MAX_PIXELS`.
    """
    if min(rows, columns, frames) < 1:
        raise InputError(f"{source}: {columns}×{rows} pixels in {frames} frames: expected at least one pixel")
    if prod((rows, columns, frames)) > MAX_PIXELS:
        in_frames = f" in {frames} frames" if frames > 1 else ""
        raise InputError(
            f"{source}: {columns}×{rows} pixels{in_frames} are too many: expected at most {MAX_PIXELS:,} in all; "
            "export it smaller"
        )


def inflate(data: bytes, source: str, window_bits: int, limit: int | None = None) -> bytes:
    """Inflate deflate or gzip data, if the result is not too large.

    Parameters
    ----------
    data
        The compressed bytes.
    source
        The file's name, for messages.
    window_bits
        `DEFLATE` for a raw stream (deflated DICOM), `GZIP` for gzip.
    limit
        Most bytes that may come out; `MAX_INFLATED_BYTES` if None.

    Raises
    ------
    InputError
        If more would come out, or the data are damaged.
    """
    limit = MAX_INFLATED_BYTES if limit is None else limit
    try:
        if window_bits == GZIP:
            # Reads several members too, as `pigz` and `gzip -c` after one another write them.
            inflated = gzip.GzipFile(fileobj=io.BytesIO(data)).read(limit + 1)
        else:
            inflated = zlib.decompressobj(window_bits).decompress(data, limit + 1)
    except (zlib.error, OSError, EOFError):
        raise InputError(f"{source}: the compressed data are damaged or incomplete: export it again") from None
    return _bounded(inflated, source, limit)


def inflate_bzip2(data: bytes, source: str, limit: int) -> bytes:
    """Inflate bzip2 data, if the result is not larger than `limit` bytes; raises InputError as `inflate` does."""
    try:
        inflated = bz2.BZ2Decompressor().decompress(data, limit + 1)
    except (OSError, EOFError, ValueError):
        raise InputError(f"{source}: the compressed data are damaged or incomplete: export it again") from None
    return _bounded(inflated, source, limit)


def _bounded(inflated: bytes, source: str, limit: int) -> bytes:
    if len(inflated) > limit:
        raise InputError(
            f"{source}: inflates to more than the {limit:,} bytes expected: damaged or made to fill the memory; "
            "export it again"
        )
    return inflated


@contextmanager
def muted_warnings() -> Iterator[None]:
    """Keep a library's warnings from the user and from logs: they may quote a patient's data.

    What matters we say ourselves. Pillow's warning of a decompression bomb becomes an exception. One thread at a time:
    Python mutes warnings for all of them together.
    """
    with _MUTING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        was_disabled, _PYDICOM_LOG.disabled = _PYDICOM_LOG.disabled, True
        try:
            yield
        finally:
            _PYDICOM_LOG.disabled = was_disabled
