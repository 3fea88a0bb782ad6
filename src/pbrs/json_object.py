"""Reading a file that must hold one JSON object."""

import json
from pathlib import Path
from typing import Any

from pbrs.errors import InputError


def read_json_object(file: Path, hint: str) -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    file
        UTF-8 text; a byte order mark, as some editors put before it, is passed over.
    hint
        What the user should do if the file is not that; the end of the message.

    Raises
    ------
    InputError
        If the file cannot be read, is no JSON, or holds something else than an object.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8-sig"))
    # RecursionError: brackets nested deeper than the parser can follow.
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read as a JSON object ({str(error)[:120]}): {hint}") from error
    if not isinstance(value, dict):
        raise InputError(f"{file} holds a {type(value).__name__}, not a JSON object: {hint}")
    return value
