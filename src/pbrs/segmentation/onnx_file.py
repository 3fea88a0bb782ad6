"""An ONNX file as bytes: its metadata, and that it points at no other file; read without the onnx package."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pbrs.errors import InputError

LARGEST_MODEL_BYTES = 2**31

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_METADATA, _KEY, _VALUE = 14, 1, 2
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_INSIDE = {
    # Message: field number to the message it holds; all ways to a tensor (onnx.proto of ONNX 1.17).
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """An ONNX file in memory.

    Attributes
    ----------
    name
        The file's, for messages.
    content
        Its bytes.
    sha256
        Of the bytes, hexadecimal.
    metadata
        The file's own; the card is in it.
    """

    name: str
    content: bytes
    sha256: str
    metadata: dict[str, str]

    @property
    def damaged(self) -> InputError:
        """The error to raise where a runtime cannot load it."""
        return InputError(f"model {self.name} cannot be loaded: it is damaged or not an ONNX file")


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file whose weights are all inside.

    Runtimes follow a tensor that points at another file, even from memory: a model file of a stranger could make them
    read any file of the machine.

    Raises
    ------
    InputError
        If the file is missing, too large, damaged, or points at other files.
    """
    if not path.is_file():
        raise InputError(f"model {path} does not exist: expected an .onnx file of `pbrs export`")
    if path.stat().st_size > LARGEST_MODEL_BYTES:
        raise InputError(
            f"model {path.name} has {path.stat().st_size} bytes: at most {LARGEST_MODEL_BYTES} can be loaded"
        )
    content = path.read_bytes()
    file = OnnxFile(path.name, content, hashlib.sha256(content).hexdigest(), {})
    try:
        whole = memoryview(content)
        external = _points_outside(whole, "model")
        for number, value in _fields(whole):
            if number == _METADATA and isinstance(value, memoryview):
                entry = {key: bytes(text).decode() for key, text in _fields(value) if isinstance(text, memoryview)}
                file.metadata[entry.get(_KEY, "")] = entry.get(_VALUE, "")
    except (ValueError, RecursionError):
        raise file.damaged from None
    if external:
        raise InputError(
            f"model {path.name} cannot be loaded: its weights lie in another file; save it as one file, "
            "as `pbrs export` does"
        )
    return file


def _points_outside(message: memoryview, kind: str) -> bool:
    inside = _INSIDE[kind]
    for number, value in _fields(message):
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            return True
        if number in inside and isinstance(value, memoryview) and _points_outside(value, inside[number]):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Go through the fields of an encoded protobuf message; ValueError where it is none."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        if key & 7 == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if key & 7 == _LENGTH:
            length, position = _varint(message, position)
        elif key & 7 in (_FIXED_32, _FIXED_64):
            length = 4 if key & 7 == _FIXED_32 else 8
        else:
            raise ValueError("no such wire type")
        if position + length > len(message):
            raise ValueError("ends too early")
        yield key >> 3, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, position
    raise ValueError("no such number")
