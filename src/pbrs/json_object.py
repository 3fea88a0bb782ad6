"""Reading a file that must hold one JSON object."""

import json
from pathlib import Path
from typing import Any, NoReturn

from pbrs.bounded_read import read_bounded
from pbrs.errors import InputError

LARGEST_JSON_BYTES = 64 * 2**20
"""Of a file of ours: the record of a run on half a million images has less."""


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
        If the file cannot be read, is no JSON (which has no NaN and no infinity), or holds something else than an
        object.
    """
    try:
        text = read_bounded(file, LARGEST_JSON_BYTES, hint).decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    # RecursionError: brackets nested deeper than the parser can follow.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read as a JSON object ({str(error)[:120]}): {hint}") from error
    if not isinstance(value, dict):
        raise InputError(f"{file} holds a {type(value).__name__}, not a JSON object: {hint}")
    return value


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _finite(number: str) -> float:
    value = float(number)
    if abs(value) == float("inf"):
        raise ValueError(f"{number:.20} is too large a number")
    return value
