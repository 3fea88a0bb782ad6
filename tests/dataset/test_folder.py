import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.dataset.folder import open_dataset, read_table
from pbrs.errors import InputError
from phantom import phantom, write_phantoms


def test_a_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    dataset = open_dataset(write_phantoms(tmp_path, 3))
    assert dataset.stems == ["phantom_000", "phantom_001", "phantom_002"]
    radiograph, mask = dataset.read("phantom_001")
    assert radiograph.shape == mask.shape == (96, 112)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, phantom(1)[1])


def test_stems_are_those_with_image_and_mask(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 3)
    (tmp_path / "masks" / "phantom_000.png").unlink()
    (tmp_path / "images" / "phantom_002.png").unlink()
    dataset = open_dataset(tmp_path)
    assert list(dataset.images) == ["phantom_000", "phantom_001"]
    assert dataset.stems == ["phantom_001"]
    with pytest.raises(InputError, match="no mask for phantom_000"):
        dataset.read("phantom_000")


def test_structures_are_found_by_name_and_absent_ones_are_none(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 2)
    (tmp_path / "structures" / "sacrum").mkdir(parents=True)
    drawn = np.zeros((96, 112), dtype=np.uint8)
    drawn[10:20, 30:35] = 255
    Image.fromarray(drawn).save(tmp_path / "structures" / "sacrum" / "phantom_001.png")
    dataset = open_dataset(tmp_path)
    assert list(dataset.structures) == ["sacrum"]
    sacrum = dataset.read_structure("phantom_001", "sacrum", (96, 112))
    assert sacrum is not None
    np.testing.assert_array_equal(sacrum, drawn > 0)
    assert dataset.read_structure("phantom_000", "sacrum", (96, 112)) is None
    assert dataset.read_structure("phantom_001", "hip_left", (96, 112)) is None
    with pytest.raises(InputError, match="no structure is called skull"):
        dataset.read_structure("phantom_001", "skull", (96, 112))


def test_patients_and_information_come_from_their_files(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 1)
    assert open_dataset(tmp_path).patients is None
    assert not open_dataset(tmp_path).is_synthetic
    (tmp_path / "patients.csv").write_text("stem,patient,age\nphantom_000,P1,70\n", encoding="utf-8-sig")
    (tmp_path / "dataset.json").write_text(json.dumps({"synthetic": True}))
    dataset = open_dataset(tmp_path)
    assert dataset.patients == {"phantom_000": "P1"}
    assert dataset.is_synthetic


def test_stems_are_sorted_as_stems_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a-1.png", "a.jpg", ".b.png", "notes.txt"):
        (tmp_path / "images" / name).touch()
    assert list(open_dataset(tmp_path).images) == ["a", "a-1"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("name,patient\na,P\n", "has the columns name, patient"),
        ("stem,patient\na,\n", "stem or patient is empty"),
        ("stem,patient\na\n", "stem or patient is empty"),
        ("stem,patient\na,P\na,Q\n", "a stands there twice"),
        ("", "has the columns none"),
    ],
)
def test_a_faulty_table_is_refused_with_its_fault(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "patients.csv").write_text(content)
    with pytest.raises(InputError, match=told):
        read_table(tmp_path / "patients.csv", ("stem", "patient"))


def test_what_is_no_dataset_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a dataset folder"):
        open_dataset(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="no radiograph in"):
        open_dataset(tmp_path)
    (tmp_path / "images" / "a.png").touch()
    (tmp_path / "images" / "a.jpg").touch()
    with pytest.raises(InputError, match="share the stem a"):
        open_dataset(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "dataset.json").write_text("[1]")
    with pytest.raises(InputError, match="holds a list"):
        open_dataset(tmp_path)
