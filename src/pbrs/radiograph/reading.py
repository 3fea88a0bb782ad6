"""One radiograph in, whatever the file: chosen by content, not by name."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pbrs.errors import InputError
from pbrs.file_name import name_as_text
from pbrs.radiograph.dicom_prefix import is_dicom
from pbrs.radiograph.limits import read_bytes
from pbrs.radiograph.radiograph import Radiograph
from pbrs.radiograph.raster import read_raster
from pbrs.radiograph.raster_file import RasterFormat

Polarity = Literal["as-is", "inverted"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom")
"""What the names of radiographs end in; files without any suffix are looked into."""

LEFT_OUT = {"masks", "structures", "overlays", "roi", "seg", "sc", "contact_sheet"}
"""Folders of a data set or of `pbrs segment` whose pictures are no radiographs."""

PREVIEW = re.compile(r"preview(_\d+)?\.png")
"""Contact sheets of `pbrs segment`, where they lie beside its report."""

_RASTER_MAGIC: tuple[tuple[bytes, RasterFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_OTHER_MAGIC = (
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"%PDF", "a PDF: export the image as PNG or DICOM"),
    (b"NRRD", "NRRD: masks may be, radiographs are read as PNG, JPEG, TIFF or DICOM"),
    (b"GIF8", "a GIF: export it as PNG"),
    (b"BM", "a BMP: export it as PNG"),
    (b"RIFF", "a WebP or another RIFF file: export it as PNG"),
    (b"\x00\x00\x00\x0cjP", "a bare JPEG 2000 file: export it as PNG or DICOM"),
)


def read_radiograph(path: Path, polarity: Polarity = "as-is") -> Radiograph:
    """Read a PNG, JPEG, TIFF or DICOM file.

    Parameters
    ----------
    path
        The file. What it is, is seen from its content; its suffix does not matter.
    polarity
        ``"inverted"`` turns the result over, for files in which bone is dark and nothing says so.

    Returns
    -------
    Radiograph
        float32 (H, W) in [0, 1], bone bright, with what the file says of it.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged, too large or holds no single image: one line that says what to do.
    """
    path = Path(path)
    data = read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    invert = polarity == "inverted"
    # DICOM first: a DICOM file may carry a TIFF header in its preamble (PS3.10, 7.1).
    if not is_dicom(data):
        for magic, file_format in _RASTER_MAGIC:
            if data.startswith(magic):
                return read_raster(data, path.name, sha256, file_format, invert)
        for magic, advice in _OTHER_MAGIC:
            if data.startswith(magic):
                raise InputError(f"{path.name} is {advice}")
    # Here: importing pydicom takes longer than reading a PNG.
    from pbrs.radiograph.dicom import read_dicom

    return read_dicom(data, path.name, sha256, invert)


def find_radiographs(inputs: Sequence[Path]) -> list[Path]:
    """List the radiographs among files and folders.

    Parameters
    ----------
    inputs
        Files, taken as they are; folders, searched with all below them for names that end in `SUFFIXES` and for
        DICOM files without a suffix. Hidden files and folders are left out, and folders within them that hold masks or
        pictures that PBRS made (`LEFT_OUT`).

    Returns
    -------
    list of pathlib.Path
        In the order of `inputs`, sorted within each folder; each file once.

    Raises
    ------
    InputError
        If an input does not exist, or a folder holds no radiograph.
    """
    found: list[Path] = []
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _looks_like_radiograph(file, path)]
            if not inside:
                raise InputError(f"no radiograph in {path}: expected files ending in {', '.join(SUFFIXES)}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"no such file or folder: {path}")
    return list(dict.fromkeys(found))


def image_stem(path: Path) -> str:
    """Give a radiograph's name without its suffix, in one form of Unicode.

    A DICOM file's name may be a UID, whose last number is no suffix.
    """
    return name_as_text(path.stem if path.suffix.lower() in SUFFIXES else path.name)


def _looks_like_radiograph(file: Path, folder: Path) -> bool:
    inside = file.relative_to(folder).parts
    # A link to nothing is taken, so that reading it names it.
    is_file = file.is_file() or (file.is_symlink() and not file.exists())
    if any(part.startswith(".") for part in inside) or LEFT_OUT & set(inside[:-1]) or not is_file:
        return False
    if PREVIEW.fullmatch(file.name) and (file.parent / "report.json").is_file():
        return False
    if file.suffix.lower() in SUFFIXES:
        return True
    # Names in archives are often dotted numbers, in which the "suffix" is one of them.
    if file.suffix and not file.suffix[1:].isdigit():
        return False
    try:
        with file.open("rb") as opened:
            return is_dicom(opened.read(132)) and file.name != "DICOMDIR"
    except OSError:
        return False
