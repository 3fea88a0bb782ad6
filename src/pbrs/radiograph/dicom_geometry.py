"""What a DICOM radiograph says of its spacing and of the patient's sides."""

from typing import Literal

from pydicom import Dataset

from pbrs.radiograph.aspect import told_aspect
from pbrs.radiograph.dicom_attributes import numbers, texts

SpacingSource = Literal["PixelSpacing", "ImagerPixelSpacing"]
Side = Literal["left", "right"]

_SOURCES: tuple[SpacingSource, ...] = ("PixelSpacing", "ImagerPixelSpacing")
_MOST_MM = 100.0


def read_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, SpacingSource | None]:
    """Give row and column spacing in mm: PixelSpacing, else ImagerPixelSpacing (PS3.3, 10.7.1.3 and C.8.7.10).

    Values that are not positive are no spacing: archives write zeros where they know nothing.
    """
    for keyword in _SOURCES:
        found = numbers(dataset, keyword)
        if len(found) == 2 and all(0.001 <= value <= _MOST_MM for value in found):
            return (found[0], found[1]), keyword
    return None, None


def read_aspect(dataset: Dataset) -> tuple[float, list[str]]:
    """Give the height of a pixel divided by its width, from the spacing, or else PixelAspectRatio (PS3.3, C.7.6.3.1.7).

    Returns
    -------
    aspect, warnings
        As `told_aspect` gives them.
    """
    for keyword in (*_SOURCES, "NominalScannedPixelSpacing", "PixelAspectRatio"):
        found = numbers(dataset, keyword)
        if len(found) == 2 and min(found) > 0:
            return told_aspect(found[0], found[1], keyword)
    return 1.0, []


def read_patient_left(dataset: Dataset) -> tuple[Side, bool, list[str]]:
    """Tell on which side of the image the patient's left lies (PatientOrientation; PS3.3, C.7.6.1.1.1).

    Returns
    -------
    side
        ``"right"`` unless the file says otherwise.
    assumed
        True where the file does not say.
    warnings
        One line where the image does not stand upright, or is no frontal one.
    """
    orientation = texts(dataset, "PatientOrientation")
    along_row = orientation[0] if orientation else ""
    along_column = orientation[1] if len(orientation) > 1 else ""
    warnings = []
    if along_column.startswith("H"):
        warnings.append("PatientOrientation says that the image is upside down: turn it first")
    elif along_row.startswith(("H", "F")) and along_column.startswith(("L", "R")):
        warnings.append("PatientOrientation says that the patient lies across the image: turn it first")
    elif along_row.startswith(("A", "P")):
        warnings.append("PatientOrientation says that this is a lateral view: expected a frontal one")
    if along_row.startswith("L"):
        return "right", False, warnings
    if along_row.startswith("R"):
        return "left", False, warnings
    return "right", True, warnings
