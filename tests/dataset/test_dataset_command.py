import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pbrs.cli.dataset import app
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.split_file import read_split
from pbrs.errors import InputError
from phantom import write_phantoms


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_ends_with_0_and_draws_a_sheet(textures: Callable[[int], Path], tmp_path: Path) -> None:
    folder = textures(5)
    result = _run("check", folder, "--json", tmp_path / "report.json")
    assert result.exit_code == 0, result.output
    assert "0 errors, 0 warnings" in result.stdout
    assert (folder / "contact_sheet" / "page_001.png").exists()
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["cases"] == 5


def test_check_ends_with_2_when_there_are_errors(textures: Callable[[int], Path]) -> None:
    folder = textures(5)
    (folder / "images" / "case_001.png").write_bytes(b"[bold]no picture")
    result = _run("check", folder, "--pages", 0)
    assert result.exit_code == 2
    assert "1 errors, 0 warnings" in result.stdout
    assert not (folder / "contact_sheet").exists()


def test_a_contact_sheet_does_not_disturb_the_dataset(textures: Callable[[int], Path]) -> None:
    folder = textures(5)
    _run("check", folder)
    assert _run("check", folder).exit_code == 0
    assert len(open_dataset(folder).images) == 5


def test_split_writes_the_parts_and_does_not_overwrite_them(textures: Callable[[int], Path]) -> None:
    folder = textures(20)
    result = _run("split", folder, "--seed", 3)
    assert result.exit_code == 0, result.output
    assert "train 14, validation 2, test 4 (by image, seed 3)" in result.stdout
    before = (folder / "split.csv").read_bytes()
    refused = _run("split", folder)
    assert isinstance(refused.exception, InputError)
    assert (folder / "split.csv").read_bytes() == before
    result = _run("split", folder, "--parts", "50/25/25", "--force")
    assert "train 10, validation 5, test 5" in result.stdout
    result = _run("split", folder, "--folds", 4, "--force")
    assert "fold 0: 5, fold 1: 5, fold 2: 5, fold 3: 5" in result.stdout
    assert len(read_split(folder / "split.csv", fold=3).stems("test")) == 5


@pytest.mark.parametrize("parts", ["70/30", "a/b/c", "70/20/20", "110/-10/0", "0/50/50", "nan/1/1"])
def test_parts_that_make_no_sense_are_refused(textures: Callable[[int], Path], parts: str) -> None:
    assert isinstance(_run("split", textures(4), "--parts", parts).exception, InputError)


def test_split_goes_by_patient(textures: Callable[[int], Path]) -> None:
    folder = textures(20)
    (folder / "patients.csv").write_text("stem,patient\n" + "".join(f"case_{i:03d},P{i // 2}\n" for i in range(20)))
    assert "(by patient, seed 0)" in _run("split", folder).stdout
    parts = read_split(folder / "split.csv").parts
    assert all(parts[f"case_{i:03d}"] == parts[f"case_{i + 1:03d}"] for i in range(0, 20, 2))


def test_export_and_import_masks_are_each_others_reverse(tmp_path: Path) -> None:
    folder = write_phantoms(tmp_path / "dataset", 3)
    assert _run("export", folder, "--format", "coco", "-o", tmp_path / "coco").exit_code == 0
    result = _run(
        "import-masks", tmp_path / "coco/instances.json", "--images", tmp_path / "coco/images", "-o", tmp_path / "back"
    )
    assert result.exit_code == 0, result.output
    assert "3 images, 3 masks" in result.stdout
    for stem in open_dataset(folder).stems:
        same = [(open_dataset(each).read(stem)[1]).tobytes() for each in (folder, tmp_path / "back")]
        assert same[0] == same[1]
    assert _run("export", folder, "--format", "nnunet", "-o", tmp_path / "Dataset501_Pelvis").exit_code == 0
    assert (tmp_path / "Dataset501_Pelvis" / "dataset.json").exists()


def test_import_pxr150_says_what_to_do_next(tmp_path: Path) -> None:
    pictures = write_phantoms(tmp_path / "source", 3) / "images"
    refused = _run("import-pxr150", pictures, "-o", tmp_path / "out")
    assert isinstance(refused.exception, InputError)
    result = _run("import-pxr150", pictures, "-o", tmp_path / "out", "--any-count", "--seed", 5)
    assert result.exit_code == 0, result.output
    assert "3 images, 0 masks" in result.stdout
    assert "--masks FOLDER --seed 5" in result.stdout
