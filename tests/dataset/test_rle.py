import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pbrs.dataset.rle import decode_runs, encode_runs, runs_to_text, text_to_runs
from pbrs.errors import InputError

COCO_API_TEXT = "X36>00000000000l4>:"

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks)
def test_a_mask_comes_back_from_its_runs_and_from_text(mask: np.ndarray) -> None:
    runs = encode_runs(mask)
    np.testing.assert_array_equal(decode_runs(runs, mask.shape), mask)
    assert text_to_runs(runs_to_text(runs)) == runs


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_any_runs_survive_the_text(runs: list[int]) -> None:
    assert text_to_runs(runs_to_text(runs)) == runs


def test_runs_go_down_the_columns_and_begin_with_background() -> None:
    mask = np.array([[True, False, False], [True, True, False]])
    assert encode_runs(mask) == [0, 2, 1, 1, 2]
    assert encode_runs(np.zeros((3, 4), dtype=bool)) == [12]


def test_the_text_is_that_of_the_coco_api() -> None:
    # What pycocotools 2.0 encodes for a 20×30 mask with rows 4–9 of columns 5–11 set, and rows 0–19 of column 20.
    mask = np.zeros((20, 30), dtype=bool)
    mask[4:10, 5:12] = True
    mask[:, 20] = True
    assert runs_to_text(encode_runs(mask)) == COCO_API_TEXT
    np.testing.assert_array_equal(decode_runs(text_to_runs(COCO_API_TEXT), mask.shape), mask)


@pytest.mark.parametrize("runs", [[3, 4], [5, -1, 8], [2.0, 10]])
def test_runs_that_are_no_mask_are_refused(runs: list[int]) -> None:
    with pytest.raises(InputError, match="run lengths do not sum"):
        decode_runs(runs, (3, 4))


@pytest.mark.parametrize("text", ["0!", "0\x7f", "4o"])
def test_text_that_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="compressed run lengths"):
        text_to_runs(text)
