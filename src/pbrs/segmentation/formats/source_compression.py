"""Whether a radiograph was ever compressed with loss, as far as its file tells (PS3.3, C.7.6.1.1.5)."""

import re

from pydicom import Dataset
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from pbrs.radiograph.dicom_attributes import integer, numbers, texts

_JPEG = (*range(50, 57), *range(59, 65))
_METHODS = {
    # Baseline, extended and progressive JPEG, with the retired ones; JPEG XL that holds such a JPEG.
    **{UID(f"1.2.840.10008.1.2.4.{number}"): "ISO_10918_1" for number in (*_JPEG, 111)},
    UID("1.2.840.10008.1.2.4.81"): "ISO_14495_1",
    UID("1.2.840.10008.1.2.4.91"): "ISO_15444_1",
    UID("1.2.840.10008.1.2.4.93"): "ISO_15444_1",
    UID("1.2.840.10008.1.2.4.203"): "ISO_15444_15",
    UID("1.2.840.10008.1.2.4.112"): "ISO_18181_1",
}
"""Transfer syntaxes that allow losses, and what LossyImageCompressionMethod calls them (PS3.3, C.7.6.1.1.5.1)."""


def take_compression(source: Dataset, header: Dataset) -> list[str]:
    """Put LossyImageCompression into `header`, with ratio and method where they are known.

    What the source says of it is believed where it says that there was loss; where it says that there was none or says
    nothing, its transfer syntax is asked, too. Where that allows losses, there was loss (JPEG-LS and JPEG 2000 may
    lose nothing in such a syntax; nothing tells of the file's earlier life). A ratio that the source does not give
    is that of the pixels to the frame that holds them.

    Returns
    -------
    list of str
        Warnings: what was set right.
    """
    said = texts(source, "LossyImageCompression")
    ratios = [ratio for ratio in numbers(source, "LossyImageCompressionRatio") if ratio > 0]
    methods = texts(source, "LossyImageCompressionMethod")
    syntax = UID(str(source.file_meta.TransferSyntaxUID))
    is_told = "01" in said or ("00" not in said and bool(ratios or any(methods)))
    if not is_told and syntax not in _METHODS:
        header.LossyImageCompression = "00"
        return []
    header.LossyImageCompression = "01"
    if syntax in _METHODS and not (is_told and ratios):
        ratios, methods = [_ratio(source)], [_METHODS[syntax]]
    if ratios:
        header.LossyImageCompressionRatio = [DSfloat(ratio, auto_format=True) for ratio in ratios]
        if len(methods) == len(ratios) and all(re.fullmatch("[A-Z0-9_ ]{1,16}", method) for method in methods):
            header.LossyImageCompressionMethod = methods
    if is_told and "01" in said:
        return []
    why = f"the source is {syntax.name}" if syntax in _METHODS else "the source tells its ratio or method"
    return [f"LossyImageCompression: set to 01 in DICOM outputs, {why}"]


def _ratio(source: Dataset) -> float:
    """Tell how many times larger the pixels are than the frame that holds them; 1 where neither is known."""
    counts = [integer(source, keyword) or 0 for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
    rows, columns, samples, bits = counts
    element = source.get_item("PixelData")
    held = len(element.value) if element is not None and isinstance(element.value, bytes) else 0
    return max(1.0, round(rows * columns * (samples or 1) * -(-bits // 8) / held, 2)) if held else 1.0
