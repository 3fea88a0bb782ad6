"""`pbrs info` as a user meets it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from command_line import pbrs
from pbrs.cli import info
from pbrs.modelfile import store
from pbrs.modelfile.add_model import add_model
from tiny_model import write_tiny_model


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBRS_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(store, "_SHIPPED_FILE", tmp_path / "shipped" / "pelvis.onnx")
    return tmp_path / "models"


def test_versions_and_folders_are_told_for_people_and_for_machines(models):
    facts = json.loads(pbrs("info", "--json").out)
    assert facts["pbrs"] == version("pbrs")
    assert facts["runtimes"]["onnxruntime"] == version("onnxruntime")
    assert facts["models"] == {"shipped": None, "folder": str(models), "added": [], "damaged": []}
    assert facts["processor"]["usable"] >= 1
    told = pbrs("info").out
    assert version("onnxruntime") in told
    assert str(models) in told


def test_the_shipped_and_the_added_models_are_named(models, tmp_path):
    shipped = write_tiny_model(tmp_path / "shipped" / "pelvis.onnx")
    add_model(shipped, "clinic")
    facts = json.loads(pbrs("info", "--json").out)["models"]
    assert facts["shipped"]["name"] == "pelvis"
    assert facts["shipped"]["bytes"] == shipped.stat().st_size
    assert len(facts["shipped"]["sha256"]) == 64
    assert facts["added"] == ["clinic"]
    assert "pelvis" in pbrs("info").out


def test_a_damaged_record_is_named_and_hides_nothing_else(models, tmp_path):
    add_model(write_tiny_model(tmp_path / "tiny.onnx"))
    (models / "bad.json").write_text("{")
    facts = json.loads(pbrs("info", "--json").out)["models"]
    assert facts["added"] == ["tiny"]
    assert len(facts["damaged"]) == 1
    told = pbrs("info")
    assert told.status == 0
    assert "bad.json is damaged" in told.out


def test_what_is_missing_is_told_with_the_command_that_installs_it(monkeypatch):
    have = info._version
    monkeypatch.setattr(info, "_version", lambda name: None if name in ("torch", "openvino") else have(name))
    facts = json.loads(pbrs("info", "--json").out)
    assert facts["extras"]["train"]["for"] == "training, studies, export"
    assert facts["runtimes"]["openvino"] is None
    assert facts["extras"]["train"]["installed"] is False
    told = pbrs("info").out
    assert "pip install 'pbrs[train]'" in told
    assert "pip install 'pbrs[openvino]'" in told


def test_every_extra_and_each_of_its_packages_is_one_of_pyproject():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    for extra, (packages, _) in info.EXTRAS.items():
        declared = {re.split("[>=<~!;[ ]", needed)[0] for needed in project["optional-dependencies"][extra]}
        assert set(packages) <= declared


def test_it_imports_none_of_what_it_tells_about():
    code = (
        "import sys; from pbrs.cli.info import gather; gather();"
        "heavy = {'torch', 'onnxruntime', 'openvino', 'numba', 'scipy', 'pydicom', 'highdicom'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
