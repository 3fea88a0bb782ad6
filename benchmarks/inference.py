"""What a radiograph costs: our runtimes against PyTorch and the paper's own stack, then many files, then one process.

The sides of the first part run in processes of their own and take turns, one image each, with a pause between them;
medians count. InceptionV3, batch 1, 224², float32 in memory; random weights.

    python benchmarks/inference.py --peer .venv-peer/bin/python
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pbrs.modelfile.card import ModelCard
from pbrs.segmentation import Segmenter
from pbrs.segmentation.many import available_cores, overlap
from pbrs.segmentation.onnx_file import read_onnx
from pbrs.segmentation.openvino_runtime import OpenVinoRuntime
from pbrs.segmentation.runtime import OnnxRuntime, Runtime

SIDE = 224
NATIVE = 1000, 1200
WARM_UP = 3
QUIET_SECONDS = 0.3
"""Between the sides: idle threads of one runtime spin for a while, at the other's cost."""
OURS = ("onnxruntime", "openvino f32", "openvino bf16")


class Process:
    """One side: answers each line with the milliseconds of one image."""

    def __init__(self, *command: str | Path, line: str = "image") -> None:
        self.line = line
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.greeting = self._answer()
        while not self.greeting.startswith("ready"):
            self.greeting = self._answer()

    def milliseconds(self) -> float:
        assert self.process.stdin
        self.process.stdin.write(f"{self.line}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> str:
        assert self.process.stdout
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"a side has died: run {self.process.args} by hand to see why")
        return answer


def load(side: str, model: Path) -> Runtime:
    if side == "onnxruntime":
        return OnnxRuntime.load(model)
    return OpenVinoRuntime.of_file(read_onnx(model), precision="bf16" if side.endswith("bf16") else "f32")


