"""COCO's run-length code of a mask: runs of 0 and 1 in column order, as numbers or as compressed text.

The text is that of the COCO API (`rleToString` in `maskApi.c`): each number as groups of five bits, lowest first, in
characters from 48 on; from the fourth number on, the difference to the number two before.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError


def encode_runs(mask: NDArray[np.bool_]) -> list[int]:
    """Runs of a mask, bool (H, W), column by column; the first is of background and may be 0 long."""
    column_order = mask.ravel(order="F")
    changes = np.flatnonzero(column_order[1:] != column_order[:-1]) + 1
    edges = np.concatenate(([0], changes, [column_order.size]))
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if column_order.size and column_order[0] else runs


def decode_runs(runs: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask, bool (H, W) = `shape`, of its runs.

    Raises
    ------
    InputError
        If the runs are not whole numbers that sum to the number of pixels.
    """
    if any(not isinstance(run, int) or run < 0 for run in runs) or sum(runs) != shape[0] * shape[1]:
        raise InputError(f"run lengths do not sum to the {shape[0]}×{shape[1]} pixels of the mask: export it again")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape, order="F")


def runs_to_text(runs: Sequence[int]) -> str:
    """Compress runs to COCO's text."""
    characters: list[str] = []
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            bits, value = value & 31, value >> 5
            # Done when the rest is only the sign, and the sign is this group's highest bit.
            more = value != (-1 if bits & 16 else 0)
            characters.append(chr(48 + bits + (32 if more else 0)))
    return "".join(characters)


def text_to_runs(text: str) -> list[int]:
    """Decompress COCO's text to runs.

    Raises
    ------
    InputError
        If the text is not such a code.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise InputError(f"compressed run lengths hold the character {character!r}: export the annotations again")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise InputError("compressed run lengths end in the middle of a number: export the annotations again")
    return runs
