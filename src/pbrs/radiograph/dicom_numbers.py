"""Numbers that DICOM files write as text: put right where they can be, and named where they cannot."""

import math
import re
from collections.abc import Iterable

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

USED = (
    *("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio", "NumberOfFrames"),
)
"""Attributes of the value representations DS and IS (PS3.5, 6.2) on which reading depends."""

_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_HARMLESS = re.compile(r"[0-9.,eE+-]{1,16}")


def mend_numbers(dataset: Dataset) -> list[str]:
    """Replace numbers that cannot be read, in place: a decimal comma becomes a point, the rest is removed.

    Returns
    -------
    list of str
        One line for each attribute that was changed. What stands there is quoted only if it looks like a number.
    """
    notes = []
    for keyword in USED:
        if keyword not in dataset:
            continue
        written = _written(dataset, keyword)
        if all(_number(one) is not None or not one for one in written):
            if any(written) and not all(written):
                _replace(dataset, keyword, [one for one in written if one])
            elif not _is_readable(dataset, keyword):
                _replace(dataset, keyword, written)
            continue
        mended = [one.replace(",", ".") if _COMMA.fullmatch(one) else one for one in written]
        shown = "\\".join(written) if all(_HARMLESS.fullmatch(one) for one in written) else "what stands there"
        if all(_number(one) is not None for one in mended):
            _replace(dataset, keyword, mended)
            notes.append(f"{keyword} {shown} is written with a comma: taken as {chr(92).join(mended)}")
        else:
            del dataset[keyword]
            notes.append(f"{keyword} cannot be read as a number ({shown}): left out")
    return notes


def _written(dataset: Dataset, keyword: str) -> list[str]:
    """Give the values as text, before pydicom makes numbers of them."""
    try:
        raw = dataset.get_item(tag_for_keyword(keyword) or 0)
        value = None if raw is None else raw.value
        if isinstance(value, bytes):
            text = value.decode("ascii", "replace")
            return [one.strip(" \0") for one in text.split("\\")] if text.strip(" \0") else []
        if value is None or value == "":
            return []
        values = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        return [str(one).strip() for one in values]
    except Exception:
        # pydicom raises whatever broken bytes make it stumble over.
        return ["?"]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _is_readable(dataset: Dataset, keyword: str) -> bool:
    try:
        dataset.get(keyword)
    except Exception:
        return False
    return True


def _replace(dataset: Dataset, keyword: str, written: list[str]) -> None:
    numbers: list[float | int] = [float(one) for one in written]
    if keyword in ("PixelAspectRatio", "NumberOfFrames"):
        numbers = (
            [round(one) for one in numbers]
            if all(map(float.is_integer, numbers))
            else [round(1000 * one) for one in numbers]
        )
    del dataset[keyword]
    # At most 16 characters (PS3.5, 6.2).
    texts = [one if isinstance(one, int) else f"{one:.10g}" for one in numbers]
    setattr(dataset, keyword, texts[0] if len(texts) == 1 else texts)
