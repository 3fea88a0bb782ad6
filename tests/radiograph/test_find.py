"""Which files of a folder are taken, and how the rest is told."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    BasicTextSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

from dicom_writer import make_dicom
from pbrs.errors import InputError
from pbrs.radiograph import find_radiographs, read_radiograph
from pbrs.radiograph.file_kind import tell_kind

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)


def bare(folder: Path, implicit: bool, little: bool = True) -> bytes:
    """A data set without preamble and file header."""
    dataset = pydicom.dcmread(make_dicom(folder / "whole.dcm", PIXELS))
    (folder / "whole.dcm").unlink()
    plain = pydicom.Dataset()
    plain.update({element.tag: element for element in dataset})
    if not little:
        plain.PixelData = PIXELS.astype(">u2").tobytes()
    plain.set_original_encoding(implicit, little, "iso8859")
    file = pydicom.filebase.DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = implicit, little
    write_dataset(file, plain)
    return file.getvalue()


def picture(file_format: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((PIXELS // 3).astype(np.uint8)).save(buffer, format=file_format)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name", ["a.IMA", "a.img", "a.dc3", "a.dcm30", "a.20261127", "IM0001", "a.MR.1.2.840", "scan.bin"]
)
def test_a_dicom_image_in_a_folder_is_taken_whatever_its_name(tmp_path: Path, name: str) -> None:
    make_dicom(tmp_path / name, PIXELS)
    found = find_radiographs([tmp_path])
    assert [file.name for file in found.files] == [name]
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("name", "file_format"), [("a.jfif", "JPEG"), ("a.JPE", "JPEG"), ("a.bmp", "BMP"), ("a", "PNG"), ("a.scan", "TIFF")]
)
def test_a_picture_in_a_folder_is_taken_whatever_its_name(tmp_path: Path, name: str, file_format: str) -> None:
    (tmp_path / name).write_bytes(picture(file_format))
    (file,) = find_radiographs([tmp_path]).files
    radiograph = read_radiograph(file)
    assert radiograph.file_format == file_format
    assert radiograph.shape == PIXELS.shape


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_dicom_without_preamble_is_taken_and_read(tmp_path: Path, implicit: bool, little: bool) -> None:
    content = bare(tmp_path, implicit, little)
    (tmp_path / "old").write_bytes(content)
    (file,) = find_radiographs([tmp_path]).files
    plain = read_radiograph(make_dicom(tmp_path / "plain.dcm", PIXELS)).pixels
    assert np.array_equal(read_radiograph(file).pixels, plain)


def test_what_is_left_out_is_counted_by_kind(tmp_path: Path) -> None:
    make_dicom(tmp_path / "image", PIXELS)
    for name in ("a.txt", "b.txt", "c.TXT"):
        (tmp_path / name).write_text("notes")
    (tmp_path / "a.zip").write_bytes(b"PK\3\4" + b"\0" * 60)
    (tmp_path / "b.gif").write_bytes(picture("GIF"))
    (tmp_path / "strange").write_bytes(b"\x01\x02\x03\x04")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"of a file manager")
    found = find_radiographs([tmp_path])
    assert [file.name for file in found.files] == ["image"]
    assert {left.kind: left.count for left in found.left_out} == {
        ".txt files": 3,
        "a ZIP archive (unpack it first)": 1,
        "a GIF (export it as PNG)": 1,
        "of an unknown kind": 1,
    }
    assert found.left_out[0].examples == ("a.txt", "b.txt", "c.TXT")
    assert str(found.left_out[0]) == "3 left out, .txt files: a.txt, b.txt, c.TXT"


@pytest.mark.parametrize(
    ("uid", "kind"),
    [
        (BasicTextSRStorage, "DICOM structured report"),
        (KeyObjectSelectionDocumentStorage, "DICOM key object selection"),
        (GrayscaleSoftcopyPresentationStateStorage, "DICOM presentation state"),
        (RTStructureSetStorage, "DICOM radiotherapy object"),
        (SegmentationStorage, "DICOM segmentation, registration or raw data"),
    ],
)
def test_dicom_that_is_no_image_by_its_class_is_left_out(tmp_path: Path, uid: str, kind: str) -> None:
    make_dicom(tmp_path / "image.dcm", PIXELS)
    make_dicom(tmp_path / "other.dcm", PIXELS, SOPClassUID=uid)
    dataset = pydicom.dcmread(tmp_path / "other.dcm")
    dataset.file_meta.MediaStorageSOPClassUID = uid
    dataset.save_as(tmp_path / "other.dcm")
    found = find_radiographs([tmp_path])
    assert [file.name for file in found.files] == ["image.dcm"]
    assert [(left.kind, left.count) for left in found.left_out] == [(kind, 1)]


def test_a_file_that_is_named_as_a_radiograph_is_taken_so_that_its_fault_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.dcm").write_text("no image")
    assert [file.name for file in find_radiographs([tmp_path]).files] == ["empty.png", "text.dcm"]


def test_a_folder_without_a_radiograph_says_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"no radiograph in .*\(1 left out, \.csv files: a\.csv\)"):
        find_radiographs([tmp_path])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x08",
        b"\x08\x00 plain text that begins like a group",
        b"\x08\x00\x05\x00" + b"\xff" * 40,
        b"BM and so on, a text of Bohemia",
        b"\x00" * 400,
    ],
)
def test_what_only_begins_like_an_image_is_no_image(head: bytes) -> None:
    assert tell_kind(head).radiograph_format is None
