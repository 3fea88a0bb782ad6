"""A radiograph from a DICOM file."""

import re

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import RLELossless

from pbrs.radiograph.dicom_attributes import integer, text
from pbrs.radiograph.dicom_file import open_dicom
from pbrs.radiograph.dicom_geometry import read_aspect, read_patient_left, read_spacing
from pbrs.radiograph.dicom_grey import burnt_out, is_shown_inverted, modality_values, voi_scaling
from pbrs.radiograph.dicom_pixels import PixelHeader, decode_pixels, stored_values
from pbrs.radiograph.grey import Levels, Scaling, finish, luminance, scale_by_percentiles
from pbrs.radiograph.limits import muted_warnings
from pbrs.radiograph.radiograph import Radiograph

_PROJECTIONS = {"CR", "DX", "RF", "RG", "XA", "OT", "SC", ""}


def read_dicom(data: bytes, source: str, sha256: str, invert: bool) -> Radiograph:
    """Read a DICOM image: modality LUT or rescale, VOI LUT or window, polarity, in that order.

    Where there is neither VOI LUT nor window, values are scaled by their percentiles. Padding (PixelPaddingValue and
    PixelPaddingRangeLimit) is left out of these and becomes 0. No attribute of the patient is read.

    Parameters
    ----------
    data, source, sha256
        The file's bytes, its name and its hash.
    invert
        Whether to turn the result over.

    Raises
    ------
    InputError
        If it is damaged, too large, compressed in a way that cannot be decoded here, or holds no single image.
    """
    with muted_warnings():
        dataset, notes = open_dicom(data, source)
        header, header_notes = PixelHeader.of(dataset, source)
        words, pixel_notes = decode_pixels(dataset, header, source)
        notes = _kind_warnings(dataset) + notes + header_notes + pixel_notes
        if words.ndim == 3:
            scaling, levels, padding = _colour_scaling(words)
            shown_inverted = False
        else:
            # JPEG and its kin code numbers, without unused bits; RLE packs the words as they are.
            syntax = dataset.file_meta.TransferSyntaxUID
            is_coded = syntax.is_encapsulated and syntax != RLELossless
            values = words if is_coded else stored_values(words, header)
            padding = find_padding(words, values, dataset)
            levels = Levels.of(values, padding)
            shown_inverted, polarity_notes = is_shown_inverted(dataset)
            scaling, grey_notes = _grey_scaling(levels, dataset, shown_inverted)
            notes += grey_notes + polarity_notes
        if scaling.warning:
            notes.append(scaling.warning)
        spacing, spacing_source = read_spacing(dataset)
        aspect, aspect_notes = read_aspect(dataset)
        side, assumed, side_notes = read_patient_left(dataset)
    inverted = shown_inverted != invert
    return Radiograph(
        pixels=finish(levels.paint(scaling.table), padding, inverted and scaling.rule != "constant"),
        source=source,
        sha256=sha256,
        file_format="DICOM",
        bits=header.bits_stored,
        grey_rule=scaling.rule,
        inverted=inverted,
        spacing_mm=spacing,
        spacing_source=spacing_source,
        pixel_aspect=aspect,
        patient_left=side,
        patient_left_assumed=assumed,
        warnings=tuple(notes + aspect_notes + side_notes),
    )


def find_padding(words: NDArray[np.integer], values: NDArray[np.integer], dataset: Dataset) -> NDArray[np.bool_] | None:
    """Find pixels that are padding: PixelPaddingValue, to PixelPaddingRangeLimit where given (PS3.3, C.7.5.1.1.2).

    Parameters
    ----------
    words, values
        Integer (H, W), as decoded and with unused bits taken out. Padding may use bits that are not stored.
    dataset
        The image.

    Returns
    -------
    numpy.ndarray or None
        bool (H, W), or None where nothing is padded.
    """
    first = integer(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = integer(dataset, "PixelPaddingRangeLimit")
    bounds = [_in_range_of(words.dtype, value) for value in (first, first if last is None else last)]
    low, high = sorted(bounds)
    padding = (words >= low) & (words <= high)
    if values is not words:
        padding |= (values >= low) & (values <= high)
    return padding if padding.any() else None


def _in_range_of(dtype: np.dtype[np.integer], value: int) -> int:
    """Take a number that was written with the other sign (as US of signed pixels, or SS of unsigned ones) for theirs.

    Padding is written as US or SS as PixelRepresentation says (PS3.5, 6.2); many writers do not heed it.
    """
    limits, whole = np.iinfo(dtype), 1 << (8 * dtype.itemsize)
    if value > limits.max and value - whole >= limits.min:
        return value - whole
    return value + whole if value < limits.min and value + whole <= limits.max else value


def _grey_scaling(levels: Levels, dataset: Dataset, inverted: bool) -> tuple[Scaling, list[str]]:
    values, notes = modality_values(levels.values, dataset)
    scaling, voi_notes = voi_scaling(values, dataset)
    notes += voi_notes
    by_percentiles = scale_by_percentiles(values, levels.counts)
    if by_percentiles.warning:
        return by_percentiles, notes
    if scaling is not None:
        shown = scaling.table[levels.counts > 0]
        fault = "one grey only" if shown.max() <= shown.min() else burnt_out(values, scaling, levels.counts, inverted)
        if not fault:
            return scaling, notes
        notes.append(f"the file's {scaling.rule} shows {fault}: percentiles used instead")
    return by_percentiles, notes


def _colour_scaling(colour: NDArray[np.integer]) -> tuple[Scaling, Levels, None]:
    levels = Levels.of(luminance(colour))
    scaling = scale_by_percentiles(levels.values, levels.counts)
    return Scaling(scaling.table, "luminance of RGB, " + scaling.rule, scaling.warning), levels, None


def _kind_warnings(dataset: Dataset) -> list[str]:
    warnings = []
    modality = text(dataset, "Modality")
    if modality not in _PROJECTIONS and re.fullmatch("[A-Z]{2,10}", modality):
        warnings.append(f"modality {modality}: PBRS is made for projection radiographs (CR, DX, RF)")
    if text(dataset, "PresentationIntentType") == "FOR PROCESSING":
        warnings.append("FOR PROCESSING: the detector's raw values; give the FOR PRESENTATION image if there is one")
    return warnings
