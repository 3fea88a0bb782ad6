import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbrs.dataset.folder import Dataset, open_dataset
from pbrs.dataset.overlap import check_overlap
from pbrs.dataset.split import PARTS, Split, fold_split, make_folds, make_split
from pbrs.dataset.split_file import read_split, write_folds, write_split
from pbrs.errors import InputError


def _dataset(count: int, patients: dict[str, str] | None = None) -> Dataset:
    """A dataset of names only: nothing is read where the duplicates are given."""
    files = {f"case_{index:03d}": Path(f"case_{index:03d}.png") for index in range(count)}
    return Dataset(Path("nowhere"), files, files, {}, patients, {})


def _sizes(split: Split) -> list[int]:
    return [len(split.stems(part)) for part in PARTS]


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_cases_are_divided_70_10_20(seed: int) -> None:
    assert _sizes(make_split(_dataset(100), seed=seed, duplicates=[])) == [70, 10, 20]


def test_a_hundred_cases_drawn_of_150_are_divided_70_10_20_and_the_rest_is_in_no_part() -> None:
    dataset = _dataset(150)
    split = make_split(dataset, seed=1, duplicates=[], draw=100)
    assert _sizes(split) == [70, 10, 20]
    assert split.parts != make_split(dataset, seed=2, duplicates=[], draw=100).parts
    assert len(set(dataset.stems) - set(split.parts)) == 50


def test_whole_patients_are_drawn() -> None:
    patients = {f"case_{index:03d}": f"p{index // 4}" for index in range(40)}
    split = make_split(_dataset(40, patients), duplicates=[], draw=20)
    assert len(split.parts) == 20
    for patient in {patients[stem] for stem in split.parts}:
        assert len({split.parts.get(stem) for stem, owner in patients.items() if owner == patient}) == 1
    for impossible in (18, 41, 0, -3):
        with pytest.raises(InputError, match="cannot be drawn"):
            make_split(_dataset(40, patients), duplicates=[], draw=impossible)


def test_a_seed_gives_the_same_split_always_and_another_seed_another() -> None:
    split = make_split(_dataset(100), seed=3, duplicates=[])
    assert split == make_split(_dataset(100), seed=3, duplicates=[])
    assert split != make_split(_dataset(100), seed=4, duplicates=[])


def test_the_split_does_not_depend_on_the_process() -> None:
    # Python's own hashes differ from process to process, sets with them.
    program = (
        "from pathlib import Path; from pbrs.dataset.folder import Dataset; from pbrs.dataset.split import make_split\n"
        "files = {f'c{i}': Path('x') for i in range(30)}\n"
        "d = Dataset(Path('x'), files, files, {}, {f'c{i}': f'p{i % 11}' for i in range(30)}, {})\n"
        "print(sorted(make_split(d, duplicates=[('c1', 'c2')]).parts.items()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_environment(hash_seed)
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1


def _environment(hash_seed: str) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONHASHSEED": hash_seed}


def test_every_case_has_about_the_same_chance_of_every_part() -> None:
    tested = Counter(
        stem for seed in range(300) for stem in make_split(_dataset(20), seed=seed, duplicates=[]).stems("test")
    )
    # 300 draws with chance 0.2: 60 expected, deviation √(300·0.2·0.8) ≈ 6.9; five of them either way.
    assert all(25 < tested[f"case_{index:03d}"] < 95 for index in range(20))


@given(
    st.integers(3, 60),
    st.integers(3, 12),
    st.integers(0, 99),
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=3),
)
def test_neither_a_patient_nor_a_duplicate_is_ever_divided(
    count: int, patient_count: int, seed: int, pairs: list[tuple[int, int]]
) -> None:
    patients = {f"case_{index:03d}": f"P{index % patient_count}" for index in range(count)}
    duplicates = [(f"case_{one % count:03d}", f"case_{other % count:03d}") for one, other in pairs]
    dataset = _dataset(count, patients)
    try:
        split = make_split(dataset, seed=seed, duplicates=duplicates)
    except InputError as error:
        assert "cannot fill 3 parts" in str(error)  # noqa: PT017  (few groups are a legitimate answer)
        return
    assert sorted(split.parts) == dataset.stems
    assert set(split.parts.values()) == set(PARTS)
    check_overlap(split, patients, duplicates)


def test_sizes_stay_near_the_fractions_when_patients_have_several_images() -> None:
    patients = {f"case_{index:03d}": f"P{index // 3}" for index in range(300)}
    train, validation, test = _sizes(make_split(_dataset(300, patients), duplicates=[]))
    assert (abs(train - 210) <= 2, abs(validation - 30) <= 2, abs(test - 60) <= 2) == (True, True, True)


