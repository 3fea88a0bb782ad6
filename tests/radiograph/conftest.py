"""Writing small DICOM files with any header, and finding pydicom's own sample files (never from the network)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

SAMPLES = {
    file.name: file
    for folder in (Path(pydicom.__file__).parent / "data/test_files", Path(data_store.__file__).parent / "data")
    for file in sorted(folder.glob("*.dcm"))
}

DicomWriter = Callable[..., Path]


def make_dicom(path: Path, pixels: np.ndarray, syntax: UID = ExplicitVRLittleEndian, **attributes: Any) -> Path:
    """Write `pixels` (H, W) or (H, W, 3) as a CR image; `attributes` replace or (None) remove those of the header."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality = "CR"
    dataset.PatientName = "Secret^Name"
    dataset.PatientID = "ID-4711"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if syntax.is_compressed and not syntax.is_deflated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


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
