"""Weights that an encoder starts from: torchvision's ImageNet weights, a local file, or none."""

import hashlib
import re
from pathlib import Path
from urllib.error import URLError

import safetensors
import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn

from pbrs.errors import InputError
from pbrs.network.backbones import Backbone
from pbrs.network.safe_pickle import load_pickle_safely

_NUMBERS = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32)


def load_encoder_weights(encoder: nn.Module, backbone: Backbone, source: str, sha256: str | None = None) -> str:
    """Fill `encoder` with pretrained weights, in place.

    Parameters
    ----------
    encoder
        A feature extractor made from `backbone`: its parameter names are torchvision's.
    backbone
        Which network the weights must be for.
    source
        ``"none"`` (keep the random start), ``"imagenet"`` (torchvision's IMAGENET1K_V1, from its cache or the network)
        or the path of a safetensors or ``.pth`` file with torchvision's key names. Classifier weights are ignored.
    sha256
        What the file's SHA-256 must begin with. Without it, a name that ends in ``-xxxxxxxx.pth`` as torchvision's do
        is checked against those eight digits.

    Returns
    -------
    str
        What was loaded, for the run's record.

    Raises
    ------
    InputError
        If the weights cannot be fetched, read, or do not fit.
    """
    if source == "none":
        return "none"
    if source == "imagenet":
        state, record = _imagenet(backbone)
    else:
        state, record = _from_file(Path(source), sha256)
    _fill(encoder, state, backbone, source)
    return record


def _imagenet(backbone: Backbone) -> tuple[dict[str, Tensor], str]:
    weights = torchvision.models.get_model_weights(backbone.torchvision_name)["IMAGENET1K_V1"]
    try:
        state = weights.get_state_dict(progress=True, check_hash=True, map_location="cpu", weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        # torch.hub says RuntimeError when the digest is wrong, and leaves no file behind.
        file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        raise InputError(
            f"ImageNet weights of {backbone.title} could not be had ({_reason(error)}): copy {file.name} to "
            f"{file.parent} from a machine with a network, or pass --encoder-weights FILE or --encoder-weights none"
        ) from error
    return dict(state), f"torchvision {backbone.torchvision_name} IMAGENET1K_V1"


def _from_file(path: Path, sha256: str | None) -> tuple[dict[str, Tensor], str]:
    if "\0" in str(path) or not path.is_file():
        raise InputError(f"encoder weights {path} do not exist: expected imagenet, none, or a safetensors or .pth file")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    named = re.search(r"-([0-9a-f]{8,64})\.pth$", path.name)
    expected = sha256 or (named[1] if named else "")
    if not digest.startswith(expected.lower()):
        raise InputError(f"encoder weights {path.name} are damaged: SHA-256 is {digest}, expected {expected}…")
    if path.suffix == ".safetensors":
        try:
            state = safetensors.torch.load_file(path)
        except (safetensors.SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"encoder weights {path.name} cannot be read safely: {_reason(error)}") from error
    else:
        state = load_pickle_safely(path)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"encoder weights {path.name} hold no state dictionary: save model.state_dict()")
    return state, f"{path.name} sha256:{digest}"


def _fill(encoder: nn.Module, state: dict[str, Tensor], backbone: Backbone, source: str) -> None:
    wanted = encoder.state_dict()
    missing = [name for name in wanted if name not in state and not name.endswith("num_batches_tracked")]
    wrong = [name for name in wanted if name in state and not _is_like(state[name], wanted[name])]
    if missing or wrong:
        example = (missing or wrong)[0]
        raise InputError(
            f"encoder weights {Path(source).name} do not fit {backbone.title}: {len(missing)} arrays missing, "
            f"{len(wrong)} of another shape (first: {example}); expected torchvision's {backbone.torchvision_name}"
        )
    for name in wanted:
        if name in state and not state[name].isfinite().all():
            raise InputError(f"encoder weights {Path(source).name} are damaged: {name} holds what is no number")
    encoder.load_state_dict(
        {name: state[name].to(wanted[name].dtype) for name in wanted if name in state}, strict=False
    )


def _is_like(tensor: Tensor, wanted: Tensor) -> bool:
    """Tell whether a tensor has the wanted shape, and plain numbers in memory."""
    plain = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
    return plain and tensor.shape == wanted.shape and tensor.dtype in _NUMBERS


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
