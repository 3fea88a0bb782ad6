"""A model file held against its card: by what its graph says first, then by one image, in a process with limits.

Whoever writes a model file may have a graph ask for terabytes or never end, and the runtimes let it. The child is this
module; it costs a second, once for each file that a process opens. The model that ships, and those that were added by
name, have been through it and are known by their SHA-256.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pbrs.errors import InputError
from pbrs.modelfile.card import INPUT_NAME, OUTPUT_NAME, ModelCard, parse_card
from pbrs.modelfile.limits import TRIAL_BYTES, TRIAL_SECONDS, TRIAL_THREADS
from pbrs.printable import say
from pbrs.segmentation.onnx_file import OnnxFile, Port

if TYPE_CHECKING:
    from pbrs.segmentation.runtime import RuntimeChoice

_FLOAT = 1
_TYPES = {2: "uint8", 3: "int8", 6: "int32", 7: "int64", 8: "text", 10: "float16", 11: "float64", 16: "bfloat16"}
_TRIED: set[tuple[str, str]] = set()
"""SHA-256 and runtime of the files that this process has tried out."""


def check_graph(file: OnnxFile) -> ModelCard:
    """Hold what a model's graph says of its input and output against its card; nothing in it is run.

    Returns
    -------
    ModelCard
        The card.

    Raises
    ------
    InputError
        If there is no card, or the graph does not take and give what it says.
    """
    card = parse_card(file.metadata, file.name)
    taken = [port.name for port in file.inputs]
    if taken != [INPUT_NAME]:
        raise _misfit(file, f"its graph takes {_listed(taken)}, expected {INPUT_NAME} alone")
    given = {port.name: port for port in file.outputs}
    if OUTPUT_NAME not in given:
        raise _misfit(file, f"its graph gives {_listed(list(given))}, expected {OUTPUT_NAME}")
    _check_port(file, file.inputs[0], (1, *card.image_size), card)
    _check_port(file, given[OUTPUT_NAME], (len(card.channels), *card.image_size), card)
    return card


def try_out(file: OnnxFile, choice: "RuntimeChoice") -> None:
    """Load a model file and segment one image of noise with it, in another process with bounds; once a process.

    Raises
    ------
    InputError
        If it cannot be loaded, asks for too much memory or time, or gives something else than its card says.
    """
    if (file.sha256, choice) in _TRIED:
        return
    command = [sys.executable, "-P", "-m", "pbrs.segmentation.model_check", file.name, choice]
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.run(
                command, input=file.content, stdout=said, stderr=subprocess.DEVNULL, timeout=TRIAL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"model {file.name} takes more than {TRIAL_SECONDS} s for one image: it is damaged, or too large"
            ) from None
        said.seek(0)
        words = said.read(2000).decode("utf-8", "replace").strip()
    if child.returncode == 0:
        _TRIED.add((file.sha256, choice))
    elif words:
        raise InputError(" ".join(words.split())[:600])
    else:
        raise InputError(
            f"model {file.name} cannot be run: it ends the process that tries it (status {child.returncode}); it is "
            f"damaged, or needs more than {TRIAL_BYTES // 2**30} GiB of memory"
        )


def check_probability(probability: np.ndarray, card: ModelCard, name: str) -> None:
    """Make sure that a model gave what its card says.

    Parameters
    ----------
    probability
        What it gave for one image.
    card
        What it should give: (1, C, H, W) in [0, 1]. A thousandth beyond is what rounding to bfloat16 may do.
    name
        The file's, for messages.

    Raises
    ------
    InputError
        If it did not.
    """
    expected = (1, len(card.channels), *card.image_size)
    if probability.shape != expected:
        raise InputError(
            f"model {name} does not fit its card: it gives {_told(probability.shape)}, expected {_told(expected)} "
            "(image, channels of the card, height, width)"
        )
    if not (probability.min() >= -1e-3 and probability.max() <= 1.001):
        raise InputError(
            f"model {name} gives values from {probability.min():.4g} to {probability.max():.4g}: expected "
            "probabilities between 0 and 1; does its graph end with a sigmoid?"
        )


def _check_port(file: OnnxFile, port: Port, expected: tuple[int, ...], card: ModelCard) -> None:
    if port.element_type != _FLOAT:
        kind = _TYPES.get(port.element_type, f"of type {port.element_type}")
        raise _misfit(file, f"{port.name} is {kind}, expected float32")
    if port.shape is None:
        return
    # A side that the graph leaves open is None; the trial tells.
    fits = len(port.shape) == 4 and port.shape[0] in (None, 1)
    if not fits or any(size not in (None, wanted) for size, wanted in zip(port.shape[1:], expected, strict=True)):
        turned = len(port.shape) == 4 and port.shape[3] == expected[0] and port.shape[1] != expected[0]
        hint = "; channels come last, as TensorFlow has them: convert it with channels first" if turned else ""
        height, width = card.image_size
        raise _misfit(
            file,
            f"{port.name} is {_told(port.shape)} in its graph, expected {_told((None, *expected))} for "
            f"{', '.join(card.channels[:6])} at {width}×{height} pixels{hint}",
        )


def _misfit(file: OnnxFile, reason: str) -> InputError:
    return InputError(f"model {file.name} does not fit its card: {reason}")


def _told(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape[:8])})"


def _listed(names: list[str]) -> str:
    return ", ".join(f"{name:.40}" for name in names[:4]) + (" and more" if len(names) > 4 else "") or "nothing"


def _limit_memory() -> None:
    """Bound this process to what it has and `TRIAL_BYTES`, on systems that can."""
    try:
        import resource

        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = has + TRIAL_BYTES if hard == resource.RLIM_INFINITY else min(hard, has + TRIAL_BYTES)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return


def _try_standard_input(name: str, choice: "RuntimeChoice") -> None:
    from pbrs.radiograph.radiograph import Radiograph
    from pbrs.segmentation.onnx_file import parse_onnx
    from pbrs.segmentation.runtime import runtime_of_file
    from pbrs.segmentation.segmenter import Segmenter

    file = parse_onnx(sys.stdin.buffer.read(), name)
    card = parse_card(file.metadata, name)
    _limit_memory()
    noise = np.random.default_rng(0).random(card.image_size, dtype=np.float32)
    loaded = runtime_of_file(file, choice, TRIAL_THREADS)
    try:
        probability = loaded.run(noise[None, None])
    except Exception as error:  # the runtimes raise a dozen classes of their own, all derived from Exception alone
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"model {name} cannot be run ({reason}): it is damaged, or needs too much memory") from error
    check_probability(probability, card, name)
    try:
        Segmenter(card, file.sha256, loaded).segment(Radiograph(noise, name, "", "PNG", 8, "noise"))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"model {name}: its card cannot be used to judge a segmentation ({type(error).__name__}: {error})"
        ) from error


if __name__ == "__main__":
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, "utf-8", errors="backslashreplace")
    try:
        _try_standard_input(sys.argv[1], sys.argv[2])  # type: ignore[arg-type]
    except InputError as refused:
        say(str(refused))
        sys.exit(2)
    except MemoryError:
        say(f"model {sys.argv[1]} needs more than {TRIAL_BYTES // 2**30} GiB of memory for one image")
        sys.exit(2)
