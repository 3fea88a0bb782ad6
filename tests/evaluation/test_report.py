"""The report: its numbers, what it says of missing runs and synthetic images, and that it needs no network."""

import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pbrs.dataset import Dataset, open_dataset
from pbrs.evaluation.comparison import PairedTest
from pbrs.evaluation.report import write_report
from pbrs.evaluation.results import read_study
from pbrs.evaluation.summary import summarise_values
from phantom import write_phantoms

LOADING = {"src", "srcset", "href", "data", "action", "poster", "background", "xlink:href"}


class Page(HTMLParser):
    """Collects what a page loads, its tags and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attributes if name in LOADING]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.words.append(data)


@pytest.fixture
def dataset(pelves: Path) -> Dataset:
    return open_dataset(pelves)


@pytest.fixture
def study(tmp_path: Path, dataset: Dataset, studies: Any) -> Path:
    folder: Path = studies.write_study(tmp_path / "study", dataset.stems, ["inceptionv3", "densenet121", "mobilenetv2"])
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, studies: Any) -> Path:
    """The folder of a complete study with its report: written once, only read by the tests."""
    folder = tmp_path_factory.mktemp("written")
    dataset = open_dataset(write_phantoms(folder / "pelves", 6))
    study: Path = studies.write_study(folder / "study", dataset.stems, ["inceptionv3", "densenet121", "mobilenetv2"])
    write_report(study, dataset)
    return study


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the name of a figure for its picture, for tests of words and tables alone."""

    def save(_: object, folder: Path, name: str) -> list[Path]:
        folder.mkdir(exist_ok=True)
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").write_text(name)
        return [folder / f"{name}.png", folder / f"{name}.svg"]

    monkeypatch.setattr("pbrs.evaluation.report.save_figure", save)


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_report_holds_our_numbers_with_the_papers_beside_them(written: Path, studies: Any) -> None:
    page = read(written / "report.html")
    for backbone in ("inceptionv3", "densenet121", "mobilenetv2"):
        assert f"{studies.parameters[backbone]:,}" in page.text
        assert f"{studies.iou[backbone] - 0.004:.3f}" in page.text
    for printed in ("29.93 M", "12.14 M", "0.926", "0.909", "0.821"):
        assert printed in page.text
    assert "8.47 M *" in page.text.replace("\xa0", " ")
    assert "misprint of 8.05 M" in page.text
    assert "saves 59.4 %" in page.text
    results = read_study(written)
    for cases in results.cases().values():
        summary = summarise_values([case["iou"] for case in cases.values()])
        assert f"{summary['mean']:.3f} [{summary['low']:.3f}, {summary['high']:.3f}]" in page.text
    assert "union of the projections of both hip bones" in page.text


def test_the_papers_numbers_are_in_grey(written: Path) -> None:
    html = (written / "report.html").read_text()
    assert '<td class="paper">0.926</td>' in html
    assert re.search(r"\.paper \{ color: #7\w{5}; \}", html)


def test_the_report_is_one_file_that_loads_nothing(written: Path) -> None:
    path = written / "report.html"
    page = read(path)
    assert len(page.loads) == 6
    assert all(load.startswith(("data:image/png;base64,", "data:image/svg+xml;base64,")) for load in page.loads)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    html = path.read_text()
    assert "url(" not in html
    assert "@import" not in html
    assert "http" not in re.sub(r'src="data:[^"]*"', "", html)


def test_figures_and_tables_are_written_as_files_too(written: Path) -> None:
    names = {"figure_1", "figure_2", "figure_3", "figure_4", "figure_5", "trade_off"}
    assert {path.name for path in (written / "figures").iterdir()} == {
        f"{name}{suffix}" for name in names for suffix in (".png", ".svg")
    }
    rows = table(written / "tables" / "paired_tests.csv")
    assert set(PairedTest.__dataclass_fields__) <= set(rows[0])
    assert len(rows) == 3 * 3
    (conclusion,) = table(written / "tables" / "conclusion.csv")
    assert (conclusion["chosen"], conclusion["best"]) == ("densenet121", "inceptionv3")
    assert float(conclusion["saving_percent"]) == pytest.approx(59.45, abs=0.005)
    assert table(written / "tables" / "table_1.csv")[0]["paper_validation_iou"] == "0.926"


@pytest.mark.usefixtures("undrawn")
def test_scores_on_synthetic_images_are_called_so_everywhere(study: Path, dataset: Dataset) -> None:
    (dataset.path / "dataset.json").write_text('{"synthetic": true}')
    page = read(write_report(study, open_dataset(dataset.path)))
    assert "measured on synthetic radiographs" in page.text
    assert "points of IoU (synthetic)" in page.text
    # Four columns of Table I, three of the test scores, three of the paired tests, one of the trade-off.
    assert page.words.count("synthetic") == 4 + 3 + 3 + 1
    assert page.text.count("(synthetic)") >= 6
    for name in ("table_1", "test_scores", "paired_tests", "trade_off", "conclusion"):
        assert {row["synthetic"] for row in table(study / "tables" / f"{name}.csv")} == {"True"}


