"""Reading a file whole: memory follows the file."""

import os
import tracemalloc

import pytest

from pbrs.bounded_read import read_bounded
from pbrs.errors import InputError
from pbrs.radiograph.limits import read_bytes


@pytest.mark.parametrize("read", [read_bytes, lambda path: read_bounded(path, 2**30, "stop")])
def test_a_small_file_takes_little_memory(tmp_path, read):
    (tmp_path / "small").write_bytes(b"x" * 1000)
    tracemalloc.start()
    try:
        assert read(tmp_path / "small") == b"x" * 1000
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_too_large_pipes_devices_folders_and_odd_names_are_one_line(tmp_path):
    (tmp_path / "large").write_bytes(b"12345")
    os.mkfifo(tmp_path / "pipe")
    for name, said in {
        "large": "5 bytes: expected at most 4 bytes; stop",
        "pipe": "not a file",
        ".": "not a file",
        "/dev/zero": "not a file",
        "none": "no such file",
        "a\0b": "no such file|cannot be read",
        "x" * 300: "no such file|cannot be read",
    }.items():
        with pytest.raises(InputError, match=said):
            read_bounded(tmp_path / name, 4, "stop")
