"""What a training step costs: ours against the bare step of the same network, and against the paper's own stack.

Ours is the real trainer on the real loop: examples from memory, augmentation, forward, loss, backward, Adam, metrics,
logging. After each of its steps the other side does one on the same batch, so that both meet the same machine; medians
count.

    python benchmarks/train_step.py --peer .venv-peer/bin/python
"""

import argparse
import platform
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from pbrs.dataset.augmentation import Augmentation
from pbrs.dataset.examples import Batch, EpochOrder, ExampleData, Examples
from pbrs.network import build_unet, count_parameters
from pbrs.training.losses import FocalDiceLoss
from pbrs.training.precision import lightning_precision
from pbrs.training.settings import TrainingSettings, make_settings
from pbrs.training.task import SegmentationTask

WARM_UP = 3
QUIET_SECONDS = 0.4
"""Between the sides: idle threads of one runtime spin for a while, at the other's cost."""


class BareStep:
    """Forward, loss, backward and Adam of the same network, and nothing else."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.network = build_unet(settings.backbone).to(memory_format=torch.channels_last).train()
        self.loss = FocalDiceLoss()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)
        self.autocast = lightning_precision(settings) == "bf16-mixed"

    def milliseconds(self, batch: Batch) -> float:
        images, masks, available = batch
        images = images.contiguous(memory_format=torch.channels_last)
        started = time.perf_counter()
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            logits = self.network(images)
            loss = self.loss(logits.float(), masks, available)
        loss.backward()
        self.optimizer.step()
        return (time.perf_counter() - started) * 1000


class Peer:
    """The paper's stack in a process and an environment of its own."""

    def __init__(self, python: Path, backbone: str) -> None:
        script = Path(__file__).with_name("peer_train_step.py")
        self.process = subprocess.Popen(
            [python, script, backbone],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.greeting = self._answer()
        while not self.greeting.startswith("ready"):
            self.greeting = self._answer()

    def milliseconds(self, _: Batch) -> float:
        assert self.process.stdin
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit("the peer has died: run its script by hand to see why")
        return answer

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class TakeTurns(Callback):
    """After each of our steps, one of the other side; clocks both."""

    def __init__(self, other: BareStep | Peer, pause: float) -> None:
        self.other = other
        self.pause = pause
        self.ours: list[float] = []
        self.others: list[float] = []
        self._started = 0.0

    def on_train_start(self, *_: Any) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Batch, *_: Any) -> None:
        # From the end of the other's last step: fetching and augmenting this batch is part of our step.
        self.ours.append((time.perf_counter() - self._started) * 1000)
        time.sleep(self.pause)
        self.others.append(self.other.milliseconds(batch))
        time.sleep(self.pause)
        self._started = time.perf_counter()


def random_examples(count: int, side: int) -> Examples:
    random = np.random.default_rng(0)
    return Examples(
        tuple(f"noise_{index}" for index in range(count)),
        random.integers(0, 256, (count, side, side), dtype=np.uint8),
        random.random((count, 1, side, side)) > 0.5,
        np.ones((count, 1), np.bool_),
        ("region",),
    )


def run(
    settings: TrainingSettings, other: BareStep | Peer, steps: int, pause: float
) -> tuple[list[float], list[float]]:
    lightning.seed_everything(0, verbose=False)
    task = SegmentationTask(build_unet(settings.backbone), settings)
    examples = random_examples((steps + WARM_UP) * settings.batch_size, settings.image_size[0])
    loader = DataLoader(
        ExampleData(examples, 0, Augmentation(settings.augmentation, settings.channels)),
        batch_size=settings.batch_size,
        sampler=EpochOrder(len(examples), 0, shuffle=True),
    )
    turns = TakeTurns(other, pause)
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        precision=lightning_precision(settings),  # type: ignore[arg-type]
        callbacks=[turns],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(task, loader)
    return turns.ours[WARM_UP:], turns.others[WARM_UP:]


def report(name: str, ours: list[float], others: list[float], other: str) -> None:
    mine, theirs = statistics.median(ours), statistics.median(others)
    pairs = sorted(theirs_i / mine_i for mine_i, theirs_i in zip(ours, others, strict=True))
    print(
        f"{name}: ours {mine:.0f} ms, {other} {theirs:.0f} ms, ratio {theirs / mine:.2f} "
        f"(pair by pair: median {statistics.median(pairs):.2f}, {pairs[0]:.2f}–{pairs[-1]:.2f}; {len(ours)} pairs)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--bare", nargs="*", default=["mobilenetv2", "densenet121", "inceptionv3"])
    parser.add_argument("--peer", type=Path, help="Python of the environment with benchmarks/peer-requirements.txt")
    arguments = parser.parse_args()
    precision = lightning_precision(make_settings({"accelerator": "cpu"}))
    processor = platform.processor() or platform.machine()
    print(f"{processor}, torch {torch.__version__}, {torch.get_num_threads()} threads, {precision}")
    for backbone in arguments.bare:
        settings = make_settings({"backbone": backbone, "encoder_weights": "none", "accelerator": "cpu"})
        ours, bare = run(settings, BareStep(settings), arguments.steps, pause=0)
        report(f"{backbone}, batch 10, 224², against the bare step", ours, bare, "bare")
        overhead = statistics.median(ours) / statistics.median(bare) - 1
        print(f"  overhead of data, augmentation, metrics and logging: {overhead:+.1%}")
    if arguments.peer:
        for precision_name in ("auto", "float32"):
            settings = make_settings(
                {
                    "backbone": "inceptionv3",
                    "encoder_weights": "none",
                    "accelerator": "cpu",
                    "precision": precision_name,
                }
            )
            peer = Peer(arguments.peer, "inceptionv3")
            print(f"peer: {peer.greeting}; ours {count_parameters(build_unet('inceptionv3'))}")
            ours, theirs = run(settings, peer, arguments.steps, QUIET_SECONDS)
            peer.close()
            name = f"inceptionv3, batch 10, 224², {lightning_precision(settings)}, against segmodels-keras"
            report(name, ours, theirs, "peer")


if __name__ == "__main__":
    main()
