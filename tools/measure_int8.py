"""Measure what 8-bit integers (OpenVINO, NNCF's post-training quantisation) cost a model in F1; see docs/segmenting.md.

    pip install openvino nncf                            # in an environment of its own, beside PBRS and its synth extra
    pbrs synthesize -n 200 --seed 31 -o runs/calibration
    python tools/measure_int8.py MODEL.onnx runs/calibration runs/shifted-200

Quantised on the first dataset, scored on the second, at native size: F1 of the region in float32, in bfloat16, and in
integers after each of NNCF's two presets.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nncf
import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.folder import Dataset, open_dataset
from pbrs.evaluation.scores import score_masks
from pbrs.radiograph.placement import Placement
from pbrs.segmentation import Segmenter
from pbrs.segmentation.openvino_runtime import import_openvino


@dataclass(frozen=True, eq=False)
class Quantised:
    """A quantised model; see `pbrs.segmentation.runtime.Runtime`."""

    name: str
    request: Any
    sha256: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """None of its own."""
        return {}

    def run(self, radiographs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute probabilities (N, C, H, W) of float32 radiographs (N, 1, H, W) in [0, 1]."""
        (output,) = self.request.infer([radiographs]).values()
        return np.array(output, np.float32)


def quantise(model: Path, plain: Segmenter, calibration: Dataset, preset: str) -> Segmenter:
    """Quantise a model on the radiographs of a dataset."""

    def placed(stem: str) -> NDArray[np.float32]:
        pixels = calibration.read(stem)[0].pixels
        placement = Placement.fit(pixels.shape, plain.card.image_size, plain.card.placement)
        return placement.place(pixels)[None, None]

    core = import_openvino().Core()
    found = nncf.quantize(
        core.read_model(model),
        nncf.Dataset(calibration.stems, placed),
        subset_size=len(calibration.stems),
        preset=nncf.QuantizationPreset(preset),
    )
    return replace(plain, runtime=Quantised(f"int8, {preset}", core.compile_model(found, "CPU").create_infer_request()))


def mean_f1(segmenter: Segmenter, dataset: Dataset) -> float:
    scores = []
    for stem in dataset.stems:
        radiograph, region = dataset.read(stem)
        scores.append(score_masks(segmenter.segment(radiograph).mask, region).f1)
    return float(np.mean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("test", type=Path)
    given = parser.parse_args()
    calibration, test = open_dataset(given.calibration), open_dataset(given.test)
    plain = Segmenter.load(given.model, "onnxruntime")
    quantised = [quantise(given.model, plain, calibration, preset) for preset in ("performance", "mixed")]
    for segmenter in (plain, Segmenter.load(given.model, "openvino"), *quantised):
        print(f"{segmenter.runtime.name}: F1 {mean_f1(segmenter, test):.4f}", flush=True)


if __name__ == "__main__":
    main()
