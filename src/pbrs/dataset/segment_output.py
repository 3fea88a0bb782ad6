"""Folders that `pbrs segment` wrote: their masks are what users correct and train again on."""

from dataclasses import dataclass
from pathlib import Path

from pbrs.errors import InputError
from pbrs.file_name import name_as_text
from pbrs.json_object import read_json_object
from pbrs.radiograph.find import image_stem

_WITH_MASKS = ("masks", "structures", "nifti", "nrrd", "seg", "coco.json")


@dataclass(frozen=True)
class SegmentOutput:
    """A folder that `pbrs segment` wrote.

    Attributes
    ----------
    path
        The folder, resolved.
    image_stems
        The radiograph's stem by its mask's, which is another one where two files of a call shared it.
    """

    path: Path
    image_stems: dict[str, str]


def find_segment_output(path: Path) -> SegmentOutput | None:
    """Find the folder of `pbrs segment` that a path is, or whose mask or folder of masks it is; None if of none.

    Raises
    ------
    InputError
        If there is a ``report.json`` beside ``masks/`` that cannot be read.
    """
    path = path.resolve()
    parents = [below.parent for below in (path, path.parent) if below.name in _WITH_MASKS]
    for folder in (path, *parents):
        report = folder / "report.json"
        if not report.is_file() or not (folder / "masks").is_dir():
            continue
        content = read_json_object(report, "segment again, or put the masks into a folder of their own")
        if {"pbrs", "model", "images"} <= content.keys():
            images = content["images"]
            try:
                stems = {
                    name_as_text(Path(image["files"]["mask"]).stem): image_stem(Path(image["input"]))
                    for image in images
                    if "files" in image
                }
            except (AttributeError, KeyError, TypeError) as error:
                raise InputError(f"{report} is damaged ({error}): segment again, or remove it") from error
            return SegmentOutput(folder, stems)
    return None
