import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import pbrs
from pbrs.errors import InputError
from pbrs.segmentation.output_folder import prepare_folder
from tiny_model import write_tiny_model

OURS = '{"pbrs": "0.1.0", "model": {}, "images": []}'


@pytest.fixture
def tiny(tmp_path) -> Path:
    return write_tiny_model(tmp_path / "tiny.onnx", channels=("region", "sacrum"))


def film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.arange(60 * 80, dtype=np.uint32).reshape(60, 80).astype(np.uint8)).save(path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_is_made_and_an_earlier_calls_is_ours(tmp_path):
    out = tmp_path / "a" / "out"
    prepare_folder(out, {Path("case.png"): "case"})
    (out / "masks").mkdir()
    (out / "masks" / "case.png").write_bytes(b"an earlier mask")
    (out / "report.json").write_text(OURS)
    prepare_folder(out, {Path("case.png"): "case"})


def test_what_a_killed_call_left_half_written_is_removed_by_the_next(tmp_path):
    (tmp_path / "report.json").write_text(OURS)
    old, new = (
        [tmp_path / folder / f".writing-{name}.png" for folder in ("", "masks", "structures/sacrum")]
        for name in ("old", "new")
    )
    for file in [*old, *new]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for file in old:
        os.utime(file, (0, 0))
    prepare_folder(tmp_path, {Path("case.png"): "case"})
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in new), "another call may be writing these"


@pytest.mark.parametrize("place", ["masks/case.png", "structures/sacrum/another.png", "nrrd/case.nrrd", "coco.json"])
def test_masks_that_somebody_drew_are_not_overwritten(tiny, tmp_path, place):
    """A data set's folder given as output: its true masks have the radiographs' names."""
    data = tmp_path / "data"
    film(data / "images" / "case.png")
    (data / place).parent.mkdir(parents=True, exist_ok=True)
    (data / place).write_bytes(b"drawn by hand")
    before = contents(data)
    refused = pbrs("segment", data / "images", "-o", data, "-m", tiny, "--format", "coco")
    assert refused.status == 2
    assert place in refused.err.replace("\n", "")
    assert "name another folder with -o" in refused.err.replace("\n", " ")
    assert contents(data) == before


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("place", ["roi/film.png", "roi/case_blanked.png", "preview.png"])
def test_no_radiograph_of_the_call_is_overwritten(tiny, tmp_path, ours, place):
    data = tmp_path / "data"
    films = [film(data / "case.png"), film(data / place)]
    if ours:
        (data / "report.json").write_text(OURS)
    before = contents(data)
    assert pbrs("segment", *films, "-o", data, "-m", tiny, "--preview").status == 2
    assert contents(data) == before


def test_other_files_of_the_folder_stay_and_do_not_matter(tiny, tmp_path):
    (tmp_path / "masks").mkdir()
    for name in ("masks/.hidden", "statistics.csv", "preview.png"):
        (tmp_path / name).write_bytes(b"of somebody else")
    assert pbrs("segment", film(tmp_path / "case.png"), "-o", tmp_path, "-m", tiny).status == 0
    assert (tmp_path / "statistics.csv").read_bytes() == b"of somebody else"
    for name in ("--statistics", "--preview"):
        # Now the folder is ours.
        assert pbrs("segment", tmp_path / "case.png", "-o", tmp_path, "-m", tiny, name).status == 0


def test_corrected_masks_are_not_overwritten(tiny, tmp_path):
    image, out = film(tmp_path / "case.png"), tmp_path / "out"
    call = ("segment", image, "-o", out, "-m", tiny)
    assert pbrs(*call).status == 0
    assert pbrs(*call).status == 0, "nothing was changed"
    mask = out / "masks" / "case.png"
    mask.write_bytes(b"corrected")
    later = (out / "report.json").stat().st_mtime + 60
    os.utime(mask, (later, later))
    refused = pbrs(*call)
    assert refused.status == 2
    assert "was changed after pbrs segment wrote it" in refused.err.replace("\n", " ")
    assert mask.read_bytes() == b"corrected"
    assert pbrs("segment", film(tmp_path / "other.png"), "-o", out, "-m", tiny).status == 0


@pytest.mark.parametrize("text", ['{"counts": {}}', "[]", "{"])
def test_a_report_of_something_else_is_not_overwritten(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match="name another folder with -o"):
        prepare_folder(tmp_path, {Path("case.png"): "case"})


def test_after_a_kill_in_the_first_call_the_same_call_goes_on(tiny, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    image, out = film(tmp_path / "case.png"), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("pbrs.segmentation.folder.overlap", die)
        # The last report is not written either.
        patch.setattr("pbrs.segmentation.formats.FormatWriter.finish", die)
        with pytest.raises(Killed):
            pbrs("segment", image, "-o", out, "-m", tiny)
    (out / "masks").mkdir()
    (out / "masks" / "case.png").write_bytes(b"written before the kill")
    assert json.loads((out / "report.json").read_text())["complete"] is False
    assert pbrs("segment", image, "-o", out, "-m", tiny).status == 0


def test_files_that_threads_write_have_the_permissions_of_any_new_file(tmp_path):
    """The mask of permissions is the process's: to ask for it by setting it would lend it to other threads."""
    from pbrs.atomic_write import write_text

    seen: set[int] = set()

    def write(number: int) -> None:
        for turn in range(20):
            path = tmp_path / f"{number}-{turn}"
            write_text(path, "x")
            seen.add(path.stat().st_mode & 0o777)

    before = os.umask(0o027)
    try:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        left = os.umask(before)
    assert left == 0o027
    assert seen == {0o640}