def test_scores_on_real_images_are_not_called_synthetic(written: Path) -> None:
    assert "synthetic" not in read(written / "report.html").text


@pytest.mark.usefixtures("undrawn")
def test_a_run_trained_on_synthetic_images_is_enough_to_say_so(study: Path, dataset: Dataset) -> None:
    summary = study / "densenet121-0-0" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"synthetic": True}))
    assert "measured on synthetic radiographs" in read(write_report(study, dataset)).text


def test_a_missing_run_is_named_and_the_others_are_reported(tmp_path: Path, dataset: Dataset, studies: Any) -> None:
    study = studies.write_study(tmp_path / "study", dataset.stems, ["densenet121", "mobilenetv2"])
    (study / "study.yaml").write_text("backbones: [densenet121, mobilenetv2, vgg16]\nseeds: [0, 1]\n")
    studies.write_run(study, "densenet121", dataset.stems, seed=1, epochs=7, finished=False)
    (study / "speed.csv").unlink()
    page = read(write_report(study, dataset))
    assert "This report is partial. 4 of 6 runs are not complete" in page.text
    assert "densenet121-0-1: training stopped after 7 epochs of 30" in page.text
    assert "vgg16-0-0: not begun" in page.text
    assert "Chosen backbone: DenseNet121 , with 12,144,977 parameters" in page.text


def test_a_study_that_has_only_begun_has_a_report(tmp_path: Path, dataset: Dataset) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.yaml").write_text("backbones: [densenet121]\nfolds: null\nseeds: [0]\n")
    page = read(write_report(study, dataset))
    assert "1 of 1 runs is not complete" in page.text
    assert "No run has been scored on the test part yet." in page.text
    assert not (study / "figures" / "figure_3.png").exists()


@pytest.mark.usefixtures("undrawn")
def test_figures_and_tables_that_no_longer_hold_are_removed(study: Path, dataset: Dataset) -> None:
    for name in ("figures/figure_3.svg", "tables/conclusion.csv"):
        (study / name).parent.mkdir()
        (study / name).write_text("of an earlier report")
    for run in study.glob("*-0-0"):
        (run / "scores.csv").unlink()
    write_report(study, dataset)
    assert not (study / "figures" / "figure_3.svg").exists()
    assert not (study / "tables" / "conclusion.csv").exists()


@pytest.mark.usefixtures("undrawn")
def test_names_with_html_in_them_are_escaped(tmp_path: Path, studies: Any) -> None:
    folder = write_phantoms(tmp_path / "<script>alert(1)<", 2)
    for kind in ("images", "masks"):
        (folder / kind / "phantom_000.png").rename(folder / kind / '<img src=x onerror="a()">&amp;.png')
    dataset = open_dataset(folder)
    study = studies.write_study(tmp_path / "study", dataset.stems, ["vgg16"])
    (study / "study.yaml").write_text('backbones: [vgg16]\ncommand: "pbrs study <script>alert(2)</script>"\n')
    (study / "vgg16-0-0" / "run.json").write_text('{"versions": {"<script>torch": "<b>2</b>"}}')
    path = write_report(study, dataset)
    page = read(path)
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.tags.count("img") == 6
    assert "study of <script>alert(1)<" in page.text
    assert "<script>alert(2)</script>" in page.text
    assert "<script>torch (training) <b>2</b>" in page.text


def test_the_same_study_gives_the_same_report(written: Path) -> None:
    first = (written / "report.html").read_bytes()
    assert write_report(written, open_dataset(written.parent / "pelves")).read_bytes() == first


@pytest.mark.usefixtures("undrawn")
def test_a_study_without_a_model_file_says_why_there_is_no_figure_4(study: Path, dataset: Dataset) -> None:
    for run in study.glob("*-0-0"):
        (run / "model.onnx").unlink()
    assert "No scored run with a model file" in read(write_report(study, dataset)).text


def test_cases_that_left_the_dataset_do_not_stop_the_report(tmp_path: Path, dataset: Dataset, studies: Any) -> None:
    study = studies.write_study(tmp_path / "study", ["gone_1", "gone_2"], ["vgg16"])
    assert "No scored run with a model file" in read(write_report(study, dataset)).text


@pytest.mark.usefixtures("undrawn")
def test_backbones_scored_on_different_cases_are_not_compared_in_silence(
    tmp_path: Path, dataset: Dataset, studies: Any
) -> None:
    study = tmp_path / "study"
    studies.write_run(study, "vgg16", dataset.stems)
    studies.write_run(study, "densenet121", dataset.stems[:4])
    assert "were not all scored on the same cases" in read(write_report(study, dataset)).text


def test_scores_and_summaries_need_neither_matplotlib_nor_jinja_nor_torch() -> None:
    code = (
        "import sys\n"
        "for name in ('matplotlib', 'jinja2', 'torch', 'pandas'): sys.modules[name] = None\n"
        "import pbrs.evaluation.scores, pbrs.evaluation.boundary, pbrs.evaluation.summary, pbrs.evaluation.evaluate\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
