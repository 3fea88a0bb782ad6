"""What runs a model file on the CPU: ONNX Runtime, or OpenVINO where it is installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.modelfile.card import INPUT_NAME, OUTPUT_NAME
from pbrs.segmentation.onnx_file import OnnxFile, read_onnx

RuntimeChoice = Literal["auto", "onnxruntime", "openvino"]


class Runtime(Protocol):
    """A loaded model file; may be run from several threads at once."""

    @property
    def name(self) -> str:
        """The library, its version and the precision that it computes in."""

    @property
    def sha256(self) -> str:
        """Of the file, hexadecimal."""

    @property
    def metadata(self) -> dict[str, str]:
        """The file's own; the card is in it."""

    def run(self, radiographs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute probabilities (N, C, H, W) of float32 radiographs (N, 1, H, W) in [0, 1]."""


@dataclass(frozen=True, eq=False)
class OnnxRuntime:
    """A model file in ONNX Runtime; see `Runtime`.

    Attributes
    ----------
    session
        ONNX Runtime's.
    sha256
        Of the file, hexadecimal.
    metadata
        The file's own; the card is in it.
    """

    session: onnxruntime.InferenceSession
    sha256: str
    metadata: dict[str, str]

    @classmethod
    def load(cls, path: Path, threads: int = 0) -> "OnnxRuntime":
        """Load a file; nothing is downloaded, and weights outside the file are refused.

        Parameters
        ----------
        path
            An ONNX file.
        threads
            Threads to compute one image with; 0 leaves it to the runtime.

        Raises
        ------
        InputError
            If the file is missing, too large, damaged, or points at other files.
        """
        return cls.of_file(read_onnx(path), threads)

    @classmethod
    def of_file(cls, file: OnnxFile, threads: int = 0) -> "OnnxRuntime":
        """Load a file that has been read; raises InputError if the runtime cannot load it."""
        # On Windows; elsewhere `pbrs/__init__.py` has done it.
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait busily take the core from reading and writing the next image, and from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(file.content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises a dozen classes of its own, all derived from Exception alone
            raise file.not_loaded(error) from error
        return cls(session, file.sha256, file.metadata)

    @property
    def name(self) -> str:
        """The library, its version and the precision that it computes in."""
        return f"ONNX Runtime {onnxruntime.__version__}, float32"

    def run(self, radiographs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute probabilities (N, C, H, W) of float32 radiographs (N, 1, H, W) in [0, 1]."""
        (probability,) = self.session.run([OUTPUT_NAME], {INPUT_NAME: radiographs})
        assert isinstance(probability, np.ndarray)
        return probability


def load_runtime(path: Path, choice: RuntimeChoice = "auto", threads: int = 0) -> Runtime:
    """Load a model file.

    Parameters
    ----------
    path
        An ONNX file.
    choice
        ``"auto"`` takes OpenVINO where it is installed and runs on this machine, else ONNX Runtime.
    threads
        Threads to compute one image with; 0 leaves it to the runtime.

    Raises
    ------
    InputError
        If the file cannot be loaded, or OpenVINO is asked for and not there.
    """
    return runtime_of_file(read_onnx(path), choice, threads)


def runtime_of_file(file: OnnxFile, choice: RuntimeChoice = "auto", threads: int = 0) -> Runtime:
    """Load a model file that has been read; see `load_runtime`."""
    if choice == "onnxruntime" or (choice == "auto" and find_spec("openvino") is None):
        return OnnxRuntime.of_file(file, threads)
    from pbrs.segmentation.openvino_runtime import OpenVinoRuntime, OpenVinoUnavailable

    try:
        return OpenVinoRuntime.of_file(file, threads)
    except OpenVinoUnavailable as error:
        if choice == "openvino":
            raise InputError(str(error)) from error
        return OnnxRuntime.of_file(file, threads)
