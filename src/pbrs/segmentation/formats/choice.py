"""Which formats one call writes, and writing them image by image: all of an image's files, or none."""

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pbrs.errors import InputError
from pbrs.printable import as_text
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.formats.coco import COCO_FILE, CocoCollector
from pbrs.segmentation.formats.dicom_seg import write_seg
from pbrs.segmentation.formats.image import HasMasks, ModelIdentity, SegmentedImage, all_masks
from pbrs.segmentation.formats.table import FORMATS, PATTERNS, PNG

WITHOUT_HIGHDICOM = "no DICOM SEG is written: for it, pip install 'pbrs[dicom]'"


@dataclass(frozen=True)
class Written:
    """What was written of one image: paths within the folder by format, and warnings, one line each."""

    files: dict[str, Any]
    warnings: tuple[str, ...] = ()


class FormatWriter:
    """Writes the formats of one call; its methods may be called from several threads.

    Attributes
    ----------
    names
        Formats that were asked for by name.
    by_default
        Nothing was asked for: PNGs, and DICOM SEG for DICOM radiographs where highdicom is installed.
    """

    def __init__(self, asked: Sequence[str], model: ModelIdentity) -> None:
        """Choose the formats.

        Parameters
        ----------
        asked
            Names of `FORMATS` or ``png``, also several with commas between; empty for the default.
        model
            What segments.

        Raises
        ------
        InputError
            If a name is unknown, or a DICOM format is asked for and highdicom is not installed.
        """
        names = [name.strip().lower() for each in asked for name in each.split(",") if name.strip()]
        known = [PNG, *FORMATS]
        for name in names:
            if name not in known:
                raise InputError(f"no format is called {name!r}: expected one of {', '.join(known)}")
            if name != PNG and FORMATS[name].derives_from_dicom and not has_highdicom():
                raise InputError(f"--format {name} needs highdicom, which is not installed: pip install 'pbrs[dicom]'")
        self.names = [name for name in FORMATS if name in names]
        self.by_default = not names
        self.model = model
        self._coco = CocoCollector(model) if "coco" in self.names else None
        self._misses_highdicom = False

    @property
    def notes(self) -> list[str]:
        """What is to be said once for the whole call, after it."""
        return [WITHOUT_HIGHDICOM] if self._misses_highdicom else []

    @property
    def written(self) -> list[str]:
        """Formats that are written beside the PNGs of a DICOM radiograph."""
        return ["seg"] if self.by_default and has_highdicom() else self.names

    @property
    def gathers(self) -> bool:
        """Whether something holds all images of the call, so that `gather` needs those of an earlier one."""
        return self._coco is not None

    @property
    def common_files(self) -> list[str]:
        """Names within the folder of what holds all images of the call."""
        return [] if self._coco is None else [COCO_FILE]

    def check(self, radiograph: Radiograph) -> None:
        """Refuse a radiograph of which a format that was asked for cannot be made, before time is spent on it.

        Raises
        ------
        InputError
            If it is not DICOM and a DICOM format was asked for.
        """
        for name in self.names:
            if FORMATS[name].derives_from_dicom and radiograph.file_format != "DICOM":
                raise InputError(
                    f"{radiograph.source} is {radiograph.file_format}: --format {name} needs a DICOM radiograph; "
                    "leave it out, or choose nifti, nrrd or coco"
                )

    def write(self, out: Path, image: SegmentedImage, file_name: str) -> Written:
        """Write one image's files; on any failure none of them stays.

        Parameters
        ----------
        out
            The folder.
        image
            The radiograph with its segmentation.
        file_name
            How ``coco.json`` calls the image.

        Raises
        ------
        InputError
            If a format that was asked for cannot be made of it.
        """
        self.check(image.radiograph)
        files: dict[str, Any] = {}
        warnings: list[str] = []
        try:
            for name in self.names:
                if (write := FORMATS[name].write) is not None:
                    files[name] = write(image, out)
            if self.by_default and image.radiograph.file_format == "DICOM":
                self._write_default_seg(out, image, files, warnings)
            if self._coco is not None:
                self._coco.add(file_name, as_text(image.stem), image.masks)
        except BaseException:
            remove_written(out, image.stem)
            raise
        if {"seg", "sc"} & set(files):
            warnings += image.source_header.warnings
        return Written(files, tuple(warnings))

    def gather(self, entry: Mapping[str, Any], masks: HasMasks) -> None:
        """Take an image that an earlier call wrote, with its entry in the report, into what holds all images."""
        if self._coco is not None:
            self._coco.add(entry["input"], entry["stem"], all_masks(masks))

    def finish(self, out: Path) -> dict[str, str]:
        """Write what holds all images of the call, and give its path within `out` by format."""
        return {} if self._coco is None else {"coco": self._coco.write(out)}

    def _write_default_seg(self, out: Path, image: SegmentedImage, files: dict[str, Any], warnings: list[str]) -> None:
        """Write the DICOM SEG that nobody asked for; where that cannot be, say so and go on."""
        if not has_highdicom():
            self._misses_highdicom = True
            return
        try:
            files["seg"] = write_seg(image, out)
        except InputError as error:
            warnings.append(f"no DICOM SEG: {error}")


def remove_written(out: Path, stem: str, patterns: Sequence[str] = PATTERNS) -> None:
    """Remove the files of every format under this stem, if there are any."""
    for pattern in patterns:
        for path in out.glob(pattern.format(stem=glob.escape(stem))):
            path.unlink()


def has_highdicom() -> bool:
    """Tell whether highdicom is installed, without importing it."""
    return find_spec("highdicom") is not None
