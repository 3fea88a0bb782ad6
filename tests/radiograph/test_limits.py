import gzip
import logging
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from pbrs.errors import InputError
from pbrs.radiograph import limits, read_mask, read_radiograph
from pbrs.radiograph.limits import DEFLATE, GZIP, check_pixels, inflate, read_bytes


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims any size, with next to no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("side", [9_400, 14_000, 60_000, 2_000_000_000])
def test_a_picture_that_claims_too_many_pixels_is_refused_by_its_header(tmp_path: Path, side: int) -> None:
    # 9,400² is where Pillow warns, 14,000² where it raises.
    file = tmp_path / "bomb.png"
    file.write_bytes(png_of_size(side, side))
    with pytest.raises(InputError, match="too many"):
        read_radiograph(file)


def test_a_large_but_sane_size_passes() -> None:
    check_pixels("leg.dcm", 8_000, 3_500)
    with pytest.raises(InputError, match="80,000,000"):
        check_pixels("leg.dcm", 8_000, 3_500, frames=3)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 1000)
    file = tmp_path / "large.png"
    file.write_bytes(b"\0" * 1001)
    with pytest.raises(InputError, match=r"large\.png has"):
        read_bytes(file)


def test_a_deflated_dicom_that_inflates_too_far_is_refused(
    write_dicom: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_dicom(np.zeros((1000, 1000), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    assert file.stat().st_size < 10_000
    assert read_radiograph(file).shape == (1000, 1000)
    monkeypatch.setattr(limits, "MAX_INFLATED_BYTES", 1_000_000)
    with pytest.raises(InputError, match="inflates to more"):
        read_radiograph(file)


def test_a_gzipped_mask_is_inflated_no_further_than_a_mask_can_be(tmp_path: Path) -> None:
    file = tmp_path / "bomb.nii.gz"
    header = b"NRRD0005\ntype: uchar\ndimension: 2\nsizes: 10 10\nencoding: gzip\n\n"
    file.write_bytes(header + gzip.compress(b"\1" * 50_000_000))
    with pytest.raises(InputError, match="more than the 100 bytes"):
        read_mask(file, (10, 10))


@pytest.mark.parametrize("window_bits", [DEFLATE, GZIP])
def test_inflating_gives_up_at_the_limit(window_bits: int) -> None:
    compressor = zlib.compressobj(wbits=window_bits)
    data = compressor.compress(b"a" * 10_000_000) + compressor.flush()
    assert inflate(data, "file", window_bits, 10_000_000) == b"a" * 10_000_000
    with pytest.raises(InputError, match="inflates to more"):
        inflate(data, "file", window_bits, 9_999_999)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless])
def test_a_compressed_frame_larger_than_its_header_says_is_not_decoded(
    write_dicom: Callable[..., Path], syntax: object
) -> None:
    import pydicom

    file = write_dicom(np.arange(128 * 128, dtype=np.uint16).reshape(128, 128), syntax=syntax)
    dataset = pydicom.dcmread(file)
    dataset.Rows = dataset.Columns = 16
    dataset.save_as(file)
    with pytest.raises(InputError, match="not as the header says"):
        read_radiograph(file)


def test_warnings_and_logs_of_libraries_stay_inside(caplog: pytest.LogCaptureFixture) -> None:
    with limits.muted_warnings():
        warnings.warn("PatientName: Secret", UserWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("PatientName: Secret")
    assert not caplog.records
    logging.getLogger("pydicom").warning("outside, it is heard again")
    assert len(caplog.records) == 1
    with pytest.raises(Image.DecompressionBombWarning), limits.muted_warnings():
        warnings.warn("bomb", Image.DecompressionBombWarning, stacklevel=1)
