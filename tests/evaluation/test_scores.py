"""Scores against numbers worked out by hand, and against MONAI's and scikit-image's on blobs of many shapes."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_iou, compute_surface_dice
from monai.metrics.meandice import compute_dice
from scipy.ndimage import gaussian_filter
from skimage.metrics import hausdorff_distance

from pbrs.errors import InputError
from pbrs.evaluation.boundary import find_boundary, measure_boundaries
from pbrs.evaluation.scores import COLUMNS, Scores, read_scores, score_masks, write_scores
from phantom import phantom


def square(shape: tuple[int, int], top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def blobs(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Draw two masks that overlap in part, of a random size and coarseness; they may touch the border."""
    shape = tuple(random.integers(6, 90, 2))
    coarse = random.uniform(0.8, 5)
    field = gaussian_filter(random.normal(size=shape), coarse)
    other = field + random.uniform(0, 1) * gaussian_filter(random.normal(size=shape), coarse)
    cut = random.uniform(0.3, 0.7)
    spacing = (float(random.uniform(0.1, 1.5)), float(random.uniform(0.1, 1.5)))
    return field > np.quantile(field, cut), other > np.quantile(other, cut), spacing


def test_two_shifted_squares_score_as_worked_out_by_hand() -> None:
    # 10×10 against the same moved right by 2: 80 in common, 120 in the union.
    truth, prediction = square((30, 40), 5, 10, 10), square((30, 40), 5, 12, 10)
    scores = score_masks(prediction, truth, (0.5, 0.5))
    assert scores.iou == pytest.approx(80 / 120)
    assert scores.f1 == pytest.approx(160 / 200)
    assert scores.precision == scores.recall == pytest.approx(0.8)
    # Of the 36 boundary pixels, the far column (10) is 2 off and its neighbours in top and bottom row (2) are 1 off.
    assert scores.hd95_px == 2
    assert scores.hd95_percent_diagonal == pytest.approx(100 * 2 / 50)
    assert scores.hd95_mm == 1
    assert scores.surface_dice_2px == 1
    assert (scores.truth_px, scores.prediction_px) == (100, 100)


def test_precision_looks_at_the_prediction_and_recall_at_the_truth() -> None:
    scores = score_masks(square((20, 20), 0, 0, 10), square((20, 20), 0, 0, 5))
    assert (scores.precision, scores.recall) == (0.25, 1)


def test_surface_dice_counts_boundary_pixels_within_the_tolerance_and_no_others() -> None:
    # Two lines of 10 pixels: rows 0 and 3 are 3 apart, nothing within 2 px; at 0.5 mm a pixel all is within 2 mm.
    truth, prediction = np.zeros((8, 10), bool), np.zeros((8, 10), bool)
    truth[0], prediction[3] = True, True
    scores = score_masks(prediction, truth, (0.5, 0.5))
    assert (scores.surface_dice_2px, scores.surface_dice_2mm, scores.hd95_px) == (0, 1, 3)


def test_a_distance_of_exactly_the_tolerance_is_within_it_whatever_rounding_says() -> None:
    truth, prediction = np.zeros((9, 5), bool), np.zeros((9, 5), bool)
    truth[0], prediction[3] = True, True
    distances = measure_boundaries(prediction, truth, (0.1, 1.0))
    assert 3 * 0.1 > 0.3
    assert distances.surface_dice(0.3) == 1
    assert distances.surface_dice(0.2999) == 0


def test_the_95th_percentile_is_taken_of_each_direction_before_the_larger() -> None:
    # The prediction is the truth, a line of 99 pixels, and one pixel far off: 1 of its 100 distances is not 0.
    truth = np.zeros((60, 99), bool)
    truth[0] = True
    prediction = truth.copy()
    prediction[50, 0] = True
    distances = measure_boundaries(prediction, truth)
    assert (distances.hausdorff(95), distances.hausdorff()) == (0, 50)


def test_anisotropic_spacing_measures_rows_and_columns_apart() -> None:
    truth, prediction = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    truth[4, 4], prediction[7, 8] = True, True
    scores = score_masks(prediction, truth, (2.0, 0.5))
    assert scores.hd95_px == 5
    assert scores.hd95_mm == pytest.approx(math.hypot(3 * 2.0, 4 * 0.5))


def test_a_mask_that_the_image_cuts_off_has_its_boundary_at_the_edge() -> None:
    boundary = find_boundary(np.ones((4, 5), bool))
    assert boundary.sum() == 14
    assert not boundary[1:-1, 1:-1].any()


