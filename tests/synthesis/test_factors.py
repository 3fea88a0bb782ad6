"""Factors: streams of random numbers that do not touch each other, ranges that widen, factors switched off."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbrs.errors import InputError
from pbrs.synthesis.factors import Draw, Range, Table, factor, widened, without

TABLE: Table = {
    row.name: row
    for row in (
        factor("tilt", "pose", 1, "tilt of the pelvis", angle_deg=(-10, 20)),
        factor("gas", "tissue", 0.5, "gas in the bowel", loops=(1, 9), thickness_mm=(8, 45)),
        factor("stool", "tissue", 0.5, "stool in the bowel", thickness_mm=(5, 30)),
        factor("noise", "detector", 1, "quantum noise", dose=Range(0.01, 1, log=True)),
    )
}


def _everything(table: Table, *key: int) -> dict[str, list[float] | None]:
    """Ask each factor and all of its ranges; None where it is not there."""
    draw = Draw(table, *key)
    numbers: dict[str, list[float] | None] = {}
    for name, row in table.items():
        drawn = draw(name)
        numbers[name] = None if drawn is None else [drawn(which) for which in row.ranges]
    return numbers


def test_the_same_key_gives_the_same_numbers() -> None:
    assert _everything(TABLE, 3, 17) == _everything(TABLE, 3, 17)


@pytest.mark.parametrize("other", [(3, 18), (4, 17), (17, 3), (31, 7), (3, 1, 7), (3,)])
def test_another_key_gives_other_numbers(other: tuple[int, ...]) -> None:
    assert _everything(TABLE, 3, 17)["tilt"] != _everything(TABLE, *other)["tilt"]


def test_factors_do_not_share_a_stream() -> None:
    same = (1.0, 2.0)
    table = {name: factor(name, "pose", 1, "one of two", number=same) for name in ("one", "two")}
    numbers = _everything(table, 0)
    assert numbers["one"] != numbers["two"]


def test_the_order_of_asking_does_not_matter() -> None:
    backwards = dict(reversed(TABLE.items()))
    assert _everything(backwards, 3, 17) == _everything(TABLE, 3, 17)


@given(index=st.integers(0, 10**6), off=st.sampled_from([*TABLE, "tissue", "pose"]))
def test_switching_one_off_leaves_the_numbers_of_all_others(index: int, off: str) -> None:
    before, after = _everything(TABLE, 0, index), _everything(without(TABLE, [off]), 0, index)
    for name, row in TABLE.items():
        assert after[name] == (None if off in (name, row.group) else before[name])


def test_a_new_factor_leaves_the_numbers_of_all_others() -> None:
    more = {"first": factor("first", "pose", 1, "a new row", number=(0, 1)), **TABLE}
    after = _everything(more, 0, 1)
    assert {name: after[name] for name in TABLE} == _everything(TABLE, 0, 1)


def test_how_often_a_factor_is_there_does_not_change_its_numbers() -> None:
    always = {"gas": factor("gas", "tissue", 1, "gas", loops=(1, 9), thickness_mm=(8, 45))}
    for index in range(20):
        sometimes = _everything(TABLE, 0, index)["gas"]
        assert sometimes in (None, _everything(always, 0, index)["gas"])


def test_a_factor_is_there_as_often_as_its_probability_says() -> None:
    there = sum(Draw(TABLE, 5, index)("gas") is not None for index in range(1000))
    assert abs(there - 500) < 4 * math.sqrt(1000 * 0.5 * 0.5)


def test_what_was_drawn_is_on_record() -> None:
    draw = Draw(without(TABLE, ["stool"]), 1)
    tilt, stool = draw("tilt"), draw("stool")
    assert tilt is not None
    assert stool is None
    first = tilt("angle_deg")
    assert tilt("angle_deg") != first
    assert draw.record == {"tilt": 1.0, "tilt.angle_deg": first, "stool": 0.0}


def test_numbers_stay_in_their_range_and_fill_it() -> None:
    drawn = Draw(TABLE, 2)("noise")
    assert drawn is not None
    doses = [drawn("dose") for _ in range(2000)]
    assert 0.01 <= min(doses) < 0.0103
    assert 0.97 < max(doses) <= 1
    # all logarithms are as likely: half of the doses lie below the geometric mean of the ends
    assert abs(sum(dose < 0.1 for dose in doses) - 1000) < 4 * math.sqrt(2000 * 0.25)


def test_counts_reach_both_ends() -> None:
    table = {"gas": factor("gas", "tissue", 1, "gas", loops=(0.5, 4.2))}
    drawn = Draw(table, 2)("gas")
    assert drawn is not None
    assert {drawn.count("loops") for _ in range(200)} == {1, 2, 3, 4}


def test_chances_and_signs_come_as_often_as_they_should() -> None:
    drawn = Draw(TABLE, 2)("tilt")
    assert drawn is not None
    assert not any(drawn.happens(0) for _ in range(100))
    assert all(drawn.happens(1) for _ in range(100))
    assert abs(sum(drawn.happens(0.2) for _ in range(1000)) - 200) < 4 * math.sqrt(1000 * 0.2 * 0.8)
    assert {drawn.sign() for _ in range(100)} == {-1, 1}


NUMBERS = st.floats(-1000, 1000, allow_subnormal=False)


@given(ends=st.tuples(NUMBERS, NUMBERS).map(sorted), by=st.floats(1, 5))
def test_a_widened_range_is_as_much_wider_about_the_same_centre(ends: list[float], by: float) -> None:
    low, high = ends
    wider = Range(low, high).widened(by)
    half = by * (high - low) / 2
    assert wider.high == pytest.approx((low + high) / 2 + half, abs=1e-6)
    if low >= 0:
        assert wider.low == pytest.approx(max(0.0, (low + high) / 2 - half), abs=1e-6)
    else:
        assert wider.low == pytest.approx((low + high) / 2 - half, abs=1e-6)


def test_widening_by_half_goes_a_quarter_of_the_width_beyond_either_end() -> None:
    assert Range(10, 30).widened(1.5) == Range(5, 35)
    assert Range(-10, 10).widened(1.5) == Range(-15, 15)


@given(ends=st.tuples(st.floats(0.001, 1000), st.floats(0.001, 1000)).map(sorted), by=st.floats(1, 3))
def test_a_logarithmic_range_is_widened_in_its_logarithm(ends: list[float], by: float) -> None:
    low, high = ends
    wider = Range(low, high, log=True).widened(by)
    assert wider.log
    assert wider.low * wider.high == pytest.approx(low * high)
    assert wider.high / wider.low == pytest.approx((high / low) ** by)


@given(ends=st.tuples(*[NUMBERS] * 4).map(sorted), by=st.floats(1, 100))
def test_no_widening_goes_beyond_the_bounds(ends: list[float], by: float) -> None:
    least, low, high, most = ends
    wider = Range(low, high, least, most).widened(by)
    assert least <= wider.low <= low + 1e-9
    assert high - 1e-9 <= wider.high <= most


def test_widening_a_table_widens_every_range_and_nothing_else() -> None:
    wider = widened(TABLE, 1.5)
    assert wider["tilt"].ranges == {"angle_deg": Range(-17.5, 27.5)}
    assert wider["gas"].ranges == {"loops": Range(0, 11), "thickness_mm": Range(0, 54.25)}
    for name, row in TABLE.items():
        assert (wider[name].name, wider[name].group, wider[name].probability) == (row.name, row.group, row.probability)


@pytest.mark.parametrize(
    "ends",
    [(2, 1), (0, 1, 0.5), (0, 1, 0, 0.5), (math.nan, 1)],
    ids=["upside down", "too low", "too high", "no number"],
)
def test_ends_that_are_no_range_are_refused(ends: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="is not a range"):
        Range(*ends)


def test_a_logarithmic_range_begins_above_zero() -> None:
    with pytest.raises(ValueError, match="is not a range"):
        Range(0, 1, log=True)


@pytest.mark.parametrize(("group", "probability"), [("weather", 0.5), ("pose", 1.5), ("pose", -0.1)])
def test_a_row_of_no_group_or_probability_is_refused(group: str, probability: float) -> None:
    with pytest.raises(ValueError, match="factor rain"):
        factor("rain", group, probability, "not a thing of radiographs")


def test_factors_are_switched_off_by_name_and_by_group() -> None:
    off = without(TABLE, ["tilt", "tissue"])
    assert {name: row.probability for name, row in off.items()} == {"tilt": 0, "gas": 0, "stool": 0, "noise": 1}
    assert TABLE["tilt"].probability == 1
    assert without(TABLE, []) == TABLE


def test_switching_off_what_is_not_there_names_it_and_what_is() -> None:
    with pytest.raises(InputError, match=r"no factor or group is called tlit: did you mean tilt.*tissue"):
        without(TABLE, ["gas", "tlit"])
