"""Writing small DICOM files with any header, and finding pydicom's own sample files (never from the network)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
import pytest

from dicom_writer import make_dicom

SAMPLES = {
    file.name: file
    for folder in (Path(pydicom.__file__).parent / "data/test_files", Path(data_store.__file__).parent / "data")
    for file in sorted(folder.glob("*.dcm"))
}

DicomWriter = Callable[..., Path]


@pytest.fixture
def write_dicom(tmp_path: Path) -> DicomWriter:
    def write(pixels: np.ndarray, **attributes: Any) -> Path:
        return make_dicom(tmp_path / "image.dcm", pixels, **attributes)

    return write


@pytest.fixture(scope="session")
def samples() -> dict[str, Path]:
    """pydicom's sample files by name."""
    return SAMPLES


@pytest.fixture
def ramp() -> np.ndarray:
    """Every 12-bit value once, in a uint16 image of 64 rows."""
    return np.arange(4096, dtype=np.uint16).reshape(64, 64)
