"""Members of other people's JSON: what is expected is checked, what is missing is named."""

import json
import reprlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError


def read_json(file: Path) -> Any:
    """Read a JSON file, whatever it holds.

    Raises
    ------
    InputError
        If it cannot be read, or is no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    # RecursionError: brackets nested deeper than the parser can follow.
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read as JSON ({str(error)[:120]}): export the annotations again") from error


def member(value: Any, key: str, file: Path, kind: type = object) -> Any:
    """The member `key` of a JSON object, which must be of type `kind`.

    Raises
    ------
    InputError
        If it is missing or of another type.
    """
    if not isinstance(value, dict) or key not in value:
        raise InputError(f"{file.name}: {key} is missing in {_short(value)}: export the annotations again")
    found = value[key]
    if not isinstance(found, kind):
        raise InputError(f"{file.name}: {key} is {_short(found)}, expected a {kind.__name__}: export it again")
    return found


def whole_number(value: Any, key: str, file: Path) -> int:
    """The member `key`, which must be a whole number (2 or 2.0).

    Raises
    ------
    InputError
        If it is missing or something else.
    """
    found = member(value, key, file)
    if isinstance(found, bool) or not isinstance(found, int | float) or found != found // 1:
        raise InputError(f"{file.name}: {key} is {_short(found)}, expected a whole number: export it again")
    return int(found)


def finite_points(value: Any, file: Path, least: int = 3) -> NDArray[np.float64]:
    """Points, float64 (N, 2), from [[x, y], …] or [x, y, x, y, …].

    Raises
    ------
    InputError
        If they are not finite numbers in pairs, or fewer than `least`.
    """
    try:
        points = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim == 1 and points.size % 2 == 0:
        points = points.reshape(-1, 2)
    # Numbers beyond sense would overflow when they are drawn.
    sensible = points.ndim == 2 and bool((np.abs(points) < 1e12).all())
    if not sensible or points.shape[1] != 2 or len(points) < least:
        raise InputError(f"{file.name}: points {_short(value)}: expected {least} or more pairs of numbers, x and y")
    return points


def _short(value: Any) -> str:
    # Cut while it is written: the whole may be large, or too deep.
    text = reprlib.repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
