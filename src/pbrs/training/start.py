"""The network that a training starts from: encoder weights, a run, or a model file."""

from pathlib import Path
from typing import Any

from torch import Tensor

from pbrs.errors import InputError
from pbrs.modelfile.card import ModelCard
from pbrs.modelfile.state import read_model_state
from pbrs.modelfile.store import find_model, is_model_name
from pbrs.network import UNet, build_unet
from pbrs.training.run_folder import RunFolder, fill_network, origin_of_run, read_weights
from pbrs.training.settings import TrainingSettings


def settings_of_start(start: str) -> dict[str, Any]:
    """Tell which settings a run or model brings with it: backbone, channels, image size, placement.

    Parameters
    ----------
    start
        A run's folder, a model file, or a model's name as `pbrs models list` shows it.

    Raises
    ------
    InputError
        If it is neither.
    """
    path = _find_start(start)
    if path.is_dir():
        settings = RunFolder(path).read_settings()
        brought: dict[str, Any] = settings.model_dump(include={"backbone", "channels", "image_size", "placement"})
        return brought
    card, _ = read_model_state(path)
    return {
        "backbone": card.backbone,
        "channels": card.channels,
        "image_size": card.image_size,
        "placement": card.placement,
    }


def build_start(settings: TrainingSettings) -> tuple[UNet, str]:
    """Build the network that `settings` start from.

    Returns
    -------
    network
        With weights. Nothing is downloaded unless the settings ask for ImageNet weights and start from nothing else.
    record
        Where the weights come from, for the run's record.

    Raises
    ------
    InputError
        If the weights cannot be had or do not fit the settings.
    """
    if settings.start_from is None:
        network = build_unet(
            settings.backbone, settings.encoder_weights, settings.channels, settings.encoder_weights_sha256
        )
        # Without the folder: the card of a model repeats this.
        return network, f"encoder weights: {Path(settings.encoder_weights).name}"
    path = _find_start(settings.start_from)
    backbone, channels, state = _read_start(path)
    if (backbone, channels) != (settings.backbone, settings.channels):
        raise InputError(
            f"{path} is a {backbone} with channels {', '.join(channels)}; the settings ask for {settings.backbone} "
            f"with {', '.join(settings.channels)}: leave backbone and channels out, and they are taken from the model"
        )
    network = build_unet(backbone, "none", channels)
    fill_network(network, state, path)
    return network, f"weights of {path.name}"


def origin_of_start(start: str | None) -> dict[str, Any]:
    """Tell what radiographs the weights that a training starts from have learnt from; see `origin_of_run`.

    Raises
    ------
    InputError
        If `start` is neither a run nor a model, or does not say.
    """
    if start is None:
        return {"synthetic": True, "seen": []}
    path = _find_start(start)
    if path.is_dir():
        return origin_of_run(RunFolder(path).read_record())
    card, _ = read_model_state(path)
    return {"synthetic": card.synthetic, "seen": list(card.seen)}


def _find_start(start: str) -> Path:
    is_run = start and not is_model_name(start) and RunFolder(Path(start)).settings.exists()
    return Path(start) if is_run else find_model(start)


def _read_start(path: Path) -> tuple[str, tuple[str, ...], dict[str, Tensor]]:
    if path.is_dir():
        state, metadata = read_weights(RunFolder(path).best)
        return metadata["backbone"], tuple(metadata["channels"]), state
    card: ModelCard
    card, state = read_model_state(path)
    return card.backbone, card.channels, state
