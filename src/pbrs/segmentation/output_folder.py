"""The folder that a call of `segment` writes into: nothing in it is overwritten but what such a call wrote."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from pbrs.errors import InputError
from pbrs.json_object import read_json_object
from pbrs.radiograph.reading import PREVIEW
from pbrs.segmentation.outputs import OUTPUTS

REPORT = "report.json"
_REPORT_KEYS = {"pbrs", "model", "images"}


def prepare_folder(out: Path, stems: Mapping[Path, str]) -> bool:
    """Make the folder, and make sure that outputs may be written into it, before time is spent on computing.

    Parameters
    ----------
    out
        The folder.
    stems
        Of the outputs, by the radiograph that they are of.

    Returns
    -------
    bool
        Whether an earlier call wrote it: what it wrote is replaced.

    Raises
    ------
    InputError
        If it cannot be a folder to write into; if an output would take the place of one of the radiographs; or, in a
        folder that no earlier call wrote, of any file.
    """
    _make(out)
    is_ours = _has_report(out)
    inputs = {path.resolve() for path in stems}
    for file in out.glob("*"):
        if PREVIEW.fullmatch(file.name):
            _spare_input(file, inputs)
    for pattern in OUTPUTS:
        folder, _, name = pattern.rpartition("/")
        # Without case, which some file systems do not know.
        expected = {name.format(stem=stem).casefold() for stem in stems.values()}
        for file in out.glob(f"{folder}/*"):
            if file.name.casefold() not in expected:
                continue
            _spare_input(file, inputs)
            if not is_ours:
                raise InputError(
                    f"{file} would be overwritten, and no {REPORT} in {out} says that pbrs segment wrote it: name "
                    "another folder with -o"
                )
    return is_ours


def _spare_input(file: Path, inputs: Collection[Path]) -> None:
    if file.resolve() in inputs:
        raise InputError(f"{file} would be overwritten by an output of this call: name another folder with -o")


def _make(out: Path) -> None:
    try:
        if out.exists() and not out.is_dir():
            raise InputError(f"{out} is a file: give a folder to write into with -o")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {out} cannot be made ({error.strerror}): name another one with -o") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError(f"the folder {out} cannot be written into: name another one with -o")


def _has_report(out: Path) -> bool:
    report = out / REPORT
    if not report.exists():
        return False
    if not read_json_object(report, "name another folder with -o").keys() >= _REPORT_KEYS:
        raise InputError(f"{report} was not written by pbrs segment: name another folder with -o")
    return True
