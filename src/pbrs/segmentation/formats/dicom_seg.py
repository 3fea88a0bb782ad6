"""DICOM SEG: one BINARY segment for the region and for each structure, in the pixel grid of the source."""

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, generate_uid

import pbrs
from pbrs.atomic_write import atomic_path
from pbrs.errors import InputError
from pbrs.radiograph.anatomy import SIDES, anatomy_of
from pbrs.radiograph.limits import muted_warnings
from pbrs.segmentation.formats.image import SegmentedImage
from pbrs.segmentation.formats.source_header import COMPRESSION, IDENTITY, PATIENT_AND_STUDY

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

_SERIES_NUMBER = 9001
"""Beyond what a modality counts to in one study."""


def write_seg(image: SegmentedImage, out: Path) -> str:
    """Write ``seg/STEM.dcm`` [1]_ and give its path within `out`.

    A projection has no frame of reference: the masks are tied to the source by reference, pixel by pixel. A structure
    that was not found is described, but has no frame.

    Raises
    ------
    InputError
        If the source has no SOPInstanceUID or SOPClassUID, and cannot be referred to.

    References
    ----------
    .. [1] PS3.3, A.51 Segmentation IOD, https://dicom.nema.org/medical/dicom/current/output/html/part03.html
    """
    from highdicom.seg import Segmentation

    header = image.source_header
    if header.sop_instance is None or header.sop_class is None:
        raise InputError(
            f"{image.radiograph.source} has no valid SOPInstanceUID or SOPClassUID, which a DICOM SEG must refer to: "
            "choose another --format, or give the file as it left the archive"
        )
    masks = image.masks
    source = deepcopy(header.dataset)
    for keyword in PATIENT_AND_STUDY:
        # Put in afterwards: highdicom logs names that it doubts.
        setattr(source, keyword, "")
    # highdicom reads pixel measures only with a slice thickness. They may be left out: the source has them.
    source.pop("PixelSpacing", None)
    source.SOPInstanceUID = header.sop_instance
    # highdicom knows the standard's own classes only, and wants a frame of reference of a CT: the source's class is put
    # into the references afterwards.
    source.SOPClassUID = ComputedRadiographyImageStorage
    source.Modality = "CR"
    with muted_warnings():
        segmentation = Segmentation(
            source_images=[source],
            pixel_array=np.stack(list(masks.values()), axis=-1)[None],
            segmentation_type="BINARY",
            segment_descriptions=[_describe(number, name, image) for number, name in enumerate(masks, start=1)],
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="PBRS",
            manufacturer_model_name="pbrs",
            software_versions=pbrs.__version__,
            device_serial_number=image.model.sha256,
            content_label="PELVIC_BONE",
            content_description="Pelvic bone region and structures",
            series_description="PBRS segmentation",
            # Without any frame there would be no image: then all of them are written.
            omit_empty_frames=any(mask.any() for mask in masks.values()),
        )
        for keyword in ("SpecificCharacterSet", *PATIENT_AND_STUDY, *IDENTITY, *COMPRESSION):
            if keyword in header.dataset:
                segmentation.add(header.dataset[keyword])
        # Of type 2C where there is no ImageOrientationPatient, and empty where the source does not say.
        segmentation.PatientOrientation = header.dataset.PatientOrientation
        _refer_to_class(segmentation, header.sop_class)
        path = Path("seg", f"{image.stem}.dcm")
        with atomic_path(out / path) as temporary:
            segmentation.save_as(temporary, enforce_file_format=True)
    return path.as_posix()


def _describe(number: int, name: str, image: SegmentedImage) -> "SegmentDescription":
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    anatomy = anatomy_of(name)
    algorithm = AlgorithmIdentificationSequence(
        name="pbrs",
        family=codes.DCM.ArtificialIntelligence,
        version=pbrs.__version__,
        source="PBRS",
        parameters={
            "model": image.model.name,
            "model_sha256": image.model.sha256,
            "threshold": f"{image.segmentation.threshold:g}",
        },
    )
    description = SegmentDescription(
        segment_number=number,
        segment_label=anatomy.label,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=CodedConcept(anatomy.code, "SCT", anatomy.meaning),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        display_color=CIELabColor.from_rgb(*anatomy.colour),
    )
    if anatomy.side is not None:
        code, meaning = SIDES[anatomy.side]
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [CodedConcept(code, "SCT", meaning)]
    return description


def _refer_to_class(dataset: Dataset, sop_class: UID) -> None:
    def put_in(_: Dataset, element: Any) -> None:
        if element.keyword == "ReferencedSOPClassUID":
            element.value = sop_class

    dataset.walk(put_in)
