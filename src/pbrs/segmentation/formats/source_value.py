"""One attribute of a stranger's header as the standard allows it, or not at all (PS3.5, 6.2)."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import date

from pydicom import Dataset
from pydicom.charset import convert_encodings, decode_bytes, default_encoding
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.uid import UID
from pydicom.valuerep import TEXT_VR_DELIMS, validate_value

_IN_ANY_CHARACTER_SET = {"SH", "LO", "PN"}
_MOST_CHARACTERS = {"SH": 16, "LO": 64}
_PERSON_NAME_GROUPS, _GROUP_CHARACTERS, _GROUP_COMPONENTS = 3, 64, 5
_NO_TEXT = {"Cc", "Cs", "Cn"}
"""Unicode's categories of what is no character of a name: controls, surrogates, what is assigned to nothing."""


class UnusableValue(Exception):  # noqa: N818 -- not an error: strangers' headers are like that
    """There is a value, but not one that the standard allows."""


def read_value(source: Dataset, keyword: str) -> tuple[str, bool]:
    """Read an attribute of text, a date or a time, out of its bytes.

    Parameters
    ----------
    source
        As parsed, with the attribute's element not converted yet.
    keyword
        Of an attribute of VR SH, LO, PN, CS, DA or TM.

    Returns
    -------
    value, is_set_right
        The value, ``""`` where there is none, values with backslashes between where the standard allows several; and
        whether it was brought into the standard's form (dates and times of ACR-NEMA, ``2020.01.31`` and ``10:15:00``).

    Raises
    ------
    UnusableValue
        If it has more values than the standard allows, is a range of a query, or is not valid for its VR; or if its
        bytes are not of the character set that the file declares (none: ASCII, PS3.3, C.12.1.1.2).
    """
    representation = dictionary_VR(keyword)
    try:
        given = _decode(source, keyword, representation)
    except Exception:
        # pydicom raises what the broken bytes make it stumble over.
        raise UnusableValue(keyword) from None
    if not given:
        return "", False
    parts = [part.strip(" ") for part in given.split("\\")]
    if len(parts) > 1 and dictionary_VM(keyword) == "1":
        raise UnusableValue(keyword)
    values = [_RIGHT.get(representation, _right_text)(part, representation) for part in parts if part]
    for value in values:
        try:
            validate_value(representation, value, RAISE)
        except ValueError:
            raise UnusableValue(keyword) from None
    return "\\".join(values), values != [part for part in parts if part]


def read_uid(source: Dataset, keyword: str) -> UID | None:
    """Read a UID, or None where there is none that is valid."""
    with suppress(Exception):
        uid = UID(str(source.get(keyword) or ""))
        return uid if uid and uid.is_valid else None
    return None


def _decode(source: Dataset, keyword: str, representation: str) -> str:
    """Give the whole of an attribute as text, without padding."""
    if keyword not in source:
        return ""
    element = source.get_item(keyword)
    content = element.value
    if content is None:
        return ""
    if not isinstance(content, bytes):
        raise UnusableValue(keyword)
    content = content.rstrip(b"\0 ")
    encodings = convert_encodings(source.get("SpecificCharacterSet"))
    if representation not in _IN_ANY_CHARACTER_SET or encodings == [default_encoding]:
        return content.decode("ascii")
    text = decode_bytes(content, encodings, TEXT_VR_DELIMS)
    if "\ufffd" in text:
        # What pydicom puts where it cannot decode.
        raise UnusableValue(keyword)
    return text.rstrip("\0 ")


def _right_text(text: str, representation: str) -> str:
    if any(unicodedata.category(letter) in _NO_TEXT for letter in text):
        raise UnusableValue
    if len(text) > _MOST_CHARACTERS.get(representation, len(text)):
        raise UnusableValue
    return text


def _right_name(text: str, representation: str) -> str:
    groups = _right_text(text, representation).split("=")
    fits = all(len(group) <= _GROUP_CHARACTERS and group.count("^") < _GROUP_COMPONENTS for group in groups)
    if not fits or len(groups) > _PERSON_NAME_GROUPS:
        raise UnusableValue
    return text


def _right_date(text: str, _: str) -> str:
    found = re.fullmatch(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})", text)
    if found is None:
        raise UnusableValue
    with suppress(ValueError):
        return date(int(found[1]), int(found[3]), int(found[4])).strftime("%Y%m%d").zfill(8)
    raise UnusableValue


def _right_time(text: str, _: str) -> str:
    # The 60th second is the leap second.
    plain = r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(\.\d{1,6})?)?)?"
    with_colons = r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(\.\d{1,6})?)?"
    found = re.fullmatch(plain, text, re.ASCII) or re.fullmatch(with_colons, text, re.ASCII)
    if found is None:
        raise UnusableValue
    return "".join(part or "" for part in found.groups())


_RIGHT: dict[str, Callable[[str, str], str]] = {"PN": _right_name, "DA": _right_date, "TM": _right_time}
