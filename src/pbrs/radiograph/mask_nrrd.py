"""Reading an NRRD mask (.nrrd), within bounds."""

import io
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.limits import GZIP, check_pixels, inflate, inflate_bzip2, muted_warnings
from pbrs.radiograph.mask_orientation import to_rows_and_columns

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_TO_LPS = {
    # The signs that bring the first two axes of a space to left and posterior (Teem's nrrd format, section 6).
    **dict.fromkeys(("left-posterior-superior", "LPS"), (1, 1)),
    **dict.fromkeys(("right-anterior-superior", "RAS"), (-1, -1)),
    **dict.fromkeys(("left-anterior-superior", "LAS"), (1, -1)),
}
_CHANNELS = {"vector", "list", "covariant-vector", "normal", "point", "scalar", "stub", "none"}


def read_nrrd(data: bytes, source: str) -> NDArray[np.generic]:
    """Read the values of an NRRD mask with its data in the same file, raw, gzip or bzip2.

    MITK's multi-label segmentations have a first axis of layers; one layer is read.

    Parameters
    ----------
    data
        The file's bytes.
    source
        Its name, for messages.

    Returns
    -------
    numpy.ndarray
        (H, W).

    Raises
    ------
    InputError
        If it is damaged, too large, of several slices or layers, or its data lie elsewhere.
    """
    damaged = InputError(f"{source}: cannot be read as NRRD: damaged or incomplete; export it again")
    import nrrd  # here, as nibabel: most that use this package read no such mask

    file = io.BytesIO(data)
    with muted_warnings():
        try:
            header: dict[str, Any] = dict(nrrd.read_header(file))
            sizes = [int(size) for size in header["sizes"]]
            dtype = np.dtype(_TYPES[header["type"]]).newbyteorder("<" if header.get("endian") != "big" else ">")
            encoding = str(header["encoding"])
            direction, layers = _direction(header, len(sizes))
        except Exception:
            # pynrrd raises whatever a broken header makes it stumble over.
            raise damaged from None
    if {"data file", "datafile"} & set(header):
        raise InputError(f"{source}: its data lie in another file: export it as one NRRD file")
    if len(sizes) < 2 or min(sizes) < 1:
        raise damaged
    spatial = sizes[1:] if layers else sizes
    if len(spatial) < 2:
        raise damaged
    check_pixels(source, spatial[1], spatial[0], prod(spatial[2:]) * (sizes[0] if layers else 1))
    if layers and sizes[0] != 1:
        raise InputError(f"{source}: a segmentation of {sizes[0]} layers: expected one; export the layer you want")
    if any(int(header.get(key, 0)) for key in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise InputError(f"{source}: an NRRD with skipped lines or bytes: export it again without")
    values = _values(data[file.tell() :], encoding, prod(sizes) * dtype.itemsize, source)
    if len(values) < prod(sizes) * dtype.itemsize:
        raise damaged
    volume = np.frombuffer(values, dtype, prod(sizes)).reshape(spatial, order="F")
    return to_rows_and_columns(volume, direction, source)


def _values(data: bytes, encoding: str, length: int, source: str) -> bytes:
    if encoding == "raw":
        return data
    if encoding in ("gzip", "gz"):
        return inflate(data, source, GZIP, length)
    if encoding in ("bzip2", "bz2"):
        return inflate_bzip2(data, source, length)
    raise InputError(f"{source}: an NRRD in an encoding that is not read: expected raw, gzip or bzip2")


def _direction(header: dict[str, Any], dimension: int) -> tuple[NDArray[np.float64] | None, bool]:
    """Give the directions of the two axes in LPS, if known, and whether the first axis counts layers."""
    kinds = header.get("kinds") or []
    directions = header.get("space directions")
    layers = dimension > 2 and len(kinds) == dimension and str(kinds[0]).lower() in _CHANNELS
    if directions is None:
        return None, layers
    rows = np.asarray(directions, np.float64)
    if layers:
        rows = rows[1:]
    if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 2:
        return None, layers
    signs = _TO_LPS.get(str(header.get("space", "LPS")), (1, 1))
    return rows[:2, :2].T * np.asarray(signs, np.float64)[:, None], layers
