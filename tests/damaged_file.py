"""Damaging a file's bytes, and what must then hold of reading it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from pbrs.errors import InputError
from pbrs.radiograph import read_radiograph


def damage(content: bytes, data: st.DataObject, reach: int | None = None) -> bytes:
    """Change up to six bytes, among the first `reach` of them if given, and cut the rest off somewhere."""
    damaged = bytearray(content)
    last = len(damaged) - 1 if reach is None else min(reach, len(damaged) - 1)
    for _ in range(data.draw(st.integers(0, 6))):
        damaged[data.draw(st.integers(0, last))] = data.draw(st.integers(0, 255))
    return bytes(damaged[: data.draw(st.integers(1, len(damaged)))])


def assert_read_or_one_line(read: Callable[[], object]) -> None:
    """Read, or `InputError` of one line and nothing else."""
    problem = "read"
    try:
        read()
    except InputError as error:
        problem = str(error)
    assert len(problem.splitlines()) == 1


def assert_refused_or_a_radiograph(file: Path) -> None:
    """One line that names the file and nothing of a patient, or pixels in [0, 1]."""
    try:
        radiograph = read_radiograph(file)
    except InputError as error:
        problem = str(error)
    else:
        problem = file.name
        assert radiograph.pixels.dtype == np.float32
        assert 0 <= radiograph.pixels.min() <= radiograph.pixels.max() <= 1
    assert "\n" not in problem
    assert file.name in problem
    assert "Secret" not in problem
