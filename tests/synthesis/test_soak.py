"""What takes longer: many samples of the widened ranges, and drawing that is killed at random moments."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pbrs.dataset.folder import open_dataset
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import widened
from pbrs.synthesis.generator import generate

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("by", [1.0, 1.5, 2.0])
def test_a_thousand_samples_have_a_region_and_a_picture(by):
    table = widened(FACTORS, by)
    for index in range(1000):
        sample = generate(77, index, size=256, table=table)
        assert sample.mask.mean() > 0.01, index
        assert sample.pixels.std() > 0.5, index
        assert np.isfinite(list(sample.parameters.values())).all(), index


def test_drawing_that_is_killed_at_random_moments_ends_with_the_same_bytes(tmp_path: Path):
    options = ("-n", "400", "--size", "256", "--looks", "2", "--structures", "--workers", "2")
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run([*_command(), *options, "-o", undisturbed], check=True)
    chance = random.Random(0)
    for turn in range(6):
        process = subprocess.Popen([*_command(), *options, "-o", killed], start_new_session=True)
        time.sleep(chance.uniform(2, 6))
        os.killpg(process.pid, signal.SIGKILL if turn % 2 else signal.SIGINT)
        process.wait()
        if killed.exists():
            break
    if not killed.exists():
        subprocess.run([*_command(), *options, "-o", killed], check=True)
    one, other = (
        {file.relative_to(root): file.read_bytes() for file in root.rglob("*.*")} for root in (undisturbed, killed)
    )
    assert one == other
    assert len(open_dataset(killed).stems) == 400
    assert [path.name for path in tmp_path.iterdir() if path not in (undisturbed, killed)] == []


def _command() -> list[str]:
    return [sys.executable, "-m", "pbrs", "synthesize"]
