"""DICOM files that end too early: what is whole is read, what is not is named."""

from pydicom import Dataset
from pydicom.uid import UID

from pbrs.errors import InputError
from pbrs.radiograph.dicom_attributes import text

_STARTS = tuple(b"\xe0\x7f\x10\x00" + vr + b"\0\0\xff\xff\xff\xff" for vr in (b"OB", b"OW", b"UN"))
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_COPY_AGAIN = "copy or export it again"


def close_pixel_data(data: bytes, source: str) -> bytes | None:
    """Add the sequence delimiter that should end compressed pixel data (PS3.5, A.4), where only that is missing.

    pydicom passes over pixel data that do not end.

    Returns
    -------
    bytes or None
        The whole file; None if it holds no compressed pixel data that begin.

    Raises
    ------
    InputError
        If a fragment is cut off.
    """
    start = max(data.rfind(beginning) for beginning in _STARTS)
    if start < 0:
        return None
    at, fragments = start + 12, 0
    while data[at : at + 4] == _ITEM and at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            missing = at + 8 + length - len(data)
            raise InputError(
                f"{source}: incomplete, at least {missing:,} bytes of its pixels are missing: {_COPY_AGAIN}"
            )
        at, fragments = at + 8 + length, fragments + 1
    rest = data[at:]
    # The first item is the offset table.
    if fragments < 2 or not (_DELIMITER + bytes(4)).startswith(rest[:8]):
        raise InputError(f"{source}: incomplete, the file ends within its pixels: {_COPY_AGAIN}")
    return data[:at] + _DELIMITER + bytes(4)


def refuse_without_pixels(dataset: Dataset, source: str) -> None:
    """Refuse a file of an image's class that ends before its pixels; says nothing of what is no image by its class.

    Raises
    ------
    InputError
        Then.
    """
    if "Image Storage" in UID(text(dataset, "SOPClassUID")).name or "Rows" in dataset:
        raise InputError(f"{source}: incomplete, the file of an image ends before its pixels: {_COPY_AGAIN}")


def refuse_other_length(dataset: Dataset, source: str, expected: int) -> None:
    """Refuse uncompressed pixel data that are shorter than `expected` bytes, or hold a second frame.

    A few bytes more are read: old writers fill up (PS3.5, 8.1.1).

    Raises
    ------
    InputError
        Then.
    """
    there = len(dataset.PixelData or b"")
    if there < expected:
        raise InputError(
            f"{source}: incomplete or damaged, {there:,} of {expected:,} bytes of its pixels are there: {_COPY_AGAIN}"
        )
    if there >= 2 * expected and there % expected <= 1:
        raise InputError(
            f"{source}: pixels of {there // expected} frames, the header says one: export one frame by itself"
        )
