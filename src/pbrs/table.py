"""Tables of comma-separated values: written so that no cell runs in a spreadsheet, read as spreadsheets save them.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break for a formula, and runs
it. Text that begins so gets an apostrophe in front, as OWASP advises [1]_, and loses it when it is read; numbers stay
as they are.

References
----------
.. [1] https://owasp.org/www-community/attacks/CSV_Injection
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from pathlib import Path

from pbrs.atomic_write import atomic_path
from pbrs.bounded_read import read_bounded
from pbrs.errors import InputError
from pbrs.printable import printable

# A spreadsheet of another country splits cells at semicolons or tabs: there, too, a formula may begin.
_START = r"(?:^|(?<=[;\t\r\n]))"
_FORMULA = r"\s*[=+\-@\t\r\n＝＋－＠]"
LARGEST_BYTES = 64 * 2**20
_RUNS = re.compile(f"{_START}(?='*{_FORMULA})")
_ESCAPED = re.compile(f"{_START}'(?='*{_FORMULA})")
_DELIMITERS = ",;\t"
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a comma-separated table with a header line; floats keep every digit, text that would run is escaped."""
    # Bytes of a name that are no text are written as numbers: not even they end a command.
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(columns), lineterminator="\n")
        # Python's csv leaves a carriage return unquoted, at which readers begin a new row.
        quoting = csv.DictWriter(file, list(columns), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        for row in rows:
            cells = {name: escape_formula(cell) for name, cell in row.items()}
            (quoting if any("\r" in str(cell) for cell in cells.values()) else writer).writerow(cells)


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header line that has at least `columns`; every cell without blanks around it.

    Commas, semicolons or tabs stand between cells; the text is UTF-8, or UTF-16 with a byte order mark, as Excel saves
    it. Rows without any content are left out.

    Parameters
    ----------
    path
        The file.
    columns
        Names of the columns that must be there, each once; how they are capitalised does not matter.

    Returns
    -------
    list of dict
        The rows: text by column, an empty one where a row is too short. Columns beside `columns` keep their names.

    Raises
    ------
    InputError
        If the file cannot be read as such a table.
    """
    header, *rows = _rows(path, columns)
    if not set(columns) <= set(header):
        raise InputError(
            f"{path} has the columns {printable(', '.join(header)[:120]) or 'none'}: expected {','.join(columns)} in "
            "its first line"
        )
    for name in columns:
        if header.count(name) > 1:
            raise InputError(f"{path} has {header.count(name)} columns called {name}: keep one")
    filled = (row for row in rows if any(row))
    return [dict(zip(header, [*row, *[""] * len(header)], strict=False)) for row in filled]


def read_header(path: Path, columns: Sequence[str]) -> list[str]:
    """Read the names of a table's columns; those that are among `columns` as they are written there.

    Raises
    ------
    InputError
        If the file cannot be read as a table.
    """
    return _rows(path, columns)[0]


def escape_formula(cell: object) -> object:
    """Put an apostrophe before text that a spreadsheet would run; numbers and None stay as they are."""
    return cell if cell is None or isinstance(cell, Number) else _RUNS.sub("'", str(cell))


def unescape_formula(cell: str) -> str:
    """Take off what `escape_formula` has put before a text."""
    return _ESCAPED.sub("", cell)


def _rows(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """The cells of a table, those of the header first; this may be empty."""
    text = _text(path)
    # Excel's own way to say which character stands between the cells.
    named = re.match(r"sep=(.)\r?\n", text)
    text = text[named.end() :] if named else text
    delimiter = named[1] if named else _delimiter(text.split("\n", 1)[0].split("\r", 1)[0], columns)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [[unescape_formula(cell).strip() for cell in row] for row in reader] or [[]]
    except (csv.Error, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table ({error}): save it again as CSV") from error
    wanted = {name.casefold(): name for name in columns}
    return [[wanted.get(name.casefold(), name) for name in rows[0]], *rows[1:]]


def _text(path: Path) -> str:
    try:
        data = read_bounded(path, LARGEST_BYTES, "it is no table of PBRS")
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
        text = data.decode(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({str(error)[:120]}): expected text in UTF-8; in Excel, save it as `CSV UTF-8`"
        ) from error
    if "\0" in text:
        raise InputError(f"{path} is no text: expected a table; in Excel, save it as `CSV UTF-8`")
    return text


def _delimiter(header: str, columns: Sequence[str]) -> str:
    """Find what stands between the cells: that with which the first line has most of the columns."""

    def count(delimiter: str) -> int:
        names = {name.strip().strip('"').strip().casefold() for name in header.split(delimiter)}
        return sum(column.casefold() in names for column in columns)

    return max(_DELIMITERS, key=count)
