"""100,000 inputs in one call: what the report, the page, the table and COCO take of memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_CALL = """
import re, sys, time
from pathlib import Path
import numpy as np
from pbrs.radiograph import Radiograph
from pbrs.segmentation import Segmenter, folder
from pbrs.segmentation.folder import SegmentOptions, segment_files
from pbrs.segmentation.resume import SavedMasks
from pbrs.segmentation.summaries import Summaries

model, entry, count, out = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
files = [Path(f"/archive/of/radiographs/{number // 1000}/case_{number:06d}.png") for number in range(count)]
folder.find_radiographs = lambda inputs: files
pixels = np.linspace(0, 1, 60 * 80, dtype=np.float32).reshape(60, 80)
mask = (pixels > 0.3) & (pixels < 0.7)
masks = SavedMasks(mask, {"sacrum": mask})
radiograph = Radiograph(pixels, "x.png", "0" * 64, "PNG", 8, "drawn")

def pretend(segmenter, path, stem, out, formats, options):
    told = {**entry, "input": str(path), "stem": stem, "files": {**entry["files"], "mask": f"masks/{stem}.png"}}
    formats.gather(told, masks)
    return folder._Outcome(path, "segmented", told, radiograph, masks)

folder._try_one = pretend
summaries = Summaries(out, preview=False, statistics=True, report=True)
started = time.perf_counter()
report = segment_files(Segmenter.load(model), [], out, SegmentOptions(formats=("coco",)), on_image=summaries.add)
summaries.close()
summaries.write_page(report)
# Of this process alone: getrusage counts what its parent had, too.
peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(len(report["images"]), peak, time.perf_counter() - started)
"""


@pytest.mark.soak
def test_100000_files_need_no_report_in_memory(tmp_path: Path):
    from command_line import pbrs
    from tiny_model import write_tiny_model

    example = next((Path(__file__).parents[2] / "examples").glob("synthetic_00.png"))
    pbrs("segment", example, "-o", tmp_path / "one")
    (entry,) = json.loads((tmp_path / "one" / "report.json").read_text())["images"]
    model = write_tiny_model(tmp_path / "tiny.onnx", channels=("region", "sacrum"))
    peaks = {}
    for count in (100, 100_000):
        out = tmp_path / str(count)
        call = [sys.executable, "-c", _CALL, str(model), repr(entry), str(count), str(out)]
        told = subprocess.run(call, check=True, capture_output=True, text=True).stdout.split()
        assert int(told[0]) == count
        peaks[count] = int(told[1]) / 1024
        print(count, f"{peaks[count]:.0f} MiB, {float(told[2]):.0f} s")
        print({path.name: f"{path.stat().st_size / 2**20:.1f} MiB" for path in out.iterdir() if path.is_file()})
    # Paths, stems and places in the journal: about 1.3 kB a file. A report of them in memory would take ten times that.
    assert peaks[100_000] - peaks[100] < 150
