"""Reading a DICOM Segmentation as masks of the radiographs that it refers to.

Read are BINARY, FRACTIONAL (a pixel is bone from half of MaximumFractionalValue on) and LABELMAP, uncompressed or in
any transfer syntax that is read for radiographs. Frames that are not there are empty. Frames belong to the image that
their derivation names, else to the only one that the object refers to; which segment is which of our channels is seen
by its codes, else by its label [1]_.

References
----------
.. [1] PS3.3, A.51 Segmentation IOD and C.8.20, https://dicom.nema.org/medical/dicom/current/output/html/part03.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from pbrs.errors import InputError
from pbrs.radiograph.dicom_attributes import integer, items, numbers, text
from pbrs.radiograph.dicom_file import parse_dicom
from pbrs.radiograph.image_grid import axes_of_letters, letters_of, orientation
from pbrs.radiograph.limits import check_pixels, muted_warnings
from pbrs.radiograph.mask_segment import MaskGeometry, MaskPlane, Segment, segment_name
from pbrs.radiograph.seg_frames import SegFrames
from pbrs.radiograph.segment_names import channel_of_codes

_LABELMAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
_EXPECTED = "expected a Segmentation (SEG); export the mask as SEG, NRRD, NIfTI or PNG"


@dataclass(frozen=True)
class _Frame:
    """One frame: its number, its segment (None in a LABELMAP), its image's UID, and where it lies."""

    index: int
    segment: int | None
    image: str | None
    place: tuple[Dataset, ...]


def is_seg(dataset: Dataset) -> bool:
    """Tell whether a data set is a DICOM Segmentation."""
    classes = (SegmentationStorage, _LABELMAP_STORAGE)
    return text(dataset, "SOPClassUID") in classes or text(dataset, "Modality") == "SEG"


def read_seg(data: bytes, source: str) -> list[Segment]:
    """List the segments of a DICOM Segmentation, for each image that it refers to.

    Parameters
    ----------
    data
        The file's bytes.
    source
        Its name, for messages.

    Raises
    ------
    InputError
        If it is damaged, too large, no Segmentation, or does not say to which image a frame belongs; the same when a
        segment is read.
    """
    damaged = InputError(f"{source}: cannot be read as DICOM SEG: damaged or incomplete; export it again")
    with muted_warnings():
        try:
            dataset = parse_dicom(data, source)
            if not is_seg(dataset):
                kind = text(dataset, "Modality")
                raise InputError(f"{source} is DICOM, but no mask{f' ({kind})' if kind.isalpha() else ''}: {_EXPECTED}")
            frames = list(_frames(dataset, source))
            pixels = SegFrames.of(dataset, source)
        except InputError:
            raise
        except Exception:
            # pydicom raises whatever broken bytes make it stumble over.
            raise damaged from None
        check_pixels(source, pixels.rows, pixels.columns, max(len(frames), 1))
        if len(frames) != pixels.count:
            raise damaged
        images = sorted({frame.image or "" for frame in frames}) or [next(iter(sorted(_references(dataset))), "")]
        described = items(dataset, "SegmentSequence")
        segments = []
        for image in images:
            for item in described:
                segment = _segment(dataset, item, [f for f in frames if (f.image or "") == image], pixels, source)
                name = segment_name(text_of(item, "SegmentLabel"), _is_alone(described), _channel(item))
                if not _is_background(item):
                    segments.append(Segment(name, segment, image or None, len(images)))
    if not segments:
        raise damaged
    return segments


class _Read:
    """Decodes one segment of one image: the union of its frames."""

    def __init__(self, dataset: Dataset, number: int, frames: list[_Frame], pixels: SegFrames, source: str) -> None:
        self._dataset, self._number, self._frames = dataset, number, frames
        self._pixels, self._source = pixels, source

    def __call__(self) -> MaskPlane:
        union = np.zeros((self._pixels.rows, self._pixels.columns), np.bool_)
        mine = [frame for frame in self._frames if frame.segment in (None, self._number)]
        geometries = [_geometry(self._dataset, frame) for frame in mine]
        for geometry in geometries[1:]:
            if not _is_same(geometry, geometries[0]):
                raise InputError(
                    f"{self._source}: frames of one segment at several places: expected a mask of one radiograph"
                )
        with muted_warnings():
            for frame in mine:
                union |= self._pixels.mask(frame.index, self._number)
        return MaskPlane(union.T, geometries[0] if geometries else None)


