"""An ONNX file as bytes: metadata, inputs, outputs, no pointer to another file; read without the onnx package."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeGuard

from pbrs.bounded_read import read_bounded
from pbrs.errors import InputError
from pbrs.modelfile.limits import LARGEST_MODEL_BYTES, MOST_PARTS

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_METADATA, _KEY, _VALUE = 14, 1, 2
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_GRAPH, _INITIALIZER, _INPUT, _OUTPUT, _TENSOR_NAME = 7, 5, 11, 12, 8
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


_OTHER_FILES = {
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"PK\x03\x04": "a ZIP archive, as PyTorch's .pth files are: export it as ONNX, a run of ours with `pbrs export`",
    b"\x80\x02": "a pickle, as old .pth files are: export it as ONNX, a run of ours with `pbrs export`",
    b"\x89HDF": "an HDF5 file, as Keras writes: export it as ONNX",
    b"<?xml": "XML, as OpenVINO's models are: give the ONNX file that it was made of",
    b"<!DOCTYPE": "a web page: download the file itself",
    b"<html": "a web page: download the file itself",
    b"{": "JSON: save it with onnx.save, in its usual format",
    b"ir_version": "text: save it with onnx.save, in its usual format",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file itself with `git lfs pull`",
}
"""Beginnings of files that are given for model files, and what they are."""


@dataclass(frozen=True)
class Port:
    """One input or output of a graph, as it says itself.

    Attributes
    ----------
    name
        Its name.
    element_type
        ONNX's number; 1 is float32, 0 is no tensor.
    shape
        None where the graph does not tell, or for one side that it leaves open.
    """

    name: str
    element_type: int = 0
    shape: tuple[int | None, ...] | None = None


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
    inputs, outputs
        Of its graph; inputs without those that have a constant value.
    """

    name: str
    content: bytes
    sha256: str
    metadata: dict[str, str]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def damaged(self) -> InputError:
        """The error to raise where a runtime cannot load it."""
        return _damaged(self.name)

    def not_loaded(self, reason: Exception) -> InputError:
        """Give the error to raise where a runtime says why it cannot load it."""
        told = " ".join(str(reason).split())[:200]
        return InputError(
            f"model {self.name} cannot be loaded ({told}): it is damaged, or uses what this version does not know"
        )


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file whose weights are all inside.

    Raises
    ------
    InputError
        If the file is missing, too large, damaged, or points at other files.
    """
    if not path.is_file():
        raise InputError(f"model {path} does not exist: expected an .onnx file of `pbrs export`")
    return parse_onnx(read_bounded(path, LARGEST_MODEL_BYTES, "larger models cannot be loaded"), path.name)


def parse_onnx(content: bytes, name: str) -> OnnxFile:
    """Parse an ONNX file whose weights are all inside.

    Runtimes follow a tensor that points at another file, even from memory: a model file of a stranger could make them
    read any file of the machine.

    Raises
    ------
    InputError
        If it is damaged, or points at other files.
    """
    for beginning, what in _OTHER_FILES.items():
        if content.startswith(beginning):
            raise InputError(f"model {name} is no ONNX file but {what}")
    metadata: dict[str, str] = {}
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    parts = count()
    try:
        whole = memoryview(content)
        external = _points_outside(whole, "model", parts)
        for number, value in _fields(whole, parts):
            if number == _METADATA and isinstance(value, memoryview):
                entry = {key: bytes(text).decode() for key, text in _fields(value, parts) if _is_message(text)}
                metadata[entry.get(_KEY, "")] = entry.get(_VALUE, "")
            elif number == _GRAPH and isinstance(value, memoryview):
                inputs, outputs = _ports(value, parts)
    except (ValueError, RecursionError):
        raise _damaged(name) from None
    if external:
        raise InputError(
            f"model {name} cannot be loaded: its weights lie in another file; save it as one file, "
            "as `pbrs export` does"
        )
    return OnnxFile(name, content, hashlib.sha256(content).hexdigest(), metadata, inputs, outputs)


def _damaged(name: str) -> InputError:
    return InputError(f"model {name} cannot be loaded: it is damaged or not an ONNX file")


def _is_message(value: int | memoryview) -> TypeGuard[memoryview]:
    return isinstance(value, memoryview)


def _ports(graph: memoryview, parts: "count[int]") -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Give a graph's inputs and outputs; old files name each constant among the inputs, too."""
    constants: set[bytes] = set()
    inputs: list[Port] = []
    outputs: list[Port] = []
    for number, value in _fields(graph, parts):
        if _is_message(value):
            if number == _INITIALIZER:
                constants.update(
                    bytes(name) for field, name in _fields(value, parts) if field == _TENSOR_NAME and _is_message(name)
                )
            elif number in (_INPUT, _OUTPUT):
                (inputs if number == _INPUT else outputs).append(_port(value, parts))
    known = {name.decode() for name in constants}
    return tuple(port for port in inputs if port.name not in known), tuple(outputs)


def _port(message: memoryview, parts: "count[int]") -> Port:
    """Read a ValueInfoProto: name 1, type 2; in it the tensor type 1: element type 1, shape 2; in that dimensions 1."""
    fields = dict(_fields(message, parts))
    name, kind = fields.get(1, b""), fields.get(2)
    label = bytes(name).decode() if not isinstance(name, int) else ""
    tensor = dict(_fields(kind, parts)).get(1) if isinstance(kind, memoryview) else None
    if not isinstance(tensor, memoryview):
        return Port(label)
    about = dict(_fields(tensor, parts))
    element_type, shape = about.get(1, 0), about.get(2)
    if not isinstance(element_type, int):
        raise ValueError("no such type")  # noqa: TRY004 -- as all that is damaged here
    if not isinstance(shape, memoryview):
        return Port(label, element_type)
    sides = [
        dict(_fields(side, parts)).get(1) for number, side in _fields(shape, parts) if number == 1 and _is_message(side)
    ]
    return Port(label, element_type, tuple(side if isinstance(side, int) else None for side in sides))


def _points_outside(message: memoryview, kind: str, parts: "count[int]") -> bool:
    inside = _INSIDE[kind]
    for number, value in _fields(message, parts):
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            return True
        if number in inside and isinstance(value, memoryview) and _points_outside(value, inside[number], parts):
            return True
    return False


def _fields(message: memoryview, parts: "count[int]") -> Iterator[tuple[int, int | memoryview]]:
    """Go through the fields of an encoded protobuf message, which `parts` counts; ValueError where it is none."""
    position = 0
    while position < len(message):
        if next(parts) > MOST_PARTS:
            raise ValueError("has too many parts")
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
