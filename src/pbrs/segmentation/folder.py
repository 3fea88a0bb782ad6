"""Segmenting many files in one call: outputs, failures and the report."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pbrs
from pbrs.errors import InputError
from pbrs.file_lock import sole_use
from pbrs.printable import as_text
from pbrs.radiograph import Found, Polarity, Radiograph, find_radiographs, read_radiograph
from pbrs.segmentation.formats import FormatWriter, HasMasks, ModelIdentity, SegmentedImage
from pbrs.segmentation.journal import JOURNAL, Journal, OutcomeKind, PastOutcomes
from pbrs.segmentation.many import overlap
from pbrs.segmentation.output_folder import LOCK, prepare_folder
from pbrs.segmentation.outputs import OutputNames, describe, remove_outputs, write_outputs
from pbrs.segmentation.quality import NotAPelvisError, Quality, check_pelvis
from pbrs.segmentation.report import REPORT, REPORT_VERSION, Report
from pbrs.segmentation.resume import digest_of, read_masks, still_stands
from pbrs.segmentation.roi import Margin
from pbrs.segmentation.segmenter import Segmenter, Upright


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
    upright
        ``"auto"``: what lies turned is segmented upright.
    force
        Segment what does not look like a frontal pelvic radiograph, too.
    workers
        Radiographs that are worked on at a time; 0 for one more than there are cores, at most 4.
    resume
        Go on with a call that was stopped: what it finished and what has not changed since stands.
    """

    threshold: float | None = None
    margin: Margin = field(default_factory=lambda: Margin(5, is_percent=True))
    polarity: Polarity = "as-is"
    formats: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    upright: Upright = "as-is"
    force: bool = False
    workers: int = 0
    resume: bool = False


