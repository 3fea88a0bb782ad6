"""`pbrs dataset verify`: identical, near enough, or what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cheap_generator import draw
from command_line import Outcome, pbrs
from pbrs.dataset.folder import open_dataset
from pbrs.synthesis import generator, verify
from pbrs.synthesis.dataset_plan import DatasetPlan
from pbrs.synthesis.presets import PRESETS, Preset
from pbrs.synthesis.reference import SAMPLE_SIDE, Reference, sampled_pixels
from pbrs.synthesis.write_dataset import write_dataset

SMALL = Preset("pelvissynth-150", version=1, count=4, seed=PRESETS["pelvissynth-150"].seed, size=200)
STEM = "synth_00002"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A small frozen test. Read only."""
    folder = tmp_path_factory.mktemp("frozen") / "drawn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "generate", draw)
        write_dataset(DatasetPlan.of(SMALL), folder)
    return folder


@pytest.fixture
def data(drawn, tmp_path, monkeypatch) -> Path:
    """A copy of the small frozen test, to be damaged; what is kept of it is that of the whole one."""
    folder, kept = tmp_path / "data", tmp_path / "kept.npz"
    for file in drawn.rglob("*.*"):
        (folder / file.relative_to(drawn)).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.relative_to(drawn)).write_bytes(file.read_bytes())
    Reference.of(open_dataset(drawn)).save(kept)
    monkeypatch.setattr(verify, "frozen_reference", lambda _: Reference.load(kept))
    return folder


def change(file: Path, places: tuple[np.ndarray, np.ndarray] | slice, by: int) -> None:
    """Change some pixels of a PNG by so many grey levels, towards the middle of the range."""
    values = np.asarray(Image.open(file)).astype(np.int16)
    values[places] += np.where(values[places] < 128, by, -by)
    Image.fromarray(values.astype(np.uint8)).save(file)


def first(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(count, int), np.arange(count)


def verified(data: Path) -> Outcome:
    outcome = pbrs("dataset", "verify", data)
    assert "pelvissynth-150 version 1" in outcome.out
    return outcome


def test_what_was_drawn_alike_is_identical(data):
    outcome = verified(data)
    assert outcome.status == 0
    assert outcome.out == "pelvissynth-150 version 1: 4 images and their masks are identical\n"


def test_the_way_a_file_is_compressed_does_not_matter(data):
    for file in data.glob("*/*.png"):
        Image.open(file).save(file, compress_level=1)
    assert "identical" in verified(data).out


def test_one_grey_level_is_told_and_tolerated(data):
    change(data / "images" / f"{STEM}.png", slice(None), 1)
    outcome = verified(data)
    assert outcome.status == 0
    assert "1 of 4 images differ: in 4,096 pixels of each that are compared, by up to 1 grey level" in outcome.out
    assert "within the tolerance" in outcome.out


def test_a_few_pixels_may_differ_by_more_and_many_may_not(data):
    image = data / "images" / f"{STEM}.png"
    height, width = np.asarray(Image.open(image)).shape
    rows, columns = sampled_pixels((height, width))
    change(image, (rows.ravel()[:4], columns.ravel()[:4]), 60)
    assert verified(data).status == 0
    change(image, (rows.ravel()[4:9], columns.ravel()[4:9]), 2)
    outcome = verified(data)
    assert outcome.status == 2
    assert f"{STEM}: 0.22% of its pixels differ by more than 1 grey level, by up to 60" in outcome.out
    assert "in 4,096 pixels of each" in outcome.out


def test_a_difference_beside_the_compared_pixels_is_told_as_such(data):
    image = data / "images" / f"{STEM}.png"
    rows, columns = sampled_pixels(np.asarray(Image.open(image)).shape)
    change(image, (rows.ravel()[0], columns.ravel()[0] + 1), 60)
    outcome = verified(data)
    assert outcome.status == 0
    assert "1 of 4 images differ, but not in 4,096 pixels of each that are compared" in outcome.out


def test_five_pixels_of_a_mask_may_differ_and_six_may_not(data):
    for mask in (data / "masks" / f"{STEM}.png", data / "structures" / "sacrum" / f"{STEM}.png"):
        before = mask.read_bytes()
        for pixels, status in ((5, 0), (6, 2)):
            mask.write_bytes(before)
            change(mask, first(pixels), 255)
            outcome = verified(data)
            assert outcome.status == status
            assert f"by up to {pixels} pixels" in outcome.out
        mask.write_bytes(before)


def test_every_fault_is_told_by_name(data):
    images = data / "images"
    (images / "synth_00000.png").unlink()
    (images / "synth_00001.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    narrow = np.asarray(Image.open(images / f"{STEM}.png"))[:, 1:]
    for file in data.rglob(f"{STEM}.png"):
        Image.fromarray(np.asarray(Image.open(file))[:, 1:]).save(file)
    (data / "structures" / "femur_left" / "synth_00003.png").unlink()
    (images / "another.png").write_bytes((images / f"{STEM}.png").read_bytes())
    outcome = verified(data)
    assert outcome.status == 2
    told = dict(line.split(": ", 1) for line in outcome.out.splitlines())
    assert "image is missing" in told["synth_00000"]
    assert "cannot be decoded" in told["synth_00001"]
    assert f"{narrow.shape[1]}×200 pixels, expected {narrow.shape[1] + 1}×200" in told[STEM]
    assert "mask of femur_left is missing" in told["synth_00003"]
    assert "no such image" in told["another"]
    assert told["pelvissynth-150 version 1"] == "5 faults"


def test_colour_and_other_files_are_no_images_of_the_generator(data):
    image = data / "images" / f"{STEM}.png"
    Image.open(image).convert("RGB").save(image)
    assert "not an image of 8-bit grey" in verified(data).out
    Image.open(image).convert("L").save(image, format="JPEG")
    assert "not a PNG" in verified(data).out


def test_a_dataset_of_no_preset_or_of_another_version_is_one_line(data, phantoms):
    stranger = pbrs("dataset", "verify", phantoms)
    assert stranger.status == 2
    assert "was not drawn as a frozen test" in stranger.err
    info = json.loads((data / "dataset.json").read_text())
    (data / "dataset.json").write_text(json.dumps({**info, "preset_version": 2}))
    newer = pbrs("dataset", "verify", data)
    assert newer.status == 2
    assert "version 2" in newer.err
    assert len(newer.err.strip().splitlines()) == 1


def test_what_is_kept_survives_its_file(drawn, tmp_path):
    made = Reference.of(open_dataset(drawn))
    made.save(tmp_path / "kept.npz")
    read = Reference.load(tmp_path / "kept.npz")
    assert (read.name, read.version, read.generator_version) == (made.name, made.version, made.generator_version)
    for stem, case in made.cases.items():
        assert read.cases[stem].digests == case.digests
        assert np.array_equal(read.cases[stem].sample, case.sample)
        assert np.array_equal(read.cases[stem].labels, case.labels)


@given(st.integers(64, 1024), st.integers(64, 1024))
def test_every_cell_of_an_image_gives_one_pixel(height, width):
    rows, columns = sampled_pixels((height, width))
    number = np.arange(SAMPLE_SIDE)
    for places, side, cell in ((rows, height, number[:, None]), (columns, width, number)):
        assert (np.floor(cell * side / SAMPLE_SIDE) <= places).all()
        assert (places < np.ceil((cell + 1) * side / SAMPLE_SIDE)).all()
