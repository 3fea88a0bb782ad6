"""What a DICOM object derived from a radiograph takes from it: identity of patient and study, references, no more.

Archives of research data hold what the standard does not allow: no StudyInstanceUID, dates of eight zeros, sexes in
words. Only values that the standard allows are taken over; what it wants to be there but may be empty (type 2) is left
empty, and a UID that is missing is made, always the same for the same file.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import DSfloat, validate_value

from pbrs.errors import InputError
from pbrs.radiograph.dicom_attributes import numbers, text, texts
from pbrs.radiograph.dicom_file import open_dicom
from pbrs.radiograph.limits import muted_warnings, read_bytes
from pbrs.radiograph.radiograph import Radiograph

PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
)
"""Of type 2 in PS3.3, C.7.1.1 and C.7.2.1: always there, empty where the source has no usable value."""

IDENTITY = ("IssuerOfPatientID", "PatientIdentityRemoved", "DeidentificationMethod")
"""Taken over where the source has them: whose PatientID it is, and that and how the source was de-identified."""

_ENUMERATED = {
    "PatientSex": {"M", "F", "O"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "BurnedInAnnotation": {"YES", "NO"},
    "LossyImageCompression": {"00", "01"},
}


@dataclass(frozen=True, eq=False)
class SourceHeader:
    """The part of a source's header that derived objects need.

    Attributes
    ----------
    dataset
        Attributes of `PATIENT_AND_STUDY` and, where the source has them, `IDENTITY`; StudyInstanceUID and
        SeriesInstanceUID; Rows and Columns; PixelSpacing if it is the radiograph's; LossyImageCompression with ratio
        and method; PatientOrientation (two values, or empty); BurnedInAnnotation. In UTF-8.
    sop_class, sop_instance
        UIDs of the source, or None where it has none that is valid.
    warnings
        What could not be taken over, by the attributes' names.
    """

    dataset: Dataset
    sop_class: UID | None
    sop_instance: UID | None
    warnings: tuple[str, ...]


def read_source_header(path: Path, radiograph: Radiograph) -> SourceHeader:
    """Read what derived objects need out of a DICOM file.

    Parameters
    ----------
    path
        The file.
    radiograph
        As it was read from the file.

    Raises
    ------
    InputError
        If the file is not DICOM, or has changed since.
    """
    if radiograph.file_format != "DICOM":
        raise InputError(f"{radiograph.source} is {radiograph.file_format}: DICOM objects are derived from DICOM only")
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != radiograph.sha256:
        raise InputError(f"{radiograph.source} has changed while it was segmented: segment it again")
    with muted_warnings():
        return _derive(open_dicom(data, radiograph.source), radiograph)


def _derive(source: Dataset, radiograph: Radiograph) -> SourceHeader:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    unusable: list[str] = []
    for keyword in PATIENT_AND_STUDY:
        setattr(header, keyword, _value(source, keyword, unusable))
    for keyword in IDENTITY:
        if value := _value(source, keyword, unusable):
            setattr(header, keyword, value)
    if header.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethod" not in header:
        # Then it is required (PS3.3, C.7.1.1), in words or in codes.
        header.DeidentificationMethod = "see the source image"
    warnings = [f"{', '.join(unusable)}: not valid in the source, left empty in DICOM outputs"] if unusable else []
    missing = []
    for keyword, level in (("StudyInstanceUID", "study"), ("SeriesInstanceUID", "series")):
        uid = _uid(source, keyword)
        if uid is None:
            missing.append(keyword)
            uid = generate_uid(entropy_srcs=[radiograph.sha256, level])
        setattr(header, keyword, uid)
    if missing:
        warnings.append(f"the source has no valid {' and '.join(missing)}: made for DICOM outputs")
    header.Rows, header.Columns = radiograph.shape
    if radiograph.spacing_mm is not None and radiograph.spacing_source == "PixelSpacing":
        header.PixelSpacing = [DSfloat(value, auto_format=True) for value in radiograph.spacing_mm]
    _take_compression(source, header)
    orientation = texts(source, "PatientOrientation")
    stands = len(orientation) == 2 and all(re.fullmatch("[LRAPHF]{1,3}", side) for side in orientation)
    header.PatientOrientation = orientation if stands else ""
    if burned := _value(source, "BurnedInAnnotation", []):
        header.BurnedInAnnotation = burned
    meta = source.file_meta
    return SourceHeader(
        dataset=header,
        sop_class=_uid(source, "SOPClassUID") or _uid(meta, "MediaStorageSOPClassUID"),
        sop_instance=_uid(source, "SOPInstanceUID") or _uid(meta, "MediaStorageSOPInstanceUID"),
        warnings=tuple(warnings),
    )


def _take_compression(source: Dataset, header: Dataset) -> None:
    header.LossyImageCompression = "01" if text(source, "LossyImageCompression") == "01" else "00"
    ratios, methods = numbers(source, "LossyImageCompressionRatio"), texts(source, "LossyImageCompressionMethod")
    if header.LossyImageCompression == "01" and ratios:
        header.LossyImageCompressionRatio = [DSfloat(ratio, auto_format=True) for ratio in ratios]
        if len(methods) == len(ratios) and all(re.fullmatch("[A-Z0-9_ ]{1,16}", method) for method in methods):
            header.LossyImageCompressionMethod = methods


def _value(source: Dataset, keyword: str, unusable: list[str]) -> str:
    """Give an attribute's value as the standard allows it, or ``""``; name it in `unusable` if it was there."""
    try:
        given = source.get(keyword)
        values = [given] if given is None or isinstance(given, str) or not hasattr(given, "__len__") else list(given)
        value = (
            "\\".join("" if one is None else str(one) for one in values) if keyword in IDENTITY else str(given or "")
        )
        for one in value.split("\\") if keyword == "DeidentificationMethod" else [value]:
            validate_value(dictionary_VR(keyword), one, RAISE)
    except Exception:
        # pydicom converts on access, and raises what the broken bytes make it stumble over.
        unusable.append(keyword)
        return ""
    if value and keyword in _ENUMERATED and value not in _ENUMERATED[keyword]:
        unusable.append(keyword)
        return ""
    return value


def _uid(source: Dataset, keyword: str) -> UID | None:
    try:
        uid = UID(str(source.get(keyword) or ""))
    except Exception:
        return None
    return uid if uid and uid.is_valid else None