OnImage = Callable[[dict[str, Any], Radiograph, HasMasks], None]


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What became of one input; radiograph and masks of what was segmented, if anybody needs them."""

    path: Path
    kind: OutcomeKind
    entry: dict[str, Any]
    radiograph: Radiograph | None = None
    masks: HasMasks | None = None
    is_kept: bool = False


def segment_files(
    segmenter: Segmenter,
    inputs: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    on_image: OnImage | None = None,
    others: Sequence[str] = (),
) -> Report:
    """Segment files and folders, and write everything into `out`.

    Threads read, compute and write several files at a time. A file that cannot be read, or does not look like a frontal
    pelvic radiograph, does not stop the others; it is named in the report, its stem stays taken, and what an earlier
    call into `out` wrote under that stem is removed. The report grows with the work: a call that is interrupted, fails
    or is killed leaves that of what it finished. `others` are globs of files within `out` that the caller writes
    afterwards. `on_image` is called for each image, in the report's order and never twice at a time, with its entry in
    the report; also for those that stand from an earlier call.

    Returns
    -------
    Report
        As written to ``report.json``; its lists are read from the disk as they are gone through.

    Raises
    ------
    InputError
        If an input does not exist, there is no radiograph among them, `out` cannot be a folder to write into or holds
        files of others where outputs go, another call is writing into it, or a format cannot be written here.
    """
    formats = FormatWriter(options.formats, ModelIdentity(segmenter.card.name, segmenter.sha256))
    names = OutputNames()
    found = find_radiographs(inputs)
    stems = {path: names.claim(path) for path in found.files}
    order = dict.fromkeys(map(as_text, stems.values()))
    head = _head(segmenter, options, found)
    digest = _digest(segmenter, options, formats)

    earlier = PastOutcomes(out / JOURNAL, digest if options.resume else None, order)

    def is_kept(path: Path, stem: str) -> bool:
        entry = earlier.read(as_text(stem))
        return entry is not None and still_stands(entry, path, out)

    prepare_folder(out, stems, (*others, *formats.common_files), is_kept)
    needs_masks = on_image is not None or formats.gathers

    def work(file: tuple[Path, str]) -> _Outcome:
        outcome = _kept(*file, journal, out, options, needs_masks) or _try_one(segmenter, *file, out, formats, options)
        finished[outcome.path] = outcome
        return outcome

    def take(outcomes: Sequence[_Outcome]) -> None:
        for outcome in outcomes:
            del finished[outcome.path]
            if outcome.is_kept:
                report.keep()
            else:
                report.add(outcome.kind, outcome.entry)
        # Last: what it raises must not keep anything out of the report.
        for outcome in outcomes:
            if outcome.radiograph is not None and outcome.masks is not None:
                if outcome.is_kept:
                    formats.gather(outcome.entry, outcome.masks)
                if on_image is not None:
                    on_image(outcome.entry, outcome.radiograph, outcome.masks)

    finished: dict[Path, _Outcome] = {}
    with (
        sole_use(
            out / LOCK, f"another pbrs segment is writing into {out}: wait for it, or name another folder with -o"
        ),
        Journal(out / JOURNAL, {**head, "digest": digest}, options.resume, order) as journal,
    ):
        complete = False
        report = Report(out / REPORT, head, journal)
        try:
            with closing(overlap(work, stems.items(), options.workers)) as results:
                for _, outcome in zip(progress(list(stems)), results, strict=False):
                    take([outcome])
            complete = True
        except BaseException:
            # What the threads had begun has been written by now.
            take([finished[path] for path in stems if path in finished])
            raise
        finally:
            report.finish(complete=complete, files=formats.finish(out), notes=formats.notes)
    return report


def _head(segmenter: Segmenter, options: SegmentOptions, found: Found) -> dict[str, Any]:
    """Give what the report says of the call itself."""
    return {
        "version": REPORT_VERSION,
        "pbrs": pbrs.__version__,
        "model": {
            "sha256": segmenter.sha256,
            **segmenter.card.model_dump(mode="json", exclude={"training", "scores", "seen", "quality"}),
        },
        "runtime": segmenter.runtime.name,
        "views": list(options.views),
        "polarity": options.polarity,
        "upright": options.upright,
        "left_out": [
            {"kind": as_text(kind.kind), "count": kind.count, "examples": [as_text(name) for name in kind.examples]}
            for kind in found.left_out
        ],
    }


def _digest(segmenter: Segmenter, options: SegmentOptions, formats: FormatWriter) -> str:
    """Tell calls apart whose outputs of one input differ: by model, version, runtime and all options but two."""
    facts = asdict(options)
    del facts["workers"], facts["resume"], facts["formats"]
    by = {"pbrs": pbrs.__version__, "model": segmenter.sha256, "runtime": segmenter.runtime.name}
    return digest_of({**facts, **by, "formats": formats.written})


def _kept(
    path: Path, stem: str, journal: Journal, out: Path, options: SegmentOptions, needs_masks: bool
) -> _Outcome | None:
    """Give the outcome of an earlier call, if it stands."""
    entry = journal.read(as_text(stem))
    if entry is None or not still_stands(entry, path, out):
        return None
    kind = entry.pop("outcome")
    if not needs_masks or kind != "segmented":
        return _Outcome(path, kind, entry, is_kept=True)
    masks = read_masks(entry, out)
    if masks is None:
        return None
    try:
        radiograph = read_radiograph(path, options.polarity)
    except InputError:
        return None
    return _Outcome(path, kind, entry, radiograph, masks, is_kept=True)


def _try_one(
    segmenter: Segmenter, path: Path, stem: str, out: Path, formats: FormatWriter, options: SegmentOptions
) -> _Outcome:
    """Segment one file and write its outputs, or say why not and remove what an earlier call wrote under its stem."""
    known: dict[str, Any] = {"input": as_text(path), "stem": as_text(stem), "sha256": None}
    try:
        radiograph = read_radiograph(path, options.polarity)
        known["sha256"] = radiograph.sha256
        formats.check(radiograph)
        segmentation = segmenter.segment(radiograph, options.threshold, options.views, options.upright)
        if not options.force:
            _check_pelvis(radiograph, segmentation.quality, path)
        image = SegmentedImage(path, stem, radiograph, segmentation, formats.model)
        entry = describe(image, write_outputs(out, image, formats, options.margin))
    except InputError as error:
        remove_outputs(out, stem)
        kind: OutcomeKind = "refused" if isinstance(error, NotAPelvisError) else "failed"
        return _Outcome(path, kind, {**known, "error": as_text(str(error))})
    return _Outcome(path, "segmented", entry, radiograph, segmentation)


def _check_pelvis(radiograph: Radiograph, quality: Quality, path: Path) -> None:
    """Refuse what does not look like a frontal pelvic radiograph; what its reader warned of may be why."""
    try:
        check_pelvis(quality, as_text(path))
    except NotAPelvisError as error:
        raise NotAPelvisError("; ".join((str(error), *radiograph.warnings))) from None
