"""The dataset folder: which files it holds, and reading one case of it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.file_name import name_as_text
from pbrs.json_object import read_json_object
from pbrs.radiograph import Radiograph, read_mask, read_radiograph
from pbrs.radiograph.find import image_stem, looks_like_radiograph
from pbrs.table import read_csv

STRUCTURES = ("hip_left", "hip_right", "sacrum", "femur_left", "femur_right")
"""The five structures of the pelvic bone region, by the patient's side; they may overlap in projection."""


@dataclass(frozen=True)
class Dataset:
    """The files of one dataset folder; nothing is decoded until asked for.

    Attributes
    ----------
    path
        The folder.
    images
        ``images/STEM.ext`` by stem, sorted.
    masks
        ``masks/STEM.png`` by stem, sorted. Not every image need have one.
    structures
        ``structures/NAME/STEM.png`` by name, then by stem; only names of `STRUCTURES` that have files.
    patients
        Patient by stem from ``patients.csv``, or None where there is no such file.
    info
        ``dataset.json``, or empty where there is no such file.
    """

    path: Path
    images: dict[str, Path]
    masks: dict[str, Path]
    structures: dict[str, dict[str, Path]]
    patients: dict[str, str] | None
    info: dict[str, Any]

    @cached_property
    def stems(self) -> list[str]:
        """Those that have an image and a mask, sorted."""
        return [stem for stem in self.images if stem in self.masks]

    @property
    def is_synthetic(self) -> bool:
        """Whether ``dataset.json`` says that no patient was imaged."""
        return bool(self.info.get("synthetic", False))

    def read(self, stem: str) -> tuple[Radiograph, NDArray[np.bool_]]:
        """Read one radiograph and its mask, bool (H, W) of the radiograph's shape.

        Raises
        ------
        InputError
            If the dataset has no such image or mask, a file cannot be read, or the shapes differ.
        """
        for kind, files in (("image", self.images), ("mask", self.masks)):
            if stem not in files:
                raise InputError(f"no {kind} for {stem} in {self.path}: look with `pbrs dataset check {self.path}`")
        radiograph = read_radiograph(self.images[stem])
        return radiograph, read_mask(self.masks[stem], radiograph.shape)

    def digest(self, stems: Sequence[str]) -> str:
        """SHA-256 over names and bytes of the images, masks and structures of `stems`, hexadecimal."""
        digest = hashlib.sha256()
        for stem in sorted(stems):
            for files in (self.images, self.masks, *(self.structures[name] for name in sorted(self.structures))):
                if stem in files:
                    digest.update(f"{stem}/{file_sha256(files[stem])}\n".encode())
        return digest.hexdigest()

    def read_structure(self, stem: str, name: str, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Read one structure's mask, bool (H, W) = `shape`; None where the dataset has none for this stem.

        Raises
        ------
        InputError
            If `name` is not one of `STRUCTURES`, or the file cannot be read or has another shape.
        """
        if name not in STRUCTURES:
            raise InputError(f"no structure is called {name}: expected one of {', '.join(STRUCTURES)}")
        path = self.structures.get(name, {}).get(stem)
        return None if path is None else read_mask(path, shape)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_dataset(path: Path) -> Dataset:
    """List what a dataset folder holds; images and masks are not opened.

    Raises
    ------
    InputError
        If there is no such folder, no image in ``images/``, two images with one stem, or a malformed ``patients.csv``
        or ``dataset.json``.
    """
    if not (path / "images").is_dir():
        raise InputError(f"{path} is not a dataset folder: expected {path / 'images'} with one file per radiograph")
    images = _by_stem(path / "images", looks_like_radiograph)
    if not images:
        raise InputError(f"no radiograph in {path / 'images'}: expected PNG, JPEG, TIFF, BMP or DICOM files")
    structures = {name: _by_stem(path / "structures" / name, _is_png) for name in STRUCTURES}
    patients_file, info_file = path / "patients.csv", path / "dataset.json"
    return Dataset(
        path=path,
        images=images,
        masks=_by_stem(path / "masks", _is_png),
        structures={name: files for name, files in structures.items() if files},
        patients=read_table(patients_file, ("stem", "patient")) if patients_file.exists() else None,
        info=read_json_object(info_file, "mend or remove it") if info_file.exists() else {},
    )


def read_table(path: Path, columns: tuple[str, str]) -> dict[str, str]:
    """Read two columns of a table: the first, which must not repeat, to the second; see `pbrs.table.read_csv`.

    Raises
    ------
    InputError
        If the file is missing or not text, a column is missing, or a line is empty in either column or repeats.
    """
    table: dict[str, str] = {}
    for row in read_csv(path, columns):
        # Names in a table are names of files: in the one form that these have.
        key, value = (name_as_text(row[column]) for column in columns)
        if not key or not value:
            raise InputError(
                f"{path}: {columns[0]} or {columns[1]} is empty ({key or value}); fill it or remove the row"
            )
        if key in table:
            raise InputError(f"{path}: {key} stands there twice; keep one row for each {columns[0]}")
        table[key] = value
    return table


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == ".png"


def _by_stem(folder: Path, is_meant: Callable[[Path], bool]) -> dict[str, Path]:
    """Files directly in `folder` by stem, sorted; hidden files left out."""
    found: dict[str, Path] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not is_meant(path):
            continue
        stem = image_stem(path)
        if stem in found:
            raise InputError(f"{found[stem]} and {path.name} share the stem {stem}: rename or remove one")
        found[stem] = path
    # Sorted by stem, not by file name: `a-1.png` comes before `a.png`, but `a` before `a-1`.
    return dict(sorted(found.items()))
