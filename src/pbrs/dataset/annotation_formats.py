"""The one table of annotation files that masks are read from: how each is told, and its reader."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.json_file import read_json
from pbrs.dataset.read_coco import is_coco, read_coco
from pbrs.dataset.read_cvat import is_cvat, parse_xml, read_cvat
from pbrs.dataset.read_label_studio import is_label_studio, read_label_studio
from pbrs.dataset.read_labelme import is_labelme, read_labelme
from pbrs.dataset.read_via import is_via, read_via
from pbrs.dataset.read_yolo import is_yolo, read_yolo
from pbrs.errors import InputError


@dataclass(frozen=True)
class AnnotationFormat:
    """One format.

    Attributes
    ----------
    title
        What its tool is called.
    suffix
        Of its files.
    is_of
        Whether a file, parsed, is of this format.
    read
        Gives its masks, not yet drawn, of file, content and whether they may be resized.
    """

    title: str
    suffix: str
    is_of: Callable[[Path, Any], bool]
    read: Callable[[Path, Any, bool], list[FoundMask]]


ANNOTATION_FORMATS = {
    "coco": AnnotationFormat("COCO", ".json", lambda _, content: is_coco(content), read_coco),
    "labelme": AnnotationFormat("LabelMe", ".json", lambda _, content: is_labelme(content), read_labelme),
    "yolo": AnnotationFormat("YOLO segmentation", ".txt", is_yolo, read_yolo),
    "cvat": AnnotationFormat("CVAT", ".xml", lambda _, content: is_cvat(content), read_cvat),
    "labelstudio": AnnotationFormat(
        "Label Studio", ".json", lambda _, content: is_label_studio(content), read_label_studio
    ),
    "via": AnnotationFormat("VIA", ".json", lambda _, content: is_via(content), read_via),
}
"""By the name that ``--format`` takes."""


def parse(file: Path) -> Any:
    """Read a file that may be of one of the formats: JSON, XML or text by its suffix; None of any other.

    Raises
    ------
    InputError
        If it cannot be read as what its suffix says.
    """
    suffix = file.suffix.lower()
    if suffix == ".json":
        return read_json(file)
    if suffix == ".xml":
        return parse_xml(file)
    if suffix == ".txt":
        try:
            return file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror})") from error
    return None


def find_format(file: Path, content: Any) -> str | None:
    """Tell which of the formats a parsed file is of; None if of none."""
    for name, its in ANNOTATION_FORMATS.items():
        if its.suffix == file.suffix.lower() and its.is_of(file, content):
            return name
    return None
