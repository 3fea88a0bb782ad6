"""A model file in OpenVINO, with its usage statistics switched off."""

import sys
import threading
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pbrs.modelfile.card import INPUT_NAME, OUTPUT_NAME
from pbrs.segmentation.onnx_file import OnnxFile

Precision = Literal["bf16", "f32"]

_SENDS_STATISTICS = "openvino.tools.ovc"
_PRECISION_NAMES = {"bf16": "bfloat16", "f32": "float32"}


class OpenVinoUnavailable(Exception):  # noqa: N818 -- with `auto` it is no error
    """OpenVINO is not installed, or does not run on this machine."""


@dataclass(frozen=True, eq=False)
class OpenVinoRuntime:
    """A model file in OpenVINO; see `pbrs.segmentation.runtime.Runtime`.

    Attributes
    ----------
    precision
        What it computes in.
    sha256
        Of the file, hexadecimal.
    metadata
        The file's own; the card is in it.
    request
        OpenVINO's, of the compiled model: it holds the arrays of one computation.
    """

    precision: Precision
    sha256: str
    metadata: dict[str, str]
    request: Any
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of_file(cls, file: OnnxFile, threads: int = 0, precision: Precision | None = None) -> "OpenVinoRuntime":
        """Load a file that has been read.

        Parameters
        ----------
        file
            An ONNX file.
        threads
            Threads to compute with; 0 leaves it to the runtime.
        precision
            What to compute in; if None, bfloat16 where the processor has it, else float32.

        Raises
        ------
        OpenVinoUnavailable
            If OpenVINO is not installed or does not run here.
        InputError
            If it cannot load the file.
        """
        openvino = import_openvino()
        try:
            core = openvino.Core()
            can = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        except RuntimeError as error:
            raise OpenVinoUnavailable(
                "OpenVINO finds no processor that it runs on: use --runtime onnxruntime"
            ) from error
        precision = precision or ("bf16" if "BF16" in can else "f32")
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            model = core.read_model(file.content, b"")
            compiled = core.compile_model(model, "CPU", settings)
        except Exception as error:  # of the conversion, of the processor's plugin, and those of Python
            raise file.not_loaded(error) from error
        return cls(precision, file.sha256, file.metadata, compiled.create_infer_request())

    @property
    def name(self) -> str:
        """The library, its version and the precision that it computes in."""
        version = import_openvino().__version__.split("-")[0]
        return f"OpenVINO {version}, {_PRECISION_NAMES[self.precision]}"

    def run(self, radiographs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute probabilities (N, C, H, W) of float32 radiographs (N, 1, H, W) in [0, 1]."""
        # One thread at a time: requests of several threads can wait for each other, and Python's lock, for ever.
        # Nothing is lost: one request keeps all cores busy.
        with self._lock:
            result = self.request.infer({INPUT_NAME: np.ascontiguousarray(radiographs)})[OUTPUT_NAME]
            return np.array(result, np.float32)


def import_openvino() -> ModuleType:
    """Import OpenVINO without its conversion tools.

    Importing those, which `import openvino` does, writes a client number into the user's home and sends a message to
    Google Analytics. OpenVINO does without them where they cannot be imported.

    Raises
    ------
    OpenVinoUnavailable
        If it is not installed or does not load on this machine.
    """
    blocked = _SENDS_STATISTICS not in sys.modules
    if blocked:
        sys.modules[_SENDS_STATISTICS] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")
    except (ImportError, OSError) as error:
        raise OpenVinoUnavailable(
            "the runtime openvino is not installed, or does not load on this machine: pip install 'pbrs[openvino]', "
            "or use --runtime onnxruntime"
        ) from error
    finally:
        if blocked:
            del sys.modules[_SENDS_STATISTICS]
