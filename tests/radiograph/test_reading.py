import errno
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dicom_writer import make_dicom
from pbrs.errors import InputError
from pbrs.radiograph import find_radiographs, read_radiograph

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    make_dicom(tmp_path / "image.png", PIXELS)
    Image.fromarray(PIXELS).save(tmp_path / "image.dcm", format="PNG")
    assert read_radiograph(tmp_path / "image.png").file_format == "DICOM"
    assert read_radiograph(tmp_path / "image.dcm").file_format == "PNG"


def test_a_dicom_with_a_tiff_header_in_its_preamble_is_dicom(tmp_path: Path) -> None:
    file = make_dicom(tmp_path / "both.tif", PIXELS)
    data = file.read_bytes()
    file.write_bytes(b"II*\0" + data[4:])
    assert read_radiograph(file).file_format == "DICOM"


def test_source_and_hash_are_the_files(tmp_path: Path) -> None:
    file = tmp_path / "case_07.png"
    Image.fromarray(PIXELS).save(file)
    radiograph = read_radiograph(file)
    assert radiograph.source == "case_07.png"
    assert radiograph.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is empty"),
        (b"hello, this is no image at all", "is not PNG, JPEG, TIFF, BMP or DICOM"),
        (b"\0" * 5000, "is not PNG, JPEG, TIFF, BMP or DICOM"),
        (b"\x1f\x8b\x08\0", "gzip: unpack"),
        (b"PK\x03\x04", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"GIF89a", "GIF"),
        (b"\x89PNG\r\n\x1a\n", "cannot be decoded as PNG"),
        (b"\xff\xd8\xff\xe0", "cannot be decoded as JPEG"),
        (b"II*\0", "cannot be decoded as TIFF"),
        (b"\0" * 128 + b"DICM", "without an image"),
    ],
)
def test_what_is_no_radiograph_is_said_in_one_line(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(InputError, match=word) as caught:
        read_radiograph(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_radiograph(tmp_path / "nothing.png")
    with pytest.raises(InputError, match="is not a file"):
        read_radiograph(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_radiograph(Path("a" * 5000))


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "locked.png"
    Image.fromarray(PIXELS).save(file)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Not by chmod: the superuser, as whom tests run in many containers, may read everything.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        read_radiograph(file)


def test_folders_are_searched_and_files_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "b/deep").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in ("z.PNG", "a.jpg", "b/c.tiff", "b/deep/d.dcm", "b/.e.png", ".hidden/f.png", "notes.txt", "b/plain"):
        (tmp_path / name).write_bytes(b"anything")
    make_dicom(tmp_path / "IM0001", PIXELS)
    make_dicom(tmp_path / "b/1.2.840.4", PIXELS)
    make_dicom(tmp_path / "b/DICOMDIR", PIXELS)
    found = find_radiographs([tmp_path]).files
    names = [str(path.relative_to(tmp_path)) for path in found]
    assert names == ["IM0001", "a.jpg", "b/1.2.840.4", "b/c.tiff", "b/deep/d.dcm", "z.PNG"]
    assert find_radiographs([tmp_path / "notes.txt", tmp_path / "b/c.tiff", tmp_path / "b"]).files[:2] == (
        tmp_path / "notes.txt",
        tmp_path / "b/c.tiff",
    )
    assert len(find_radiographs([tmp_path, tmp_path]).files) == len(found)


def test_a_link_to_nothing_is_found_so_that_reading_names_it(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "moved.png")
    (tmp_path / "notes.txt").symlink_to(tmp_path / "moved.txt")
    (tmp_path / "IM0001").symlink_to(tmp_path / "moved")
    (found,) = find_radiographs([tmp_path]).files
    assert found.name == "gone.png"
    with pytest.raises(InputError, match=r"gone\.png"):
        read_radiograph(found)


def test_a_missing_input_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        find_radiographs([tmp_path / "nothing"])
    with pytest.raises(InputError, match="no radiograph in"):
        find_radiographs([tmp_path])
