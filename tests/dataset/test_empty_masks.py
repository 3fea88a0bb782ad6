"""Masks without any bone are not learnt from in silence."""

import pytest

from pbrs.dataset.empty_masks import warn_of_empty
from pbrs.errors import InputError


def test_a_part_of_empty_masks_is_refused_and_some_are_told() -> None:
    with pytest.raises(InputError, match=r"all 2 masks of the train part are empty \(a, b\)"):
        warn_of_empty("train", ["a", "b"], {"a", "b", "c"})
    warning = warn_of_empty("validation", ["a", "d"], {"a"})
    assert warning is not None
    assert warning.startswith("1 of 2 masks of the validation part are empty")
    assert warning.endswith(": a")
    assert warn_of_empty("train", ["d"], {"a"}) is None
