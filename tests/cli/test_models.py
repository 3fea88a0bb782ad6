"""`pbrs models` as a user meets it."""

import hashlib
import json
from pathlib import Path

import pytest

from command_line import pbrs
from pbrs.cli.models import complete_model
from pbrs.modelfile import store
from tiny_model import write_tiny_model


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model file to add; none was added, and none ships."""
    monkeypatch.setenv("PBRS_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(store, "_SHIPPED_FILE", tmp_path / "shipped" / "pelvis.onnx")
    return write_tiny_model(tmp_path / "tiny.onnx", channels=("region", "sacrum"))


def test_an_added_model_is_listed_shown_used_and_removed(tiny, phantoms, tmp_path):
    added = pbrs("models", "add", tiny, "--name", "clinic", "--sha256", hashlib.sha256(tiny.read_bytes()).hexdigest())
    assert added.status == 0, added.err
    assert "--model clinic" in added.out
    (listed,) = json.loads(pbrs("models", "list", "--json").out)
    assert listed["name"] == "clinic"
    assert listed["sha256"] == hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert listed["bytes"] == tiny.stat().st_size
    table = pbrs("models", "list").out
    assert "clinic" in table
    assert listed["sha256"][:12] in table
    image = phantoms / "images" / "phantom_000.png"
    assert pbrs("segment", image, "-o", tmp_path / "out", "--model", "clinic").status == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["model"]["sha256"] == listed["sha256"]
    assert pbrs("models", "remove", "clinic").status == 0
    assert json.loads(pbrs("models", "list", "--json").out) == []


def test_the_card_is_shown_for_people_and_for_machines(tiny):
    shown = pbrs("models", "show", tiny)
    assert shown.status == 0, shown.err
    for said in ("region, sacrum", "32×32", "CC0-1.0", "not a medical device", "synthetic radiographs only"):
        assert said in shown.out
    raw = json.loads(pbrs("models", "show", tiny, "--json").out)
    assert raw["card"]["channels"] == ["region", "sacrum"]
    assert raw["sha256"] == hashlib.sha256(tiny.read_bytes()).hexdigest()


def test_brackets_in_a_card_are_text_and_not_mark_up(tmp_path):
    odd = write_tiny_model(tmp_path / "odd.onnx", licence="[red]none[/red] [/oops]")
    shown = pbrs("models", "show", odd)
    assert shown.status == 0, shown.err
    assert "[red]none[/red] [/oops]" in shown.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "TEXT"], "not an ONNX file"),
        (["add", "TINY", "--name", "a/b"], "cannot be a model's name"),
        (["add", "TINY", "--name", "pelvis"], "ships with PBRS"),
        (["add", "TINY", "--sha256", "00000000"], "SHA-256"),
        (["add", "TINY", "--sha256", ""], "8 to 64 digits"),
        (["show", ""], "name is empty"),
        (["show", "nobody"], "models list"),
        (["show"], "--model"),
        (["remove", "nobody"], "models list"),
    ],
)
def test_mistakes_are_one_line_and_status_2(tiny, tmp_path, arguments, said):
    (tmp_path / "text").write_text("not a model")
    given = {"TINY": tiny, "TEXT": tmp_path / "text"}
    outcome = pbrs("models", *(given.get(argument, argument) for argument in arguments))
    assert outcome.status == 2
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_a_damaged_record_is_named_beside_the_models_that_are_well(tiny, tmp_path):
    assert pbrs("models", "add", tiny).status == 0
    (tmp_path / "models" / "bad.json").write_text("{")
    for listed in (pbrs("models", "list"), pbrs("models", "list", "--json")):
        assert listed.status == 0
        assert "tiny" in listed.out
        assert "bad.json is damaged" in listed.err
        assert len(listed.err.strip().splitlines()) == 1
    assert complete_model("") == ["tiny"]
    assert pbrs("models", "remove", "bad").status == 0
    assert pbrs("models", "list").err == ""


def test_a_damaged_copy_stops_segmenting_with_one_line(tiny, phantoms, tmp_path):
    assert pbrs("models", "add", tiny).status == 0
    (copy,) = (tmp_path / "models").glob("*.onnx")
    copy.write_bytes(copy.read_bytes()[:-1])
    outcome = pbrs("segment", phantoms / "images" / "phantom_000.png", "-o", tmp_path / "out", "--model", "tiny")
    assert outcome.status == 2
    assert "tiny is damaged" in outcome.err
    assert not (tmp_path / "out").exists()
