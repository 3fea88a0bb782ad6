"""A lock that one process holds and the system takes back when that process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pbrs.errors import InputError


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
        if not _taken(handle):
            raise InputError(refusal)
        yield
    finally:
        os.close(handle)


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
