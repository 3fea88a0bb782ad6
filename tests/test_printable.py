"""Names as text: what reaches a terminal is one line of visible letters."""

import ast
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pbrs
from pbrs.printable import as_file_name, as_text, printable, say

SOURCES = sorted(Path(pbrs.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("case 7 (copy).png", "case 7 (copy).png"),
        ("b\x1b[2J\nsegmented 99 of 99.png", r"b\x1b[2J\nsegmented 99 of 99.png"),
        ("a\r\t\x00\x7f\x9b.png", r"a\r\t\x00\x7f\x9b.png"),
        ("gnp.\u202e7.dcm", r"gnp.\u202e7.dcm"),
        ("\u2066\u200f\u061c\ufeff", r"\u2066\u200f\u061c\ufeff"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("tag\U000e0041", r"tag\U000e0041"),
        (
            "骨盤 Béatrice Be\u0301atrice می‌خواهم\u3000\u202f.png",
            "骨盤 Béatrice Be\u0301atrice می‌خواهم\u3000\u202f.png",
        ),
        (r"C:\new\x1b.png", r"C:\new\x1b.png"),
        (os.fsdecode(b"bad\xff.png"), r"bad\xff.png"),
        ("half\ud83d", r"half\ud83d"),
    ],
)
def test_what_is_no_visible_letter_is_written_as_its_number(name, shown):
    assert printable(name) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_one_line_that_every_encoder_takes(text):
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    shown.encode("utf-8")
    # By Unicode's own property, not by our table: no letter left can reorder others (UAX 9).
    assert not {unicodedata.bidirectional(letter) for letter in shown} & {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B", "S")
    }


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_file_name_is_text_and_one_that_is_text_stays_exact(name):
    text = as_text(os.fsdecode(name))
    text.encode("utf-8")
    try:
        exact = name.decode()
    except UnicodeDecodeError:
        assert "\\x" in text
    else:
        assert text == exact
        assert os.fsencode(as_file_name(text)) == name


def test_say_prints_one_line(capsys):
    say("a\nb")
    say("c\x1b[2J", error=True)
    assert capsys.readouterr() == ("a\\nb\n", "c\\x1b[2J\n")


def test_all_of_pbrs_prints_through_one_door():
    """A bare `print` would let a file's name through; only the door itself and JSON in ASCII are printed by it."""
    allowed = {"printable.py": 1}
    for file in SOURCES:
        calls = [
            node
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
        plain = [call for call in calls if not _is_ascii_json(call)]
        assert len(plain) == allowed.get(file.name, 0), file


def _is_ascii_json(call: ast.Call) -> bool:
    dumped = call.args[0]
    return (
        isinstance(dumped, ast.Call)
        and isinstance(dumped.func, ast.Attribute)
        and dumped.func.attr == "dumps"
        and "ensure_ascii" not in {keyword.arg for keyword in dumped.keywords}
    )
