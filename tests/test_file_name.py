"""Names of files in one form."""

import os
import unicodedata
from pathlib import Path

import pytest

from pbrs.file_name import name_as_text, writable_path

NFC, NFD = (unicodedata.normalize(form, "Béatrice") for form in ("NFC", "NFD"))


def test_a_name_from_a_mac_is_the_same_name() -> None:
    assert NFC != NFD
    assert name_as_text(NFD) == name_as_text(NFC) == NFC


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert name_as_text(os.fsdecode(b"B\xe9atrice")) == "B_atrice"
    # JSON can hold half of a letter.
    assert name_as_text("a\ud800b") == "a_b"


def test_blanks_around_a_name_do_not_count_as_in_tables() -> None:
    assert name_as_text(" case_1 ") == "case_1"
    assert name_as_text(" ") == " "


@pytest.mark.parametrize("name", ["plain", NFC, NFD, "骨盤", os.fsdecode(b"B\xe9atrice")])
def test_a_path_that_can_be_written_stays_as_it_is(name: str) -> None:
    assert writable_path(Path("folder", name)) == Path("folder", name)
