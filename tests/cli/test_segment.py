"""`pbrs segment` as a user meets it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from command_line import pbrs
from pbrs.modelfile import store
from pbrs.segmentation import folder
from tiny_model import write_tiny_model

REPORTED = {
    *("input", "sha256", "format", "height", "width", "bits", "grey_rule", "inverted", "spacing_mm", "spacing_source"),
    *("patient_left", "patient_left_assumed", "threshold", "box", "area_px", "area_fraction", "area_mm2"),
    *("milliseconds", "warnings", "files", "roi_box"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with a model file in it. Read only."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    write_tiny_model(folder / "model.onnx", channels=("region", "sacrum"))
    return folder


@pytest.fixture(scope="module")
def tiny(run: Path) -> Path:
    return run / "model.onnx"


def report_of(out: Path) -> dict:
    return json.loads((out / "report.json").read_text())


def test_a_folder_gives_masks_overlays_regions_and_a_report(phantoms, run, tmp_path):
    outcome = pbrs("segment", phantoms / "images", "-o", tmp_path / "out", "--model", run)
    assert outcome.status == 0, outcome.err
    report = report_of(tmp_path / "out")
    assert report["complete"]
    assert len(report["images"]) == 12
    assert report["failed"] == []
    for image in report["images"]:
        assert set(image) >= REPORTED
        mask = np.asarray(Image.open(tmp_path / "out" / image["files"]["mask"]))
        assert mask.shape == (image["height"], image["width"])
        assert (mask > 0).sum() == image["area_px"]
        for kind in ("overlay", "roi", "roi_blanked"):
            assert (tmp_path / "out" / image["files"][kind]).is_file()
    assert report["model"]["synthetic"] is True
    assert len(report["model"]["sha256"]) == 64


def test_a_broken_file_does_not_stop_the_others_and_is_named(phantoms, run, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(phantoms / "images", folder)
    content = (folder / "phantom_003.png").read_bytes()
    (folder / "phantom_003.png").write_bytes(content[: len(content) // 2])
    (folder / "phantom_005.png").write_text("not a picture")
    outcome = pbrs("segment", folder, "-o", tmp_path / "out", "--model", run / "model.onnx")
    assert outcome.status == 2
    assert "Traceback" not in outcome.err
    assert "phantom_003.png" in outcome.err
    report = report_of(tmp_path / "out")
    assert len(report["images"]) == 10
    assert {Path(failure["input"]).name for failure in report["failed"]} == {"phantom_003.png", "phantom_005.png"}
    assert not (tmp_path / "out" / "masks" / "phantom_003.png").exists()
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 10


def test_a_real_monochrome1_chest_comes_out_right_in_size_inversion_and_report(run, tmp_path):
    """RG1 of pydicom-data: a CR of the chest, MONOCHROME1, 15 of 16 bits. Whatever the mask."""
    file = Path(get_testdata_file("RG1_UNCR.dcm"))
    header = pydicom.dcmread(file)
    outcome = pbrs("segment", file, "-o", tmp_path, "--model", run)
    assert outcome.status == 0, outcome.err
    (image,) = report_of(tmp_path)["images"]
    assert (image["height"], image["width"]) == (header.Rows, header.Columns) == (1955, 1841)
    assert image["inverted"] is True
    assert image["format"] == "DICOM"
    assert image["bits"] == header.BitsStored
    assert np.asarray(Image.open(tmp_path / image["files"]["mask"])).shape == (1955, 1841)
    assert np.asarray(Image.open(tmp_path / image["files"]["overlay"])).shape == (1955, 1841, 3)


def test_dicom_and_png_of_the_same_picture_give_nearly_the_same_mask(run, tmp_path):
    from phantom import phantom

    pixels, _ = phantom(3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    dataset = pydicom.dcmread(get_testdata_file("RG1_UNCR.dcm"))
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = (4095 - pixels.astype(np.uint16) * 16).tobytes()
    for name in ("WindowCenter", "WindowWidth", "VOILUTSequence", "PixelPaddingValue"):
        if name in dataset:
            delattr(dataset, name)
    dataset.save_as(tmp_path / "b.dcm")
    outcome = pbrs("segment", tmp_path / "a.png", tmp_path / "b.dcm", "-o", tmp_path / "out", "--model", run)
    assert outcome.status == 0, outcome.err
    a, b = (np.asarray(Image.open(tmp_path / "out" / "masks" / f"{stem}.png")) > 0 for stem in "ab")
    assert (a & b).sum() / (a | b).sum() > 0.98


def test_no_patients_name_leaves_the_dicom_header(run, tmp_path):
    dataset = pydicom.dcmread(get_testdata_file("RG1_UNCR.dcm"))
    dataset.PatientName, dataset.PatientID, dataset.InstitutionName = "SECRET^NAME", "SECRET-ID", "SECRET CLINIC"
    dataset.save_as(tmp_path / "case.dcm")
    outcome = pbrs("segment", tmp_path / "case.dcm", "-o", tmp_path / "out", "--model", run)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    # What the standard wants of a DICOM object stays in DICOM.
    assert [path.name for path in files if b"SECRET" in path.read_bytes()] == ["case.dcm"]
    assert (tmp_path / "out" / "seg" / "case.dcm").is_file()
    assert "SECRET" not in outcome.out + outcome.err


def test_results_of_an_earlier_call_are_not_taken_for_radiographs(phantoms, run, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(phantoms / "images", folder)
    for _ in range(2):
        assert pbrs("segment", folder, "-o", folder / "out", "--model", run).status == 0
        assert len(report_of(folder / "out")["images"]) == 12


def test_equal_stems_of_one_call_do_not_overwrite_each_other(phantoms, run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(phantoms / "images" / "phantom_000.png", tmp_path / name / "same.png")
    assert pbrs("segment", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out", "--model", run).status == 0
    assert {path.name for path in (tmp_path / "out" / "masks").iterdir()} == {"same.png", "same_2.png"}


def test_polarity_and_threshold_are_in_the_report(phantoms, run, tmp_path):
    image = phantoms / "images" / "phantom_000.png"
    options = ("--polarity", "inverted", "--threshold", "0.25", "--margin", "3px")
    assert pbrs("segment", image, "-o", tmp_path, "--model", run, *options).status == 0
    report = report_of(tmp_path)
    assert report["polarity"] == "inverted"
    assert report["images"][0]["inverted"] is True
    assert report["images"][0]["threshold"] == 0.25


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["missing.png", "-o", "out", "--model", "MODEL"], "missing.png"),
        (["IMAGE", "-o", "out", "--model", "missing.onnx"], "missing.onnx"),
        (["IMAGE", "-o", "out", "--model", "IMAGE"], "not an ONNX file"),
        (["IMAGE", "-o", "IMAGE", "--model", "MODEL"], "is a file"),
        (["IMAGE", "-o", "out", "--model", "MODEL", "--margin", "wide"], "margin"),
        (["EMPTY", "-o", "out", "--model", "MODEL"], "no radiograph"),
        (["IMAGE", "-o", "FILE/x", "--model", "MODEL"], "-o"),
        (["IMAGE", "-o", "out", "--model", "MODEL", "--threshold", "0"], "--threshold 0"),
        (["IMAGE", "-o", "out", "--model", "MODEL", "--threshold", "1"], "--threshold 1"),
        (["IMAGE", "-o", "out", "--model", "MODEL", "--threshold", "nan"], "--threshold nan"),
        (["IMAGE", "-o", "out", "--model", "MODEL", "--margin", "9" * 400 + "px"], "margin"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(phantoms, run, tmp_path, arguments, named, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    image = phantoms / "images" / "phantom_000.png"
    given = {"IMAGE": image, "MODEL": run, "EMPTY": tmp_path / "empty", "FILE/x": image / "x"}
    outcome = pbrs("segment", *(given.get(argument, argument) for argument in arguments))
    assert outcome.status == 2
    assert named in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_masks_beside_the_images_are_not_segmented(phantoms, run, tmp_path):
    assert pbrs("segment", phantoms, "-o", tmp_path, "--model", run).status == 0
    assert len(report_of(tmp_path)["images"]) == 12


def test_names_that_no_report_or_file_system_takes_do_not_stop_the_others(phantoms, run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    image = phantoms / "images" / "phantom_000.png"
    for name in (b"bad\xff.png", b"l" * 250 + b".png", b"[bold]good.png"):
        shutil.copy(image, folder / os.fsdecode(name))
    outcome = pbrs("segment", folder, "-o", tmp_path / "out", "--model", run)
    assert outcome.status == 0, outcome.err
    names = {Path(entry["files"]["mask"]).stem for entry in report_of(tmp_path / "out")["images"]}
    assert names == {"bad_", "l" * 200, "[bold]good"}


def test_an_empty_mask_leaves_no_region_of_interest_of_an_earlier_call(phantoms, run, tmp_path):
    image = phantoms / "images" / "phantom_000.png"
    assert pbrs("segment", image, "-o", tmp_path, "--model", run).status == 0
    assert (tmp_path / "roi" / "phantom_000.png").exists()
    assert pbrs("segment", image, "-o", tmp_path, "--model", run, "--threshold", "0.999").status == 0
    assert not list((tmp_path / "roi").iterdir())


def test_preview_statistics_and_page_are_written_when_asked_for(phantoms, tiny, tmp_path):
    out = tmp_path / "out"
    asked = pbrs("segment", phantoms / "images", "-o", out, "-m", tiny, "--preview", "--statistics", "--report")
    assert asked.status == 0, asked.err
    with (out / "statistics.csv").open() as file:
        rows = list(csv.DictReader(file))
    areas = {Path(row["input"]).name: int(row["area_px"]) for row in rows if row["structure"] == "region"}
    assert areas == {Path(image["input"]).name: image["area_px"] for image in report_of(out)["images"]}
    assert len(rows) == 2 * 12
    with Image.open(out / "preview.png") as sheet:
        assert sheet.width > 1000
    assert "phantom_011.png" in (out / "report.html").read_text()
    for name in ("preview.png", "statistics.csv", "report.html"):
        assert str(out / name) in asked.out
    again = tmp_path / "again"
    assert pbrs("segment", phantoms / "images", "-o", again, "-m", tiny).status == 0
    assert not {"preview.png", "statistics.csv", "report.html"} & {path.name for path in again.iterdir()}


def test_a_preview_of_an_earlier_call_is_not_taken_for_a_radiograph(phantoms, tiny, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(phantoms / "images", folder)
    shutil.copy(folder / "phantom_000.png", folder / "preview.png")
    for _ in range(2):
        assert pbrs("segment", folder, "-o", folder / "out", "--preview", "-m", tiny).status == 0
        assert len(report_of(folder / "out")["images"]) == 13


def test_json_is_the_report_and_nothing_else_on_the_standard_output(phantoms, tiny, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    outcome = pbrs(
        "segment", phantoms / "images", tmp_path / "broken.png", "-o", tmp_path / "out", "-m", tiny, "--json"
    )
    assert outcome.status == 2
    assert json.loads(outcome.out) == report_of(tmp_path / "out")
    assert "broken.png" in outcome.err


def test_without_an_output_folder_results_go_to_pbrs_out(phantoms, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = pbrs("segment", phantoms / "images" / "phantom_000.png", "-m", tiny)
    assert outcome.status == 0, outcome.err
    assert (tmp_path / "pbrs-out" / "masks" / "phantom_000.png").is_file()
    assert "pbrs-out" in outcome.out


def test_without_a_model_the_shipped_one_is_used(phantoms, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_SHIPPED_FILE", tiny)
    outcome = pbrs("segment", phantoms / "images" / "phantom_000.png", "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    assert report_of(tmp_path / "out")["model"]["name"] == "tiny"
    monkeypatch.setattr(store, "_SHIPPED_FILE", tmp_path / "nowhere.onnx")
    missing = pbrs("segment", phantoms / "images" / "phantom_000.png", "-o", tmp_path / "none")
    assert missing.status == 2
    assert "--model" in missing.err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("option", "value"), [("--format", "png,jpg"), ("--views", "flip,turn")])
def test_an_unknown_format_or_view_is_named_with_those_there_are(phantoms, tiny, tmp_path, option, value):
    image = phantoms / "images" / "phantom_000.png"
    outcome = pbrs("segment", image, "-o", tmp_path / "out", "-m", tiny, option, value)
    assert outcome.status == 2
    assert repr(value.partition(",")[2]) in outcome.err
    assert value.partition(",")[0] in outcome.err.partition("expected")[2]
    assert not (tmp_path / "out").exists()


def test_a_refused_radiograph_is_told_and_is_status_2(phantoms, tiny, tmp_path, monkeypatch):
    refusal = {"input": "chest.png", "error": "chest.png does not look like a frontal pelvic radiograph"}
    segment_files = folder.segment_files

    def refusing(*arguments: Any) -> dict[str, Any]:
        return {**segment_files(*arguments), "refused": [refusal]}

    monkeypatch.setattr(folder, "segment_files", refusing)
    outcome = pbrs("segment", phantoms / "images" / "phantom_000.png", "-o", tmp_path / "out", "-m", tiny, "--report")
    assert outcome.status == 2
    assert refusal["error"] in outcome.err
    assert "1 of 2 radiographs" in outcome.out
    assert refusal["error"] in (tmp_path / "out" / "report.html").read_text()


def test_help_of_segment_is_grouped_and_gives_examples():
    told = pbrs("segment", "--help").out
    for said in ("What is written", "How bone is found", "Speed", "Examples", "--force", "--preview"):
        assert said in told


def test_what_an_earlier_call_found_does_not_stay_where_a_file_can_no_longer_be_read(phantoms, tiny, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    shutil.copytree(phantoms / "images", folder)
    call = ("segment", folder, "-o", out, "-m", tiny, "--statistics", "--preview", "--report", "--format", "nifti")
    assert pbrs(*call).status == 0
    assert list(out.rglob("phantom_003.*"))
    (folder / "phantom_003.png").write_bytes(b"no picture")
    assert pbrs(*call).status == 2
    assert not [*out.rglob("phantom_003.*"), *out.rglob("phantom_003_blanked.*")]
    assert len(list((out / "masks").iterdir())) == len(list((out / "nifti").glob("*.nii.gz"))) == 11
    assert "phantom_003" not in (out / "statistics.csv").read_text()
    for file in folder.iterdir():
        file.write_bytes(b"no picture")
    emptied = pbrs(*call)
    assert emptied.status == 2
    assert f"\nreport.json is in {out}\n" in emptied.out
    left = {path.name for path in out.rglob("[!.]*") if path.is_file()}
    assert left == {"report.json", "report.jsonl", "report.html"}


def test_a_file_that_cannot_be_read_removes_nothing_from_a_folder_that_is_not_ours(phantoms, tiny, tmp_path):
    shutil.copytree(phantoms, tmp_path / "data")
    (tmp_path / "data" / "images" / "phantom_003.png").write_bytes(b"no picture")
    pbrs("segment", tmp_path / "data" / "images" / "phantom_003.png", "-o", tmp_path / "data", "-m", tiny)
    assert (tmp_path / "data" / "masks" / "phantom_003.png").is_file()


def test_a_wrong_option_leaves_what_an_earlier_call_wrote(phantoms, tiny, tmp_path):
    call = ("segment", phantoms / "images" / "phantom_000.png", "-o", tmp_path, "-m", tiny, "--preview", "--statistics")
    assert pbrs(*call).status == 0
    assert pbrs(*call, tmp_path / "missing.png").status == 2
    assert (tmp_path / "preview.png").is_file()
    assert (tmp_path / "statistics.csv").is_file()


def test_of_failed_files_of_equal_names_the_folder_is_told(phantoms, tiny, tmp_path):
    for name in ("p1", "p2"):
        (tmp_path / name).mkdir()
        shutil.copy(phantoms / "images" / "phantom_000.png", tmp_path / name / "1.png")
    (tmp_path / "p2" / "1.png").write_bytes(b"no picture")
    outcome = pbrs("segment", tmp_path, "-o", tmp_path / "out", "-m", tiny)
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"pbrs: failed: {tmp_path / 'p2' / '1.png'}: ")


def test_the_name_of_a_file_that_fails_stands_once_in_its_line(tiny, tmp_path):
    for name, content in (("text.png", b"no picture"), ("empty.png", b""), ("cut.png", b"\x89PNG\r\n\x1a\n")):
        (tmp_path / name).write_bytes(content)
    outcome = pbrs("segment", tmp_path, "-o", tmp_path / "out", "-m", tiny)
    lines = [line for line in outcome.err.splitlines() if line.startswith("pbrs: failed: ")]
    assert len(lines) == 3
    for line, name in zip(lines, ("cut.png", "empty.png", "text.png"), strict=True):
        assert line.count(name) == 1
        assert line.startswith(f"pbrs: failed: {tmp_path / name}: ")


def test_what_a_folder_leaves_out_is_told_in_the_terminal_and_in_the_report(phantoms, tiny, tmp_path):
    shutil.copy(phantoms / "images" / "phantom_000.png", tmp_path / "scan.20261127")
    for name in ("a.txt", "b.txt", "notes.csv"):
        (tmp_path / name).write_text("words")
    outcome = pbrs("segment", tmp_path, "-o", tmp_path / "out", "-m", tiny)
    assert outcome.status == 0
    assert "segmented 1 of 1" in outcome.out
    assert "pbrs: left out: 2, .txt files: a.txt, b.txt" in outcome.err
    assert report_of(tmp_path / "out")["left_out"] == [
        {"kind": ".txt files", "count": 2, "examples": ["a.txt", "b.txt"]},
        {"kind": ".csv files", "count": 1, "examples": ["notes.csv"]},
    ]


def test_a_broken_file_with_a_name_that_is_no_text_is_in_the_report(tiny, tmp_path):
    file = tmp_path / os.fsdecode(b"bad\xff.png")
    file.write_bytes(b"no picture")
    assert pbrs("segment", file, "-o", tmp_path / "out", "-m", tiny).status == 2
    assert r"bad\xff.png" in report_of(tmp_path / "out")["failed"][0]["error"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_json_can_be_read_whatever_the_encoding_of_the_console(phantoms, tiny, tmp_path, encoding):
    file = tmp_path / "骨.png"
    shutil.copy(phantoms / "images" / "phantom_000.png", file)
    told = []
    for more in (["--json"], []):
        command = [sys.executable, "-m", "pbrs", "segment", file, "-o", tmp_path / "骨", "-m", tiny, *more]
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        outcome = subprocess.run(command, check=True, capture_output=True, env=environment)
        told.append(outcome.stdout.decode(encoding))
    assert json.loads(told[0])["images"][0]["input"] == str(file)
    assert "\\u9aa8" in told[1]


EVIL = "b\x1b[2J\nsegmented 99 of 99\u202egnp.png"
SHOWN = r"b\x1b[2J\nsegmented 99 of 99\u202egnp.png"


def test_no_name_moves_the_cursor_or_forges_a_line(phantoms, tiny, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    black = Image.new("L", (80, 60))
    black.save(folder / "ok.png")
    (folder / "ok.png").rename(folder / EVIL)
    (folder / f"x{EVIL}").write_bytes(b"no picture")
    (folder / os.fsdecode(b"\xff\x1b.png")).write_bytes(b"no picture")
    call = ("segment", folder, "-o", tmp_path / f"out{EVIL}", "-m", tiny, "--preview", "--statistics", "--report")
    outcome = pbrs(*call, "--format", "coco")
    assert outcome.status == 2
    lines = [*outcome.out.splitlines(), *outcome.err.splitlines()]
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith("segmented 99")]
    assert f"{SHOWN}: all pixels have the same grey value" in outcome.err
    assert r"\xff\x1b.png" in outcome.err
    assert f"masks, overlays, regions of interest and report.json are in {tmp_path}/out{SHOWN}" in lines
    out = tmp_path / f"out{EVIL}"
    (entry,) = report_of(out)["images"]
    assert entry["input"] == str(folder / EVIL), "JSON keeps the exact name"
    assert (out / entry["files"]["mask"]).is_file()
    assert json.loads((out / "coco.json").read_text())["images"][0]["file_name"] == str(folder / EVIL)
    for name in ("report.json", "report.jsonl", "report.html", "coco.json"):
        told = (out / name).read_text(encoding="utf-8")
        assert "\x1b" not in told
        assert "\u202e" not in told
    assert SHOWN in (out / "report.html").read_text(encoding="utf-8")
    assert pbrs("segment", tmp_path / EVIL, "-m", tiny).err == f"pbrs: no such file or folder: {tmp_path}/{SHOWN}\n"
    assert pbrs(*call, "--json").out.isascii()


def test_names_are_written_the_same_in_a_locale_that_has_no_such_letters(phantoms, tiny, tmp_path):
    for name in ("骨.png", os.fsdecode(b"bad\xff.png")):
        shutil.copy(phantoms / "images" / "phantom_000.png", tmp_path / name)
    narrow = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for name, environment in (("utf8", {}), ("ascii", narrow)):
        command = [sys.executable, "-m", "pbrs", "segment", tmp_path, "-o", tmp_path / "out" / name, "-m", tiny]
        subprocess.run([*command, "--report"], check=True, capture_output=True, env={**os.environ, **environment})
    utf8, narrow_one = (
        sorted(os.fsencode(path.name) for path in (tmp_path / "out" / name / "masks").iterdir())
        for name in ("utf8", "ascii")
    )
    assert utf8 == narrow_one == [b"bad_.png", "骨.png".encode()]
    assert report_of(tmp_path / "out" / "ascii")["images"][1]["input"] == str(tmp_path / "骨.png")


def test_a_radiograph_that_lies_upside_down_is_refused_by_name_or_segmented_upright(tmp_path):
    examples = Path(__file__).parents[2] / "examples"
    upright = Image.open(examples / "synthetic_04.png")
    lying = tmp_path / "lying.png"
    upright.transpose(Image.Transpose.ROTATE_180).save(lying)
    refused = pbrs("segment", lying, "-o", tmp_path / "refused")
    assert refused.status == 2
    assert "lies turned by 180°" in refused.err
    assert "--upright auto" in refused.err
    assert not list((tmp_path / "refused").rglob("*.png"))
    done = pbrs("segment", lying, "-o", tmp_path / "out", "--upright", "auto")
    assert done.status == 0, done.err
    entry = report_of(tmp_path / "out")["images"][0]
    assert (entry["quality"]["view"], entry["quality"]["turned_deg"]) == ("turned", 180)
    mask = np.asarray(Image.open(tmp_path / "out" / entry["files"]["mask"])) > 0
    truth = np.asarray(Image.open(examples / "masks" / "synthetic_04.png").transpose(Image.Transpose.ROTATE_180)) > 0
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
