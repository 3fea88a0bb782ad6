"""What `segment` writes beside its PNGs: DICOM SEG, Secondary Capture, NIfTI, NRRD and COCO."""

from pbrs.segmentation.formats.choice import FormatWriter, Written
from pbrs.segmentation.formats.image import HasMasks, ModelIdentity, SegmentedImage
from pbrs.segmentation.formats.table import FORMATS, PNG, Format

__all__ = ["FORMATS", "PNG", "Format", "FormatWriter", "HasMasks", "ModelIdentity", "SegmentedImage", "Written"]
