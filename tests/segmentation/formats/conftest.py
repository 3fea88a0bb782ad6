"""One segmented radiograph to be written in every format. Its masks overlap, have holes and are symmetric in no way."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dicom_writer import make_dicom
from pbrs.radiograph import read_radiograph
from pbrs.segmentation.formats import ModelIdentity, SegmentedImage
from pbrs.segmentation.quality import Quality
from pbrs.segmentation.segmenter import Segmentation, bounding_box

SHAPE = (58, 81)
MODEL = ModelIdentity("pelvis", "ab" * 32)
PATIENT = {
    "PatientName": "Secret^Name",
    "PatientID": "ID-4711",
    "PatientBirthDate": "19480229",
    "PatientSex": "F",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2",
    "StudyDate": "20250314",
    "StudyTime": "150926",
    "AccessionNumber": "ACC-1234",
    "StudyID": "ST-77",
    "ReferringPhysicianName": "Doctor^House",
    "InstitutionName": "Secret Hospital",
    "PatientAddress": "Secret Street 1",
}
SECRETS = ("Secret", "4711", "19480229", "ACC-1234", "ST-77", "House", "20250314")


def drawn_segmentation() -> Segmentation:
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    disc = (row - 25) ** 2 + (column - 38) ** 2 < 22**2
    region = disc & ((row - 30) ** 2 + (column - 30) ** 2 >= 6**2)
    structures = {
        "femur_left": np.zeros(SHAPE, bool),
        "sacrum": region & (row < 20) & (column > 25),
        "hip_right": region & (column < 45),
        "hip_left": region & (column > 35),
        "femur_right": region & (row > 40) & (column < 33),
    }
    return Segmentation(
        region.astype(np.float32), region, structures, 0.5, bounding_box(region), 1.0, (), Quality(None, (), True)
    )


@pytest.fixture
def segmentation() -> Segmentation:
    return drawn_segmentation()


@pytest.fixture
def pixels() -> np.ndarray:
    return np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)


SegmentedMaker = Callable[..., SegmentedImage]


@pytest.fixture
def segmented(tmp_path: Path, pixels: np.ndarray, segmentation: Segmentation) -> SegmentedMaker:
    """Make a segmented DICOM radiograph of a synthetic patient; attributes replace, add or (None) remove."""

    def make(source: Path | None = None, stem: str = "case", **attributes: object) -> SegmentedImage:
        if source is None:
            header = {**PATIENT, **attributes}
            removed = {keyword: None for keyword in ("PatientName", "PatientID") if header[keyword] is None}
            given = {keyword: value for keyword, value in header.items() if value is not None}
            source = make_dicom(tmp_path / f"{stem}.dcm", pixels, **given, **removed)
        return SegmentedImage(source, stem, read_radiograph(source), segmentation, MODEL)

    return make


def dciodvfy_errors(path: Path) -> list[str]:
    """Give what Debian's dicom3tools find wrong with a DICOM file; skips the test where they are not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    run = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    return [line for line in lines if line.startswith("Error")]
