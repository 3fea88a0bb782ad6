"""Masks from YOLO segmentation labels (Ultralytics, Roboflow): a text file an image, a polygon a line."""

import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from pbrs.dataset.annotation import Annotation, Draw, NoArea, draw_polygons, found_mask
from pbrs.dataset.found_mask import FoundMask
from pbrs.errors import InputError

_NO_LABELS = re.compile(r"(classes|notes|readme.*|train|val|valid|test)\.txt", re.IGNORECASE)
_SLACK = 0.05
"""By which a coordinate may lie beyond 0 to 1: some tools overshoot the border."""


def is_yolo(file: Path, text: str) -> bool:
    """Tell whether a text file holds labels: it lies in ``labels/``, or begins with five or more numbers."""
    if _NO_LABELS.fullmatch(file.name):
        return False
    if "labels" in file.parent.parts:
        # Where YOLO keeps them: a line that is none is told, an empty file says that there is nothing.
        return bool(text.strip())
    first = next((line for line in text.splitlines() if line.strip()), "")
    return bool(re.fullmatch(r"\s*\d+(\s+[-+.\deE]+){4,}\s*", first))


def read_yolo(file: Path, text: str, resize: bool) -> list[FoundMask]:
    """Find one mask for each class of one label file [1]_: the union of its polygons.

    Parameters
    ----------
    file
        The text file; its image has its name.
    text
        Lines of a class number and x, y, x, y, … as shares of the image's width and height.
    resize
        Not used: shares have no size.

    Raises
    ------
    InputError
        If a line is a box (five numbers) or no polygon, or the names of the classes cannot be read.

    References
    ----------
    .. [1] https://docs.ultralytics.com/datasets/segment/
    """
    names = _names_above(file)
    classes: dict[str, list[Annotation]] = defaultdict(list)
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            values = np.array([float(word) for word in words])
        except ValueError:
            values = np.array([np.nan])
        if not np.isfinite(values).all() or values[0] < 0 or values[0] != int(values[0]):
            raise InputError(f"{file.name}, line {number}: expected a class number and coordinates, got {line[:40]!r}")
        label = names.get(int(values[0]), str(int(values[0])))
        classes[label].append(Annotation(f"line {number}", _draw(values[1:])))
    return [found_mask([f"{file.stem}.png"], label, file, its, None, resize) for label, its in classes.items()]


def _draw(shares: NDArray[np.float64]) -> Draw:
    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        if len(shares) == 4:
            raise NoArea("it is a box (five numbers), not a polygon: export YOLO segmentation, not detection")
        if len(shares) % 2 or len(shares) < 6:
            raise NoArea(f"it has {len(shares)} coordinates, expected three or more pairs, and no confidence")
        if shares.min() < -_SLACK or shares.max() > 1 + _SLACK:
            raise NoArea("its coordinates lie beyond 0 to 1, where shares of width and height are expected")
        points = shares.reshape(-1, 2) * [size[1], size[0]]
        return draw_polygons([points], unit="shares")(size)

    return draw


def _names_above(file: Path) -> dict[int, str]:
    """The names of the classes, from ``data.yaml`` or ``classes.txt`` beside the labels or up to four folders above."""
    for folder in file.resolve().parents[:4]:
        for pattern in ("data.yaml", "data.yml", "dataset.yaml", "*.yaml", "*.yml", "classes.txt"):
            for candidate in sorted(folder.glob(pattern)):
                if candidate.is_file() and (names := _names_in(candidate, candidate.stat().st_mtime_ns)):
                    return names
    return {}


@lru_cache(maxsize=64)
def _names_in(file: Path, changed_ns: int) -> dict[int, str]:
    """The names in one file; `changed_ns` is the time of its last change, so that a new one is read anew."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".txt":
            return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
        content = yaml.safe_load(text)
        names = content.get("names") if isinstance(content, dict) else None
        if isinstance(names, list):
            return {number: str(name)[:100] for number, name in enumerate(names) if not isinstance(name, list | dict)}
        if isinstance(names, dict):
            return {int(number): str(name)[:100] for number, name in names.items() if not isinstance(name, list | dict)}
        return {}
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(
            f"{file}: names of classes cannot be read ({reason}): expected `names: [pelvis, …]`"
        ) from error
