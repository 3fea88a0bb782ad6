"""A lock that one process holds and the system takes back when that process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pbrs.errors import InputError

LOCK_NAME = ".lock"
"""In a folder that one process works in."""


@contextmanager
def sole_use(file: Path, refusal: str) -> Iterator[None]:
    """Keep other processes that ask for the same file out until the end.

    Parameters
    ----------
    file
        Made if it is not there; it stays, empty, and means nothing by being there.
    refusal
        What to tell the user if another process holds it.

    Raises
    ------
    InputError
        If another process holds it.
    OSError
        If the file cannot be made.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _taken(handle) or not _still_there(handle, file):
            raise InputError(refusal)
        yield
    finally:
        os.close(handle)


@contextmanager
def sole_use_of_folder(folder: Path, refusal: str) -> Iterator[None]:
    """Keep other processes that ask for the same folder out until the end.

    The folder is made if it is not there, and removed again if nothing was written into it.

    Raises
    ------
    InputError
        If another process holds it, or it is a file.
    OSError
        If it cannot be made.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not an empty folder: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / LOCK_NAME
    try:
        with sole_use(lock, refusal):
            try:
                yield
            finally:
                # While it is held: whoever takes it later looks whether it is still there. Windows keeps it.
                with suppress(OSError):
                    lock.unlink()
    finally:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def is_unused(folder: Path) -> bool:
    """Tell whether there is nothing in a folder but its lock, or no folder."""
    return not folder.exists() or (folder.is_dir() and all(file.name == LOCK_NAME for file in folder.iterdir()))


def _still_there(handle: int, file: Path) -> bool:
    """Tell whether the file is still the one that was opened: whoever held it may have removed it in between."""
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


def _taken(handle: int) -> bool:
    """Take the lock, unless another process has it. A process number in a file would outlive its process."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # Some network folders know no locks: better unguarded than refused.
        return True
    return True
