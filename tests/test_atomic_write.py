"""Files appear whole or not at all."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from pbrs.atomic_write import atomic_path, remove_unfinished, write_json, write_png


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    file = tmp_path / "value.txt"
    file.write_text("old")

    def fail_half_way() -> None:
        with atomic_path(file) as temporary:
            temporary.write_text("half")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_interrupt_leaves_nothing_either(tmp_path):
    def interrupted() -> None:
        with atomic_path(tmp_path / "sub" / "value.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "sub").iterdir()) == []


def test_others_may_read_what_is_written(tmp_path):
    write_json(tmp_path / "value.json", {"a": 1})
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "value.json").stat().st_mode == plain.stat().st_mode


def test_json_without_numbers_that_json_does_not_have(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "value.json", {"distance": math.inf})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "value.json", {"name": "Röntgen"})
    assert json.loads((tmp_path / "value.json").read_text()) == {"name": "Röntgen"}


def test_png_of_eight_and_sixteen_bits(tmp_path):
    for kind in (np.uint8, np.uint16):
        pixels = np.arange(12, dtype=kind).reshape(3, 4) * kind(20)
        write_png(tmp_path / "picture.png", pixels.T)
        assert np.array_equal(np.asarray(Image.open(tmp_path / "picture.png")), pixels.T)


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".writing-abc.csv").touch()
    (tmp_path / "table.csv").touch()
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "missing")
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]
