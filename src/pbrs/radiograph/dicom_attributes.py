"""Reading single DICOM attributes without trusting them, and without ever quoting a patient's."""

import math
from collections.abc import Iterable
from typing import Any

from pydicom import Dataset


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Give the values of a code string in capitals, or [] where it is absent or cannot be read."""
    value = _value(dataset, keyword)
    if value is None:
        return []
    values = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    return [str(one).strip().upper() for one in values]


def texts_as_written(dataset: Dataset, keyword: str) -> list[str]:
    """Give the values of a code string without changing their letters."""
    value = _value(dataset, keyword)
    if value is None:
        return []
    return [str(one).strip() for one in ([value] if isinstance(value, str) else list(value))]


def text(dataset: Dataset, keyword: str) -> str:
    """Give the first value of a code string in capitals, or ``""``."""
    return next(iter(texts(dataset, keyword)), "")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Give the values of a numeric attribute; [] where it is absent or any of them is no finite number."""
    value = _value(dataset, keyword)
    if value is None:
        return []
    values = list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]
    try:
        found = [float(one) for one in values]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    """Give the first value of a numeric attribute, or None."""
    return next(iter(numbers(dataset, keyword)), None)


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Give the first value of an integer attribute, or None."""
    found = number(dataset, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Give the items of a sequence, or [] where it is absent or no sequence."""
    value = _value(dataset, keyword)
    if value is None or isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return []
    try:
        return [item for item in value if isinstance(item, Dataset)]
    except Exception:
        return []


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:
        # pydicom converts on access, and raises what the broken bytes make it stumble over.
        return None
