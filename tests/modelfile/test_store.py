"""Models by name: adding, finding, damage, replacing, removing."""

import errno
import hashlib
from pathlib import Path

import onnx
import pytest

from pbrs.errors import InputError
from pbrs.modelfile import store
from pbrs.modelfile.add_model import add_model
from pbrs.modelfile.store import (
    damaged_records,
    find_model,
    is_model_name,
    list_models,
    model_names,
    models_folder,
    read_card,
    remove_model,
)
from tiny_model import write_tiny_model


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of added models, empty; nothing ships."""
    monkeypatch.setenv("PBRS_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(store, "_SHIPPED_FILE", tmp_path / "shipped" / "pelvis.onnx")
    return tmp_path / "models"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "given" / "tiny.onnx")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_added_model_is_a_copy_that_is_found_by_name(tiny, models):
    added = add_model(tiny)
    assert (added.name, added.sha256, added.source) == ("tiny", sha256(tiny), "tiny.onnx")
    tiny.unlink()
    found = find_model("tiny")
    assert found.parent == models
    assert sha256(found) == added.sha256
    assert read_card(found)[0].name == "tiny"
    assert list_models() == [added]


def test_without_the_variable_models_go_to_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("PBRS_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models_folder().is_relative_to(tmp_path)
    assert models_folder().parts[-2:] == ("pbrs", "models")


@pytest.mark.parametrize("length", [8, 64])
def test_the_expected_sha256_may_be_its_beginning_in_any_case(tiny, length):
    assert add_model(tiny, sha256=sha256(tiny)[:length].upper()).sha256 == sha256(tiny)


@pytest.mark.parametrize("expected", ["0" * 64, "zz", "sha256", "", " ", "SEVEN"])
def test_another_sha256_than_the_expected_one_is_refused_and_nothing_is_kept(tiny, models, expected):
    with pytest.raises(InputError, match="SHA-256"):
        add_model(tiny, sha256=expected)
    assert not models.exists()


def test_fewer_digits_of_a_sha256_than_tell_files_apart_are_refused(tiny, models):
    with pytest.raises(InputError, match="8 to 64 digits"):
        add_model(tiny, sha256=sha256(tiny)[:7])
    assert not models.exists()


def test_a_taken_name_is_refused_whatever_its_case_until_forced(tiny, tmp_path, models):
    add_model(tiny, "clinic")
    other = write_tiny_model(tmp_path / "other.onnx", channels=("region", "sacrum"))
    with pytest.raises(InputError, match=r"already.*--force"):
        add_model(other, "Clinic")
    add_model(other, "clinic", force=True)
    assert sha256(find_model("clinic")) == sha256(other)
    assert len(list(models.glob("*.onnx"))) == 1


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "", ".hidden", "x" * 65, "two words", "tiny.onnx", "näme"])
def test_names_that_are_paths_or_none_are_refused(tiny, models, name):
    with pytest.raises(InputError, match="cannot be a model's name"):
        add_model(tiny, name)
    assert not models.exists()


@pytest.mark.parametrize("name", ["pelvis", "Pelvis"])
def test_the_shipped_models_name_is_not_given_away(tiny, name):
    with pytest.raises(InputError, match="ships with PBRS"):
        add_model(tiny, name, force=True)


def test_only_model_files_of_pbrs_are_added(tmp_path, tiny, models):
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match="not an ONNX file"):
        add_model(tmp_path / "text.onnx")
    strange = onnx.load(tiny)
    del strange.metadata_props[:]
    onnx.save(strange, tmp_path / "strange.onnx")
    with pytest.raises(InputError, match="no card"):
        add_model(tmp_path / "strange.onnx")
    with pytest.raises(InputError, match="does not exist"):
        add_model(tmp_path / "missing.onnx")
    assert not models.exists()


def test_a_model_that_does_not_do_what_its_card_says_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not fit its card: probability"):
        add_model(write_tiny_model(tmp_path / "liar.onnx", channels=("region", "sacrum"), made_channels=1))


def test_a_damaged_copy_is_noticed_when_it_is_used(tiny):
    added = add_model(tiny)
    content = bytearray(added.file.read_bytes())
    content[len(content) // 2] ^= 1
    added.file.write_bytes(content)
    with pytest.raises(InputError, match=r"tiny is damaged.*--force"):
        find_model("tiny")
    add_model(tiny, force=True)
    assert find_model("tiny")


def test_a_copy_that_is_gone_is_one_line(tiny):
    added = add_model(tiny)
    added.file.unlink()
    with pytest.raises(InputError, match="is gone"):
        find_model("tiny")


@pytest.mark.parametrize("record", ["{", "[]", '{"name": "bad"}', "[" * 100_000, ""])
def test_a_damaged_record_hides_no_other_model_and_can_be_removed(tiny, models, record):
    """Also the copy goes, whatever its record says; a model whose name begins the same stays."""
    other = add_model(tiny, "bad-one")
    copy = add_model(tiny, "Bad").file
    (models / "bad.json").write_text(record)
    assert list_models() == [other]
    assert model_names() == ["bad-one"]
    (told,) = damaged_records()
    assert "bad.json is damaged: `pbrs models remove bad`" in told
    with pytest.raises(InputError, match=r"bad\.json is damaged"):
        find_model("bad")
    remove_model("bad")
    assert not copy.exists()
    assert (list_models(), damaged_records()) == ([other], [])
    assert find_model("bad-one") == other.file


def test_a_record_cannot_point_outside_the_folder(tiny, models, tmp_path):
    add_model(tiny)
    record = models / "tiny.json"
    name = find_model("tiny").name
    record.write_text(record.read_text().replace(name, "../given/tiny.onnx"))
    with pytest.raises(InputError, match="is gone"):
        find_model("tiny")
    assert (tmp_path / "given" / "tiny.onnx").exists()


def test_a_full_disk_leaves_no_half_model_and_keeps_the_old_one(tiny, tmp_path, models, monkeypatch):
    add_model(tiny)
    before = sorted(models.iterdir())
    other = write_tiny_model(tmp_path / "other.onnx", channels=("region", "sacrum"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        add_model(other, "tiny", force=True)
    monkeypatch.undo()
    assert sorted(models.iterdir()) == before


def test_removing_deletes_the_copy_and_only_of_added_models(tiny, models):
    add_model(tiny)
    remove_model("tiny")
    assert list(models.iterdir()) == []
    for name, said in (("tiny", "no model tiny was added"), ("../given/tiny", "no model"), ("pelvis", "ships with")):
        with pytest.raises(InputError, match=said):
            remove_model(name)
    assert tiny.exists()


def test_without_a_shipped_model_the_user_is_told_to_give_one(tiny):
    with pytest.raises(InputError, match="--model"):
        find_model(None)
    assert model_names() == []


def test_the_shipped_model_is_found_without_a_name_and_by_its_own(tmp_path):
    shipped = write_tiny_model(tmp_path / "shipped" / "pelvis.onnx")
    assert find_model() == find_model("pelvis") == shipped
    (listed,) = list_models()
    assert listed.shipped
    assert listed.sha256 == sha256(shipped)


def test_files_and_run_folders_are_taken_as_they_are(tiny, tmp_path, monkeypatch):
    assert find_model(tiny) == tiny
    run = tmp_path / "run"
    model = write_tiny_model(run / "model.onnx")
    assert find_model(run) == find_model(str(run)) == model
    model.unlink()
    with pytest.raises(InputError, match=r"neither a run's folder nor holds model\.onnx") as caught:
        find_model(run)
    assert "pbrs export /" not in str(caught.value)
    (run / "settings.yaml").touch()
    with pytest.raises(InputError, match=r"no model\.onnx in .*pbrs export"):
        find_model(run)
    with pytest.raises(InputError, match="models list"):
        find_model("nowhere")
    with pytest.raises(InputError, match="name is empty"):
        find_model("")


def test_a_name_goes_before_a_file_that_is_still_reached_with_a_dot(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add_model(tiny)
    (tmp_path / "tiny").write_bytes(tiny.read_bytes())
    assert find_model("tiny").parent == models_folder()
    assert find_model("./tiny").resolve() == (tmp_path / "tiny").resolve()
    assert [is_model_name(name) for name in ("tiny", "pelvis", "./tiny", "nobody", "")] == [True, True, *[False] * 3]


def test_a_run_folder_is_added_under_the_folders_name(tmp_path):
    write_tiny_model(tmp_path / "run-7" / "model.onnx")
    added = add_model(tmp_path / "run-7")
    assert (added.name, added.source) == ("run-7", "run-7/model.onnx")
