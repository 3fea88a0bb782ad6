"""Which formats a call writes, and that an image's files are all there or none is."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.errors import InputError
from pbrs.segmentation.formats import FORMATS, PNG, FormatWriter, choice, table
from pbrs.segmentation.formats.choice import WITHOUT_HIGHDICOM

from .conftest import MODEL, SHAPE


@pytest.fixture
def png(tmp_path: Path, segmented):
    Image.fromarray(np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.uint8)).save(tmp_path / "photo.png")
    return segmented(tmp_path / "photo.png", "photo")


@pytest.fixture
def without_highdicom(monkeypatch):
    monkeypatch.setattr(choice, "has_highdicom", lambda: False)
    # Any import of it fails, as if it were not there.
    monkeypatch.setitem(sys.modules, "highdicom", None)


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_dicom_in_means_dicom_seg_out(tmp_path, segmented):
    writer = FormatWriter([], MODEL)
    written = writer.write(tmp_path / "out", segmented(), "case.dcm")
    assert written.files == {"seg": "seg/case.dcm"}
    assert written.warnings == ()
    assert files_in(tmp_path / "out") == ["seg/case.dcm"]
    assert writer.finish(tmp_path / "out") == {}
    assert writer.notes == []


def test_a_png_in_gives_nothing_more_and_no_word_of_highdicom(tmp_path, png, without_highdicom):
    writer = FormatWriter([], MODEL)
    assert writer.write(tmp_path / "out", png, "photo.png").files == {}
    assert files_in(tmp_path) == ["photo.png"]
    assert writer.notes == []


def test_without_highdicom_one_line_says_so_for_all_images(tmp_path, segmented, without_highdicom):
    writer = FormatWriter([], MODEL)
    for stem in ("a", "b"):
        written = writer.write(tmp_path / "out", segmented(stem=stem), "x")
        assert (written.files, written.warnings) == ({}, ())
    assert writer.notes == [WITHOUT_HIGHDICOM]
    assert "pip install 'pbrs[dicom]'" in WITHOUT_HIGHDICOM


@pytest.mark.parametrize("name", ["seg", "sc", "nifti,seg"])
def test_asked_for_by_name_without_highdicom_is_an_error(without_highdicom, name):
    with pytest.raises(InputError, match=r"needs highdicom.*pip install 'pbrs\[dicom\]'"):
        FormatWriter([name], MODEL)


@pytest.mark.parametrize("name", ["seg", "sc"])
def test_asked_for_by_name_a_dicom_format_of_a_png_is_an_error(tmp_path, png, name):
    writer = FormatWriter([name], MODEL)
    with pytest.raises(InputError, match=rf"photo\.png is PNG: --format {name} needs a DICOM radiograph"):
        writer.check(png.radiograph)
    with pytest.raises(InputError, match="needs a DICOM radiograph"):
        writer.write(tmp_path / "out", png, "photo.png")
    assert not (tmp_path / "out").exists()


def test_png_alone_switches_the_default_seg_off(tmp_path, segmented):
    assert FormatWriter(["png"], MODEL).write(tmp_path / "out", segmented(), "x").files == {}
    assert not (tmp_path / "out").exists()


def test_names_may_be_repeated_given_with_commas_and_in_capitals():
    assert FormatWriter(["coco, SEG", "seg"], MODEL).names == ["seg", "coco"]


def test_an_unknown_name_is_refused_with_those_that_are_known():
    with pytest.raises(InputError, match="no format is called 'gif': expected one of png, seg, sc, nifti, nrrd, coco"):
        FormatWriter(["gif"], MODEL)


def test_the_shell_completes_the_formats_and_views_that_there_are():
    from pbrs.cli import segment
    from pbrs.segmentation.views import VIEWS

    assert list(segment._FORMATS) == [PNG, *FORMATS]
    assert list(segment._VIEWS) == list(VIEWS)


def test_all_formats_at_once(tmp_path, segmented):
    writer = FormatWriter(list(FORMATS), MODEL)
    written = writer.write(tmp_path / "out", segmented(), "case.dcm")
    told = [
        *written.files["nifti"].values(),
        *written.files["nrrd"].values(),
        written.files["seg"],
        written.files["sc"],
    ]
    assert sorted([*told, *writer.finish(tmp_path / "out").values()]) == files_in(tmp_path / "out")


def test_a_source_that_cannot_be_referred_to_is_only_a_warning_by_default(tmp_path, segmented):
    image = segmented()
    image.source.write_bytes(image.source.read_bytes() + b"\0\0")
    written = FormatWriter([], MODEL).write(tmp_path / "out", image, "x")
    assert written.files == {}
    (warning,) = written.warnings
    assert warning.startswith("no DICOM SEG: case.dcm has changed")
    with pytest.raises(InputError, match="has changed"):
        FormatWriter(["seg"], MODEL).write(tmp_path / "out", image, "x")


def test_what_a_header_lacks_is_told_once(tmp_path, segmented):
    written = FormatWriter(["seg,sc"], MODEL).write(tmp_path, segmented(StudyInstanceUID=None), "x")
    assert written.warnings == ("the source has no valid StudyInstanceUID: made for DICOM outputs",)


@pytest.mark.parametrize("failing", ["write_nifti", "write_nrrd"])
def test_a_full_disk_leaves_nothing_of_the_image_behind(tmp_path, segmented, monkeypatch, failing):
    def fill(image, out):
        (out / "nrrd").mkdir(parents=True, exist_ok=True)
        (out / "nrrd" / f"{image.stem}.nrrd").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    name = failing.removeprefix("write_")
    monkeypatch.setitem(table.FORMATS, name, table.Format(False, fill, FORMATS[name].patterns))
    writer = FormatWriter(list(FORMATS), MODEL)
    out = tmp_path / "out"
    (out / "seg").mkdir(parents=True)
    (out / "seg" / "other.dcm").write_bytes(b"another image's")
    with pytest.raises(OSError, match="No space"):
        writer.write(out, segmented(stem="case"), "case.dcm")
    assert files_in(out) == ["seg/other.dcm"]
    writer.finish(out)
    assert '"images": []' in (out / "coco.json").read_text()


def test_formats_load_no_library_before_they_are_written():
    code = (
        "import sys, pbrs.segmentation.formats\n"
        "print([name for name in ('highdicom', 'torch', 'matplotlib', 'pbrs.dataset') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
