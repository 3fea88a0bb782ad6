"""Settings files of strangers: read, or one line within a second."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damaged_file import assert_read_or_one_line, damage
from pbrs.errors import InputError
from pbrs.training.settings import make_settings, read_settings_file, write_settings

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "epochs: *i\n",
        "epochs: &e [*e]\n",
        "epochs: 2026-11-27\n",
        "epochs: 2026-13-45\n",
        "epochs: 0x_\n",
        "epochs: 0b_\n",
        "epochs: 0o_\n",
        "epochs: " + "9" * 5000 + "\n",
        "epochs: " + "9" * 4000 + "\n",
        "learning_rate: 1" + "0" * 4000 + "\n",
        "epochs: " + "[" * 5000 + "\n",
        "epochs: " + "{a: " * 5000 + "\n",
        "epochs: 1:99:" + "9" * 4500 + "\n",
        "epochs: !!binary x\n",
        "epochs: !!python/object/apply:os.system [true]\n",
        "epochs: !!timestamp x\n",
        "epochs: !!float x\n",
        "? [a, b]\n: 1\n",
        "1: 2\n",
        "<<: 3\n",
        "epochs: .inf\n",
        "focal_gamma: .inf\n",
        "dice_smooth: .nan\n",
        "augmentation: {noise_deviation: .inf}\n",
        "image_size: 999999999999\n",
        "batch_size: 1000000000000000000000\n",
        "epochs: [" + "x, " * 20_000 + "]\n",
        "- a\n",
        "",
        "# " + "x" * 100_000 + "\nepochs: 3\n",
        "epochs: \x00\n",
        "epochs: 3\nepochs: 4\n",
        "augmentation: {scale: 0.1, scale: 0.2}\n",
        "epochs: 1:30\n",
    ],
)
def test_what_is_no_setting_is_one_line_within_a_second(tmp_path, text):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        make_settings(read_settings_file(file))
    assert time.process_time() - started < 1
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "epochs"), [("010", 10), ("1_000", 1000), ("+7", 7), ("'12'", 12), ("3.0", 3), ("5 # five", 5)]
)
def test_a_number_is_what_it_looks_like(tmp_path, text, epochs):
    """Not in the base of 8, as YAML 1.1 has it; `1e-4` is a number though YAML takes it for text."""
    (tmp_path / "a.yaml").write_text(f"epochs: {text}\nlearning_rate: 1e-4\nencoder_weights_sha256: null\n")
    made = make_settings(read_settings_file(tmp_path / "a.yaml"))
    assert (made.epochs, made.learning_rate, made.encoder_weights_sha256) == (epochs, 1e-4, None)


def test_a_number_or_list_without_end_given_from_python_is_one_line():
    value = ["x"]
    for _ in range(40):
        value = [value] * 9
    for wrong in (value, 10**5000, {"a": value}):
        with pytest.raises(InputError, match="epochs"):
            make_settings({"epochs": wrong})


def test_a_pipe_a_device_and_a_missing_file_are_told(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", "/dev/zero", tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match=r"not a file|no such file"):
            read_settings_file(type(tmp_path)(file))


def test_damaged_settings_raise_nothing_but_input_error(tmp_path_factory):
    file = tmp_path_factory.mktemp("fuzz") / "settings.yaml"
    write_settings(file, make_settings({}))
    content = file.read_bytes()

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def damaged(data):
        file.write_bytes(damage(content, data))
        assert_read_or_one_line(lambda: make_settings(read_settings_file(file)))

    damaged()
