"""`report.json` holds what its page in the docs says, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import pbrs
from dicom_writer import make_dicom
from pbrs.segmentation.report import REPORT_VERSION
from phantom import phantom
from small_model import write_small_model
from tiny_model import write_tiny_model

PAGE = Path(__file__).parents[2] / "docs" / "report.md"


def documented() -> dict[str, set[str]]:
    """Names in the first column of each section's table."""
    tables: dict[str, set[str]] = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
        tables[title] = {name for cell in cells for name in re.findall("`([^`]+)`", cell)}
    return tables


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One DICOM radiograph in every format, one file that is no picture, one that is refused."""
    folder = tmp_path_factory.mktemp("reported")
    file = make_dicom(folder / "case.dcm", phantom(0)[0].astype(np.uint16), PixelSpacing=[0.2, 0.2])
    (folder / "broken.png").write_bytes(b"no picture")
    model = write_tiny_model(folder / "tiny.onnx", channels=("region", "sacrum"))
    pbrs(
        "segment", file, folder / "broken.png", "-o", folder / "out", "-m", model, "--format", "seg,sc,nifti,nrrd,coco"
    )
    whole: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text(encoding="ascii"))
    pbrs("segment", file, "-o", folder / "refused", "-m", write_small_model(folder / "small.onnx"))
    whole["refused"] = json.loads((folder / "refused" / "report.json").read_text())["refused"]
    return whole


def test_every_field_is_documented_and_every_documented_field_is_there(report):
    tables = documented()
    (image,), (refused,), (failed,) = report["images"], report["refused"], report["failed"]
    assert set(report) == tables["The call"]
    assert set(report["model"]) == tables["The model"]
    assert set(image) == tables["An image"]
    assert set(image["quality"]) == tables["Quality"]
    assert set(refused) == set(failed) == tables["A problem"]


def test_the_documented_version_is_the_one_that_is_written(report):
    assert report["version"] == REPORT_VERSION
    assert f"now {REPORT_VERSION}." in PAGE.read_text(encoding="utf-8")


def test_files_are_documented_by_kind(report):
    (image,) = report["images"]
    line = next(
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `files` | object | paths in OUT: `mask`")
    )
    assert set(image["files"]) <= set(re.findall("`([a-z_]+)`", line))
