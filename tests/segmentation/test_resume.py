"""Calls that are killed, gone on with, or two at once: what stands in the folder and in its report."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from command_line import pbrs
from pbrs.file_lock import sole_use
from pbrs.segmentation import Segmenter
from pbrs.segmentation.journal import Journal
from pbrs.segmentation.output_folder import LOCK
from pbrs.segmentation.report import Report
from tiny_model import write_tiny_model

SUMMARIES = ("--preview", "--statistics", "--report", "--format", "coco")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny.onnx", channels=("region", "sacrum"))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(6):
        grey = np.roll(np.linspace(0, 255, 60 * 80).astype(np.uint8).reshape(60, 80), number * 7, axis=0)
        Image.fromarray(grey).save(folder / f"{number}.png")
    (folder / "3.png").write_bytes(b"no picture")
    return folder


def report_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "report.json").read_text(encoding="ascii"))


def names(report: dict[str, Any], kind: str = "images") -> list[str]:
    return [Path(entry["input"]).name for entry in report[kind]]


def timeless(value: Any) -> Any:
    """A report without what differs from call to call."""
    if isinstance(value, dict):
        return {
            name: timeless(inside)
            for name, inside in value.items()
            if name not in ("milliseconds", "seconds", "kept", "input")
        }
    return [timeless(inside) for inside in value] if isinstance(value, list) else value


def pictures(out: Path) -> dict[str, bytes]:
    made = [*out.rglob("*.png"), *out.rglob("*.csv"), *out.rglob("coco.json")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in made}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the radiographs that a network looked at."""
    seen: list[str] = []
    segment = Segmenter.segment

    def counting(self: Segmenter, radiograph: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(radiograph.source)
        return segment(self, radiograph, *arguments, **options)

    monkeypatch.setattr(Segmenter, "segment", counting)
    return seen


def test_what_is_finished_and_unchanged_is_not_done_again(films, tiny, tmp_path, counted):
    out = tmp_path / "out"
    call = ("segment", films, "-o", out, "-m", tiny, *SUMMARIES)
    assert pbrs(*call).status == 2
    first, made = report_of(out), pictures(out)
    assert first["kept"] == 0
    counted.clear()
    again = pbrs(*call, "--resume")
    assert counted == []
    assert "segmented 5 of 6 radiographs" in again.out
    assert "5 of them by an earlier call" in again.out
    assert report_of(out)["kept"] == 5
    assert timeless(report_of(out)) == timeless(first)
    assert pictures(out) == made
    assert "3.png" in again.err, "what has failed is tried, and told, again"


def test_what_changed_is_done_again(films, tiny, tmp_path, counted):
    out = tmp_path / "out"
    call = ("segment", films, "-o", out, "-m", tiny)
    pbrs(*call)
    shutil.copy(films / "1.png", films / "0.png")
    shutil.copy(films / "1.png", films / "3.png")
    shutil.copy(films / "1.png", films / "new.png")
    (out / "overlays" / "4.png").unlink()
    (films / "5.png").unlink()
    counted.clear()
    assert pbrs(*call, "--resume").status == 0
    assert sorted(counted) == ["0.png", "3.png", "4.png", "new.png"]
    assert names(report_of(out)) == ["0.png", "1.png", "2.png", "3.png", "4.png", "new.png"]
    assert report_of(out)["kept"] == 2


@pytest.mark.parametrize(
    "other", [("--threshold", "0.3"), ("--margin", "9px"), ("--views", "flip"), ("--format", "nifti")]
)
def test_with_other_options_all_is_done_again(films, tiny, tmp_path, counted, other):
    call = ("segment", films, "-o", tmp_path / "out", "-m", tiny)
    pbrs(*call)
    counted.clear()
    assert pbrs(*call, *other, "--resume").status == 2
    assert len(counted) == 5
    counted.clear()
    assert pbrs(*call, *other, "--resume", "--threads", "1", "--preview").status == 2
    assert counted == []


def test_with_another_model_all_is_done_again(films, tiny, tmp_path, counted):
    call = ("segment", films, "-o", tmp_path / "out", "-m", tiny)
    pbrs(*call)
    write_tiny_model(tiny, channels=("region", "sacrum"), threshold=0.4)
    counted.clear()
    pbrs(*call, "--resume")
    assert len(counted) == 5


def test_refused_radiographs_are_not_looked_at_again(films, tiny, tmp_path, counted):
    from small_model import write_small_model

    call = ("segment", films, "-o", tmp_path / "out", "-m", write_small_model(tmp_path / "small.onnx"))
    assert pbrs(*call).status == 2
    refused = report_of(tmp_path / "out")["refused"]
    assert len(refused) == 5
    counted.clear()
    assert pbrs(*call, "--resume").status == 2
    assert counted == []
    assert report_of(tmp_path / "out")["refused"] == refused


def test_a_call_that_is_not_to_go_on_does_all_again(films, tiny, tmp_path, counted):
    call = ("segment", films, "-o", tmp_path / "out", "-m", tiny)
    pbrs(*call)
    counted.clear()
    pbrs(*call)
    assert len(counted) == 5


def test_corrected_masks_stand_when_a_call_goes_on(films, tiny, tmp_path):
    out = tmp_path / "out"
    call = ("segment", films, "-o", out, "-m", tiny)
    pbrs(*call)
    mask = out / "masks" / "1.png"
    corrected = 255 - np.asarray(Image.open(mask))
    Image.fromarray(corrected).save(mask)
    later = time.time() + 60
    os.utime(mask, (later, later))
    pbrs(*call, "--resume")
    assert np.array_equal(np.asarray(Image.open(mask)), corrected)
    shutil.copy(films / "2.png", films / "1.png")
    refused = pbrs(*call, "--resume")
    assert "was changed after pbrs segment wrote it" in refused.err
    assert np.array_equal(np.asarray(Image.open(mask)), corrected)


def test_a_torn_last_line_is_passed_over(films, tiny, tmp_path, counted):
    out = tmp_path / "out"
    call = ("segment", films, "-o", out, "-m", tiny, *SUMMARIES)
    pbrs(*call)
    first, made = report_of(out), pictures(out)
    journal = (out / "report.jsonl").read_bytes()
    for end in (len(journal) - 1, len(journal) - 40, len(journal) // 2, 3, 0):
        (out / "report.jsonl").write_bytes(journal[:end])
        counted.clear()
        assert pbrs(*call, "--resume").status == 2
        assert timeless(report_of(out)) == timeless(first)
        assert pictures(out) == made
        lines = (out / "report.jsonl").read_text(encoding="ascii").splitlines()
        assert len([json.loads(line) for line in lines]) == 1 + 6
    assert len(counted) == 5


@pytest.mark.parametrize(
    "content", [b"\0" * 50, b"[]\n7\n{}\n", b'{"digest": 1}\n{"outcome": "segmented"}\n', b"[" * 9999]
)
def test_a_journal_of_something_else_counts_for_nothing(films, tiny, tmp_path, content):
    out = tmp_path / "out"
    call = ("segment", films, "-o", out, "-m", tiny)
    pbrs(*call)
    (out / "report.jsonl").write_bytes(content)
    assert pbrs(*call, "--resume").status == 2
    assert report_of(out)["kept"] == 0
    assert len(report_of(out)["images"]) == 5


def test_the_report_grows_with_the_work(films, tiny, tmp_path, monkeypatch):
    """After each image, because it is written quickly; a later one would wait for twenty times as long."""
    seen: list[tuple[bool, int]] = []
    add = Report.add

    def watching(self: Report, *arguments: Any) -> None:
        add(self, *arguments)
        seen.append((report_of(tmp_path / "out")["complete"], len(report_of(tmp_path / "out")["images"])))

    monkeypatch.setattr(Report, "add", watching)
    monkeypatch.setattr("pbrs.segmentation.report._LEAST_PAUSE", 0)
    pbrs("segment", films, "-o", tmp_path / "out", "-m", tiny)
    assert seen == [(False, 1), (False, 2), (False, 3), (False, 3), (False, 4), (False, 5)]


def test_writing_the_report_takes_a_twentieth_of_the_time_at_most(tmp_path, monkeypatch):
    now, spent = 0.0, 0.0
    monkeypatch.setattr("pbrs.segmentation.report.time.perf_counter", lambda: now)
    with Journal(tmp_path / "report.jsonl", {"digest": ""}, False, [str(number) for number in range(2000)]) as journal:
        report = Report(tmp_path / "report.json", {}, journal)
        write = report.write

        def slow(**tail: Any) -> None:
            nonlocal now, spent
            cost = 1e-4 * len(report["images"])
            monkeypatch.setattr("pbrs.segmentation.report._json_parts", lambda _: passing(cost))
            write(**tail)
            spent += cost

        def passing(cost: float) -> list[str]:
            nonlocal now
            now += cost
            return ["{}"]

        monkeypatch.setattr(report, "write", slow)
        for number in range(2000):
            now += 0.1
            report.add("segmented", {"stem": str(number)})
    assert 0 < spent <= now / 20


def test_a_killed_call_lists_what_it_finished_and_goes_on_to_the_same_end(tmp_path):
    """The shipped model in a process of its own, ended by SIGKILL, which nothing can catch."""
    examples = sorted((Path(__file__).parents[2] / "examples").glob("synthetic_*.png"))
    folder, out, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    folder.mkdir()
    for number in range(12):
        shutil.copy(examples[number % len(examples)], folder / f"{number:02d}.png")
    call = [sys.executable, "-m", "pbrs", "segment", str(folder), "--threads", "1", *SUMMARIES]
    killed = subprocess.Popen([*call, "-o", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and killed.poll() is None:
        if (out / "report.jsonl").is_file() and (out / "report.jsonl").read_bytes().count(b"\n") >= 4:
            break
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left = report_of(out)
    assert left["complete"] is False
    assert 2 <= len(left["images"]) < 12
    for image in left["images"]:
        for name in ("mask", "overlay", "roi"):
            Image.open(out / image["files"][name]).load()
    # Of one thread, at most the one that was being written is not listed.
    assert len(list((out / "masks").glob("*.png"))) <= len(left["images"]) + 2
    resumed = pbrs("segment", folder, "-o", out, "--threads", "1", *SUMMARIES, "--resume")
    assert resumed.status == 0, resumed.err
    assert report_of(out)["kept"] >= len(left["images"])
    assert pbrs("segment", folder, "-o", whole, "--threads", "1", *SUMMARIES).status == 0
    assert timeless(report_of(out)) == timeless(report_of(whole))
    assert pictures(out) == pictures(whole)


def test_a_second_call_into_a_folder_is_told_and_disturbs_nothing(films, tiny, tmp_path):
    out = tmp_path / "out"
    call = ("segment", films, "-o", out, "-m", tiny)
    pbrs(*call)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with sole_use(out / LOCK, "the first"):
        for more in ((), ("--resume",), ("--preview", "--report")):
            second = pbrs(*call, *more)
            assert second.status == 2
            assert second.err.splitlines() == [
                f"pbrs: another pbrs segment is writing into {out}: wait for it, or name another folder with -o"
            ]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert pbrs(*call).status == 2, "the unreadable file, no longer the folder"


def test_two_processes_at_once_leave_one_whole_result(films, tiny, tmp_path):
    out = tmp_path / "out"
    call = [sys.executable, "-m", "pbrs", "segment", str(films), "-m", str(tiny), "-o", str(out)]
    both = [subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [2, 2], "3.png is no picture; or the folder was taken"
    assert sum("another pbrs segment" in each for each in told) <= 1
    report = report_of(out)
    assert report["complete"]
    assert names(report) == ["0.png", "1.png", "2.png", "4.png", "5.png"]
    assert len(list((out / "masks").iterdir())) == 5


def test_all_outputs_but_dicom_are_the_same_from_run_to_run(films, tiny, tmp_path):
    made = []
    for name in ("a", "b"):
        out = tmp_path / name
        pbrs("segment", films, "-o", out, "-m", tiny, *SUMMARIES, "--format", "coco,nifti,nrrd")
        made.append({path.relative_to(out): path.read_bytes() for path in out.rglob("[!.]*") if path.is_file()})
        time.sleep(1.1)  # a second of the clock: what gzip, NRRD and others would write
    differing = {path.name for path in made[0] if made[0][path] != made[1][path]}
    assert made[0].keys() == made[1].keys()
    # Milliseconds of each image, and seconds of the call.
    assert differing <= {"report.json", "report.jsonl", "report.html"}
    assert timeless(report_of(tmp_path / "a")) == timeless(report_of(tmp_path / "b"))