def test_near_duplicates_are_found_by_looking_and_kept_together(textures: Callable[[int], Path]) -> None:
    folder = textures(10)
    for copy in range(6):
        for kind in ("images", "masks"):
            (folder / kind / f"copy_{copy}.png").write_bytes((folder / kind / "case_004.png").read_bytes())
    split = make_split(open_dataset(folder))
    assert len({split.parts[stem] for stem in ("case_004", *(f"copy_{copy}" for copy in range(6)))}) == 1


@pytest.mark.parametrize(
    ("fractions", "sizes"),
    [((0.8, 0.2, 0.0), [8, 2, 0]), ((1.0, 0.0, 0.0), [10, 0, 0]), ((0.98, 0.01, 0.01), [8, 1, 1])],
)
def test_a_part_is_empty_only_when_asked_for(fractions: tuple[float, float, float], sizes: list[int]) -> None:
    assert _sizes(make_split(_dataset(10), fractions, duplicates=[])) == sizes


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(InputError, match="expected three that sum to 1"):
        make_split(_dataset(10), (0.7, 0.2, 0.2), duplicates=[])
    with pytest.raises(InputError, match="2 cases cannot fill 3 parts"):
        make_split(_dataset(2), duplicates=[])
    with pytest.raises(InputError, match="case_002 is not in"):
        make_split(_dataset(3, {"case_000": "A", "case_001": "B"}), duplicates=[])
    with pytest.raises(InputError, match=r"9 cases \(in 2 groups that must stay together\) cannot fill 3 folds"):
        make_folds(_dataset(9, {f"case_{i:03d}": f"P{i % 2}" for i in range(9)}), 3, duplicates=[])
    with pytest.raises(InputError, match="no image in nowhere has a mask"):
        make_split(_dataset(0), duplicates=[])
    with pytest.raises(InputError, match="2 folds: expected 3 or more"):
        make_folds(_dataset(9), 2, duplicates=[])


def test_folds_are_equal_and_each_case_is_tested_once() -> None:
    folds = make_folds(_dataset(100), 5, duplicates=[])
    assert sorted(Counter(folds.values()).items()) == [(fold, 20) for fold in range(5)]
    splits = [fold_split(folds, fold) for fold in range(5)]
    assert sorted(stem for split in splits for stem in split.stems("test")) == _dataset(100).stems
    assert all(_sizes(split) == [60, 20, 20] for split in splits)
    # The validation part of a fold is the test part of the next.
    assert splits[4].stems("validation") == splits[0].stems("test")


def test_a_split_is_read_as_it_was_written_and_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    split = make_split(_dataset(10), duplicates=[])
    write_split(file, split)
    assert file.read_text().startswith("stem,part\ncase_000,")
    assert read_split(file) == split
    with pytest.raises(InputError, match="--force"):
        write_split(file, split)
    with pytest.raises(InputError, match="holds parts, not folds"):
        read_split(file, fold=0)
    folds = make_folds(_dataset(10), 3, duplicates=[])
    write_folds(file, folds, force=True)
    assert read_split(file, fold=1) == fold_split(folds, 1)
    with pytest.raises(InputError, match="choose the one to test on with --fold"):
        read_split(file)
    with pytest.raises(InputError, match="fold 3 of 3: expected 0 to 2"):
        read_split(file, fold=3)


@pytest.mark.parametrize(
    ("content", "fold", "told"),
    [
        ("stem,part\na,training\n", None, "in part training; expected one of train"),
        ("stem,fold\na,one\n", 0, "in fold one; expected a whole number"),
        ("stem,fold\na,0\nb,2\n", 0, "without a gap"),
        ("stem|part\na|train\n", None, "expected stem,part in its first line"),
        # Quick, although their largest number is not: no list up to it is made.
        ("stem,fold\na,0\nb,1\nc,4294967296\n", 0, r"folds \[0, 1, 4294967296\]: expected 0, 1, 2"),
        ("stem,fold\na,0\nb,99999999999999999999\n", 0, "in fold 99999999999999999999; expected a whole number"),
        (f"stem,fold\na,{'9' * 5000}\n", 0, "expected a whole number"),
    ],
)
def test_a_faulty_split_is_refused(tmp_path: Path, content: str, fold: int | None, told: str) -> None:
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(InputError, match=told):
        read_split(tmp_path / "split.csv", fold)
    with pytest.raises(InputError, match="make it with `pbrs dataset split"):
        read_split(tmp_path / "missing.csv")


def test_an_overlap_of_patients_or_pictures_is_an_error() -> None:
    split = Split({"a": "train", "b": "test", "c": "validation"})
    check_overlap(split, None, [])
    check_overlap(split, {"a": "P", "b": "Q", "c": "R"}, [("x", "a")])
    with pytest.raises(InputError, match=r"patient P is in train \(a\) and test \(b\)"):
        check_overlap(split, {"a": "P", "b": "P", "c": "R"}, [])
    with pytest.raises(InputError, match="a in train and c in validation are near-duplicates"):
        check_overlap(split, None, [("a", "c")])