def serve(side: str, model: Path) -> None:
    """Be one side."""
    image = np.random.default_rng(0).random((1, 1, SIDE, SIDE), dtype=np.float32)
    if side == "pytorch":
        import torch

        from pbrs.network import build_unet

        network = build_unet("inceptionv3").eval()
        name = f"PyTorch {torch.__version__} eager, float32"

        def run() -> object:
            with torch.inference_mode():
                return torch.sigmoid(network(torch.from_numpy(image))).numpy()
    else:
        runtime = load(side, model)
        name = runtime.name

        def run() -> object:
            return runtime.run(image)

    print(f"ready {name}", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        run()
        print((time.perf_counter() - started) * 1000, flush=True)


def write_model(backbone: str, path: Path) -> Path:
    """Export a network with random weights."""
    from pbrs.modelfile.export import write_card, write_graph
    from pbrs.network import build_unet

    write_graph(build_unet(backbone).eval(), (SIDE, SIDE), path)
    card = ModelCard(
        name="random",
        backbone=backbone,
        channels=("region",),
        image_size=(SIDE, SIDE),
        placement="stretch",
        threshold=0.5,
        parameters=0,
        synthetic=True,
        training={},
        scores={},
        licence="CC0-1.0",
        versions={},
    )
    write_card(path, card)
    return path


def compare(model: Path, peer: Path | None, rounds: int) -> None:
    """Let all sides take turns with one image, and print medians and ratios."""
    me: tuple[str | Path, ...] = (sys.executable, __file__, "--model", model, "--side")
    sides = {side: Process(*me, side) for side in (*OURS, "pytorch")}
    if peer:
        script = Path(__file__).with_name("peer_inference.py")
        for way in ("predict", "function"):
            sides[f"keras {way}"] = Process(peer, script, "inceptionv3", line=way)
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(WARM_UP + rounds):
        for side, process in sides.items():
            time.sleep(QUIET_SECONDS)
            milliseconds = process.milliseconds()
            if turn >= WARM_UP:
                taken[side].append(milliseconds)
    medians = {side: statistics.median(times) for side, times in taken.items()}
    print(f"inceptionv3, batch 1, {SIDE}², float32 in memory; medians of {rounds} interleaved runs")
    for side, process in sides.items():
        print(f"  {side:16} {medians[side]:7.1f} ms   {process.greeting.removeprefix('ready ')}")
        process.close()
    rivals = {"PyTorch eager": medians["pytorch"]}
    if peer:
        rivals["the paper's stack, the faster way"] = min(medians["keras predict"], medians["keras function"])
    for rival, milliseconds in rivals.items():
        for side in OURS:
            print(f"  {side} against {rival}: {milliseconds / medians[side]:.2f} times as fast")


def write_files(folder: Path, count: int) -> list[Path]:
    """Write `count` 8-bit PNGs of 1,000×1,200, from the repository's examples."""
    examples = sorted(Path(__file__).parents[1].glob("examples/*.png"))
    files = [folder / f"{index:03d}.png" for index in range(count)]
    for index, file in enumerate(files):
        with Image.open(examples[index % len(examples)]) as image:
            image.convert("L").resize(NATIVE[::-1]).save(file)
    return files


def many(model: Path, files: list[Path], rounds: int) -> None:
    """Print the rate of `segment_many` beside that of the runtime alone, in turns."""
    image = np.random.default_rng(0).random((1, 1, SIDE, SIDE), dtype=np.float32)
    print(f"segment_many, mobilenetv2, {SIDE}², {len(files)} PNG files of {NATIVE[0]:,}×{NATIVE[1]:,}; {rounds} turns")
    for choice in ("onnxruntime", "openvino"):
        segmenter = Segmenter.load(model, choice)

        def whole(segmenter: Segmenter = segmenter) -> int:
            return sum(outcome.segmentation is not None for outcome in segmenter.segment_many(files))

        def alone(segmenter: Segmenter = segmenter) -> int:
            return sum(1 for _ in overlap(lambda _: segmenter.runtime.run(image), files, available_cores()))

        rates: dict[str, list[float]] = {"whole": [], "alone": []}
        for turn in range(rounds + 1):
            for name, way in (("whole", whole), ("alone", alone)):
                started = time.perf_counter()
                assert way() == len(files)
                if turn:
                    rates[name].append(len(files) / (time.perf_counter() - started))
        rate, limit = (statistics.median(rates[name]) for name in ("whole", "alone"))
        print(f"  {segmenter.runtime.name}: {rate:.1f} images/s; the runtime alone {limit:.1f}: {rate / limit:.0%}")


def start(model: Path, file: Path, folder: Path, processes: int) -> None:
    """Print how long new processes take from start to files written."""
    seconds = list(_starts(model, file, folder, processes))
    print(
        f"pbrs segment of one PNG of {NATIVE[0]:,}×{NATIVE[1]:,}, process start to files written: "
        f"median {statistics.median(seconds):.2f} s of {processes} ({min(seconds):.2f}–{max(seconds):.2f})"
    )


def _starts(model: Path, file: Path, folder: Path, processes: int) -> Iterator[float]:
    for number in range(processes):
        command = [sys.executable, "-m", "pbrs", "segment", file, "-o", folder / f"out_{number}", "--model", model]
        started = time.perf_counter()
        subprocess.run([*command, "--runtime", "onnxruntime"], check=True, stdout=subprocess.DEVNULL)
        yield time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="images a side")
    parser.add_argument("--files", type=int, default=40, help="of the second part")
    parser.add_argument("--turns", type=int, default=5, help="of the second part")
    parser.add_argument("--processes", type=int, default=10, help="of the third part")
    parser.add_argument("--peer", type=Path, help="Python of the environment with benchmarks/peer-requirements.txt")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        serve(arguments.side, arguments.model)
        return
    print(f"{platform.processor() or platform.machine()}, {available_cores()} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(write_model("inceptionv3", folder / "inceptionv3.onnx"), arguments.peer, arguments.rounds)
        model = write_model("mobilenetv2", folder / "mobilenetv2.onnx")
        files = write_files(folder, arguments.files)
        many(model, files, arguments.turns)
        start(model, files[0], folder, arguments.processes)


if __name__ == "__main__":
    main()
