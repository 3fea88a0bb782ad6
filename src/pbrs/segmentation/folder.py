"""Segmenting many files in one call: outputs, failures and the report."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pbrs
from pbrs.atomic_write import write_json
from pbrs.errors import InputError
from pbrs.radiograph import Polarity, find_radiographs, read_radiograph
from pbrs.segmentation.outputs import OutputNames, describe, printable, write_outputs
from pbrs.segmentation.roi import Margin
from pbrs.segmentation.segmenter import Segmenter


@dataclass(frozen=True)
class SegmentOptions:
    """How one call of `segment_files` works: threshold (the card's if None), region-of-interest margin, polarity."""

    threshold: float | None = None
    margin: Margin = field(default_factory=lambda: Margin(5, is_percent=True))
    polarity: Polarity = "as-is"


def segment_files(
    segmenter: Segmenter,
    inputs: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> dict[str, Any]:
    """Segment files and folders, and write everything into `out`.

    A file that cannot be read does not stop the others; it is named in the report. An interrupted call leaves the
    report of what it finished.

    Returns
    -------
    dict
        The report, as written to ``report.json``.

    Raises
    ------
    InputError
        If an input does not exist, there is no radiograph among them, or `out` cannot be a folder.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: give a folder to write into with -o")
    files = find_radiographs(inputs)
    started = time.perf_counter()
    names = OutputNames()
    images: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    report: dict[str, Any] = {
        "pbrs": pbrs.__version__,
        "model": {
            "sha256": segmenter.sha256,
            **segmenter.card.model_dump(mode="json", exclude={"training", "scores", "seen"}),
        },
        "polarity": options.polarity,
        "images": images,
        "failed": failed,
        "complete": False,
    }
    try:
        for path in progress(files):
            try:
                radiograph = read_radiograph(path, options.polarity)
            except InputError as error:
                failed.append({"input": printable(path), "error": str(error)})
                continue
            segmentation = segmenter.segment(radiograph, options.threshold)
            outputs = write_outputs(out, names.claim(path), radiograph, segmentation, options.margin)
            images.append(describe(path, radiograph, segmentation, outputs))
        report["complete"] = True
    finally:
        report["seconds"] = round(time.perf_counter() - started, 3)
        write_json(out / "report.json", report)
    return report
