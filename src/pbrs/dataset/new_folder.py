"""A folder that appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pbrs.errors import InputError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target`; rename it to `target` on success, remove it on any failure.

    Raises
    ------
    InputError
        If `target` exists and is not an empty folder, or the place cannot be written to.
    """
    target = target.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{target} exists already: choose a new folder with -o, or remove this one first")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=target.parent))
    except OSError as error:
        raise InputError(f"{target} cannot be made ({error.strerror}): choose another folder with -o") from error
    try:
        # mkdtemp's folder is private; one made by mkdir has the permissions that the user's umask asks for.
        whole = temporary / target.name
        whole.mkdir()
        yield whole
        if target.exists():
            target.rmdir()
        whole.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
