"""The folder of one run: which files it holds, and its record of what was trained on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from pbrs.atomic_write import atomic_path
from pbrs.errors import InputError
from pbrs.json_object import read_json_object
from pbrs.modelfile.card import SEEN_DIGITS
from pbrs.training.run_record import RunRecord, RunSummary, check_file
from pbrs.training.settings import TrainingSettings, make_settings, read_settings_file

_HINT = "is the run complete? train it with --resume"


@dataclass(frozen=True)
class RunFolder:
    """Names of the files of one run."""

    path: Path

    @property
    def settings(self) -> Path:
        """The run's `TrainingSettings`."""
        return self.path / "settings.yaml"

    @property
    def record(self) -> Path:
        """What was trained on, with which versions."""
        return self.path / "run.json"

    @property
    def history(self) -> Path:
        """Loss, IoU and F1 of every epoch."""
        return self.path / "history.csv"

    @property
    def checkpoint(self) -> Path:
        """All that a resumed run needs, as of the end of the last whole epoch."""
        return self.path / "last.ckpt"

    @property
    def best(self) -> Path:
        """The weights of the epoch with the smallest validation loss."""
        return self.path / "best.safetensors"

    @property
    def summary(self) -> Path:
        """Training and validation scores of the best weights; written when the run is complete."""
        return self.path / "summary.json"

    @property
    def model(self) -> Path:
        """The exported model file."""
        return self.path / "model.onnx"

    def read_settings(self) -> TrainingSettings:
        """Read the settings that this run was started with.

        Raises
        ------
        InputError
            If this is no run.
        """
        if not self.settings.is_file():
            raise InputError(f"{self.path} is not a run: expected {self.settings.name} in it, as `pbrs train` writes")
        return make_settings(read_settings_file(self.settings))

    def read_record(self) -> dict[str, Any]:
        """Read ``run.json``.

        Raises
        ------
        InputError
            If it is missing or damaged.
        """
        return check_file(RunRecord, read_json_object(self.record, _HINT), self.record, _HINT)

    def read_summary(self) -> dict[str, Any]:
        """Read ``summary.json``.

        Raises
        ------
        InputError
            If it is missing or damaged: the run is not complete.
        """
        return check_file(RunSummary, read_json_object(self.summary, _HINT), self.summary, _HINT)


def in_use(path: Path) -> str:
    """Say that another process holds a run's folder."""
    return f"another process trains or exports in {path}: wait for it, or choose another folder"


def origin_of_run(record: dict[str, Any]) -> dict[str, Any]:
    """Tell from a run's record what its weights learnt from, what they started from included.

    Returns
    -------
    dict
        As `ModelCard` has them: ``synthetic``, whether nothing but synthetic radiographs; ``seen``, the beginnings of
        the SHA-256 of the image files, sorted.
    """
    # Runs begun before it was recorded have no origin of their start.
    start = record.get("start_origin", {"synthetic": True, "seen": []})
    seen = {digest[:SEEN_DIGITS] for digest in record["image_sha256"].values()}
    return {"synthetic": record["synthetic"] and start["synthetic"], "seen": sorted(seen.union(start["seen"]))}


def write_weights(path: Path, state: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write a state dictionary as safetensors, with `metadata` as JSON in its header."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, {"pbrs": json.dumps(metadata)})


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_weights` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged, not ours, or holds what is no number.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})["pbrs"])
        state = safetensors.torch.load_file(path)
        _check_weights(state, metadata)
    # safetensors raises what its reader of headers and torch stumble over.
    except (
        OSError,
        safetensors.SafetensorError,
        LookupError,
        TypeError,
        ValueError,
        RuntimeError,
        MemoryError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"weights {path} cannot be read ({reason}): expected a file of `pbrs train`") from error
    return state, metadata


def _check_weights(state: dict[str, Tensor], metadata: Any) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("backbone"), str):
        raise ValueError("its header names no backbone")  # noqa: TRY004 -- as all that is damaged here
    channels = metadata.get("channels")
    if not isinstance(channels, list) or not all(isinstance(name, str) for name in channels):
        raise ValueError("its header names no channels")
    for name, tensor in state.items():
        if tensor.dtype not in (torch.float32, torch.int64):
            raise ValueError(f"{name:.60} holds {tensor.dtype}, not float32")
        if not tensor.isfinite().all():
            raise ValueError(f"{name:.60} holds what is no number")


def fill_network(network: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Put weights into a network.

    Raises
    ------
    InputError
        If they are another network's.
    """
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise InputError(
            f"{source} does not hold the weights of this network ({' '.join(lines[1:2])[:160].strip()}): "
            "give another one, or train it anew"
        ) from error
    # A model file holds no count of batches, which batch normalisation with a momentum does not use.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise InputError(
            f"{source} does not hold the weights of this network: {len(missing)} arrays missing, {len(unexpected)} "
            f"unknown (first: {(missing + unexpected)[0]:.80}); give another one, or export it again with this version"
        )
