"""Names of files as text in one form, and back to names that any locale can write."""

import os
import re
import unicodedata
from pathlib import Path

_HALF_LETTERS = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates that stand for no byte: JSON can hold them, no file system can."""


def name_as_text(name: str | Path) -> str:
    """Give what a file is called as text in one form: how every name is compared, stored and shown.

    The form is Unicode's NFC: a Mac writes é as two characters (NFD), most others as one. Bytes that are no UTF-8
    become ``_``; those that the locale alone cannot read (``LC_ALL=C``) are read as the UTF-8 that they are. Blanks at
    both ends are taken off, as tables take them off.

    References
    ----------
    .. [1] Unicode Standard Annex 15, https://unicode.org/reports/tr15/
    """
    whole = _HALF_LETTERS.sub("_", os.fspath(name))
    read = whole.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "_")
    return unicodedata.normalize("NFC", read.strip() or read)


def writable_path(path: Path) -> Path:
    """Give the path under which this process can make a file whose name may hold letters that its locale lacks.

    With ``LC_ALL=C`` Python cannot say é to the file system; the file is called é all the same, in UTF-8.
    """
    return Path(os.fsdecode(os.fspath(path).encode("utf-8", "surrogateescape")))
