"""Many radiographs: in order, few in memory, stopped by nothing but ^C."""

import _thread
import json
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import pbrs
from pbrs.radiograph import read_radiograph
from pbrs.segmentation import Segmenter
from pbrs.segmentation.folder import SegmentOptions, segment_files
from pbrs.segmentation.many import overlap
from phantom import phantom
from small_model import write_small_model


@pytest.fixture
def segmenter(tmp_path: Path) -> Segmenter:
    return Segmenter.load(write_small_model(tmp_path / "small.onnx"), "onnxruntime")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Nine files, the third of which is no picture, and the sixth not there."""
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(9):
        Image.fromarray(phantom(index)[0]).save(folder / f"{index}.png")
    (folder / "2.png").write_text("no picture")
    (folder / "5.png").unlink()
    return [folder / f"{index}.png" for index in range(9)]


def test_results_come_in_the_order_of_the_inputs_whatever_takes_long():
    def work(item: int) -> int:
        time.sleep(0.03 if item % 3 == 0 else 0)
        return item

    assert list(overlap(work, range(20), workers=4)) == list(range(20))
    assert list(overlap(work, [], workers=4)) == []


def test_items_are_worked_on_at_the_same_time():
    together = threading.Barrier(3, timeout=5)
    assert list(overlap(lambda item: together.wait() >= 0, range(6), workers=3)) == [True] * 6


def test_no_more_is_begun_than_a_few_ahead_of_the_reader():
    begun: list[int] = []
    results = overlap(begun.append, iter(range(100)), workers=3)
    for taken in range(1, 20):
        next(results)
        time.sleep(0.005)
        assert len(begun) <= taken + 4
    results.close()
    assert len(begun) < 30


def test_an_error_of_ours_ends_it():
    def work(item: int) -> int:
        return 1 // (item - 5)

    given = []
    with pytest.raises(ZeroDivisionError):
        given.extend(overlap(work, range(100), workers=2))
    assert threading.active_count() < 10


def test_an_interrupt_finishes_what_has_begun_and_leaves_the_rest():
    begun: list[int] = []
    finished: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 3:
            _thread.interrupt_main()
        time.sleep(0.05)
        finished.append(item)

    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        list(overlap(work, range(1000), workers=3))
    assert time.perf_counter() - started < 2
    assert sorted(finished) == sorted(begun)
    assert 4 <= len(begun) < 12


def test_one_file_that_cannot_be_read_does_not_stop_the_others(segmenter, files):
    outcomes = list(segmenter.segment_many(files))
    assert [outcome.source for outcome in outcomes] == files
    assert [index for index, outcome in enumerate(outcomes) if outcome.error] == [2, 5]
    for file, outcome in zip(files, outcomes, strict=True):
        if outcome.error:
            assert outcome.segmentation is None
            assert file.name in str(outcome.error)
        else:
            alone = segmenter.segment(read_radiograph(file))
            assert np.array_equal(outcome.segmentation.probability, alone.probability)


def test_radiographs_that_were_read_before_are_taken_too(segmenter, files):
    radiograph = read_radiograph(files[0])
    (outcome,) = segmenter.segment_many([radiograph], threshold=0.25, views=("flip",))
    assert outcome.radiograph is radiograph
    assert outcome.segmentation.threshold == 0.25
    assert outcome.segmentation.views_disagreement is not None


def test_reading_in_threads_leaves_warnings_as_they_were(segmenter, files):
    before = list(warnings.filters)
    list(segmenter.segment_many(files * 5, workers=4))
    assert list(warnings.filters) == before


def test_a_folder_is_written_in_order_and_named_in_the_report(segmenter, files, tmp_path):
    seen: list[str] = []
    files[5].write_text("no picture either")
    report = segment_files(
        segmenter,
        [files[0].parent],
        tmp_path / "out",
        SegmentOptions(force=True),
        on_image=lambda entry, radiograph, segmentation: seen.append(Path(entry["input"]).name),
    )
    expected = [file.name for index, file in enumerate(files) if index not in (2, 5)]
    assert [Path(image["input"]).name for image in report["images"]] == seen == expected
    assert [Path(failure["input"]).name for failure in report["failed"]] == ["2.png", "5.png"]
    assert report["complete"]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == expected


def test_an_interrupted_folder_reports_exactly_what_is_there(segmenter, files, tmp_path, monkeypatch):
    begun: list[float] = []
    segment = Segmenter.segment

    def interrupted(*arguments, **options):
        begun.append(time.perf_counter())
        if len(begun) == 6:
            _thread.interrupt_main()
        time.sleep(0.1)
        return segment(*arguments, **options)

    monkeypatch.setattr(Segmenter, "segment", interrupted)
    many = [file for file in files if file.exists() and file.name != "2.png"]
    for copy in range(40):
        many.append(files[0].with_name(f"copy_{copy}.png"))
        many[-1].write_bytes(files[0].read_bytes())
    with pytest.raises(KeyboardInterrupt):
        segment_files(segmenter, many, tmp_path / "out", SegmentOptions(force=True))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["complete"] is False
    reported = {image["files"]["mask"] for image in report["images"]}
    assert reported == {f"masks/{path.name}" for path in (tmp_path / "out" / "masks").iterdir()}
    assert 6 <= len(reported) < 16
    assert not list((tmp_path / "out").rglob(".writing-*"))


def test_what_looks_like_no_pelvis_is_refused_unless_forced(files, tmp_path):
    """The model finds its bones all over each other."""
    model = write_small_model(tmp_path / "small.onnx")
    refused = pbrs("segment", files[0], "-o", tmp_path / "out", "--model", model)
    assert refused.status == 2
    assert "refused: " in refused.err
    assert "does not look like a frontal pelvic radiograph" in refused.err
    assert "--force" in refused.err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [Path(entry["input"]).name for entry in report["refused"]] == [files[0].name]
    assert report["images"] == report["failed"] == []
    assert sorted(path.name for path in (tmp_path / "out").rglob("[!.]*")) == ["report.json", "report.jsonl"]
    forced = pbrs("segment", files[0], "-o", tmp_path / "out", "--model", model, "--force")
    assert forced.status == 0
    (entry,) = json.loads((tmp_path / "out" / "report.json").read_text())["images"]
    assert entry["quality"]["looks_like_pelvis"] is False
    assert entry["quality"]["warnings"][0]["name"] == "not_a_pelvis"
    assert (tmp_path / "out" / entry["files"]["mask"]).is_file()


def test_what_may_be_wrong_with_a_refused_file_is_told(tmp_path):
    """All pixels are equal: the reader warns of it, and that is the reason."""
    model = write_small_model(tmp_path / "small.onnx")
    Image.new("L", (80, 60)).save(tmp_path / "black.png")
    refused = pbrs("segment", tmp_path / "black.png", "-o", tmp_path / "out", "--model", model)
    assert "all pixels have the same grey value" in refused.err
    (entry,) = json.loads((tmp_path / "out" / "report.json").read_text())["refused"]
    assert "all pixels have the same grey value" in entry["error"]


def test_a_failure_of_the_machine_leaves_a_report_of_all_that_was_finished(segmenter, files, tmp_path):
    good = [file for index, file in enumerate(files) if index not in (2, 5)]
    (tmp_path / "out" / "overlays" / "4.png").mkdir(parents=True)
    (tmp_path / "out" / "report.json").write_text('{"pbrs": "0", "model": {}, "images": []}')
    shown: list[str] = []
    with pytest.raises(OSError, match=r"4\.png"):
        segment_files(
            segmenter,
            good,
            tmp_path / "out",
            SegmentOptions(force=True, workers=4),
            on_image=lambda entry, radiograph, segmentation: shown.append(entry["files"]["mask"]),
        )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    written = sorted(f"masks/{path.name}" for path in (tmp_path / "out" / "masks").iterdir())
    assert report["complete"] is False
    assert [image["files"]["mask"] for image in report["images"]] == shown == written


def test_a_failing_summary_keeps_nothing_out_of_the_report(segmenter, files, tmp_path):
    def fill(*_: object) -> None:
        raise OSError("no space left")

    good = [file for index, file in enumerate(files) if index not in (2, 5)]
    with pytest.raises(OSError, match="no space left"):
        segment_files(segmenter, good, tmp_path / "out", SegmentOptions(force=True, workers=4), on_image=fill)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    reported = sorted(image["files"]["mask"] for image in report["images"])
    assert reported == sorted(f"masks/{path.name}" for path in (tmp_path / "out" / "masks").iterdir())


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_radiographs_are_worked_on_at_a_time_than_threads_allow(files, tmp_path, monkeypatch, threads):
    together, most = 0, 0
    lock = threading.Lock()
    segment = Segmenter.segment

    def counted(*arguments, **options):
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.02)
        made = segment(*arguments, **options)
        with lock:
            together -= 1
        return made

    monkeypatch.setattr(Segmenter, "segment", counted)
    model = write_small_model(tmp_path / "small.onnx")
    pbrs("segment", files[0].parent, "-o", tmp_path / "out", "-m", model, "--force", "--threads", str(threads))
    assert most == threads
