"""The folder that a call of `segment` writes into: nothing in it is overwritten but what such a call wrote."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pbrs.atomic_write import remove_unfinished
from pbrs.errors import InputError
from pbrs.json_object import read_json_object
from pbrs.segmentation.outputs import OUTPUTS
from pbrs.segmentation.report import REPORT

LOCK = ".pbrs-segment.lock"
"""Held by the one call that writes into the folder; being there means nothing."""

_SURELY_ABANDONED_S = 3600.0
"""Nothing takes so long to write: the process that began this file is gone."""

_REPORT_KEYS = {"pbrs", "model", "images"}


def prepare_folder(
    out: Path,
    stems: Mapping[Path, str],
    others: Sequence[str] = (),
    is_kept: Callable[[Path, str], bool] = lambda path, stem: False,
) -> None:
    """Make the folder, and make sure that outputs may be written into it, before time is spent on computing.

    A folder with a report is an earlier call's: what it wrote is replaced, unless it was changed after the report was
    written; what it left half-written when it was killed is removed. In any other folder there must be nothing yet
    where outputs go.

    Parameters
    ----------
    out
        The folder.
    stems
        Of the outputs, by the radiograph that they are of.
    others
        Globs within the folder of what else this call writes.
    is_kept
        Whether what an earlier call wrote of a radiograph under a stem stands, and is not written again.

    Raises
    ------
    InputError
        If it cannot be a folder to write into, or something would be overwritten that should not be.
    """
    _make(out)
    advice = "name another folder with -o"
    report = _read_report(out, advice)
    if report is None:
        for file in _files(out, {pattern.partition("/")[0] + "/**/*" for pattern in OUTPUTS} | set(others)):
            raise InputError(f"{out} holds {file.relative_to(out)}, and no {REPORT} of pbrs segment: {advice}")
        return
    for written_to in {out, *(folder for pattern in OUTPUTS for folder in out.glob(pattern.rpartition("/")[0]))}:
        remove_unfinished(written_to, _SURELY_ABANDONED_S)
    inputs = {_identity(path) for path in stems if path.exists()}
    written = (out / REPORT).stat().st_mtime if report.get("complete") else float("inf")
    for pattern in OUTPUTS:
        folder, _, name = pattern.rpartition("/")
        # Without case, which some file systems do not know.
        expected = {name.format(stem=stem).casefold(): (path, stem) for path, stem in stems.items()}
        for file in _files(out, {f"{folder}/*"}):
            if file.name.casefold() not in expected:
                continue
            if _identity(file) in inputs:
                raise InputError(f"{file} is to be read, and would be overwritten: {advice}")
            if file.stat().st_mtime > written and not is_kept(*expected[file.name.casefold()]):
                raise InputError(f"{file} was changed after pbrs segment wrote it, and would be overwritten: {advice}")
    for file in _files(out, set(others)):
        if _identity(file) in inputs:
            raise InputError(f"{file} is to be read, and would be overwritten: {advice}")


def _make(out: Path) -> None:
    try:
        if out.exists() and not out.is_dir():
            raise InputError(f"{out} is a file: give a folder to write into with -o")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {out} cannot be made ({error.strerror}): name another one with -o") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError(f"the folder {out} cannot be written into: name another one with -o")


def _read_report(out: Path, advice: str) -> dict[str, object] | None:
    report = out / REPORT
    if not report.exists():
        return None
    content = read_json_object(report, advice)
    if not content.keys() >= _REPORT_KEYS:
        raise InputError(f"{report} was not written by pbrs segment: {advice}")
    return content


def _files(out: Path, patterns: set[str]) -> Iterator[Path]:
    """Give the files that globs find, sorted, without hidden ones."""
    for pattern in sorted(patterns):
        for file in sorted(out.glob(pattern)):
            if file.is_file() and not file.name.startswith("."):
                yield file


def _identity(file: Path) -> tuple[int, int]:
    """Tell a file from all others, however its path is spelt."""
    status = file.stat()
    return status.st_dev, status.st_ino
