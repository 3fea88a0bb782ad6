"""Running a model file: ONNX Runtime on the CPU."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.modelfile.card import INPUT_NAME, OUTPUT_NAME

LARGEST_MODEL_BYTES = 2**31


@dataclass(frozen=True, eq=False)
class OnnxRuntime:
    """One loaded ONNX file.

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
            If the file is missing, too large or damaged.
        """
        if not path.is_file():
            raise InputError(f"model {path} does not exist: expected an .onnx file of `pbrs export`")
        if path.stat().st_size > LARGEST_MODEL_BYTES:
            raise InputError(
                f"model {path.name} has {path.stat().st_size} bytes: at most {LARGEST_MODEL_BYTES} can be loaded"
            )
        content = path.read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            # From memory: a graph that points at other files has none to point at.
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises a dozen classes of its own, all derived from Exception alone
            raise InputError(f"model {path.name} cannot be loaded: it is damaged or not an ONNX file") from error
        return cls(session, hashlib.sha256(content).hexdigest(), dict(session.get_modelmeta().custom_metadata_map))

    def run(self, radiographs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute probabilities (N, C, H, W) of float32 radiographs (N, 1, H, W) in [0, 1]."""
        (probability,) = self.session.run([OUTPUT_NAME], {INPUT_NAME: radiographs})
        assert isinstance(probability, np.ndarray)
        return probability
