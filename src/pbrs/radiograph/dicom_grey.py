"""DICOM's steps from stored values to what is shown, each a pure function on the image's distinct values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from pbrs.radiograph.dicom_attributes import items, number, numbers, text
from pbrs.radiograph.grey import Scaling

_NEARLY, _MOST_WHITE, _MOST_BLACK, _MOST_BEYOND = 0.02, 0.9, 0.99, 0.25
_FULL_RANGES = (8, 10, 12)


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A DICOM lookup table (PS3.3, C.11.1.1): `entries` (N,), the value mapped to the first of them, and the bits."""

    entries: NDArray[np.float64]
    first: int
    bits: int

    @classmethod
    def of(cls, item: Dataset, dataset: Dataset, values: NDArray[np.float64]) -> "LookupTable | None":
        """Read a LUT Descriptor and LUT Data, or give None if they make no sense.

        The first value mapped is US or SS as the values are (PS3.3, C.11.1.1.1 and C.11.2.1.1), and many writers get
        it wrong: of the two numbers that its 16 bits can mean, the one is taken that maps more of `values`.

        pydicom's own `apply_modality_lut` and `apply_voi_lut` do not take 9 to 15 bits, 8-bit entries packed in
        words, or values above the range of an 8-bit table.
        """
        descriptor = [int(value) for value in numbers(item, "LUTDescriptor")]
        if len(descriptor) != 3:
            return None
        count, first, bits = (descriptor[0] & 0xFFFF) or 2**16, descriptor[1], descriptor[2] & 0xFF
        entries = _entries(item, dataset, count, bits)
        if entries is None or not 1 <= bits <= 16 or entries.size < count:
            return None
        return cls(entries[:count].astype(np.float64), _first_mapped(first, count, values), bits)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map values; those before the table take its first entry, those beyond its last."""
        place = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        mapped: NDArray[np.float64] = self.entries[place]
        return mapped


def modality_values(values: NDArray[np.float64], dataset: Dataset) -> tuple[NDArray[np.float64], list[str]]:
    """Apply the modality LUT, or rescale slope and intercept (PS3.3, C.11.1).

    Parameters
    ----------
    values
        float64 (K,), stored values.
    dataset
        The image.

    Returns
    -------
    values
        float64 (K,), in modality units.
    warnings
        One line for what could not be applied.
    """
    tables = items(dataset, "ModalityLUTSequence")
    if tables:
        table = LookupTable.of(tables[0], dataset, values)
        if table is None:
            return values, ["the modality LUT cannot be read: left out"]
        return table.apply(values), []
    if "RescaleSlope" not in dataset and "RescaleIntercept" not in dataset:
        return values, []
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if slope is None and intercept is None:
        return values, []
    slope = 1.0 if slope is None else slope
    with np.errstate(over="ignore", invalid="ignore"):
        rescaled = values * slope + (intercept or 0.0)
    if slope == 0 or not np.isfinite(rescaled).all():
        return values, ["the rescale slope makes no sense: left out"]
    return rescaled, []


def voi_scaling(values: NDArray[np.float64], dataset: Dataset) -> tuple[Scaling | None, list[str]]:
    """Apply the first VOI LUT, or else the first window (PS3.3, C.11.2).

    Parameters
    ----------
    values
        float64 (K,), in modality units.
    dataset
        The image.

    Returns
    -------
    scaling
        Values in [0, 1], or None where the file has neither.
    warnings
        One line for what could not be applied.
    """
    tables = items(dataset, "VOILUTSequence")
    warnings: list[str] = []
    if tables:
        table = LookupTable.of(tables[0], dataset, values)
        if table is not None:
            scaled = np.clip(table.apply(values) / _top(table), 0, 1)
            return Scaling(scaled, f"VOI LUT{_of(len(tables))}"), []
        warnings.append("the VOI LUT cannot be read: left out")
    centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if not centres or not widths:
        if "WindowCenter" in dataset and "WindowWidth" in dataset and not (centres and widths):
            warnings.append("the window is empty or no number: left out")
        return None, warnings
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    windowed = apply_window(values, centres[0], widths[0], function)
    if windowed is None:
        return None, [*warnings, f"a window of width {widths[0]:g} makes no sense, or its function: left out"]
    shown = f"window{_of(min(len(centres), len(widths)))} (centre {centres[0]:g}, width {widths[0]:g}, {function})"
    return Scaling(windowed, shown), warnings


def apply_window(
    values: NDArray[np.float64], centre: float, width: float, function: str = "LINEAR"
) -> NDArray[np.float64] | None:
    """Window values to [0, 1] (PS3.3, C.11.2.1.2.1 and C.11.2.1.3).

    Parameters
    ----------
    values
        float64 (K,).
    centre, width
        The window.
    function
        ``"LINEAR"``, ``"LINEAR_EXACT"`` or ``"SIGMOID"``.

    Returns
    -------
    numpy.ndarray or None
        float64 (K,) in [0, 1]; None for another function, or a width that the function cannot have.
    """
    if function == "LINEAR" and width >= 1:
        if width == 1:
            return (values > centre - 0.5).astype(np.float64)
        return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    if function == "LINEAR_EXACT" and width > 0:
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if function == "SIGMOID" and width > 0:
        # Beyond ±50 the exponential says nothing more, and would overflow.
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -50, 50)))
    return None


def burnt_out(values: NDArray[np.float64], scaling: Scaling, counts: NDArray[np.int64], inverted: bool) -> str:
    """Say how a window or VOI LUT burns the image out, or give ``""``.

    It does if more than 90 % of the pixels are as good as white, or 99 % black: no window that someone chose for a
    radiograph does that, while a narrow one leaves half of the image at either end. And a window of the full range of
    fewer bits than the values have (0 to 255 over 12 bits: left over from another copy) does from a quarter in white.
    Little is lost where this is wrong: by percentiles are shown all radiographs without a window.

    Parameters
    ----------
    values, scaling, counts
        Modality values (K,), what they are shown as, and how many pixels have each.
    inverted
        Whether the result will be turned over.
    """
    total = max(1, int(counts.sum()))
    brightest, darkest = (
        float(counts[part].sum()) / total for part in (scaling.table >= 1 - _NEARLY, scaling.table <= _NEARLY)
    )
    white, black = (darkest, brightest) if inverted else (brightest, darkest)
    if white > _MOST_WHITE:
        return f"{white:.0%} of the image white"
    if black > _MOST_BLACK:
        return f"{black:.1%} of the image black"
    below, above = values[scaling.table <= 0], values[scaling.table >= 1]
    if brightest > _MOST_BEYOND and above.size and scaling.rule.startswith("window"):
        first = float(below.max()) if below.size else float(values.min())
        for bits in _FULL_RANGES:
            top = 2**bits - 1
            if abs(first) <= 2 and abs(float(above.min()) - top) <= 2 and values[counts > 0].max() > 2 * top:
                return f"{bits} bits of values that have more, {brightest:.0%} of them beyond it"
    return ""


def is_shown_inverted(dataset: Dataset) -> tuple[bool, list[str]]:
    """Tell whether small values are shown bright: MONOCHROME1, or a Presentation LUT Shape of INVERSE.

    The two say the same thing twice (PS3.3, C.7.6.3.1.2 and C.11.6.1.2); together they invert once.
    """
    shape = text(dataset, "PresentationLUTShape")
    first = text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    if shape == "INVERSE" and not first:
        return True, ["Presentation LUT Shape INVERSE with MONOCHROME2 is a contradiction: inverted; check the overlay"]
    return first, []


def _first_mapped(first: int, count: int, values: NDArray[np.float64]) -> int:
    other = first - 2**16 if first >= 2**15 else first + 2**16 if first < 0 else first
    mapped = {start: int(((values >= start) & (values < start + count)).sum()) for start in (first, other)}
    return other if mapped[other] > mapped[first] else first


def _top(table: LookupTable) -> float:
    """Give the value that is shown brightest: by the declared bits, unless the entries clearly have other ones."""
    used = max(1, int(table.entries.max()).bit_length())
    bits = table.bits if table.bits - 1 <= used <= table.bits else used
    return float(2**bits - 1)


def _entries(item: Dataset, dataset: Dataset, count: int, bits: int) -> NDArray[np.integer] | None:
    try:
        data = item["LUTData"].value
        if isinstance(data, bytes):
            if bits <= 8 and count <= len(data) < 2 * count:
                return np.frombuffer(data, np.uint8)
            little = dataset.original_encoding[1] is not False
            return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2")
        words = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)
    except Exception:
        return None
    if bits <= 8 and words.size < count <= 2 * words.size:
        # Two 8-bit entries in each word (PS3.3, C.11.1.1.1), the first in the low byte.
        return words.astype("<u2").view(np.uint8)
    return words


def _of(count: int) -> str:
    return f" 1 of {count}" if count > 1 else ""
