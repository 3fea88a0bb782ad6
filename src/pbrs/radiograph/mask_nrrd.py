"""Reading an NRRD mask (.nrrd), within bounds."""

import io
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.limits import GZIP, check_pixels, inflate, inflate_bzip2, muted_warnings
from pbrs.radiograph.mask_orientation import one_slice
from pbrs.radiograph.mask_segment import MaskGeometry, MaskPlane, Segment
from pbrs.radiograph.nrrd_segments import as_segments, drawn_on, told_segments

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
    # The signs that bring the axes of a space to left, posterior and superior (Teem's nrrd format, section 6).
    **dict.fromkeys(("left-posterior-superior", "lps"), (1, 1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1, -1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1, -1, 1)),
}
_CHANNELS = {"vector", "list", "covariant-vector", "normal", "point", "scalar", "stub", "none"}


def read_nrrd(data: bytes, source: str) -> list[Segment]:
    """Read an NRRD mask with its data in the same file, raw, gzip or bzip2.

    Segmentations of 3D Slicer and MITK may hold several segments, in layers on an axis of their own: see
    `pbrs.radiograph.nrrd_segments`. Of any other file there is one segment.

    Parameters
    ----------
    data
        The file's bytes.
    source
        Its name, for messages.

    Raises
    ------
    InputError
        If it is damaged, too large, of several slices, or its data lie elsewhere; the same when a segment is read.
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
            axis = _layer_axis(header, len(sizes))
            geometry = _geometry(header, axis)
        except Exception:
            # pynrrd raises whatever a broken header makes it stumble over.
            raise damaged from None
    if {"data file", "datafile"} & set(header):
        raise InputError(f"{source}: its data lie in another file: export it as one NRRD file")
    spatial = [size for index, size in enumerate(sizes) if index != axis]
    layers = 1 if axis is None else sizes[axis]
    if len(spatial) < 2 or min(sizes) < 1:
        raise damaged
    check_pixels(source, spatial[1], spatial[0], prod(spatial[2:]) * layers)
    if any(int(header.get(key, 0)) for key in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise InputError(f"{source}: an NRRD with skipped lines or bytes: export it again without")
    content = data[file.tell() :]

    def read_layer(layer: int) -> NDArray[np.generic]:
        values = _values(content, encoding, prod(sizes) * dtype.itemsize, source)
        if len(values) < prod(sizes) * dtype.itemsize:
            raise damaged
        volume = np.frombuffer(values, dtype, prod(sizes)).reshape(sizes, order="F")
        return one_slice(volume if axis is None else np.take(volume, layer, axis), source)

    told = told_segments(header, layers, source)
    if told is not None:
        return as_segments(told, geometry, read_layer, source)
    if layers != 1:
        raise InputError(f"{source}: a segmentation of {layers} layers: expected one; export the layer you want")
    return [Segment(None, lambda: MaskPlane(read_layer(0), geometry))]


def _values(data: bytes, encoding: str, length: int, source: str) -> bytes:
    if encoding == "raw":
        return data
    if encoding in ("gzip", "gz"):
        return inflate(data, source, GZIP, length)
    if encoding in ("bzip2", "bz2"):
        return inflate_bzip2(data, source, length)
    raise InputError(f"{source}: an NRRD in an encoding that is not read: expected raw, gzip or bzip2")


def _layer_axis(header: dict[str, Any], dimension: int) -> int | None:
    """Find the axis that counts layers, the first or the last one, by its kind."""
    kinds = [str(kind).lower() for kind in header.get("kinds") or []]
    if dimension < 3 or len(kinds) != dimension:
        return None
    return next((axis for axis in (0, dimension - 1) if kinds[axis] in _CHANNELS), None)


def _geometry(header: dict[str, Any], axis: int | None) -> MaskGeometry | None:
    """Give where the first two axes of space lie, in LPS, if known."""
    given = header.get("space directions")
    if given is None:
        return None
    directions = np.array([np.full(3, np.nan) if one is None else one for one in given], np.float64)
    if axis is not None:
        directions = np.delete(directions, axis, axis=0)
    if directions.ndim != 2 or directions.shape[0] < 2 or directions.shape[1] not in (2, 3):
        return None
    room = directions.shape[1]
    origin = np.asarray(header.get("space origin", np.zeros(room)), np.float64)
    if not np.isfinite(directions[:2]).all() or origin.shape != (room,) or not np.isfinite(origin).all():
        return None
    signs = np.array(_TO_LPS.get(str(header.get("space", "lps")).lower(), (1, 1, 1)), np.float64)
    steps, where = np.zeros((3, 2)), np.zeros(3)
    steps[:room], where[:room] = directions[:2].T, origin
    return MaskGeometry(where * signs, steps * signs[:, None], drawn_on(header))
