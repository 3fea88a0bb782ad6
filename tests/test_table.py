"""Tables: nothing in them runs, and whatever a spreadsheet saves is read."""

import csv
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbrs.errors import InputError
from pbrs.table import escape_formula, read_csv, unescape_formula, write_csv

COLUMNS = ("stem", "part")

# OWASP, CSV Injection: https://owasp.org/www-community/attacks/CSV_Injection
FORMULAS = ["=1+1", "@SUM(A1)", "+2", "-2+3", "\t=1", "\r=1", "\n=1", " =1", "a;=1+1", "a\t=1", "＝1", "'=1", "''=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe_and_is_read_back(
    tmp_path: Path, text: str
) -> None:
    write_csv(tmp_path / "t.csv", COLUMNS, [{"stem": text, "part": "train"}])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        cell = next(csv.DictReader(file))["stem"]
    for start in (cell, *cell.split(";")[1:], *cell.split("\t")[1:]):
        assert start.lstrip(" ")[:1] not in {"=", "+", "-", "@", "＝"}
    assert unescape_formula(cell) == text
    assert read_csv(tmp_path / "t.csv", COLUMNS) == [{"stem": text.strip(), "part": "train"}]


@given(st.text(alphabet="=+-@'\t\r\n; a1＝", max_size=8))
@settings(derandomize=True)
def test_any_text_comes_back_from_its_escape(text: str) -> None:
    assert unescape_formula(str(escape_formula(text))) == text


def test_csv_keeps_every_digit(tmp_path: Path) -> None:
    write_csv(tmp_path / "table.csv", ("name", "value"), [{"name": "a,b", "value": 0.1 + 0.2}])
    with (tmp_path / "table.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == "a,b"
    assert float(row["value"]) == 0.1 + 0.2


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ("a", "b", "c"), [{"a": -1.5, "b": -2, "c": None}])
    assert (tmp_path / "t.csv").read_text() == "a,b,c\n-1.5,-2,\n"
    assert escape_formula("case-1") == "case-1"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_a_spreadsheet_saves_is_read(tmp_path: Path, delimiter: str, encoding: str, ending: str) -> None:
    lines = ["Stem;part;note", '"a;b";train;x', "Röntgen ;test", ";;"]
    # The quoted semicolon belongs to a name.
    text = ending.join(line if ";b" not in line else f'"a;b"{delimiter}train{delimiter}x' for line in lines)
    text = text.replace("Stem;part;note", delimiter.join(("Stem", "part", "note")))
    text = text.replace("Röntgen ;test", f"Röntgen {delimiter}test").replace(";;", delimiter * 2)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert read_csv(tmp_path / "t.csv", COLUMNS) == [
        {"stem": "a;b", "part": "train", "note": "x"},
        {"stem": "Röntgen", "part": "test", "note": ""},
    ]


def test_the_line_in_which_excel_names_the_separator_is_understood(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sep=|\nstem|part\na|train\n")
    assert read_csv(tmp_path / "t.csv", COLUMNS) == [{"stem": "a", "part": "train"}]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name,part\na,train\n", "has the columns name, part"),
        (b"stem,part,stem\na,train,b\n", "has 2 columns called stem"),
        ("stem,part\nRöntgen,train\n".encode("cp1252"), "expected text in UTF-8; in Excel"),
        ("stem,part\na,train\n".encode("utf-16-le"), "is no text"),
        (b'stem,part\n"a,train\n', "cannot be read as a table"),
        (b"", "has the columns none"),
        (b"s\x0bem,part\n", r"has the columns s\\x0bem, part"),
        (b'"s\nem",part\n', r"has the columns s\\nem, part"),
    ],
)
def test_what_is_no_such_table_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=told) as error:
        read_csv(tmp_path / "t.csv", COLUMNS)
    assert len(str(error.value).splitlines()) == 1


@given(st.one_of(st.binary(max_size=60), st.text(alphabet=',;\t"\r\nstempar=\0', max_size=60).map(str.encode)))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_any_bytes_are_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    for start in (b"", b"stem,part\n"):
        file.write_bytes(start + content)
        with suppress(InputError):
            assert all(set(COLUMNS) <= set(row) for row in read_csv(file, COLUMNS))
