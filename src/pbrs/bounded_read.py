"""Reading a file whole: memory follows the file, and no file is larger than its reader expects."""

from pathlib import Path

from pbrs.errors import InputError


def read_bounded(path: Path, most_bytes: int, advice: str) -> bytes:
    """Read a file whole, if it is a file and not too large.

    Parameters
    ----------
    path
        The file. A pipe or a device, which may never end, is refused.
    most_bytes
        How large it may be.
    advice
        What the user should do if it is larger; the end of that message.

    Raises
    ------
    InputError
        If it does not exist, is no file, is too large, grows while it is read or cannot be read.
    """
    try:
        if not path.exists():
            raise InputError(f"no such file: {path}")
        if not path.is_file():
            raise InputError(f"{path.name} is not a file: expected a file")
        size = path.stat().st_size
        if size > most_bytes:
            raise InputError(f"{path.name} has {_told(size)}: expected at most {_told(most_bytes)}; {advice}")
        with path.open("rb") as file:
            # Python makes room for all that is asked for before it reads.
            data = file.read(size + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or "not a usable file name"
        raise InputError(f"{path.name!r} cannot be read ({reason}): check the path and its permissions") from None
    if len(data) > size:
        raise InputError(f"{path.name} grew while it was read: wait until it is complete, and try again")
    return data


def _told(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size:,} bytes"
