import numpy as np
import pytest

from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from pbrs.synthesis.picture import take_picture
from synthetic_patient import extreme_tables, fixed, only, opencv_threads, view_of

SHAPE = view_of(160).shape
RAMP = np.linspace(0.2, 0.8, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE[::-1]).T.copy()
PICTURE = ("light_leak", "dust", "scratches", "screen_photo", "row_bands", "row_lines", "picture_noise")
PICTURE += ("few_levels", "scaled_file", "jpeg")


def picture(table: Table, *, seed: int = 1, grey: np.ndarray = RAMP) -> np.ndarray:
    return take_picture(grey, Draw(table, seed))


def test_with_no_factor_grey_is_rounded_to_8_bit() -> None:
    assert picture(only()).dtype == np.uint8
    assert np.array_equal(picture(only()), np.round(RAMP * 255))


def test_what_leaves_the_range_is_cut_off() -> None:
    assert np.array_equal(picture(only(), grey=np.float32([[-1, 0, 1, 2]])), [[0, 0, 255, 255]])


@pytest.mark.parametrize("name", PICTURE)
def test_each_factor_changes_the_picture(name: str) -> None:
    assert not np.array_equal(picture(only(name)), picture(only()))


def test_is_the_same_again_and_other_with_another_seed() -> None:
    assert np.array_equal(picture(FACTORS), picture(FACTORS))
    assert not np.array_equal(picture(only(*PICTURE)), picture(only(*PICTURE), seed=2))


def test_does_not_depend_on_the_number_of_threads() -> None:
    with opencv_threads(1):
        alone = picture(only(*PICTURE))
    with opencv_threads(4):
        assert np.array_equal(picture(only(*PICTURE)), alone)


@pytest.mark.parametrize("extreme", ["widened", "lows", "highs"])
@pytest.mark.parametrize("shape", [(160, 150), (97, 101), (32, 24)])
def test_extremes_give_a_picture_of_the_same_size(extreme: str, shape: tuple[int, int]) -> None:
    for seed in range(3):
        made = picture(extreme_tables()[extreme], seed=seed, grey=RAMP[: shape[0], : shape[1]])
        assert made.dtype == np.uint8
        assert made.shape == RAMP[: shape[0], : shape[1]].shape


@pytest.mark.parametrize("name", ["scaled_file", "jpeg"])
def test_storing_an_image_moves_nothing(name: str) -> None:
    disc = (np.hypot(*np.ogrid[-80:80, -70:80]) < 40).astype(np.float32) * np.float32(0.6) + np.float32(0.2)
    for seed in range(8):
        stored = picture(only(name), seed=seed, grey=disc).astype(float) - 51
        centre = [stored.sum(axis) @ np.arange(side) / stored.sum() for axis, side in ((1, 160), (0, 150))]
        assert centre == pytest.approx([80, 70], abs=0.3)


def test_noise_has_the_drawn_number_of_grey_levels() -> None:
    even = np.full((160, 150), 0.5, np.float32)
    for grain in (0.0, 4.0):
        table = fixed(only("picture_noise"), "picture_noise", levels=4, grain_px=grain)
        assert picture(table, grey=even).std() == pytest.approx(4, rel=0.06)


def test_a_poorer_jpeg_differs_more() -> None:
    rough = np.clip(RAMP + np.random.default_rng(0).normal(0, 0.05, SHAPE), 0, 1).astype(np.float32)
    plain = picture(only(), grey=rough).astype(int)
    poor, good = (
        np.abs(picture(fixed(only("jpeg"), "jpeg", quality=quality), grey=rough) - plain).mean() for quality in (25, 95)
    )
    assert poor > 2 * good > 0


def test_few_levels_are_few() -> None:
    table = fixed(only("few_levels"), "few_levels", levels=16)
    assert len(np.unique(picture(table))) <= 16
