"""Names and messages as text: nothing in a file's name can move the cursor, forge a line or turn letters around."""

import os
import re
import sys
import unicodedata
from pathlib import Path

_UNDECODABLE = re.compile("[\ud800-\udfff]")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories of what is no visible letter: controls, formats (bidi marks), surrogates, line separators."""

_SPELLING = "\u200c\u200d"
"""The two joiners: formats by their category, but needed to spell Persian and Indian names."""


def as_text(name: Path | str) -> str:
    r"""Give a name exactly, but bytes that are no UTF-8 as ``\xff``: text that any file, JSON and encoder takes.

    For what machines read. What people read goes through `printable`, too.
    """
    # Through bytes, so that the name is the same whatever the locale took it for.
    try:
        exact = os.fsencode(name).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file's name, but text that this locale cannot write
        exact = str(name)
    return _UNDECODABLE.sub(lambda found: _escaped(found[0]), exact)


def as_file_name(text: str) -> str:
    """Give the file name of these letters, as this system's locale takes it: UTF-8 on the disk, whatever it is."""
    return os.fsdecode(text.encode())


def printable(name: Path | str) -> str:
    r"""Give a name or a message as one line to be shown: what is no visible letter is written as its number.

    Line breaks and other controls, bidi marks, invisible letters and surrogates become ``\n``, ``\x1b``, ``\u202e`` and
    so on. Letters of all scripts, spaces of all widths and backslashes stay.
    """
    text = str(name)
    if text.isascii() and text.isprintable():
        return text
    text = as_text(text)
    return "".join(_escaped(letter) if _is_hidden(letter) else letter for letter in text)


def say(message: str, *, error: bool = False) -> None:
    """Print one line, whatever is in it, on the standard output, or on the error output. All commands print here."""
    print(printable(message), file=sys.stderr if error else sys.stdout, flush=True)


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN and letter not in _SPELLING


def _escaped(letter: str) -> str:
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:
        # How Python holds a byte that it could not decode (PEP 383).
        return f"\\x{number - 0xDC00:02x}"
    return letter.encode("unicode_escape", "surrogatepass").decode() if letter != "\\" else letter
