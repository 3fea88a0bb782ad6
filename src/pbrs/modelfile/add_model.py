"""Adding a model file to those that a user can ask for by name; see `pbrs.modelfile.store`."""

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from pbrs.atomic_write import atomic_path, write_json
from pbrs.errors import InputError
from pbrs.modelfile.store import SHIPPED_NAME, StoredModel, check_name, models_folder, read_record, record_file
from pbrs.segmentation.model_check import check_graph, try_out
from pbrs.segmentation.onnx_file import OnnxFile, read_onnx

_DIGEST = re.compile(r"[0-9a-f]{8,64}")


def add_model(file: Path, name: str | None = None, sha256: str | None = None, force: bool = False) -> StoredModel:
    """Copy a model file into the user's models, under a name.

    Parameters
    ----------
    file
        A file that `pbrs export` wrote, or a run's folder. It is tried out, in a process with bounds.
    name
        1 to 64 letters, digits, ``.``, ``_`` and ``-``; the file's name without its suffix if None.
    sha256
        What the file's SHA-256 must begin with: 8 to 64 hexadecimal digits.
    force
        Replace a model of this name.

    Raises
    ------
    InputError
        If the file is not a PBRS model file or does not do what its card says, its SHA-256 is another, or the name is
        taken or is none.
    """
    source = file.name
    if file.is_dir():
        file, name = file.resolve() / "model.onnx", name or file.resolve().name
        source = f"{file.parent.name}/{file.name}"
    name = file.stem if name is None else name
    check_name(name)
    if name.lower() == SHIPPED_NAME:
        raise InputError(f"{SHIPPED_NAME} is the model that ships with PBRS: choose another --name")
    existing = read_record(record_file(name))
    if existing and not force:
        raise InputError(f"there is a model {name} already: choose another --name, or pass --force to replace it")
    onnx = read_onnx(file)
    if sha256 is not None:
        _check_digest(onnx, sha256)
    check_graph(onnx)
    # With each runtime that may be asked for later.
    for runtime in ("onnxruntime", "auto") if find_spec("openvino") else ("onnxruntime",):
        try_out(onnx, runtime)
    stored = StoredModel(
        name=name,
        # The digest is in its name: what it replaces stays whole until the record, written last, tells of the new one.
        file=models_folder() / f"{name}-{onnx.sha256[:12]}.onnx",
        sha256=onnx.sha256,
        source=os.fsencode(source).decode("utf-8", "replace"),
        added=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with atomic_path(stored.file) as temporary:
        temporary.write_bytes(onnx.content)
    write_json(
        record_file(name),
        {
            "format": 1,
            "name": name,
            "file": stored.file.name,
            "sha256": stored.sha256,
            "source": stored.source,
            "added": stored.added,
        },
    )
    # Some disks know no case: there it may be the file that was just written.
    with suppress(FileNotFoundError):
        if existing and not existing.file.samefile(stored.file):
            existing.file.unlink()
    return stored


def _check_digest(onnx: OnnxFile, sha256: str) -> None:
    expected = sha256.strip().lower()
    if not _DIGEST.fullmatch(expected):
        raise InputError(f"{sha256!r} is not the beginning of a SHA-256: expected 8 to 64 digits of 0-9 and a-f")
    if not onnx.sha256.startswith(expected):
        raise InputError(f"model {onnx.name} is not the expected one: SHA-256 is {onnx.sha256}, expected {expected}…")
