"""Going on with a call that was stopped: what of it stands, and what of its images the summaries need again."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.printable import as_file_name, as_text


@dataclass(frozen=True, eq=False)
class SavedMasks:
    """Masks as an earlier call wrote them: bool (H, W), the region and each structure by name."""

    mask: NDArray[np.bool_]
    structures: dict[str, NDArray[np.bool_]]


def digest_of(facts: Mapping[str, Any]) -> str:
    """Make one number of all that the outputs depend on but the input: SHA-256 of its JSON, hexadecimal."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def still_stands(entry: Mapping[str, Any], path: Path, out: Path) -> bool:
    """Tell whether an earlier outcome is that of this very input, and all its files are still there.

    What has failed is always tried again: it is quickly done, and the reason may have gone.
    """
    if entry["outcome"] == "failed" or entry["input"] != as_text(path):
        return False
    try:
        with path.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return False
    return sha256 == entry["sha256"] and all((out / name).is_file() for name in _names(entry.get("files", {})))


def read_masks(entry: Mapping[str, Any], out: Path) -> SavedMasks | None:
    """Read the masks of an entry back; None where they are not what was written."""
    try:
        files = entry["files"]
        mask, structures = _read(files["mask"], out), files.get("structures", {})
        saved = SavedMasks(mask, {name: _read(file, out) for name, file in structures.items()})
    except (OSError, ValueError, KeyError):
        return None
    shape = (entry["height"], entry["width"])
    return saved if {each.shape for each in (mask, *saved.structures.values())} == {shape} else None


def _read(name: str, out: Path) -> NDArray[np.bool_]:
    with Image.open(out / as_file_name(name)) as picture:
        return np.asarray(picture.convert("L")) > 127


def _names(files: Any) -> Iterator[str]:
    if isinstance(files, Mapping):
        for value in files.values():
            yield from _names(value)
    else:
        yield as_file_name(str(files))
