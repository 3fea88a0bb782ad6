"""What `segment` writes for one radiograph, and its entry in the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pbrs.atomic_write import write_png
from pbrs.printable import as_file_name, as_text, printable
from pbrs.radiograph.find import image_stem
from pbrs.segmentation.formats import FormatWriter, SegmentedImage
from pbrs.segmentation.formats.choice import remove_written
from pbrs.segmentation.formats.table import PATTERNS
from pbrs.segmentation.roi import Margin, cut_roi, widen_box

LONGEST_STEM_BYTES = 200
"""File systems take 255 for a whole name."""

OUTPUTS = (
    *("masks/{stem}.png", "overlays/{stem}.png", "structures/*/{stem}.png"),
    *("roi/{stem}.png", "roi/{stem}_blanked.png"),
    *PATTERNS,
)
"""Where the outputs of a radiograph may lie, as globs within the folder."""


class OutputNames:
    """Gives every radiograph of one call a stem of its own, so that none overwrites another's files."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def claim(self, path: Path) -> str:
        """Give the image's stem, shortened if need be, or the stem with the first free number from 2."""
        wanted = as_file_name(image_stem(path).encode()[:LONGEST_STEM_BYTES].decode(errors="ignore"))
        stem, number = wanted, 1
        # Compared without case: some file systems know no difference.
        while self._taken & (names := {name.casefold() for name in (stem, _blanked(stem))}):
            number += 1
            stem = f"{wanted}_{number}"
        self._taken |= names
        return stem


def write_outputs(out: Path, image: SegmentedImage, formats: FormatWriter, margin: Margin) -> dict[str, Any]:
    """Write mask, structures, overlay, region of interest and the formats asked for; all of them, or none.

    Of an earlier call into the same folder, nothing of this stem stays.

    Returns
    -------
    dict
        Paths within `out` by kind, the box that was cut out, and what the formats' writers warn of.

    Raises
    ------
    InputError
        If a format that was asked for cannot be made of this radiograph.
    """
    stem, radiograph, segmentation = image.stem, image.radiograph, image.segmentation
    pictures = {
        Path("masks", f"{stem}.png"): segmentation.mask.astype(np.uint8) * np.uint8(255),
        Path("overlays", f"{stem}.png"): image.overlay,
    }
    files: dict[str, Any] = {"mask": f"masks/{stem}.png", "overlay": f"overlays/{stem}.png"}
    for name, mask in segmentation.structures.items():
        pictures[Path("structures", name, f"{stem}.png")] = mask.astype(np.uint8) * np.uint8(255)
        files.setdefault("structures", {})[name] = f"structures/{name}/{stem}.png"
    roi_box = None
    if segmentation.box is not None:
        roi_box = widen_box(segmentation.box, margin.pixels(segmentation.box), radiograph.shape)
        cropped, blanked = cut_roi(radiograph, segmentation.mask, roi_box)
        pictures[Path("roi", f"{stem}.png")] = cropped
        pictures[Path("roi", f"{_blanked(stem)}.png")] = blanked
        files["roi"] = f"roi/{stem}.png"
        files["roi_blanked"] = f"roi/{_blanked(stem)}.png"
    remove_outputs(out, stem)
    written: list[Path] = []
    try:
        for path, picture in pictures.items():
            written.append(out / path)
            write_png(out / path, picture)
        more = formats.write(out, image, as_text(image.source))
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    files |= more.files
    return {"files": _texts(files), "roi_box": _named(roi_box), "format_warnings": more.warnings}


def remove_outputs(out: Path, stem: str) -> None:
    """Remove what an earlier call wrote under this stem, if anything."""
    remove_written(out, stem, OUTPUTS)


def describe(image: SegmentedImage, outputs: dict[str, Any]) -> dict[str, Any]:
    """Make one radiograph's entry in ``report.json``: file facts only, nothing from the patient's header."""
    radiograph, segmentation = image.radiograph, image.segmentation
    format_warnings = outputs.pop("format_warnings")
    area = int(segmentation.mask.sum())
    spacing = radiograph.spacing_mm
    return {
        "input": as_text(image.source),
        "stem": as_text(image.stem),
        "sha256": radiograph.sha256,
        "format": radiograph.file_format,
        "height": radiograph.shape[0],
        "width": radiograph.shape[1],
        "bits": radiograph.bits,
        "grey_rule": radiograph.grey_rule,
        "inverted": radiograph.inverted,
        "spacing_mm": spacing,
        "spacing_source": radiograph.spacing_source,
        "patient_left": radiograph.patient_left,
        "patient_left_assumed": radiograph.patient_left_assumed,
        "threshold": segmentation.threshold,
        "box": _named(segmentation.box),
        "area_px": area,
        "area_fraction": area / segmentation.mask.size,
        "area_mm2": None if spacing is None else area * spacing[0] * spacing[1],
        "milliseconds": round(segmentation.milliseconds, 1),
        "views_disagreement": segmentation.views_disagreement,
        "quality": segmentation.quality.described(),
        "warnings": [*radiograph.warnings, *segmentation.warnings, *format_warnings],
        **outputs,
    }


def stem_of(entry: Mapping[str, Any]) -> str:
    """Give the stem of a radiograph's outputs, from its entry in the report."""
    return Path(entry["files"]["mask"]).stem


def shown_name(entry: Mapping[str, Any]) -> str:
    """Give the name of a radiograph for people; of several of one name, each with the stem of its outputs."""
    name, stem = Path(entry["input"]).name, stem_of(entry)
    return printable(name if image_stem(Path(name)) == stem else f"{name} ({stem})")


def problem_line(problem: Mapping[str, str]) -> str:
    """Say why an input was refused or has failed: the path that was given, then the error without the file's name.

    Errors name their file, for those who read one file by themselves; here it would stand twice.
    """
    path, error = problem["input"], problem["error"]
    name = Path(path).name
    if path in error:
        return error
    return f"{path}: {error.removeprefix(name).lstrip(': ')}"


def _texts(files: Any) -> Any:
    return {name: _texts(value) for name, value in files.items()} if isinstance(files, dict) else as_text(files)


def _blanked(stem: str) -> str:
    return f"{stem}_blanked"


def _named(box: tuple[int, int, int, int] | None) -> dict[str, int] | None:
    return None if box is None else dict(zip(("top", "left", "bottom", "right"), box, strict=True))
