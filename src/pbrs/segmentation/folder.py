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
from pbrs.segmentation.outputs import OutputNames, describe, printable, write_outputs
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
    """

    threshold: float | None = None
    margin: Margin = field(default_factory=lambda: Margin(5, is_percent=True))
    polarity: Polarity = "as-is"
    formats: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    force: bool = False


_Result = tuple[dict[str, Any], Radiograph, Segmentation] | InputError


def segment_files(
    segmenter: Segmenter,
    inputs: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    on_image: Callable[[dict[str, Any], Radiograph, Segmentation], None] = lambda *_: None,
) -> dict[str, Any]:
    """Segment files and folders, and write everything into `out`.

    Threads read, compute and write several files at a time. A file that cannot be read, or does not look like a frontal
    pelvic radiograph, does not stop the others; it is named in the report, and its stem stays taken. An interrupted
    call leaves the report of what it finished. `on_image` is called for each image, in the report's order and never
    twice at a time, with its entry in the report.

    Returns
    -------
    dict
        The report, as written to ``report.json``.

    Raises
    ------
    InputError
        If an input does not exist, there is no radiograph among them, `out` cannot be a folder, or a format cannot be
        written here.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: give a folder to write into with -o")
    model = ModelIdentity(segmenter.card.name, segmenter.sha256)
    formats = FormatWriter(options.formats, model)
    files = find_radiographs(inputs)
    started = time.perf_counter()
    names = OutputNames()
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
        "complete": False,
    }

    finished: dict[Path, _Result] = {}

    def work(file: tuple[Path, str]) -> Path:
        path, stem = file
        try:
            radiograph = read_radiograph(path, options.polarity)
            formats.check(radiograph)
            segmentation = segmenter.segment(radiograph, options.threshold, options.views)
            if segmentation.quality is not None and not options.force:
                check_pelvis(segmentation.quality, printable(path))
            image = SegmentedImage(path, stem, radiograph, segmentation, model)
            outputs = write_outputs(out, image, formats, options.margin)
        except InputError as error:
            finished[path] = error
            return path
        finished[path] = describe(image, outputs), radiograph, segmentation
        return path

    def take(path: Path) -> None:
        result = finished.pop(path)
        if isinstance(result, InputError):
            problems = refused if isinstance(result, NotAPelvisError) else failed
            problems.append({"input": printable(path), "error": str(result)})
        else:
            images.append(result[0])
            on_image(*result)

    try:
        with closing(overlap(work, ((path, names.claim(path)) for path in files))) as results:
            for _, path in zip(progress(files), results, strict=False):
                take(path)
        report["complete"] = True
    except KeyboardInterrupt:
        # What the threads had begun has been written by now.
        for path in [path for path in files if path in finished]:
            take(path)
        raise
    finally:
        report["files"] = formats.finish(out)
        report["notes"] = formats.notes
        report["seconds"] = round(time.perf_counter() - started, 3)
        write_json(out / "report.json", report)
    return report