def test_a_hole_has_a_boundary_too() -> None:
    mask = np.ones((7, 7), bool)
    mask[3, 3] = False
    assert find_boundary(mask)[[2, 3, 3, 4], [3, 2, 4, 3]].all()
    assert not find_boundary(mask)[2, 2]


@pytest.mark.parametrize(
    ("truth_side", "prediction_side", "score", "distance"), [(0, 0, 1, 0), (0, 5, 0, math.inf), (5, 0, 0, math.inf)]
)
def test_empty_masks_score_by_convention(truth_side: int, prediction_side: int, score: float, distance: float) -> None:
    scores = score_masks(square((9, 9), 1, 1, prediction_side), square((9, 9), 1, 1, truth_side), (1, 1))
    assert {scores.iou, scores.f1, scores.precision, scores.recall, scores.surface_dice_2px} == {score}
    assert scores.surface_dice_2mm == score
    assert (scores.hd95_px, scores.hd95_percent_diagonal, scores.hd95_mm) == (distance, distance, distance)


def test_without_a_spacing_nothing_is_said_in_millimetres() -> None:
    for side in (0, 5):
        scores = score_masks(square((9, 9), 1, 1, side), square((9, 9), 1, 1, 5))
        assert scores.hd95_mm is None
        assert scores.surface_dice_2mm is None


def test_masks_of_different_shapes_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^prediction 3×4 does not match truth 4×3"):
        score_masks(np.ones((3, 4), bool), np.ones((4, 3), bool))


# MONAI 1.6 calls itself with an argument that it warns about.
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("seed", range(40))
def test_monai_and_scikit_image_agree_on_blobs(seed: int) -> None:
    prediction, truth, spacing = blobs(np.random.default_rng(seed))
    scores = score_masks(prediction, truth, spacing)
    tensors = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth)]
    whole = {"include_background": True}
    assert scores.iou == pytest.approx(compute_iou(*tensors, **whole).item(), rel=1e-6)
    assert scores.f1 == pytest.approx(compute_dice(*tensors, **whole).item(), rel=1e-6)
    # MONAI computes the percentile's rank in float32, which shows in the fifth or sixth digit.
    assert scores.hd95_px == pytest.approx(
        compute_hausdorff_distance(*tensors, percentile=95, **whole).item(), rel=5e-5
    )
    assert scores.hd95_mm == pytest.approx(
        compute_hausdorff_distance(*tensors, percentile=95, spacing=spacing, **whole).item(), rel=5e-5
    )
    assert scores.surface_dice_2px == pytest.approx(compute_surface_dice(*tensors, [2.0], **whole).item(), rel=1e-6)
    assert scores.surface_dice_2mm == pytest.approx(
        compute_surface_dice(*tensors, [2.0], spacing=spacing, **whole).item(), rel=1e-6
    )
    plain = hausdorff_distance(find_boundary(prediction), find_boundary(truth))
    assert measure_boundaries(prediction, truth).hausdorff() == pytest.approx(plain)


def test_the_blobs_that_are_compared_touch_borders_and_differ() -> None:
    drawn = [blobs(np.random.default_rng(seed)) for seed in range(40)]
    assert sum(truth[0].any() or truth[:, 0].any() for _, truth, _ in drawn) > 20
    assert all(truth.any() and prediction.any() and (truth != prediction).any() for prediction, truth, _ in drawn)


def test_one_radiograph_is_scored_in_well_under_a_tenth_of_a_second() -> None:
    truth = phantom(1, (1000, 1200))[1]
    prediction = np.roll(truth, (9, -7), (0, 1))
    score_masks(prediction, truth, (0.15, 0.15))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        score_masks(prediction, truth, (0.15, 0.15))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


def test_scores_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    rows = [
        ("one", score_masks(square((9, 9), 1, 2, 5), square((9, 9), 1, 1, 5), (0.3, 0.7))),
        ("a, b", score_masks(square((9, 9), 1, 2, 0), square((9, 9), 1, 1, 5))),
    ]
    write_scores(tmp_path / "scores.csv", rows)
    assert read_scores(tmp_path / "scores.csv") == rows
    text = (tmp_path / "scores.csv").read_text()
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert text.splitlines()[2] == '"a, b",0.0,0.0,0.0,0.0,inf,inf,,0.0,,25,0'


@pytest.mark.parametrize("text", ["stem,iou\na,1\n", ",".join(COLUMNS) + "\na,1,x\n", ",".join(COLUMNS) + "\na\n"])
def test_a_damaged_table_of_scores_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"scores .* cannot be read") as caught:
        read_scores(path)
    assert "\n" not in str(caught.value)


def test_the_columns_are_the_fields_of_the_scores() -> None:
    assert ("stem", *Scores.__dataclass_fields__) == COLUMNS
