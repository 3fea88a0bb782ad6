"""Paired tests against values worked out by hand, the choice of a backbone, the Pareto front."""

import math

import numpy as np
import pytest

from pbrs.evaluation import paper
from pbrs.evaluation.comparison import (
    adjust_holm,
    choose_backbone,
    compare_pairs,
    conclude,
    pareto_front,
    signed_rank_p,
)
from pbrs.evaluation.scores import METRICS
from pbrs.evaluation.summary import CaseScores

VALIDATION_IOU = {name: row.validation_iou for name, row in paper.TABLE_I.items()}
MILLIONS = {name: row.parameters_millions for name, row in paper.TABLE_I.items()}


def cases_of(*ious: float, first: int = 0) -> dict[str, CaseScores]:
    """Cases c0, c1, … with these IoU; F1 is what it must be beside them."""
    return {
        f"c{first + place}": {**dict.fromkeys(METRICS, 0.5), "iou": iou, "f1": 2 * iou / (1 + iou)}
        for place, iou in enumerate(ious)
    }


def test_five_differences_of_one_sign_have_the_smallest_p_that_five_can_have() -> None:
    # One of 2⁵ sign patterns on either side.
    assert signed_rank_p(np.array([0.01, 0.02, 0.03, 0.04, 0.05])) == pytest.approx(2 / 2**5)


def test_the_smallest_difference_against_the_rest_has_two_of_the_sign_patterns_on_either_side() -> None:
    # W⁻ = 1: the patterns with a rank sum of 0 or 1 are {} and {1}.
    assert signed_rank_p(np.array([-0.01, 0.02, 0.03, 0.04, 0.05])) == pytest.approx(4 / 2**5)


def test_cases_without_a_difference_are_dropped() -> None:
    assert signed_rank_p(np.array([0.0, 0.0, 0.01, 0.02, 0.03])) == pytest.approx(2 / 2**3)


def test_nothing_differs_and_nothing_to_compare_are_not_significant() -> None:
    assert signed_rank_p(np.zeros(20)) == 1
    assert signed_rank_p(np.array([])) == 1


def test_many_cases_use_the_normal_approximation() -> None:
    # n = 60 of one sign: z = −W̄ / σ with W̄ = n(n+1)/4 and σ² = n(n+1)(2n+1)/24.
    n = 60
    z = (n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert signed_rank_p(np.arange(1, n + 1) / 1000) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-6)


def test_holm_multiplies_the_smallest_by_the_number_and_keeps_the_order() -> None:
    # Sorted: 0.01·4 = 0.04, 0.02·3 = 0.06, 0.03·2 = 0.06, 0.5·1.
    assert adjust_holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_holm_never_lets_a_larger_p_become_the_smaller_one() -> None:
    # 0.02·3 = 0.06, then 0.025·2 = 0.05 is raised to 0.06.
    assert adjust_holm([0.025, 0.02, 0.9]) == pytest.approx([0.06, 0.06, 0.9])


def test_holm_stops_at_one_and_takes_an_empty_family() -> None:
    assert adjust_holm([0.6, 0.7]) == [1, 1]
    assert adjust_holm([]) == []


def test_every_pair_is_compared_over_the_cases_both_have() -> None:
    cases = {
        "one": cases_of(0.9, 0.8, 0.7, 0.6),
        "two": cases_of(0.89, 0.78, 0.67, first=0),
        "three": cases_of(0.5, first=9),
    }
    tests = compare_pairs(cases, "iou")
    assert [(test.first, test.second, test.cases) for test in tests] == [
        ("one", "two", 3),
        ("one", "three", 0),
        ("two", "three", 0),
    ]
    assert tests[0].mean_difference == pytest.approx(0.02)
    assert tests[0].p == pytest.approx(0.25)
    assert tests[0].p_holm == pytest.approx(0.75)
    assert (tests[1].mean_difference, tests[1].p) == (None, 1)


def test_an_infinite_distance_falls_out_of_its_pair() -> None:
    first, second = cases_of(0.9, 0.8), cases_of(0.9, 0.8)
    first["c0"]["hd95_px"] = second["c0"]["hd95_px"] = math.inf
    assert compare_pairs({"one": first, "two": second}, "hd95_px")[0].cases == 1


