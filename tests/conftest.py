"""What several tests share: a small data set of phantoms, and one brief run with its model file."""

import os
from pathlib import Path
from typing import Any

# Before anything imports torch: on a shared machine two threads wait for each other longer than one computes.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

from phantom import write_phantoms

# The same examples in every run of the same tests. Hypothesis also draws constants out of the modules of ours that are
# imported by then: a file that runs alone may see others than in the whole suite.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 12 phantoms with a split of 7/2/3. Read only."""
    folder = write_phantoms(tmp_path_factory.mktemp("data") / "phantoms", 12)
    parts = ["train"] * 7 + ["validation"] * 2 + ["test"] * 3
    lines = [f"phantom_{index:03d},{part}" for index, part in enumerate(parts)]
    (folder / "split.csv").write_text("\n".join(["stem,part", *lines]) + "\n")
    (folder / "dataset.json").write_text('{"synthetic": true}')
    return folder


BRIEF: dict[str, Any] = {
    "backbone": "mobilenetv2",
    "encoder_weights": "none",
    "image_size": 96,
    "batch_size": 4,
    "epochs": 12,
    "learning_rate": 2e-3,
    "precision": "float32",
    "accelerator": "cpu",
}
"""Settings of a training that takes seconds."""


@pytest.fixture(scope="session")
def brief_settings() -> dict[str, Any]:
    return dict(BRIEF)


@pytest.fixture(scope="session")
def brief_run(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete, exported run that finds phantoms. Read only."""
    from pbrs.dataset.folder import open_dataset
    from pbrs.dataset.split_file import read_split
    from pbrs.modelfile.export import export_run
    from pbrs.training.fit import fit
    from pbrs.training.settings import make_settings

    run = tmp_path_factory.mktemp("runs") / "brief"
    fit(open_dataset(phantoms), read_split(phantoms / "split.csv"), make_settings(BRIEF), run)
    export_run(run, licence="CC0-1.0")
    return run
