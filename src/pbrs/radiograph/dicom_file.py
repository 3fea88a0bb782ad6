"""Opening a DICOM file: bounded, whatever its transfer syntax, and refused if it holds no single image."""

import io
import re

from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from pbrs.errors import InputError
from pbrs.radiograph.codestream import syntax_of
from pbrs.radiograph.dicom_attributes import integer, text
from pbrs.radiograph.dicom_incomplete import close_pixel_data, refuse_without_pixels
from pbrs.radiograph.dicom_numbers import mend_numbers
from pbrs.radiograph.file_kind import has_dicom_prefix
from pbrs.radiograph.limits import DEFLATE, inflate

EXPECTED = "expected a single radiograph (CR, DX, RF or secondary capture)"


def open_dicom(data: bytes, source: str) -> tuple[Dataset, list[str]]:
    """Parse a DICOM file that holds an image.

    Files without preamble or file meta information are read too, as old archives write them.

    Parameters
    ----------
    data
        The file's bytes.
    source
        Its name, for messages.

    Returns
    -------
    dataset
        With ``PixelData`` and a transfer syntax.
    warnings
        One line for what was mended.

    Raises
    ------
    InputError
        If it is damaged, inflates to too much, or holds no image or several.
    """
    notes: list[str] = []
    try:
        dataset = parse_dicom(data, source)
        if "PixelData" not in dataset and (closed := close_pixel_data(data, source)) is not None:
            dataset = parse_dicom(closed, source)
            notes.append("the end of the pixel data is not marked, though all of them are there: read as they are")
        has_pixels = "PixelData" in dataset
        has_floats = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
        is_known = "SOPClassUID" in dataset or "Modality" in dataset or "Rows" in dataset
        is_directory = "DirectoryRecordSequence" in dataset
        meta = dataset.file_meta
        is_directory |= meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage
    except InputError:
        raise
    except Exception:
        # pydicom raises whatever broken bytes make it stumble over.
        raise InputError(f"{source}: cannot be read as DICOM: damaged or incomplete; export it again") from None
    if is_directory:
        raise InputError(f"{source} is a DICOMDIR, a list of files: give the images or their folder instead")
    if has_floats:
        raise InputError(f"{source}: floating point pixels, as in a parametric map: {EXPECTED}")
    if not has_pixels:
        if not is_known and not has_dicom_prefix(data):
            raise InputError(f"{source} is not PNG, JPEG, TIFF, BMP or DICOM: export it as one of these")
        refuse_without_pixels(dataset, source)
        raise InputError(f"{source}: DICOM without an image{_kind(dataset)}: {EXPECTED}")
    notes += mend_numbers(dataset)
    frames = integer(dataset, "NumberOfFrames") or 1
    if frames > 1:
        raise InputError(f"{source}: {frames} frames: {EXPECTED}; export the frame you want as a file of its own")
    _settle_transfer_syntax(dataset)
    notes += _name_compression(dataset)
    return dataset, notes


def parse_dicom(data: bytes, source: str) -> Dataset:
    """Parse as `dcmread` does, but inflate a deflated data set within bounds (PS3.5, A.5)."""
    file = io.BytesIO(data)
    preamble = read_preamble(file, force=True)
    meta = _read_file_meta_info(file)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return dcmread(io.BytesIO(data), force=True)
    inflated = inflate(data[file.tell() :], source, DEFLATE)
    content = read_dataset(io.BytesIO(inflated), is_implicit_VR=False, is_little_endian=True)
    return FileDataset("", content, preamble, meta, is_implicit_VR=False, is_little_endian=True)


def _settle_transfer_syntax(dataset: Dataset) -> None:
    """Name the transfer syntax that pydicom guessed where the file does not."""
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = dataset.original_encoding
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = syntax


def _name_compression(dataset: Dataset) -> list[str]:
    """Put the transfer syntax right where pixels are compressed and it says that they are not."""
    meta = dataset.file_meta
    data = dataset.PixelData
    if meta.TransferSyntaxUID.is_encapsulated or not data or not data.startswith(b"\xfe\xff\x00\xe0"):
        return []
    try:
        found = syntax_of(next(generate_frames(data, number_of_frames=1)))
    except Exception:
        found = None
    if found is None:
        return []
    meta.TransferSyntaxUID = UID(found)
    return [f"the file says that it is not compressed, but it is, as {UID(found).name}: read so"]


def _kind(dataset: Dataset) -> str:
    """Say what an object is by DICOM's own name for its class, or by its modality; never by free text."""
    uid = UID(text(dataset, "SOPClassUID"))
    if uid.name != str(uid):
        return f" ({uid.name})"
    modality = text(dataset, "Modality")
    return f" (modality {modality})" if re.fullmatch("[A-Z]{2,10}", modality) else ""
