"""Encoder weights: fetched only when asked for, checked before they are used, never a door for code."""

import hashlib
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision

from pbrs.errors import InputError
from pbrs.network import build_unet

torch_home = pytest.fixture(lambda tmp_path, monkeypatch: monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch")))


class RunsCode:
    """Unpickling this writes a file: it stands for any attack."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.fixture
def mobilenet():
    torch.manual_seed(3)
    return torchvision.models.mobilenet_v2()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_torchvisions_weights_fills_the_encoder(mobilenet, tmp_path, suffix):
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(mobilenet.state_dict(), file)
    else:
        safetensors.torch.save_file(mobilenet.state_dict(), file)
    network = build_unet("mobilenetv2", str(file))
    loaded = network.encoder.state_dict()
    for name, value in mobilenet.state_dict().items():
        if not name.startswith("classifier"):
            torch.testing.assert_close(loaded[name], value, rtol=0, atol=0)


def test_weights_of_another_network_are_refused_by_name(mobilenet, tmp_path):
    file = tmp_path / "mobilenet.safetensors"
    safetensors.torch.save_file(mobilenet.state_dict(), file)
    with pytest.raises(InputError, match="do not fit ResNet50"):
        build_unet("resnet50", str(file))


def test_a_digest_that_does_not_match_is_refused(mobilenet, tmp_path):
    file = tmp_path / "weights-00000000.pth"
    torch.save(mobilenet.state_dict(), file)
    with pytest.raises(InputError, match="damaged"):
        build_unet("mobilenetv2", str(file))
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    build_unet("mobilenetv2", str(file), encoder_weights_sha256=right)
    with pytest.raises(InputError, match="damaged"):
        build_unet("mobilenetv2", str(file), encoder_weights_sha256="f" * 64)


def test_a_malicious_pickle_is_refused_before_it_runs(tmp_path):
    victim, file = tmp_path / "owned", tmp_path / "evil.pth"
    file.write_bytes(pickle.dumps(RunsCode(victim)))
    with pytest.raises(InputError, match="safely"):
        build_unet("mobilenetv2", str(file))
    torch.save({"features.0.0.weight": RunsCode(victim)}, file)
    with pytest.raises(InputError, match="safely"):
        build_unet("mobilenetv2", str(file))
    assert not victim.exists()


@pytest.mark.parametrize("content", [b"", b"nothing that torch knows", b"PK\x03\x04broken"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_file_is_one_line(tmp_path, content, suffix):
    file = tmp_path / f"broken{suffix}"
    file.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read safely") as caught:
        build_unet("mobilenetv2", str(file))
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_what_is_expected(tmp_path):
    with pytest.raises(InputError, match="imagenet, none, or a safetensors"):
        build_unet("mobilenetv2", str(tmp_path / "nothing.pth"))


@pytest.mark.usefixtures("torch_home")
def test_without_a_network_imagenet_weights_are_one_line_that_says_what_to_do(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("torch.hub.urlopen", refuse)
    with pytest.raises(InputError, match=r"copy densenet121-.*\.pth to .*--encoder-weights") as caught:
        build_unet("densenet121", "imagenet")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("torch_home")
def test_weights_in_torchs_cache_need_no_network(mobilenet, monkeypatch):
    weights = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(mobilenet.state_dict(), cache / Path(weights.url).name)
    monkeypatch.setattr("torch.hub.urlopen", lambda *_, **__: pytest.fail("the network was asked"))
    network = build_unet("mobilenetv2", "imagenet")
    torch.testing.assert_close(network.encoder.state_dict()["features.0.0.weight"], mobilenet.features[0][0].weight)


@pytest.mark.parametrize("kind", ["not a number", "sparse", "meta", "complex"])
def test_tensors_that_are_not_plain_finite_numbers_are_refused(mobilenet, tmp_path, kind):
    state = mobilenet.state_dict()
    first = state["features.0.0.weight"].clone()
    state["features.0.0.weight"] = {
        "not a number": torch.full_like(first, torch.nan),
        "sparse": first.to_sparse(),
        "meta": first.to("meta"),
        "complex": first.to(torch.complex64),
    }[kind]
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(InputError, match=r"features\.0\.0\.weight"):
        build_unet("mobilenetv2", str(tmp_path / "odd.pth"))
