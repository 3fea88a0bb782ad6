import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.dataset.check import check_dataset
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.split import make_split
from pbrs.dataset.split_file import write_split

SHAPE = (60, 72)


@pytest.fixture
def folder(textures: Callable[[int], Path]) -> Path:
    return textures(6)


def _problems(folder: Path) -> list[tuple[str, str, str]]:
    return [(each.severity, each.subject, each.message) for each in check_dataset(open_dataset(folder)).problems]


def _only_problem(folder: Path) -> tuple[str, str, str]:
    (problem,) = _problems(folder)
    return problem


def _write_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


def test_nothing_is_wrong_with_a_good_dataset_and_it_is_counted(folder: Path) -> None:
    (folder / "patients.csv").write_text("stem,patient\n" + "".join(f"case_{i:03d},P{i % 4}\n" for i in range(6)))
    write_split(folder / "split.csv", make_split(open_dataset(folder)))
    report = check_dataset(open_dataset(folder))
    assert report.problems == []
    assert report.counts == {"images": 6, "masks": 6, "cases": 6, "patients": 4}
    assert report.formats == {"PNG": 6}
    assert (report.height, report.width, report.shapes) == ((60, 60), (72, 72), 1)
    assert report.region_share is not None
    assert 0 < report.region_share[0] <= report.region_share[1] <= report.region_share[2] < 1


def test_an_unreadable_image_is_named_and_the_others_are_still_looked_at(folder: Path) -> None:
    (folder / "images" / "case_001.png").write_bytes(b"no picture")
    severity, subject, message = _only_problem(folder)
    assert (severity, subject) == ("error", "image")
    assert "case_001" in message
    assert check_dataset(open_dataset(folder)).formats == {"PNG": 5}


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (np.zeros(SHAPE), "the mask is empty"),
        (np.ones(SHAPE), "covers the whole image"),
        (np.eye(50, 72), "case_002"),
    ],
)
def test_an_empty_a_full_and_a_mismatched_mask_are_errors(folder: Path, mask: np.ndarray, told: str) -> None:
    _write_mask(folder / "masks" / "case_002.png", mask)
    severity, subject, message = _only_problem(folder)
    assert (severity, subject) == ("error", "mask")
    assert told in message


def test_an_unreadable_mask_is_an_error(folder: Path) -> None:
    (folder / "masks" / "case_002.png").write_bytes(b"no picture")
    assert _only_problem(folder)[:2] == ("error", "mask")


def test_an_image_without_a_mask_is_a_warning_and_the_reverse_an_error(folder: Path) -> None:
    (folder / "masks" / "case_000.png").unlink()
    (folder / "images" / "case_005.png").unlink()
    first, second = _problems(folder)
    assert first[:2] == ("error", "mask")
    assert "case_005 has a mask but no image" in first[2]
    assert second[:2] == ("warning", "image")
    assert "case_000 has no mask" in second[2]


def test_a_dataset_without_any_mask_cannot_be_trained(folder: Path) -> None:
    for path in (folder / "masks").iterdir():
        path.unlink()
    assert ("error", "mask", "no image has a mask: nothing can be trained or scored yet") in _problems(folder)


def test_near_duplicates_are_a_warning_and_in_two_parts_an_error(folder: Path) -> None:
    image = Image.open(folder / "images" / "case_003.png")
    image.resize((144, 120)).save(folder / "images" / "twin.jpg", quality=60)
    _write_mask(folder / "masks" / "twin.png", np.eye(120, 144))
    report = check_dataset(open_dataset(folder))
    assert report.near_duplicates == [("case_003", "twin")]
    assert [(each.severity, each.subject) for each in report.problems] == [("warning", "near-duplicate")]
    split = make_split(open_dataset(folder), duplicates=[])
    parts = {**split.parts, "case_003": "train", "twin": "test"}
    (folder / "split.csv").write_text("stem,part\n" + "".join(f"{stem},{part}\n" for stem, part in parts.items()))
    severity, subject, message = _problems(folder)[0]
    assert (severity, subject) == ("error", "split")
    assert "case_003 in train and twin in test are near-duplicates" in message


def test_structures_are_checked_but_may_be_empty(folder: Path) -> None:
    _write_mask(folder / "structures" / "sacrum" / "case_000.png", np.zeros(SHAPE))
    assert _problems(folder) == []
    _write_mask(folder / "structures" / "sacrum" / "case_001.png", np.eye(9))
    _write_mask(folder / "structures" / "sacrum" / "nobody.png", np.eye(9))
    _write_mask(folder / "structures" / "skull" / "case_001.png", np.eye(9))
    mismatch, orphan, unknown = _problems(folder)
    assert mismatch[:2] == orphan[:2] == ("error", "structure")
    assert "case_001, sacrum" in mismatch[2]
    assert "nobody has a sacrum but no image" in orphan[2]
    assert unknown == ("warning", "structure", "structures/ holds unknown names: skull")


