"""From a complete run to its model file: one ONNX file with its card, checked against PyTorch."""

import platform
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import pbrs
from pbrs.atomic_write import atomic_path
from pbrs.dataset.folder import open_dataset
from pbrs.errors import InputError
from pbrs.file_lock import sole_use_of_folder
from pbrs.modelfile.calibration import Calibration, calibrate, draw_calibration
from pbrs.modelfile.card import CARD_KEY, INPUT_NAME, OUTPUT_NAME, ModelCard
from pbrs.modelfile.float16 import rounded, store_as_float16
from pbrs.modelfile.store import check_name
from pbrs.network import UNet, build_unet
from pbrs.radiograph.placement import Placement
from pbrs.segmentation.runtime import OnnxRuntime
from pbrs.table import write_csv
from pbrs.training.run_folder import RunFolder, fill_network, in_use, origin_of_run, read_weights
from pbrs.training.settings import TrainingSettings
from pbrs.training.synthetic_source import read_as_file, validation_samples

LARGEST_DIFFERENCE = 1e-4
"""How far a probability of the model file may be from PyTorch's."""


class _Probability(nn.Module):
    """The exported graph: the network, then a sigmoid."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, radiograph: Tensor) -> Tensor:
        return torch.sigmoid(self.network(radiograph))


def export_run(
    path: Path,
    target: Path | None = None,
    dataset: Path | None = None,
    licence: str = "unstated",
    float16: bool = False,
    name: str | None = None,
) -> ModelCard:
    """Export the best weights of a run.

    The threshold is chosen, and the calibration curve drawn, on the run's validation part; ``calibration.csv`` and
    ``calibration.png`` are written beside the run's model file, ``NAME-calibration.…`` beside any other ``NAME.onnx``.

    Parameters
    ----------
    path
        The run's folder.
    target
        The model file; ``model.onnx`` in the run's folder if None.
    dataset
        Where the data set lies now, if it has been moved since.
    licence
        Under which the model file may be used.
    float16
        Round the weights to half precision, and store them so: half the file. Threshold and comparison are of the
        rounded ones.
    name
        What the model calls itself in its card: 1 to 64 letters, digits, ``.``, ``_`` and ``-``; the name of the run's
        folder if None.

    Returns
    -------
    ModelCard
        What was written into the file.

    Raises
    ------
    InputError
        If the run is not complete or in use, its data set is gone, or the name cannot be one.
    RuntimeError
        If the file does not compute what PyTorch does.
    """
    if name is not None:
        check_name(name)
    run = RunFolder(path)
    if not run.settings.is_file() or (target is not None and target.parent.resolve() != path.resolve()):
        # The run may lie where nothing can be written.
        return _export(run, target, dataset, licence, float16, name)
    with sole_use_of_folder(path, in_use(path)):
        return _export(run, target, dataset, licence, float16, name)


def _export(
    run: RunFolder, target: Path | None, dataset: Path | None, licence: str, float16: bool, name: str | None
) -> ModelCard:
    settings, summary, record = run.read_settings(), run.read_summary(), run.read_record()
    cases = _synthetic_cases(settings, record) if settings.synthetic else _cases_of_files(dataset, record)
    state, _ = read_weights(run.best)
    network = build_unet(settings.backbone, "none", settings.channels)
    fill_network(network, rounded(state) if float16 else state, run.best)
    target = target or run.model
    if target.is_dir():
        raise InputError(f"{target} is a folder: give the name of a file with -o, such as {target / 'model.onnx'}")
    drawn = "calibration" if target == run.model else f"{target.stem}-calibration"
    with atomic_path(target) as temporary:
        write_graph(network.eval(), settings.image_size, temporary)
        if float16:
            store_as_float16(temporary)
        calibration, difference = _check(network, temporary, cases, settings)
        if not difference < LARGEST_DIFFERENCE:
            raise RuntimeError(f"the exported graph differs from PyTorch by {difference:.1e} in probability")
        card = _card(name or run.path.resolve().name, settings, summary, record, calibration, difference, licence)
        write_card(temporary, card)
        columns = ("probability", "observed", "pixels")
        write_csv(target.with_name(f"{drawn}.csv"), columns, calibration.rows())
        title = f"{card.name}, validation part"
        draw_calibration(calibration, target.with_name(f"{drawn}.png"), title, summary["synthetic"])
    return card


def write_graph(network: UNet, image_size: tuple[int, int], path: Path) -> None:
    """Write the graph of a network in eval mode as one ONNX file, every parameter under its own name."""
    example = torch.zeros(2, 1, *image_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter about its own internals
        program = torch.onnx.export(
            _Probability(network).eval(),
            (example,),
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            # Optimising folds batch normalisation into the convolutions; training could not go on from such a file.
            # The runtime does the same when it loads it.
            optimize=False,
            verbose=False,
        )
    assert program is not None
    program.save(path, external_data=False)


def write_card(path: Path, card: ModelCard) -> None:
    """Put a card into an ONNX file."""
    model = onnx.load(path)
    assert all(tensor.data_location != onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
    onnx.helper.set_model_props(model, {CARD_KEY: card.model_dump_json()})
    for value in (*model.graph.node, model.graph):
        # Paths of the machine that exported it.
        del value.metadata_props[:]
    model.producer_name, model.producer_version = "pbrs", pbrs.__version__
    onnx.checker.check_model(model)
    onnx.save(model, path)


Case = tuple[NDArray[np.float32], NDArray[np.bool_], float]
"""Image in [0, 1] and mask, (H, W) both, and the height of a pixel divided by its width."""


def _cases_of_files(path: Path | None, record: dict[str, Any]) -> Iterator[Case]:
    """Give the cases of a run's validation part from its data set, in which nothing may have changed."""
    dataset, stems = open_dataset(path or Path(record["dataset"])), record["parts"]["validation"]
    if dataset.digest(stems) != record["sha256"]["validation"]:
        raise InputError(
            f"the validation images or masks of {dataset.path} are not those of this run: give its data set with "
            "--dataset"
        )
    return ((radiograph.pixels, mask, radiograph.pixel_aspect) for radiograph, mask in map(dataset.read, stems))


