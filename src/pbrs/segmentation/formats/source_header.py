"""What a DICOM object derived from a radiograph takes from it: identity of patient and study, references, no more.

Archives of research data hold what the standard does not allow: no StudyInstanceUID, dates of eight zeros, sexes in
words, two names in one. Only values that the standard allows are taken over (`pbrs.segmentation.formats.source_value`);
what it wants to be there but may be empty (type 2) is left empty, and a UID of study or series that is missing is made,
always the same for the same file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import DSfloat

from pbrs.errors import InputError
from pbrs.radiograph.dicom_attributes import texts
from pbrs.radiograph.dicom_file import open_dicom
from pbrs.radiograph.limits import muted_warnings, read_bytes
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.formats.source_compression import take_compression
from pbrs.segmentation.formats.source_value import UnusableValue, read_uid, read_value

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

COMPRESSION = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""The first always, the others where they are known."""

_ENUMERATED = {
    "PatientSex": {"M", "F", "O"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "BurnedInAnnotation": {"YES", "NO"},
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
        What could not be taken over or was set right, by the attributes' names; never by their values.
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
        return _derive(open_dicom(data, radiograph.source)[0], radiograph)


def _derive(source: Dataset, radiograph: Radiograph) -> SourceHeader:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    unusable: list[str] = []
    set_right: list[str] = []
    for keyword in PATIENT_AND_STUDY:
        setattr(header, keyword, _take(source, keyword, unusable, set_right))
    for keyword in (*IDENTITY, "BurnedInAnnotation"):
        if value := _take(source, keyword, unusable, set_right):
            setattr(header, keyword, value)
    if header.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethod" not in header:
        # Then it is required (PS3.3, C.7.1.1), in words or in codes.
        header.DeidentificationMethod = "see the source image"
    orientation = texts(source, "PatientOrientation")
    stands = len(orientation) == 2 and all(map(_is_direction, orientation))
    header.PatientOrientation = orientation if stands else ""
    if any(orientation) and not stands:
        unusable.append("PatientOrientation")
    warnings = [f"{', '.join(unusable)}: not valid in the source, left empty in DICOM outputs"] if unusable else []
    if set_right:
        warnings.append(f"{', '.join(set_right)}: in an old form in the source, set right in DICOM outputs")
    missing = []
    for keyword, level in (("StudyInstanceUID", "study"), ("SeriesInstanceUID", "series")):
        uid = read_uid(source, keyword)
        if uid is None:
            missing.append(keyword)
            uid = generate_uid(entropy_srcs=[radiograph.sha256, level])
        setattr(header, keyword, uid)
    if missing:
        warnings.append(f"the source has no valid {' and '.join(missing)}: made for DICOM outputs")
    header.Rows, header.Columns = radiograph.shape
    if radiograph.spacing_mm is not None and radiograph.spacing_source == "PixelSpacing":
        header.PixelSpacing = [DSfloat(value, auto_format=True) for value in radiograph.spacing_mm]
    warnings += take_compression(source, header)
    # Of the instance only what the data set says: the file's meta information may still hold the UID that somebody
    # took out of it to hide whose image this is.
    sop_instance = read_uid(source, "SOPInstanceUID")
    if sop_instance is None:
        warnings.append("the source has no valid SOPInstanceUID: DICOM outputs do not refer to it")
    return SourceHeader(
        dataset=header,
        sop_class=read_uid(source, "SOPClassUID") or read_uid(source.file_meta, "MediaStorageSOPClassUID"),
        sop_instance=sop_instance,
        warnings=tuple(warnings),
    )


def _take(source: Dataset, keyword: str, unusable: list[str], set_right: list[str]) -> str:
    """Give an attribute's value as the standard allows it, or ``""``; name it if it was there and is not taken so."""
    try:
        value, is_set_right = read_value(source, keyword)
    except UnusableValue:
        unusable.append(keyword)
        return ""
    if value and keyword in _ENUMERATED and value not in _ENUMERATED[keyword]:
        unusable.append(keyword)
        return ""
    if is_set_right:
        set_right.append(keyword)
    return value


def _is_direction(text: str) -> bool:
    """Tell whether this is a direction of the patient: at most one letter of each of the three axes."""
    axes = ["RL", "AP", "HF"]
    return (
        bool(text)
        and all(letter in "RLAPHF" for letter in text)
        and all(sum(letter in axis for letter in text) <= 1 for axis in axes)
    )
