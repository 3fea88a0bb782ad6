"""The overlay as DICOM Secondary Capture: a picture that any viewer of an archive shows beside the radiograph."""

from pathlib import Path

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import pbrs
from pbrs.atomic_write import atomic_path
from pbrs.radiograph.limits import muted_warnings
from pbrs.segmentation.formats.image import SegmentedImage
from pbrs.segmentation.formats.source_header import COMPRESSION, IDENTITY, PATIENT_AND_STUDY

_SERIES_NUMBER = 9002
_TAKEN = (
    *IDENTITY,
    "PatientOrientation",
    "BurnedInAnnotation",
    *COMPRESSION,
    "PixelSpacing",
)


def write_sc(image: SegmentedImage, out: Path) -> str:
    """Write ``sc/STEM.dcm`` [1]_, RGB in the source's size, and give its path within `out`.

    A source without SOPInstanceUID is not referred to; the picture is in the patient's study all the same.

    References
    ----------
    .. [1] PS3.3, A.8.1 Secondary Capture Image IOD
    """
    from highdicom.sc import SCImage

    header = image.source_header
    with muted_warnings():
        capture = SCImage(
            pixel_array=image.overlay,
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            # highdicom does not allow that it is not known; what the source says is put in below.
            patient_orientation=("L", "F"),
            study_instance_uid=header.dataset.StudyInstanceUID,
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="PBRS",
            manufacturer_model_name="pbrs",
            software_versions=pbrs.__version__,
            device_serial_number=image.model.sha256,
            series_description="PBRS overlay",
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
        for keyword in ("SpecificCharacterSet", *PATIENT_AND_STUDY, *_TAKEN):
            if keyword in header.dataset:
                capture.add(header.dataset[keyword])
        # Not one of a pair, so that the picture needs no Laterality (PS3.3, C.7.3.1).
        capture.BodyPartExamined = "PELVIS"
        capture.ConversionType = "WSD"
        capture.DerivationDescription = f"Pelvic bone region drawn over the radiograph; model {image.model.name}"[:1024]
        if header.sop_class is not None and header.sop_instance is not None:
            reference = Dataset()
            reference.ReferencedSOPClassUID = header.sop_class
            reference.ReferencedSOPInstanceUID = header.sop_instance
            reference.PurposeOfReferenceCodeSequence = [_purpose()]
            capture.SourceImageSequence = [reference]
        path = Path("sc", f"{image.stem}.dcm")
        with atomic_path(out / path) as temporary:
            capture.save_as(temporary, enforce_file_format=True)
    return path.as_posix()


def _purpose() -> Dataset:
    """Say what the reference is for: context group 7202 of PS3.16."""
    purpose = Dataset()
    purpose.CodeValue = "121322"
    purpose.CodingSchemeDesignator = "DCM"
    purpose.CodeMeaning = "Source image for image processing operation"
    return purpose
