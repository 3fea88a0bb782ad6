"""Writing files whole or not at all: to a temporary name in the same folder, then renamed."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pbrs.file_name import writable_path

_UNFINISHED = ".writing-"

_COMPRESSION = 1
"""Of PNGs, 0–9: more takes three times as long, and makes files a quarter smaller."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` on success, remove it on any failure.

    Parameters
    ----------
    path
        The file to be written. Its folder is made if it does not exist.

    Yields
    ------
    pathlib.Path
        A file name in the same folder, with the same suffix, hidden by a leading dot.
    """
    path = writable_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}{path.suffix}")
    # By name, not as the private file that `tempfile` makes: it gets the permissions that any new file gets here.
    try:
        temporary.touch(exist_ok=False)
        permissions = temporary.stat().st_mode
        yield temporary
        # Some libraries put a private file of their own in its place.
        if temporary.stat().st_mode != permissions:
            temporary.chmod(permissions)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path, older_than_s: float = 0.0) -> None:
    """Remove what a process that was killed while writing left in `folder`, if there is such a folder.

    Parameters
    ----------
    folder
        Looked through without the folders in it.
    older_than_s
        Seconds for which a file must not have changed: where another process may be writing right now.
    """
    if folder.is_dir():
        for file in folder.glob(f"{_UNFINISHED}*"):
            with suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime >= older_than_s:
                    file.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; a byte of a file's name that is no text as its number (``\\udce9``)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; numbers that JSON does not have (NaN, infinity) are refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 (H, W) or (H, W, 3), or uint16 (H, W), as a PNG without any metadata."""
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG", compress_level=_COMPRESSION)