def test_a_structure_beyond_the_region_is_told(folder: Path) -> None:
    region = np.zeros(SHAPE, dtype=bool)
    region[10:50, 10:60] = True
    sacrum = region.copy()
    # 2,000 pixels of region: 20 beyond it may be how two outlines were drawn, 21 are not.
    sacrum[5, 10:30] = True
    _write_mask(folder / "masks" / "case_000.png", region)
    _write_mask(folder / "structures" / "sacrum" / "case_000.png", sacrum)
    assert _problems(folder) == []
    sacrum[5, 30] = True
    _write_mask(folder / "structures" / "sacrum" / "case_000.png", sacrum)
    assert _only_problem(folder) == (
        "warning",
        "structure",
        "case_000: structures reach beyond the region: correct one of the two",
    )


def test_faulty_patients_are_told(folder: Path) -> None:
    (folder / "patients.csv").write_text("stem,patient\ncase_000,A\ncase_9,B\n")
    missing, unknown = _problems(folder)
    assert missing[:2] == ("error", "patients")
    assert "patients.csv lacks case_001, case_002, case_003, case_004, case_005" in missing[2]
    assert unknown == ("warning", "patients", "patients.csv names case_9: there is no such image")


def test_faulty_splits_are_told(folder: Path) -> None:
    (folder / "split.csv").write_text("stem,part\ncase_000,train\nold,test\n")
    missing, unknown = _problems(folder)
    assert missing[:2] == unknown[:2] == ("error", "split")
    assert "split.csv lacks case_001" in missing[2]
    assert "split.csv names old" in unknown[2]
    (folder / "split.csv").write_text("stem,part\ncase_000,training\n")
    assert "in part training" in _only_problem(folder)[2]
    patients = "stem,patient\n" + "".join(f"case_{index:03d},P{index // 2}\n" for index in range(6))
    (folder / "patients.csv").write_text(patients)
    (folder / "split.csv").write_text("stem,fold\n" + "".join(f"case_{index:03d},{index % 3}\n" for index in range(6)))
    messages = [message for _, _, message in _problems(folder)]
    assert any("patient P0 is in fold 0 (case_000) and fold 1 (case_001)" in message for message in messages)


def test_files_that_no_one_reads_are_a_warning(folder: Path) -> None:
    (folder / "masks" / "case_000.nrrd").touch()
    assert _only_problem(folder) == ("warning", "mask", "masks/ holds files not read: case_000.nrrd")


def test_the_report_is_json(folder: Path) -> None:
    (folder / "images" / "case_001.png").write_bytes(b"no picture")
    report = check_dataset(open_dataset(folder), folder / "sheet")
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert (content["errors"], content["warnings"]) == (1, 0)
    assert content["problems"][0]["subject"] == "image"
    assert [Path(page).name for page in content["pages"]] == ["page_001.png"]


def test_a_large_dataset_is_shown_on_few_pages(textures: Callable[[int], Path]) -> None:
    folder = textures(60)
    assert len(check_dataset(open_dataset(folder), folder / "two", most_pages=2).pages) == 2
    (page,) = check_dataset(open_dataset(folder), folder / "one", most_pages=1).pages
    # 60 cases on 48 places: every second one, in 4 rows of 8 instead of 6.
    with Image.open(page) as one, Image.open(folder / "two" / "page_001.png") as full:
        assert one.height / full.height == pytest.approx(4 / 6, abs=0.01)


def test_memory_does_not_grow_with_the_number_of_images(textures: Callable[[int], Path]) -> None:
    folder = textures(4)
    picture = Image.open(folder / "images" / "case_000.png").resize((800, 700))
    for index in range(40):
        picture.point(lambda value, plus=index: value // 2 + plus).save(folder / "images" / f"big_{index:02d}.png")

    def peak(stems: int) -> int:
        dataset = open_dataset(folder)
        few = dict(list(dataset.images.items())[:stems])
        tracemalloc.start()
        check_dataset(type(dataset)(folder, few, {}, {}, None, {}))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    # One float32 picture of 700×800 is 2.2 MB.
    assert peak(40) - peak(4) < 1_000_000


def test_a_part_whose_masks_are_all_empty_and_a_huge_fold_are_errors(textures: Callable[[int], Path]) -> None:
    folder = textures(4)
    for stem in ("case_000", "case_001"):
        Image.new("L", (72, 60)).save(folder / "masks" / f"{stem}.png")
    parts = {"case_000": "validation", "case_001": "validation", "case_002": "train", "case_003": "test"}
    (folder / "split.csv").write_text("stem,part\n" + "".join(f"{stem},{part}\n" for stem, part in parts.items()))
    told = [problem.message for problem in check_dataset(open_dataset(folder)).problems]
    assert any("all 2 masks of validation are empty" in message for message in told)
    (folder / "split.csv").write_text("stem,fold\ncase_000,0\ncase_001,1\ncase_002,2\ncase_003,4294967296\n")
    told = [problem.message for problem in check_dataset(open_dataset(folder)).problems]
    assert any("4294967296" in message and "without a gap" in message for message in told)
