"""Label Studio's run-length code of a brush: the bits of @thi.ng/rle-pack over the picture's RGBA bytes.

32 bits: how many values; 5 bits: their size less one; four times 4 bits: sizes of the lengths, less one. Then, until
there are so many values: 1 bit, whether a run of one value or single ones follow; 2 bits, which size the length has;
the length less one; and the value, or the values. The picture's fourth channel is what was painted.

References
----------
.. [1] https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack
.. [2] https://github.com/HumanSignal/label-studio-sdk, label_studio_sdk/converter/brush.py
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError


def decode_brush(code: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask, bool (H, W) = `shape`, of what was painted.

    Raises
    ------
    InputError
        If the code is damaged, or is of another number of pixels.
    """
    height, width = shape
    try:
        data = bytes(code)
        bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
        values = _unpack(bits, height * width * 4)
    except (ValueError, TypeError) as error:
        reason = str(error)[:60] if isinstance(error, InputError) else "damaged"
        raise InputError(
            f"brush run lengths of {width}×{height} pixels cannot be read ({reason}): export it again"
        ) from error
    return np.asarray(values.reshape(height, width, 4)[:, :, 3] > 0)


def _unpack(bits: str, expected: int) -> NDArray[np.uint8]:
    at = 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        if at > len(bits):
            raise ValueError("ends early")
        return int(bits[at - count : at], 2)

    count, size = take(32), take(5) + 1
    length_sizes = [take(4) + 1 for _ in range(4)]
    if count != expected or size != 8:
        raise InputError(f"{count} values of {size} bits, expected {expected} of 8")
    values = np.zeros(count, np.uint8)
    filled = 0
    while filled < count:
        is_run = take(1)
        end = filled + 1 + take(length_sizes[take(2)])
        if end > count:
            raise ValueError("too long")
        if is_run:
            values[filled:end] = take(8)
        else:
            packed = take(8 * (end - filled)).to_bytes(end - filled, "big")
            values[filled:end] = np.frombuffer(packed, np.uint8)
        filled = end
    return values
