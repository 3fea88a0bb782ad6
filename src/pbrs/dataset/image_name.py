"""What an image was called before an annotation tool renamed it."""

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from pbrs.file_name import name_as_text

# Roboflow: `case_01_png.rf.<hash>.jpg` of `case_01.png`; newer hashes have letters of both cases.
_ROBOFLOW = re.compile(r"(.+)_(?:png|jpe?g|tiff?|bmp|webp|dcm|dicom)\.rf\.[0-9A-Za-z]{6,}", re.IGNORECASE)
# Label Studio: eight hexadecimal digits before the name of what was uploaded.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")


def possible_stems(*names: str) -> list[str]:
    """Give the stems that an image may have, the likeliest first, each once.

    Parameters
    ----------
    names
        What the export calls the image's file: a name, with folders of either kind before it.
    """
    exact = [stem_of_name(name) for name in names]
    renamed = [found[1] for stem in exact for made in (_ROBOFLOW, _UPLOADED) if (found := made.fullmatch(stem))]
    return list(dict.fromkeys([*exact, *renamed]))


def stem_of_name(name: str) -> str:
    """Give the stem of a file's name as an export writes it; a dotted number at its end is no suffix."""
    last = PurePosixPath(name.replace("\\", "/")).name or name
    path = PurePosixPath(last)
    return name_as_text(path.stem if path.suffix and not path.suffix[1:].isdigit() else last)


def name_in_address(address: str) -> str:
    """Give the file's name in a web address or in one of Label Studio's local files (``…?d=folder/case.png``)."""
    try:
        parts = urlsplit(address)
        local = parse_qs(parts.query).get("d")
    except ValueError:
        return address
    return local[0] if local else unquote(parts.path)
