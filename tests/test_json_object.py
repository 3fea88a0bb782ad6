"""A file that must hold a JSON object: read, or told in one line with what to do."""

import pytest

from pbrs.errors import InputError
from pbrs.json_object import read_json_object


def test_an_object_is_read_with_or_without_a_byte_order_mark(tmp_path):
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "a.json").write_text('{"name": "Röntgen"}', encoding=encoding)
        assert read_json_object(tmp_path / "a.json", "do this") == {"name": "Röntgen"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read as a JSON object"),
        (b"\xff\xfe", "cannot be read as a JSON object"),
        (b"[" * 100_000, "cannot be read as a JSON object"),
        (b"[1, 2]", "holds a list, not a JSON object"),
        (None, "no such file"),
    ],
)
def test_anything_else_is_told_in_one_line_with_what_to_do(tmp_path, content, said):
    file = tmp_path / "a.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json_object(file, "do this")
    message = str(caught.value)
    assert said in message
    assert str(file) in message
    assert message.endswith(": do this")
    assert len(message.splitlines()) == 1