def _segment(dataset: Dataset, item: Dataset, frames: list[_Frame], pixels: SegFrames, source: str) -> _Read:
    segment_number = integer(item, "SegmentNumber")
    if segment_number is None:
        raise InputError(f"{source}: a segment without SegmentNumber: export it again")
    return _Read(dataset, segment_number, frames, pixels, source)


def text_of(dataset: Dataset, keyword: str) -> str:
    """Give an attribute as text, as it is written; ``""`` where it is absent or cannot be read."""
    try:
        return str(dataset.get(keyword) or "")
    except Exception:
        return ""


def _is_background(item: Dataset) -> bool:
    """Tell a LABELMAP's description of its background (PS3.3, C.8.20.2.3)."""
    codes = [text(code, "CodeValue") for code in items(item, "SegmentedPropertyTypeCodeSequence")]
    return integer(item, "SegmentNumber") == 0 or codes == ["125040"]


def _is_alone(described: list[Dataset]) -> bool:
    return sum(not _is_background(item) for item in described) == 1


def _channel(item: Dataset) -> str | None:
    """Find a segment's channel by the codes of its type, or of its anatomic region, each with its modifiers."""
    for kind, modifier in (
        ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence"),
        ("AnatomicRegionSequence", "AnatomicRegionModifierSequence"),
    ):
        coded = items(item, kind)
        # Where the modifiers stand, in the item or beside it, differs from writer to writer.
        sides = [*items(item, modifier), *(side for code in coded for side in items(code, modifier))]
        channel = channel_of_codes(text(code, "CodeValue") for code in (*coded, *sides))
        if channel is not None:
            return channel
    return None


def _frames(dataset: Dataset, source: str) -> Iterator[_Frame]:
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    each = items(dataset, "PerFrameFunctionalGroupsSequence")
    is_labelmap = text(dataset, "SegmentationType") == "LABELMAP"
    only = _references(dataset)
    for index, group in enumerate(each):
        groups = (group, *shared[:1])
        found = [integer(one, "ReferencedSegmentNumber") for one in _inside(groups, "SegmentIdentificationSequence")]
        if not is_labelmap and not any(segment is not None for segment in found):
            raise InputError(f"{source}: a frame that does not say which segment it is of: export it again")
        derivations = _inside(groups, "DerivationImageSequence")
        named = [
            text(image, "ReferencedSOPInstanceUID")
            for derivation in derivations
            for image in items(derivation, "SourceImageSequence")
        ]
        images = sorted({uid for uid in named if uid}) or sorted(only)
        if len(images) > 1:
            raise InputError(
                f"{source}: a frame that refers to {len(images)} images: expected a segmentation of one radiograph a "
                "frame; export each radiograph's by itself"
            )
        yield _Frame(index, None if is_labelmap else found[0], images[0] if images else None, groups)


def _references(dataset: Dataset) -> set[str]:
    """Give the instances that the object as a whole refers to."""
    series = items(dataset, "ReferencedSeriesSequence")
    named = [image for one in series for image in items(one, "ReferencedInstanceSequence")]
    named += items(dataset, "SourceImageSequence")
    return {uid for image in named if (uid := text(image, "ReferencedSOPInstanceUID"))}


def _inside(groups: tuple[Dataset, ...], keyword: str) -> list[Dataset]:
    """Give the items of a functional group, the frame's own before the shared ones."""
    return next((found for group in groups if (found := items(group, keyword))), [])


def _geometry(dataset: Dataset, frame: _Frame) -> MaskGeometry | None:
    """Read where a frame lies: by position and orientation, else its orientation alone, by PatientOrientation."""
    planes = _inside(frame.place, "PlaneOrientationSequence")
    axes = next((found for plane in planes if (found := orientation(plane)) is not None), None)
    position = _numbers(_inside(frame.place, "PlanePositionSequence"), "ImagePositionPatient")
    spacing = _numbers(_inside(frame.place, "PixelMeasuresSequence"), "PixelSpacing")
    if axes is not None:
        row_mm, column_mm = spacing if len(spacing) == 2 and min(spacing) > 0 else (1.0, 1.0)
        origin = np.array(position) if len(position) == 3 else np.zeros(3)
        return MaskGeometry(origin, axes * np.array([column_mm, row_mm]))
    letters = letters_of(dataset)
    if not letters:
        return None
    return MaskGeometry(np.zeros(3), axes_of_letters(letters), letters_only=True)


def _numbers(found: list[Dataset], keyword: str) -> list[float]:
    return next((values for item in found if (values := numbers(item, keyword))), [])


def _is_same(one: MaskGeometry | None, other: MaskGeometry | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one.origin, other.origin) and np.allclose(one.steps, other.steps))
