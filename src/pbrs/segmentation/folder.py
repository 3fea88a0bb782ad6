"""Segmenting many files in one call: outputs, failures and the report."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pbrs
from pbrs.atomic_write import write_json
from pbrs.errors import InputError
from pbrs.radiograph import Polarity, Radiograph, find_radiographs, read_radiograph
from pbrs.segmentation.formats import FormatWriter, ModelIdentity, SegmentedImage
from pbrs.segmentation.many import overlap
from pbrs.segmentation.output_folder import REPORT, prepare_folder
from pbrs.segmentation.outputs import OutputNames, describe, printable, remove_outputs, write_outputs
from pbrs.segmentation.quality import NotAPelvisError, check_pelvis
from pbrs.segmentation.roi import Margin
from pbrs.segmentation.segmenter import Segmentation, Segmenter


@dataclass(frozen=True)
class SegmentOptions:
    """How one call of `segment_files` works.

    Attributes
    ----------
    threshold
        Probability from which a pixel is bone; the card's if None.
    margin
        Around the region of interest.
    polarity
        ``"inverted"`` for files in which bone is dark.
    formats
        Beside PNG; by default DICOM SEG for DICOM radiographs, where that can be written.
    views
        Test-time views to average over.
    force
        Segment what does not look like a frontal pelvic radiograph, too.
    workers
        Radiographs that are worked on at a time; 0 for one more than there are cores, at most 4.
    """

    threshold: float | None = None
    margin: Margin = field(default_factory=lambda: Margin(5, is_percent=True))
    polarity: Polarity = "as-is"
    formats: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    force: bool = False
    workers: int = 0


_Result = tuple[dict[str, Any], Radiograph, Segmentation]


def segment_files(
    segmenter: Segmenter,
    inputs: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    on_image: Callable[[dict[str, Any], Radiograph, Segmentation], None] = lambda *_: None,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """Segment files and folders, and write everything into `out`.

    Threads read, compute and write several files at a time. A file that cannot be read, or does not look like a frontal
    pelvic radiograph, does not stop the others; it is named in the report, its stem stays taken, and what an earlier
    call into `out` wrote under that stem is removed. A call that is interrupted or fails leaves the report of what it
    finished. `others` are globs of files within `out` that the caller writes afterwards. `on_image` is called for each
    image, in the report's order and never twice at a time, with its entry in the report.

    Returns
    -------
    dict
        The report, as written to ``report.json``.

    Raises
    ------
    InputError
        If an input does not exist, there is no radiograph among them, `out` cannot be a folder to write into or holds
        files of others where outputs go, or a format cannot be written here.
    """
    formats = FormatWriter(options.formats, ModelIdentity(segmenter.card.name, segmenter.sha256))
    names = OutputNames()
    found = find_radiographs(inputs)
    stems = {path: names.claim(path) for path in found.files}
    prepare_folder(out, stems, (*others, *formats.common_files))
    started = time.perf_counter()
    images: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    failed: list[dict[str, str]] = []
    report: dict[str, Any] = {
        "pbrs": pbrs.__version__,
        "model": {
            "sha256": segmenter.sha256,
            **segmenter.card.model_dump(mode="json", exclude={"training", "scores", "seen", "quality"}),
        },
        "runtime": segmenter.runtime.name,
        "views": list(options.views),
        "polarity": options.polarity,
        "images": images,
        "refused": refused,
        "failed": failed,
        "left_out": [
            {"kind": kind.kind, "count": kind.count, "examples": [printable(name) for name in kind.examples]}
            for kind in found.left_out
        ],
        "complete": False,
    }

    finished: dict[Path, _Result | InputError] = {}

    def work(file: tuple[Path, str]) -> Path:
        path, stem = file
        try:
            finished[path] = _segment_one(segmenter, path, stem, out, formats, options)
        except InputError as error:
            remove_outputs(out, stem)
            finished[path] = error
        return path

    def take(paths: Sequence[Path]) -> None:
        results = [(path, finished.pop(path)) for path in paths]
        for path, result in results:
            if isinstance(result, InputError):
                problems = refused if isinstance(result, NotAPelvisError) else failed
                problems.append({"input": printable(path), "error": printable(str(result))})
            else:
                images.append(result[0])
        # Last: what it raises must not keep anything out of the report.
        for _, result in results:
            if not isinstance(result, InputError):
                on_image(*result)

    # Should this call be killed, what is there is known to be ours, and not complete.
    write_json(out / REPORT, report)
    try:
        with closing(overlap(work, stems.items(), options.workers)) as results:
            for _, path in zip(progress(list(stems)), results, strict=False):
                take([path])
        report["complete"] = True
    except BaseException:
        # What the threads had begun has been written by now.
        take([path for path in stems if path in finished])
        raise
    finally:
        report["files"] = formats.finish(out)
        report["notes"] = formats.notes
        report["seconds"] = round(time.perf_counter() - started, 3)
        write_json(out / REPORT, report)
    return report


def _segment_one(
    segmenter: Segmenter, path: Path, stem: str, out: Path, formats: FormatWriter, options: SegmentOptions
) -> _Result:
    radiograph = read_radiograph(path, options.polarity)
    formats.check(radiograph)
    segmentation = segmenter.segment(radiograph, options.threshold, options.views)
    if not options.force:
        _check_pelvis(radiograph, segmentation, path)
    image = SegmentedImage(path, stem, radiograph, segmentation, formats.model)
    outputs = write_outputs(out, image, formats, options.margin)
    return describe(image, outputs), radiograph, segmentation


def _check_pelvis(radiograph: Radiograph, segmentation: Segmentation, path: Path) -> None:
    """Refuse what does not look like a frontal pelvic radiograph; what its reader warned of may be why."""
    try:
        check_pelvis(segmentation.quality, printable(path))
    except NotAPelvisError as error:
        raise NotAPelvisError("; ".join((str(error), *radiograph.warnings))) from None
