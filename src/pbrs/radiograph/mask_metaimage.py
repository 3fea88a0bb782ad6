"""Reading a MetaImage mask (.mha), within bounds: what ITK-SNAP, SimpleITK and elastix write beside NRRD and NIfTI."""

import zlib
from math import prod

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.limits import check_pixels, inflate
from pbrs.radiograph.mask_orientation import one_slice
from pbrs.radiograph.mask_segment import MaskGeometry, MaskPlane

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_LONGEST_HEADER = 2**16


def is_metaimage(data: bytes) -> bool:
    """Tell whether bytes are a MetaImage: a text header that begins with what the object is."""
    return data[:200].lstrip().startswith((b"ObjectType", b"NDims")) and b"DimSize" in data[:_LONGEST_HEADER]


def read_metaimage(data: bytes, source: str) -> MaskPlane:
    """Read a MetaImage mask with its data in the same file.

    Its directions and positions are those of ITK: TransformMatrix holds the direction of each index in turn, in LPS
    [1]_.

    Raises
    ------
    InputError
        If it is damaged, too large, of several slices, or its data lie elsewhere.

    References
    ----------
    .. [1] https://itk.org/Wiki/ITK/MetaIO/Documentation
    """
    damaged = InputError(f"{source}: cannot be read as MetaImage: damaged or incomplete; export it again")
    header, start = _header(data)
    if header.get("ElementDataFile", "").upper() != "LOCAL":
        raise InputError(f"{source}: its data lie in another file: export it as .mha, which is one file")
    try:
        sizes = [int(size) for size in header["DimSize"].split()]
        order = ">" if "true" in (header.get(_BYTE_ORDER[0]) or header.get(_BYTE_ORDER[1]) or "").lower() else "<"
        dtype = np.dtype(order + _TYPES[header["ElementType"].upper()])
        channels = int(header.get("ElementNumberOfChannels", "1"))
        geometry = _geometry(header, len(sizes))
    except (KeyError, ValueError, TypeError):
        raise damaged from None
    if len(sizes) < 2 or channels != 1 or len(sizes) != int(header.get("NDims", len(sizes))):
        raise damaged
    check_pixels(source, sizes[1], sizes[0], prod(sizes[2:]))
    length, content = prod(sizes) * dtype.itemsize, data[start:]
    if header.get("CompressedData", "False").lower() == "true":
        content = inflate(content, source, zlib.MAX_WBITS, length)
    if len(content) < length:
        raise damaged
    volume = np.frombuffer(content, dtype, prod(sizes)).reshape(sizes, order="F")
    return MaskPlane(one_slice(volume, source), geometry)


_BYTE_ORDER = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")


def _header(data: bytes) -> tuple[dict[str, str], int]:
    """Read the fields up to ElementDataFile, which is the last one, and tell where the data begin."""
    fields: dict[str, str] = {}
    at = 0
    while at < min(len(data), _LONGEST_HEADER):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        name, _, value = data[at:end].decode("latin-1").partition("=")
        fields[name.strip()] = value.strip()
        at = end + 1
        if name.strip() == "ElementDataFile":
            break
    return fields, at


def _geometry(header: dict[str, str], dimension: int) -> MaskGeometry | None:
    def numbers(*names: str) -> NDArray[np.float64] | None:
        given = next((header[name] for name in names if name in header), None)
        return None if given is None else np.array([float(part) for part in given.split()])

    room = min(dimension, 3)
    spacing, origin = numbers("ElementSpacing", "ElementSize"), numbers("Offset", "Position", "Origin")
    matrix = numbers("TransformMatrix", "Rotation", "Orientation")
    if spacing is None and origin is None:
        return None
    spacing = np.ones(dimension) if spacing is None else spacing
    origin = np.zeros(dimension) if origin is None else origin
    rows = np.eye(dimension) if matrix is None else matrix.reshape(dimension, dimension)
    if not all(np.isfinite(one).all() for one in (spacing, origin, rows)):
        return None
    steps, where = np.zeros((3, 2)), np.zeros(3)
    steps[:room] = (rows[:2] * spacing[:2, None]).T[:room]
    where[:room] = origin[:room]
    return MaskGeometry(where, steps)
