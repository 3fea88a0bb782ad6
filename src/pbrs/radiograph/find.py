"""Which files of a folder are radiographs, and what else lies there."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pbrs.errors import InputError
from pbrs.file_name import name_as_text
from pbrs.radiograph.file_kind import HEAD_BYTES, FileKind, tell_kind

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib"),
    *(".dcm", ".dicom", ".dic", ".dc3", ".dcm30", ".ima", ".img"),
)
"""What the names of radiographs commonly end in."""

LEFT_OUT = {"masks", "structures", "overlays", "roi", "seg", "sc", "contact_sheet"}
"""Folders of a data set or of `pbrs segment` whose pictures are no radiographs."""

PREVIEW = re.compile(r"preview(_\d+)?\.png")
"""Contact sheets of `pbrs segment`, where they lie beside its report."""

_SYSTEM_FILES = {"thumbs.db", "desktop.ini"}
_MOST_NAMED = 3


@dataclass(frozen=True)
class LeftOut:
    """Files of one kind in a folder that are no radiographs: what they are, how many, and the first few of them."""

    kind: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """Give one line, as the terminal shows it."""
        more = self.count - len(self.examples)
        names = ", ".join(self.examples) + (f" and {more} more" if more else "")
        return f"{self.count} left out, {self.kind}: {names}"


@dataclass(frozen=True)
class Found:
    """What was found among files and folders.

    Attributes
    ----------
    files
        Radiographs, in the order of the inputs, sorted within each folder; each once.
    left_out
        What else lay in the folders, the most frequent kind first.
    """

    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...] = ()


def find_radiographs(inputs: Sequence[Path]) -> Found:
    """Find the radiographs among files and folders.

    Parameters
    ----------
    inputs
        Files, taken as they are; folders, searched with all below them. There a file is taken if its beginning says
        that it is PNG, JPEG, TIFF, BMP or a DICOM image, whatever its name; or if its name ends in one of `SUFFIXES`,
        so that reading tells what is wrong with it. DICOM that holds no image (reports, presentation states,
        segmentations) and all else is left out and counted by kind. Hidden files, those that a file manager leaves
        (``Thumbs.db``), and folders that hold masks or pictures that PBRS made (`LEFT_OUT`) are passed over.

    Raises
    ------
    InputError
        If an input does not exist, or a folder holds no radiograph.
    """
    files: list[Path] = []
    left_out: list[tuple[str, str]] = []
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            others: list[tuple[str, str]] = []
            inside = [file for file in sorted(path.rglob("*")) if _is_meant(file, path) and _is_taken(file, others)]
            if not inside:
                told = "; ".join(map(str, _by_kind(others))) or "it holds no file"
                raise InputError(f"no radiograph in {path} ({told}): expected PNG, JPEG, TIFF, BMP or DICOM")
            files += inside
            left_out += others
        elif path.exists():
            files.append(path)
        else:
            raise InputError(f"no such file or folder: {path}")
    return Found(tuple(dict.fromkeys(files)), _by_kind(list(dict.fromkeys(left_out))))


def looks_like_radiograph(file: Path) -> bool:
    """Tell whether a file in a folder is taken for a radiograph, by its beginning or its name's end."""
    return _is_taken(file, [])


def image_stem(path: Path) -> str:
    """Give a radiograph's name without its suffix, in one form of Unicode.

    A DICOM file's name may be a UID, whose last number is no suffix.
    """
    return name_as_text(path.stem if has_known_suffix(path) else path.name)


def has_known_suffix(path: Path) -> bool:
    """Tell whether a name ends in one of `SUFFIXES`, in small letters or capitals."""
    return path.suffix.lower() in SUFFIXES


def _is_meant(file: Path, folder: Path) -> bool:
    inside = file.relative_to(folder).parts
    # A link to nothing is looked at, so that reading it names it.
    is_file = file.is_file() or (file.is_symlink() and not file.exists())
    if any(part.startswith(".") for part in inside) or LEFT_OUT & set(inside[:-1]) or not is_file:
        return False
    if file.name.lower() in _SYSTEM_FILES:
        return False
    is_ours = PREVIEW.fullmatch(file.name) or file.name in ("report.json", "report.jsonl")
    return not (is_ours and (file.parent / "report.json").is_file())


def _is_taken(file: Path, left_out: list[tuple[str, str]]) -> bool:
    try:
        with file.open("rb") as opened:
            kind = tell_kind(opened.read(HEAD_BYTES))
    except OSError:
        kind = FileKind("that cannot be opened")
    is_listed = file.name.upper() == "DICOMDIR"
    if kind.radiograph_format and not is_listed:
        return True
    if has_known_suffix(file) and not kind.name.startswith("DICOM"):
        return True
    name = "DICOMDIR, a list of files" if is_listed else _named(kind, file)
    left_out.append((name, str(file)))
    return False


def _named(kind: FileKind, file: Path) -> str:
    if kind.name != "of an unknown kind":
        return f"{kind.name} ({kind.advice})" if kind.advice else kind.name
    suffix = file.suffix.lower()
    return f"{suffix} files" if re.fullmatch(r"\.[a-z][a-z0-9]{0,9}", suffix) else kind.name


def _by_kind(left_out: Sequence[tuple[str, str]]) -> tuple[LeftOut, ...]:
    counts = Counter(kind for kind, _ in left_out)
    return tuple(
        LeftOut(kind, count, tuple(Path(file).name for other, file in left_out if other == kind)[:_MOST_NAMED])
        for kind, count in counts.most_common()
    )
