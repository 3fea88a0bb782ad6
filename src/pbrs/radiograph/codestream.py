"""What a compressed frame says of itself before it is decoded: its size, bits and sign."""

from dataclasses import dataclass

_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_RLE_HEADER = 64
_JPEG_2000 = "1.2.840.10008.1.2.4.91"
_SYNTAXES = {
    0xC0: "1.2.840.10008.1.2.4.50",
    0xC1: "1.2.840.10008.1.2.4.51",
    0xC3: "1.2.840.10008.1.2.4.57",
    0xF7: "1.2.840.10008.1.2.4.80",
}
"""Transfer syntaxes (PS3.6, A) by the marker of the frame: baseline, extended, lossless, JPEG-LS."""


@dataclass(frozen=True)
class Codestream:
    """Rows, columns, samples a pixel, bits a sample, and the sign (None where the format has none)."""

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool | None


def read_codestream(frame: bytes) -> Codestream | None:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 frame; None if there is none.

    Sources: ITU-T T.81 B.2.2 and T.87 C.2.2 (start of frame), T.800 A.5.1 (SIZ).
    """
    if frame[:4] == b"\x00\x00\x00\x0c":
        start = frame.find(b"\xff\x4f\xff\x51")  # wrapped in JP2 boxes, which DICOM forbids and some write
        return _read_siz(frame[start:]) if start > 0 else None
    if frame[:4] == b"\xff\x4f\xff\x51":
        return _read_siz(frame)
    return _read_start_of_frame(frame) if frame[:2] == b"\xff\xd8" else None


def syntax_of(frame: bytes) -> str | None:
    """Name the DICOM transfer syntax of a JPEG, JPEG-LS or JPEG 2000 frame, as far as its header tells; else None."""
    if frame[:4] in (b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0c"):
        return _JPEG_2000
    at = _start_of_frame(frame) if frame[:2] == b"\xff\xd8" else None
    return None if at is None else _SYNTAXES.get(frame[at + 1])


def _read_siz(frame: bytes) -> Codestream | None:
    if len(frame) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
    depth = frame[42]
    return Codestream(
        bottom - top, right - left, int.from_bytes(frame[40:42], "big"), (depth & 0x7F) + 1, bool(depth & 0x80)
    )


def _read_start_of_frame(frame: bytes) -> Codestream | None:
    at = _start_of_frame(frame)
    if at is None:
        return None
    rows, columns = (int.from_bytes(frame[at + k : at + k + 2], "big") for k in (5, 7))
    return Codestream(rows, columns, frame[at + 9], frame[at + 4], None)


def _start_of_frame(frame: bytes) -> int | None:
    at = 2
    while at + 10 <= len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            return at
        else:
            at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def rle_length(frame: bytes, limit: int) -> int:
    """Count the bytes that an RLE frame decodes to, giving up beyond `limit` (PS3.5, G.3)."""
    segments = int.from_bytes(frame[:4], "little")
    offsets = [int.from_bytes(frame[4 * k : 4 * k + 4], "little") for k in range(1, min(segments, 15) + 1)]
    total = 0
    for start, end in zip(offsets, [*offsets[1:], len(frame)], strict=True):
        # Overlapping segments would be decoded more than once; each is counted as often.
        at = max(start, _RLE_HEADER)
        while at < min(end, len(frame)) and total <= limit:
            control = frame[at]
            if control < 128:
                total += control + 1
                at += control + 2
            else:
                total += 257 - control if control > 128 else 0
                at += 2 if control > 128 else 1
    return total
