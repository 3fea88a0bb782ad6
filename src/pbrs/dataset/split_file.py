"""The file ``split.csv``: reading and writing parts or folds; one that is there is not replaced unasked."""

from collections.abc import Mapping
from pathlib import Path

from pbrs.dataset.folder import read_table
from pbrs.dataset.split import PARTS, Split, count_folds, fold_split
from pbrs.errors import InputError
from pbrs.table import read_header, write_csv


def read_split(file: Path, fold: int | None = None) -> Split:
    """Read ``split.csv``, with the columns ``stem,part``, or ``stem,fold`` when `fold` says which.

    Raises
    ------
    InputError
        If the file is missing or malformed, holds folds and no `fold` is given, or holds parts and one is.
    """
    if not file.exists():
        raise InputError(f"no split at {file}: make it with `pbrs dataset split {file.parent}`")
    if holds_folds(file):
        if fold is None:
            raise InputError(f"{file} holds folds: choose the one to test on with --fold, or make parts with --force")
        return fold_split(read_folds(file), fold)
    if fold is not None:
        raise InputError(f"{file} holds parts, not folds: leave out --fold, or run `pbrs dataset split --folds K`")
    parts = read_table(file, ("stem", "part"))
    for stem, part in parts.items():
        if part not in PARTS:
            raise InputError(f"{file}: {stem} is in part {part}; expected one of {', '.join(PARTS)}")
    return Split(dict(sorted(parts.items())))


def read_folds(file: Path) -> dict[str, int]:
    """Read a ``split.csv`` with the columns ``stem,fold``: fold by stem.

    Raises
    ------
    InputError
        If the file is missing or malformed, or the folds are not numbered 0 to K−1 with K at least 3.
    """
    folds = read_table(file, ("stem", "fold"))
    for stem, fold in folds.items():
        if not (fold.isascii() and fold.isdecimal() and len(fold) < 20):
            raise InputError(f"{file}: {stem} is in fold {fold[:20]}; expected a whole number from 0 on")
    numbers = {stem: int(fold) for stem, fold in sorted(folds.items())}
    try:
        count_folds(numbers)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return numbers


def holds_folds(file: Path) -> bool:
    """Whether a split file has a column ``fold`` rather than ``part``.

    Raises
    ------
    InputError
        If the file cannot be read as text.
    """
    header = read_header(file, ("stem", "fold", "part"))
    return "fold" in header and "part" not in header


def refuse_overwriting(file: Path, force: bool) -> None:
    """Make sure that no split is there, or that it may be replaced.

    Raises
    ------
    InputError
        If the file exists and `force` is not set: runs that were scored on it would lose their meaning.
    """
    if file.exists() and not force:
        raise InputError(f"{file} exists: use it, or pass --force to replace it (runs made with it stay as they are)")


def write_split(file: Path, split: Split, force: bool = False) -> None:
    """Write a split as ``stem,part``.

    Raises
    ------
    InputError
        If the file exists and `force` is not set.
    """
    refuse_overwriting(file, force)
    write_csv(file, ("stem", "part"), ({"stem": stem, "part": part} for stem, part in sorted(split.parts.items())))


def write_folds(file: Path, folds: Mapping[str, int], force: bool = False) -> None:
    """Write folds as ``stem,fold``.

    Raises
    ------
    InputError
        If the file exists and `force` is not set.
    """
    refuse_overwriting(file, force)
    write_csv(file, ("stem", "fold"), ({"stem": stem, "fold": fold} for stem, fold in sorted(folds.items())))