def _synthetic_cases(settings: TrainingSettings, record: dict[str, Any]) -> Iterator[Case]:
    """Draw the cases of a run's validation part again."""
    from pbrs.synthesis.generator import GENERATOR_VERSION

    if record["generator_version"] != GENERATOR_VERSION:
        raise InputError(
            f"the run was trained with generator {record['generator_version']}, this is {GENERATOR_VERSION}: "
            "export it with the pbrs that trained it"
        )
    samples = validation_samples(settings)
    return ((read_as_file(sample), sample.mask, 1.0) for sample in map(samples.draw, range(len(samples))))


def _check(network: UNet, path: Path, cases: Iterable[Case], settings: TrainingSettings) -> tuple[Calibration, float]:
    """Calibrate the exported graph on the validation part, and measure its largest difference from PyTorch."""
    runtime = OnnxRuntime.load(path)

    def predictions() -> Any:
        for pixels, mask, aspect in cases:
            placement = Placement.fit(mask.shape, settings.image_size, settings.placement, aspect)
            placed = placement.place(pixels)
            probability = runtime.run(placed[None, None])[0]
            differences.append(np.abs(probability - _pytorch(network, placed)).max())
            yield placement.restore(probability[0]), mask

    differences: list[Any] = []
    return calibrate(predictions()), float(max(differences))


@torch.no_grad()
def _pytorch(network: UNet, placed: NDArray[np.float32]) -> NDArray[np.float32]:
    probability: NDArray[np.float32] = torch.sigmoid(network(torch.from_numpy(placed)[None, None]))[0].numpy()
    return probability


def _card(
    name: str,
    settings: TrainingSettings,
    summary: dict[str, Any],
    record: dict[str, Any],
    calibration: Calibration,
    difference: float,
    licence: str,
) -> ModelCard:
    return ModelCard(
        name=name,
        backbone=settings.backbone,
        channels=settings.channels,
        image_size=settings.image_size,
        placement=settings.placement,
        threshold=calibration.threshold,
        parameters=summary["parameters"],
        **origin_of_run(record),
        training={
            **_trained_on(settings, record, summary["epochs"]),
            "start": record["start"],
            "best_epoch": summary["best_epoch"],
            # Paths say more about the machine than about the model.
            "settings": settings.model_dump(mode="json", exclude={"start_from", "encoder_weights", "workers"}),
        },
        scores={
            **{part: summary[part] for part in ("train", "validation")},
            "calibration_error": calibration.error,
            "parity": {"largest_difference": difference, "against": f"torch {torch.__version__}"},
        },
        licence=licence,
        versions={
            "pbrs": pbrs.__version__,
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "python": platform.python_version(),
        },
    )


def _trained_on(settings: TrainingSettings, record: dict[str, Any], epochs: int) -> dict[str, Any]:
    """Tell what a model was trained and chosen on, without a path."""
    images = {part: len(stems) for part, stems in record["parts"].items()}
    if settings.synthetic is None:
        preset = {"preset": record["preset"]} if "preset" in record else {}
        return {"dataset": Path(record["dataset"]).name, "images": images, **preset}
    images["train"] = settings.synthetic * epochs
    return {"dataset": None, "generator_version": record["generator_version"], "images": images}
