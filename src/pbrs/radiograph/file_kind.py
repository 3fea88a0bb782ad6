"""What a file is, seen from its first bytes: known without pydicom, whose import takes longer than reading a PNG."""

from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 4096
"""How much of a file's beginning tells what it is."""

RadiographFormat = Literal["PNG", "JPEG", "TIFF", "BMP", "DICOM"]

_PICTURES: tuple[tuple[bytes, RadiographFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADER_BYTES = {12, 16, 40, 52, 56, 64, 108, 124}

_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "compressed by gzip", "unpack it first"),
    (b"BZh", "compressed by bzip2", "unpack it first"),
    (b"\xfd7zXZ\0", "compressed by xz", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"%PDF", "a PDF", "export the image as PNG or DICOM"),
    (b"NRRD", "NRRD", "masks may be, radiographs are read as PNG, JPEG, TIFF, BMP or DICOM"),
    (b"GIF8", "a GIF", "export it as PNG"),
    (b"RIFF", "a WebP or another RIFF file", "export it as PNG"),
    (b"\x00\x00\x00\x0cjP", "a bare JPEG 2000 file", "export it as PNG or DICOM"),
    (b"\xff\x4f\xff\x51", "a bare JPEG 2000 file", "export it as PNG or DICOM"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL file", "export it as PNG"),
    (b"8BPS", "a Photoshop file", "export it as PNG"),
)
_BOX_KINDS = {b"avif": "an AVIF file", b"heic": "an HEIC file", b"mif1": "an HEIC file", b"heix": "an HEIC file"}

_NOT_IMAGES: tuple[tuple[str, str], ...] = (
    # SOP classes (PS3.6, A) by how they begin; the more special ones first.
    ("1.2.840.10008.1.3.10", "DICOMDIR, a list of files"),
    ("1.2.840.10008.5.1.4.1.1.88.59", "DICOM key object selection"),
    ("1.2.840.10008.5.1.4.1.1.88.", "DICOM structured report"),
    ("1.2.840.10008.5.1.4.1.1.11.", "DICOM presentation state"),
    ("1.2.840.10008.5.1.4.1.1.66", "DICOM segmentation, registration or raw data"),
    ("1.2.840.10008.5.1.4.1.1.67", "DICOM real world value mapping"),
    ("1.2.840.10008.5.1.4.1.1.9.", "DICOM waveform"),
    ("1.2.840.10008.5.1.4.1.1.104.", "DICOM encapsulated document"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "DICOM radiotherapy object"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "DICOM radiotherapy object"),
    ("1.2.840.10008.5.1.4.1.1.481.4", "DICOM radiotherapy object"),
    ("1.2.840.10008.5.1.4.1.1.481.5", "DICOM radiotherapy object"),
    ("1.2.840.10008.5.1.4.38.", "DICOM hanging protocol"),
)
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes
    ----------
    name
        In words: ``"PNG"``, ``"a ZIP archive"``, ``"DICOM structured report"``.
    radiograph_format
        The format that it is read as, or None where it is no radiograph.
    advice
        What to do with what is not read, or ``""``.
    """

    name: str
    radiograph_format: RadiographFormat | None = None
    advice: str = ""


UNKNOWN = FileKind("of an unknown kind")


def tell_kind(head: bytes) -> FileKind:
    """Tell what a file is from its first `HEAD_BYTES` bytes.

    DICOM is asked first: a DICOM file may carry a TIFF header in its preamble (PS3.10, 7.1).
    """
    if has_dicom_prefix(head):
        return _dicom_kind(head)
    for magic, file_format in _PICTURES:
        if head.startswith(magic):
            return FileKind(file_format, file_format)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return FileKind("BMP", "BMP")
    for magic, name, advice in _OTHERS:
        if head.startswith(magic):
            return FileKind(name, None, advice)
    if head[4:8] == b"ftyp" and head[8:12] in _BOX_KINDS:
        return FileKind(_BOX_KINDS[head[8:12]], None, "export it as PNG")
    return _dicom_kind(head) if _begins_as_data_set(head) else UNKNOWN


def has_dicom_prefix(head: bytes) -> bool:
    """Tell whether bytes have the DICOM prefix (PS3.10, 7.1)."""
    return head[128:132] == b"DICM"


def _dicom_kind(head: bytes) -> FileKind:
    """Tell a DICOM image from DICOM that holds none, by its class (0002,0002), or (0008,0016) of a bare one."""
    for tag in (b"\x02\x00\x02\x00UI", b"\x08\x00\x16\x00UI"):
        at = head.find(tag)
        if at >= 0:
            length = int.from_bytes(head[at + 6 : at + 8], "little")
            uid = head[at + 8 : at + 8 + length].rstrip(b"\0 ").decode("ascii", "replace")
            for beginning, name in _NOT_IMAGES:
                if uid.startswith(beginning):
                    return FileKind(name)
            break
    return FileKind("DICOM", "DICOM")


def _begins_as_data_set(head: bytes) -> bool:
    """Tell whether bytes are a DICOM data set without preamble, as old archives and ACR-NEMA write it.

    It begins with group 0008, or 0002 of a file header whose preamble is missing. Two elements are looked at: their
    tags must rise, and each must have a value representation, or, without one, a length that is even and small
    (PS3.5, 7.1).
    """
    if head[:2] in (b"\x08\x00", b"\x02\x00"):
        return _two_elements(head, "little")
    return head[:2] == b"\x00\x08" and _two_elements(head, "big")


def _two_elements(head: bytes, order: Literal["little", "big"]) -> bool:
    at, last = 0, -1
    for _ in range(2):
        tag = int.from_bytes(head[at : at + 2], order) << 16 | int.from_bytes(head[at + 2 : at + 4], order)
        representation = head[at + 4 : at + 6]
        if representation in _LONG:
            length, at = int.from_bytes(head[at + 8 : at + 12], order), at + 12
        elif representation in _VALUE_REPRESENTATIONS:
            length, at = int.from_bytes(head[at + 6 : at + 8], order), at + 8
        else:
            length, at = int.from_bytes(head[at + 4 : at + 8], order), at + 8
        if tag <= last or tag >> 16 > 0x0010 or length % 2 or length > HEAD_BYTES or at > len(head):
            return False
        at, last = at + length, tag
    return True
