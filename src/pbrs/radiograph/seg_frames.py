"""The pixels of a DICOM Segmentation, frame by frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRBigEndian

from pbrs.errors import InputError
from pbrs.radiograph.dicom_attributes import integer, text
from pbrs.radiograph.dicom_pixels import PixelHeader, decode_pixels
from pbrs.radiograph.limits import DEFLATE, inflate

_DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
_IMAGE_PIXEL_GROUP = 0x0028


@dataclass(frozen=True, eq=False)
class SegFrames:
    """Frames of one size; `count` of them.

    Attributes
    ----------
    rows, columns, count
        Size and number of frames.
    bits
        1 (packed), 8 or 16.
    kind
        BINARY, FRACTIONAL or LABELMAP.
    most
        MaximumFractionalValue.
    """

    rows: int
    columns: int
    count: int
    bits: int
    kind: str
    most: int
    _dataset: Dataset
    _encapsulated: list[bytes] | None
    _source: str

    @classmethod
    def of(cls, dataset: Dataset, source: str) -> "SegFrames":
        """Look at a data set's pixels without decoding them; raises InputError where they make no sense."""
        rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
        bits = integer(dataset, "BitsAllocated")
        count = integer(dataset, "NumberOfFrames")
        count = (1 if "PixelData" in dataset else 0) if count is None else count
        kind = text(dataset, "SegmentationType") or "BINARY"
        if not rows or not columns or bits not in (1, 8, 16) or kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
            raise InputError(
                f"{source}: a segmentation whose Rows, Columns, BitsAllocated or SegmentationType is absent or "
                "unknown: export it again"
            )
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        frames = None
        if syntax is not None and syntax.is_encapsulated and count:
            frames = list(generate_frames(dataset.PixelData, number_of_frames=count))
        most = integer(dataset, "MaximumFractionalValue") or 255
        return cls(rows, columns, count, bits, kind, most, dataset, frames, source)

    def mask(self, index: int, segment: int) -> NDArray[np.bool_]:
        """Decode one frame as the mask of a segment, bool (rows, columns)."""
        values = self._values(index)
        if self.kind == "LABELMAP":
            return np.asarray(values == segment)
        if self.kind == "FRACTIONAL" and self.bits > 1:
            # Half of the most: a probability, or a share of the pixel, of at least 0.5.
            return np.asarray(values.astype(np.uint32) * 2 >= self.most)
        return np.asarray(values != 0)

    def _values(self, index: int) -> NDArray[np.integer]:
        pixels = self.rows * self.columns
        if self._encapsulated is None:
            return self._unpacked(self._dataset.PixelData, index * pixels)
        if index >= len(self._encapsulated):
            raise self._damaged()
        frame = self._encapsulated[index]
        if self._dataset.file_meta.TransferSyntaxUID == _DEFLATED_FRAMES:
            return self._unpacked(inflate(frame, self._source, DEFLATE, pixels * max(self.bits // 8, 1) + 64), 0)
        values, _ = decode_pixels(self._single(frame), self._header(), self._source)
        return values

    def _unpacked(self, data: bytes, first: int) -> NDArray[np.integer]:
        """Take `rows` × `columns` values out of bytes; bits follow one another across frames (PS3.5, 8.1.1)."""
        pixels = self.rows * self.columns
        if self.bits == 1:
            start, skip = divmod(first, 8)
            packed = np.frombuffer(data, np.uint8)[start : start + (skip + pixels + 7) // 8]
            flat: NDArray[np.integer] = np.unpackbits(packed, bitorder="little")[skip : skip + pixels]
        else:
            big = self._dataset.file_meta.get("TransferSyntaxUID") == ExplicitVRBigEndian
            dtype = np.dtype(np.uint8) if self.bits == 8 else np.dtype(">u2" if big else "<u2")
            available = len(data) // dtype.itemsize
            flat = np.frombuffer(data, dtype, available).astype(np.uint16)[first : first + pixels]
        if len(flat) != pixels:
            raise self._damaged()
        return flat.reshape(self.rows, self.columns)

    def _header(self) -> PixelHeader:
        header, _ = PixelHeader.of(self._dataset, self._source)
        return header

    def _single(self, frame: bytes) -> Dataset:
        """Make an image of one frame, as the decoders of radiographs take it."""
        single = Dataset()
        for element in self._dataset:
            if element.tag.group == _IMAGE_PIXEL_GROUP:
                single.add(element)
        single.NumberOfFrames = 1
        single.PixelData = encapsulate([frame])
        single["PixelData"].is_undefined_length = True
        single.file_meta = FileMetaDataset()
        single.file_meta.TransferSyntaxUID = self._dataset.file_meta.TransferSyntaxUID
        return single

    def _damaged(self) -> InputError:
        return InputError(f"{self._source}: fewer pixels than its header says: damaged or incomplete; export it again")