def test_the_rule_chooses_what_the_paper_chooses_from_the_papers_own_table() -> None:
    assert choose_backbone(VALIDATION_IOU, MILLIONS) == paper.CHOSEN == "densenet121"


@pytest.mark.parametrize(
    ("margin", "chosen"),
    [
        (0.01, "efficientnetb3"),
        (0.0169, "efficientnetb3"),
        (0.017, "densenet121"),
        (0.104, "densenet121"),
        (0.105, "mobilenetv2"),
    ],
)
def test_the_margins_that_the_report_names_are_right(
    monkeypatch: pytest.MonkeyPatch, margin: float, chosen: str
) -> None:
    monkeypatch.setattr("pbrs.evaluation.comparison.MARGIN", margin)
    assert choose_backbone(VALIDATION_IOU, MILLIONS) == chosen


def test_the_papers_saving_follows_from_its_printed_parameters() -> None:
    saving = 100 * (1 - MILLIONS[paper.CHOSEN] / MILLIONS[paper.BEST])
    assert saving == pytest.approx(paper.PARAMETER_SAVING_PERCENT, abs=0.005)


def test_the_conclusion_tells_loss_and_saving_against_the_best() -> None:
    conclusion = conclude(
        {"light": 0.90, "heavy": 0.91},
        {"light": 12_144_977, "heavy": 29_950_321},
        {"heavy": cases_of(0.92, 0.90), "light": cases_of(0.90, 0.90)},
    )
    assert conclusion is not None
    assert (conclusion.chosen, conclusion.best, conclusion.cases) == ("light", "heavy", 2)
    assert conclusion.iou_loss == pytest.approx(0.01)
    assert conclusion.f1_loss == pytest.approx((1.84 / 1.92 - 1.8 / 1.9) / 2)
    assert conclusion.saving_percent == pytest.approx(59.45, abs=0.005)


def test_the_choice_does_not_look_at_the_test_scores_but_says_what_they_would_have_chosen() -> None:
    conclusion = conclude(
        {"light": 0.80, "heavy": 0.91},
        {"light": 1, "heavy": 2},
        {"light": cases_of(0.95), "heavy": cases_of(0.90)},
    )
    assert conclusion is not None
    assert (conclusion.chosen, conclusion.chosen_by_test, conclusion.best) == ("heavy", "light", "light")
    assert conclusion.saving_percent == -100


def test_a_backbone_tested_on_easier_cases_only_does_not_win_by_them() -> None:
    cases = {"whole": cases_of(0.5, 0.9), "part": cases_of(0.88, first=1)}
    conclusion = conclude({"whole": 0.9, "part": 0.9}, {"whole": 1, "part": 2}, cases)
    assert conclusion is not None
    assert (conclusion.best, conclusion.cases, conclusion.best_iou) == ("whole", 1, 0.9)


def test_there_is_no_conclusion_without_two_backbones_on_the_same_cases() -> None:
    iou, parameters = {"one": 0.9, "two": 0.8}, {"one": 1, "two": 2}
    assert conclude(iou, parameters, {"one": cases_of(0.9)}) is None
    assert conclude(iou, parameters, {"one": cases_of(0.9), "two": cases_of(0.9, first=5)}) is None
    assert conclude({"one": 0.9}, parameters, {"one": cases_of(0.9), "two": cases_of(0.9)}) is None


def test_the_pareto_front_leaves_out_what_is_beaten_and_keeps_what_is_equal() -> None:
    cost = {"cheap": 1.0, "good": 3.0, "beaten": 4.0, "dear": 5.0, "twin": 3.0, "unscored": 0.5}
    score = {"cheap": 0.8, "good": 0.9, "beaten": 0.85, "dear": 0.95, "twin": 0.9}
    assert pareto_front(cost, score) == ["cheap", "good", "twin", "dear"]


def test_the_same_cost_with_a_worse_score_is_beaten() -> None:
    assert pareto_front({"a": 1.0, "b": 1.0}, {"a": 0.9, "b": 0.8}) == ["a"]
