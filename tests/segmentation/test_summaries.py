"""Preview, statistics and HTML report of one call."""

import base64
import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pbrs.radiograph import Radiograph
from pbrs.radiograph.anatomy import ANATOMY
from pbrs.segmentation import html_report
from pbrs.segmentation.overlay import REGION_COLOUR
from pbrs.segmentation.preview import THUMBNAIL_PX, TILES, PreviewSheets, draw_thumbnail
from pbrs.segmentation.quality import Quality
from pbrs.segmentation.segmenter import Segmentation, bounding_box
from pbrs.segmentation.statistics import COLUMNS, measure, write_statistics
from pbrs.segmentation.summaries import Summaries

MODEL = {
    "name": "tiny",
    "backbone": "none",
    "licence": "CC0-1.0",
    "synthetic": True,
    "sha256": "0" * 64,
    "channels": ["region", "sacrum"],
    "intended_use": "Research only; not a medical device.",
}


def radiograph(height: int = 60, width: int = 80) -> Radiograph:
    ramp = np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)
    return Radiograph(ramp, "ramp.png", "0" * 64, "PNG", 8, "as drawn")


def segmentation(height: int = 60, width: int = 80) -> Segmentation:
    mask = np.zeros((height, width), bool)
    mask[height // 6 : height // 2, width // 4 : width // 2] = True
    sacrum = np.zeros_like(mask)
    return Segmentation(
        mask.astype(np.float32), mask, {"sacrum": sacrum}, 0.5, bounding_box(mask), 1.0, (), Quality(None, (), True)
    )


def entry(name: str = "case.png", **others: Any) -> dict[str, Any]:
    stem = Path(name).stem
    known = {"input": f"in/{name}", "files": {"mask": f"masks/{stem}.png", "overlay": f"overlays/{stem}.png"}}
    facts = {"height": 60, "width": 80, "format": "PNG", "spacing_mm": None, "spacing_source": None, "warnings": []}
    return {**known, **facts, "quality": {"predicted_iou": None}, **others}


def report(images: list[dict[str, Any]], **others: Any) -> dict[str, Any]:
    return {"pbrs": "0.1.0", "model": MODEL, "images": images, "refused": [], "failed": [], "seconds": 1.0, **others}


def test_each_structure_has_a_row_with_its_area_place_and_mean_grey():
    picture, found = radiograph(), segmentation()
    region, sacrum = measure(entry(), picture, found)
    assert region["structure"], sacrum["structure"] == ("region", "sacrum")
    assert region["stem"] == "case"
    assert region["area_px"] == 20 * 20
    assert region["fraction"] == pytest.approx(400 / 4800, abs=1e-6)
    assert [region[side] for side in ("top", "left", "bottom", "right")] == [10, 20, 30, 40]
    # The ramp rises by 1/4799 a pixel and 80/4799 a row: its mean over a box is the value at the box's centre.
    assert region["mean_grey"] == pytest.approx((19.5 * 80 + 29.5) / 4799, abs=1e-5)
    assert region["area_mm2"] is None
    assert sacrum["area_px"] == 0
    assert sacrum["mean_grey"] is sacrum["top"] is None


def test_areas_in_millimetres_take_both_spacings_and_name_their_source():
    picture = replace(radiograph(), spacing_mm=(0.5, 0.2), spacing_source="ImagerPixelSpacing")
    region, _ = measure(entry(), picture, segmentation())
    assert region["area_mm2"] == pytest.approx(400 * 0.1)
    assert region["spacing_source"] == "ImagerPixelSpacing"


def test_the_table_holds_odd_names_and_leaves_blank_what_is_not_known(tmp_path):
    rows = measure(entry('a,"b"\nc.png'), radiograph(), segmentation())
    write_statistics(tmp_path / "statistics.csv", rows)
    with (tmp_path / "statistics.csv").open(newline="") as file:
        table = csv.DictReader(file)
        read = list(table)
    assert tuple(table.fieldnames or ()) == COLUMNS
    assert read[0]["input"] == 'in/a,"b"\nc.png'
    assert read[1]["mean_grey"] == read[0]["area_mm2"] == ""


@pytest.mark.parametrize("shape", [(60, 80), (3000, 1000), (1, 2000), (1, 1), (320, 319)])
def test_a_thumbnail_keeps_proportions_and_fills_its_tile(shape):
    drawn = draw_thumbnail(radiograph(*shape), segmentation(*shape))
    height, width = drawn.shape[:2]
    assert max(height, width) == THUMBNAIL_PX
    assert height == pytest.approx(shape[0] * THUMBNAIL_PX / max(shape), abs=1)
    assert drawn.dtype == np.uint8


def test_structures_are_outlined_in_their_colours_and_a_region_alone_in_its_own():
    found = segmentation()
    # The ramp's 80 columns become 320: the region's border at row 10 lies at row 40.
    alone = draw_thumbnail(radiograph(), replace(found, structures={}))
    assert tuple(alone[40, 120]) == REGION_COLOUR
    within = draw_thumbnail(radiograph(), replace(found, structures={"sacrum": found.mask}))
    assert tuple(within[40, 120]) == ANATOMY["sacrum"].colour
    # Outside nothing is touched: the ramp's grey.
    assert len(set(within[5, 5])) == 1


def test_sheets_are_bounded_and_those_of_an_earlier_call_are_gone(tmp_path):
    (tmp_path / "preview_9.png").write_bytes(b"old")
    (tmp_path / "preview_mine.png").write_bytes(b"mine")
    sheets = PreviewSheets(tmp_path)
    for number in range(TILES + 1):
        sheets.add(f"{number}\n" + "x" * 200, draw_thumbnail(radiograph(), segmentation()), has_warnings=not number)
    sheets.close()
    assert [file.name for file in sheets.files] == ["preview.png", "preview_2.png"]
    assert {path.name for path in tmp_path.iterdir()} == {"preview.png", "preview_2.png", "preview_mine.png"}
    with Image.open(tmp_path / "preview.png") as sheet, Image.open(tmp_path / "preview_2.png") as rest:
        assert sheet.size[0] < 2100
        assert rest.size[0] < 400


class _Seen(HTMLParser):
    """Tags and attributes of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;.png'


def test_names_errors_and_cards_of_strangers_stay_text(tmp_path):
    page = html_report.HtmlReport()
    nasty = entry(
        NASTY.replace("/", "_"), warnings=[NASTY], files={"overlay": f"overlays/{NASTY}", "mask": "masks/a.png"}
    )
    found = replace(segmentation(), structures={NASTY: segmentation().mask})
    page.add(nasty, measure(nasty, radiograph(), found), draw_thumbnail(radiograph(), found))
    model = {**MODEL, "name": NASTY, "licence": NASTY, "intended_use": NASTY, "channels": ["region", NASTY]}
    failed = [{"input": NASTY, "error": NASTY}]
    page.write(tmp_path / "report.html", report([nasty], model=model, failed=failed, refused=failed))
    text = (tmp_path / "report.html").read_text()
    seen = _Seen(text).tags
    assert "script" not in {tag for tag, _ in seen}
    assert not [name for _, attributes in seen for name in attributes if name.startswith("on")]
    assert all((attributes["src"] or "").startswith("data:image/jpeg") for tag, attributes in seen if tag == "img")
    (link,) = (attributes["href"] or "" for tag, attributes in seen if tag == "a")
    assert link.startswith("overlays/")
    assert re.fullmatch(r"[\w./%~-]+", link)


def test_the_page_needs_no_network_and_forbids_scripts(tmp_path):
    page = html_report.HtmlReport()
    page.add(entry(), [], draw_thumbnail(radiograph(), segmentation()))
    page.write(tmp_path / "report.html", report([entry()]))
    text = (tmp_path / "report.html").read_text()
    assert "http://" not in text
    assert "https://" not in text
    policy = next(attributes["content"] for tag, attributes in _Seen(text).tags if "http-equiv" in attributes)
    assert "default-src 'none'" in (policy or "")
    (shown,) = (attributes["src"] or "" for tag, attributes in _Seen(text).tags if tag == "img")
    with Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2]))) as picture:
        assert picture.size == (320, 240)


def test_the_page_tells_warnings_refusals_failures_and_quality(tmp_path):
    page = html_report.HtmlReport()
    warned = entry("a.png", warnings=["holes in the region"], quality={"predicted_iou": 0.4321})
    page.add(warned, measure(warned, radiograph(), segmentation()), None)
    page.write(
        tmp_path / "report.html",
        report(
            [warned],
            refused=[{"input": "in/chest.png", "error": "does not look like a frontal pelvic radiograph"}],
            failed=[{"input": "in/broken.png", "error": "broken.png is damaged"}],
        ),
    )
    text = (tmp_path / "report.html").read_text()
    for said in (
        "holes in the region",
        "0.43",
        "chest.png: does not look like",
        "<li>in/broken.png: is damaged",
        "1 of 3",
    ):
        assert said in text


def test_a_page_of_very_many_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(html_report, "MOST_THUMBNAILS", 3)
    page = html_report.HtmlReport()
    for number in range(5):
        page.add(entry(f"{number}.png"), [], draw_thumbnail(radiograph(), segmentation()))
    page.write(tmp_path / "report.html", report([entry()] * 5))
    text = (tmp_path / "report.html").read_text()
    assert text.count("<img") == 3
    assert text.count("picture left out") == 2


def test_nothing_taken_in_leaves_nothing_behind(tmp_path):
    summaries = Summaries(tmp_path / "out", preview=True, statistics=True, report=True)
    summaries.close()
    assert not (tmp_path / "out").exists()


def test_an_interrupted_call_leaves_preview_and_statistics_of_what_it_finished(tmp_path):
    summaries = Summaries(tmp_path, preview=True, statistics=True, report=True)
    summaries.add(entry(), radiograph(), segmentation())
    summaries.close()
    assert {path.name for path in tmp_path.iterdir()} == {"preview.png", "statistics.csv"}
    assert summaries.written == ["preview.png", "statistics.csv"]


def test_a_call_without_result_leaves_nothing_of_an_earlier_one_that_was_asked_for(tmp_path):
    for name in ("preview.png", "preview_2.png", "statistics.csv", "report.html"):
        (tmp_path / name).write_bytes(b"old")
    Summaries(tmp_path).close()
    assert len(list(tmp_path.iterdir())) == 4
    summaries = Summaries(tmp_path, preview=True, statistics=True, report=True)
    summaries.close()
    assert list(tmp_path.iterdir()) == summaries.written == []


def test_inputs_of_equal_names_are_told_apart_by_the_stems_of_their_outputs(tmp_path):
    page = html_report.HtmlReport()
    for stem in ("case", "case_3"):
        files = {"mask": f"masks/{stem}.png", "overlay": f"overlays/{stem}.png"}
        made = entry("case.png", files=files)
        page.add(made, measure(made, radiograph(), segmentation()), None)
    failed = [{"input": f"{folder}/1.png", "error": "1.png: cannot be decoded"} for folder in ("p1", "p2")]
    page.write(tmp_path / "report.html", report([], failed=failed))
    text = (tmp_path / "report.html").read_text()
    for said in ("<h3>case.png</h3>", "<h3>case.png (case_3)</h3>", "<li>p1/1.png: ", "<li>p2/1.png: "):
        assert said in text


@pytest.mark.parametrize(
    ("spacing", "said"), [((0.5, 0.25), "0.500 × 0.250 mm"), ((0.143, 0.143), ", 0.143 mm (PixelSpacing)")]
)
def test_both_spacings_are_shown_where_they_differ(tmp_path, spacing, said):
    page = html_report.HtmlReport()
    page.add(entry(spacing_mm=spacing, spacing_source="PixelSpacing"), [], None)
    page.write(tmp_path / "report.html", report([]))
    assert said in (tmp_path / "report.html").read_text()
