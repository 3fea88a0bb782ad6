"""What the figures show, and that the same study gives the same bytes."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pbrs.evaluation.figures.backbone_scores import draw_test_scores
from pbrs.evaluation.figures.cases import AGREED, EXTRA, MISSED, Case, colour_differences, draw_cases, pick_cases
from pbrs.evaluation.figures.example import draw_example
from pbrs.evaluation.figures.method import draw_method
from pbrs.evaluation.figures.style import save_figure
from pbrs.evaluation.figures.trade_off import draw_trade_off
from pbrs.evaluation.figures.training_curves import draw_training_curves
from pbrs.evaluation.results import read_study
from pbrs.evaluation.summary import summarise_cases
from pbrs.evaluation.tables import summarise_backbones
from phantom import phantom

STEMS = ["a", "b", "c", "d"]


def texts(figure: Figure) -> list[str]:
    """Every text of a figure."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def test_each_backbone_has_a_panel_of_curves_however_many_there_are(tmp_path: Path, studies: Any) -> None:
    study = read_study(studies.write_study(tmp_path / "study", STEMS))
    for count in (1, 2, 3, 5, 6):
        names = study.backbones[:count]
        figure = draw_training_curves({name: study.of(name) for name in names}, synthetic=False)
        shown = [axes for axes in figure.axes if axes.get_visible()]
        assert [axes.get_title() for axes in shown][-1].startswith(f"({'abcdef'[count - 1]})")
        assert len(shown) == count
        # Loss, IoU and F1 for two parts, and the best epoch's line.
        assert all(len(axes.lines) == 7 for axes in shown)


def test_curves_of_several_runs_are_their_mean_where_each_has_epochs(tmp_path: Path, studies: Any) -> None:
    study = tmp_path / "study"
    studies.write_run(study, "vgg16", STEMS)
    studies.write_run(study, "vgg16", STEMS, seed=1, epochs=10, finished=False)
    runs = read_study(study).runs
    figure = draw_training_curves({"vgg16": runs}, synthetic=False)
    line = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 30)
    first, second = (run.history["train_loss"] for run in runs)
    assert line.get_ydata()[4] == pytest.approx((first[4] + second[4]) / 2)
    assert line.get_ydata()[20] == pytest.approx(first[20])
    assert "(a) VGG16 · 2 runs · 1 not finished" in texts(figure)


def test_figures_of_scores_on_synthetic_images_say_so_on_their_axes(tmp_path: Path, studies: Any) -> None:
    study = read_study(studies.write_study(tmp_path / "study", STEMS))
    cases = study.cases()
    summaries = summarise_backbones(cases, 0)
    iou = {name: its["iou"] for name, its in summaries.items()}
    pixels, mask = phantom(0)
    case = Case("best", "a", 0.9, 0.95, pixels.astype(np.float32) / 255, mask, mask)
    for synthetic in (True, False):
        for figure in (
            draw_test_scores(cases, summaries, synthetic),
            draw_trade_off(iou, study.parameters(), study.milliseconds, synthetic),
            draw_training_curves({"vgg16": study.of("vgg16")}, synthetic),
            draw_cases([case], synthetic),
        ):
            assert any("(synthetic images)" in text for text in texts(figure)) == synthetic


def test_the_means_are_drawn_where_they_are(tmp_path: Path, studies: Any) -> None:
    study = read_study(studies.write_study(tmp_path / "study", STEMS, ["vgg16", "densenet121"]))
    cases = study.cases()
    summaries = {name: summarise_cases(its) for name, its in cases.items()}
    shown = texts(draw_test_scores(cases, summaries, synthetic=False))
    for its in summaries.values():
        assert f"{its['iou']['mean']:.3f}" in shown
        assert f"{its['f1']['mean']:.3f}" in shown


def test_one_test_case_has_a_mean_without_an_interval(tmp_path: Path, studies: Any) -> None:
    study = read_study(studies.write_study(tmp_path / "study", ["a"], ["vgg16"]))
    cases = study.cases()
    summaries = {name: summarise_cases(its) for name, its in cases.items()}
    save_figure(draw_test_scores(cases, summaries, synthetic=False), tmp_path, "one")
    iou = {name: its["iou"] for name, its in summaries.items()}
    save_figure(draw_trade_off(iou, study.parameters(), {}, synthetic=False), tmp_path, "trade")


def test_differences_are_blue_where_found_yellow_where_too_much_and_vermilion_where_missed() -> None:
    pixels = np.zeros((1, 4), np.float32)
    truth = np.array([[True, False, True, False]])
    prediction = np.array([[True, True, False, False]])
    found, extra, missed, nothing = colour_differences(pixels, truth, prediction)[0].astype(int)
    assert np.abs(found - 0.45 * np.array(AGREED)).max() <= 1
    assert np.abs(extra - 0.9 * np.array(EXTRA)).max() <= 1
    assert np.abs(missed - 0.9 * np.array(MISSED)).max() <= 1
    assert (nothing == 0).all()


def test_best_median_and_worst_are_picked_by_iou_and_never_twice(studies: Any) -> None:
    rows = [(stem, studies.make_scores(iou)) for stem, iou in zip("abcde", (0.7, 0.9, 0.5, 0.8, 0.6), strict=True)]
    assert [(rank, stem) for rank, stem, _ in pick_cases(rows)] == [("best", "b"), ("median", "a"), ("worst", "c")]
    assert [(rank, stem) for rank, stem, _ in pick_cases(rows[:2])] == [("best", "b"), ("median", "a")]
    assert [rank for rank, _, _ in pick_cases(rows[:1])] == ["best"]
    assert pick_cases([]) == []


def test_a_stem_with_dollar_signs_is_not_typeset(tmp_path: Path) -> None:
    pixels, mask = phantom(0)
    case = Case("best", r"$\frac{$ & <b>", 0.9, 0.95, pixels.astype(np.float32) / 255, mask, ~mask)
    save_figure(draw_cases([case], synthetic=False), tmp_path, "cases")


@pytest.mark.parametrize("shape", [(300, 90), (60, 400)])
def test_radiographs_of_any_proportions_fit_their_figures(tmp_path: Path, shape: tuple[int, int]) -> None:
    pixels, mask = phantom(0, shape)
    grey = pixels.astype(np.float32) / 255
    cases = [Case(rank, "a", 0.9, 0.95, grey, mask, ~mask) for rank in ("best", "median", "worst")]
    figures = (draw_example(grey, mask), draw_method(grey, mask, (224, 224), "stretch"), draw_cases(cases, False))
    for number, figure in enumerate(figures):
        png, _ = save_figure(figure, tmp_path, str(number))
        assert np.asarray(Image.open(png).convert("L")).std() > 10


def test_the_same_figure_is_the_same_bytes_without_a_date(tmp_path: Path) -> None:
    pixels, mask = phantom(0)
    grey = pixels.astype(np.float32) / 255
    written = [
        [
            path.read_bytes()
            for path in save_figure(draw_method(grey, mask, (224, 224), "stretch"), tmp_path / name, "m")
        ]
        for name in ("one", "two")
    ]
    assert written[0] == written[1]
    assert b"<dc:date>" not in written[0][1]


def test_drawing_leaves_no_global_state_of_matplotlib_behind(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    pixels, mask = phantom(0)
    save_figure(draw_example(pixels.astype(np.float32) / 255, mask), tmp_path, "m")
    assert dict(matplotlib.rcParams) == before
