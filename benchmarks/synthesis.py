"""What a synthetic radiograph costs on one core, where the time goes, and our projection against a ray caster.

python benchmarks/synthesis.py --peer .venv-peer/bin/python
"""

import argparse
import platform
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pbrs.synthesis import generator
from pbrs.synthesis.anatomy import shape_model
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Range
from pbrs.synthesis.projection import trace
from pbrs.synthesis.surface import Surface
from pbrs.synthesis.view import View

SAMPLES = 50
STAGES = {
    "bones: shape, injury, pose, projection": ("draw_scene",),
    "texture of bone": ("add_texture",),
    "body and bowel": ("draw_tissue", "draw_bowel"),
    "objects and implants": ("draw_implants", "draw_objects", "lead_markers"),
    "exposure": ("expose",),
    "processing": ("process",),
    "field, borders, burnt-in text": ("collimate", "frame", "burn_in"),
    "picture: noise, resampling, JPEG": ("take_picture",),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", type=Path, help="Python of the peers' environment")
    peer = parser.parse_args().peer
    cv2.setNumThreads(1)
    print(f"{platform.processor() or platform.machine()}, one thread, all factors, median of {SAMPLES} samples")
    for size in (256, 512):
        time_samples(size)
    if peer:
        compare_projection(peer)


def time_samples(size: int) -> None:
    """Square images, so that the size says how many pixels there are."""
    field = FACTORS["field"]
    square = FACTORS | {"field": replace(field, ranges={**field.ranges, "aspect": Range(1, 1)})}
    for index in range(3):
        generator.generate(1, index, size=size, table=square)
    spent: dict[str, list[float]] = defaultdict(list)
    originals = {name: getattr(generator, name) for names in STAGES.values() for name in names}
    current: dict[str, float] = {}
    for stage, names in STAGES.items():
        for name in names:
            setattr(generator, name, timed(originals[name], stage, current))
    whole = []
    for index in range(SAMPLES):
        current.clear()
        started = time.perf_counter()
        generator.generate(1, 100 + index, size=size, table=square)
        whole.append(time.perf_counter() - started)
        for stage in STAGES:
            spent[stage].append(current[stage])
    for name, original in originals.items():
        setattr(generator, name, original)
    print(f"\n{size}²: {statistics.median(whole) * 1000:.0f} ms (90 % within {np.quantile(whole, 0.9) * 1000:.0f} ms)")
    for stage, seconds in spent.items():
        print(f"  {statistics.median(seconds) * 1000:6.1f} ms  {stage}")


def timed(function: Callable[..., Any], stage: str, current: dict[str, float]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        started = time.perf_counter()
        result = function(*args)
        current[stage] = current.get(stage, 0.0) + time.perf_counter() - started
        return result

    return run


def compare_projection(python: Path) -> None:
    """Path lengths of 512² rays through the five bones: ours, and Embree's hits, sorted and summed, in turns."""
    view = View((512, 512), (0.0, -1000.0, 30.0), 120.0, (0.0, 20.0), 0.75)
    model = shape_model()
    bones = [Surface(model.mean[name], model.faces[name]) for name in model.mean]
    x, z = view.plane_mm
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bones.npz"
        ends = np.stack([x, np.zeros_like(x), z], -1).reshape(-1, 3)
        arrays = {f"v{i}": bone.vertices for i, bone in enumerate(bones)} | {
            f"f{i}": bone.faces for i, bone in enumerate(bones)
        }
        np.savez(file, source=np.array(view.source_mm), ends=ends, **arrays)
        script = Path(__file__).with_name("peer_path_lengths.py")
        with subprocess.Popen(
            [python, script, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin
            assert process.stdout
            name = process.stdout.readline().strip()
            ours, theirs = [], []
            for _ in range(12):
                started = time.perf_counter()
                total = sum(float((trace(view, bone)[0] * view.obliquity).sum()) for bone in bones)
                ours.append(time.perf_counter() - started)
                print("go", file=process.stdin, flush=True)
                seconds, their_total = (float(word) for word in process.stdout.readline().split())
                theirs.append(seconds)
            process.stdin.close()
    mine, other = (statistics.median(times[2:]) * 1000 for times in (ours, theirs))
    print(f"\npath lengths of 512² rays through five bones: ours {mine:.0f} ms, {name} {other:.0f} ms:", end=" ")
    print(f"{other / mine:.1f}×")
    print(f"  (summed over all rays they differ by {abs(total / their_total - 1):.2%})")


main()
