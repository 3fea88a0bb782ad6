"""The stored values of a DICOM image: decoded within bounds, with unused bits and sign put right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEGExtended12Bit, RLELossless

from pbrs.errors import InputError
from pbrs.radiograph.codestream import Codestream, read_codestream, rle_length
from pbrs.radiograph.dicom_attributes import integer, text, texts_as_written
from pbrs.radiograph.dicom_incomplete import refuse_other_length
from pbrs.radiograph.isolated_decoder import decode_isolated
from pbrs.radiograph.limits import check_pixels

_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"}
_PLUGINS = ("pydicom", "pyjpegls", "pylibjpeg", "pillow")
"""Decoders in the order in which they are tried. GDCM, which pydicom would try first, comes last, and in a process of
its own: for JPEG lossless and JPEG Extended of 12 bits, which no other free one decodes, and where the others fail."""
_DAMAGED = "the pixel data cannot be decoded: damaged, incomplete or not as the header says; export it again"


@dataclass(frozen=True)
class PixelHeader:
    """The image pixel module (PS3.3, C.7.6.3) as far as decoding needs it."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @classmethod
    def of(cls, dataset: Dataset, source: str) -> tuple["PixelHeader", list[str]]:
        """Read and check it, and set what was absent to its default in `dataset`, which the decoders want whole.

        Returns
        -------
        header, warnings
            One line for the attributes that were absent, or written as they should not be.

        Raises
        ------
        InputError
            That names the attribute which is absent or makes no sense.
        """
        photometric = text(dataset, "PhotometricInterpretation")
        if photometric not in {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"} | _COLOUR:
            raise InputError(
                f"{source}: (0028,0004) PhotometricInterpretation is absent or unknown: expected MONOCHROME1, "
                "MONOCHROME2, PALETTE COLOR, RGB or YBR; export it again"
            )
        rows, columns = _needed(dataset, source, "Rows"), _needed(dataset, source, "Columns")
        check_pixels(source, rows, columns)
        samples = integer(dataset, "SamplesPerPixel") or (3 if photometric in _COLOUR else 1)
        allocated = integer(dataset, "BitsAllocated") or _bits_by_length(dataset, rows * columns * samples)
        if allocated is None:
            allocated = _needed(dataset, source, "BitsAllocated")
        stored = integer(dataset, "BitsStored") or allocated
        high = integer(dataset, "HighBit")
        if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated:
            raise InputError(
                f"{source}: {stored} of {allocated} bits (0028,0100 and 0028,0101): expected 1 to 32 bits stored in "
                "1, 8, 16 or 32; export it again"
            )
        if samples != (3 if photometric in _COLOUR else 1):
            raise InputError(f"{source}: {samples} samples a pixel in {photometric}: expected 3 in colour, 1 in grey")
        # A high bit that does not fit the stored bits means nothing: what everybody writes is BitsStored - 1.
        high = high if high is not None and stored - 1 <= high < allocated else stored - 1
        signed = integer(dataset, "PixelRepresentation") == 1
        header = cls(rows, columns, samples, photometric, allocated, stored, high, signed)
        return header, header._set_in(dataset)

    def _set_in(self, dataset: Dataset) -> list[str]:
        """Write what is taken into the data set; tell which of it was absent."""
        taken: dict[str, int | str] = {
            "SamplesPerPixel": self.samples,
            "PhotometricInterpretation": self.photometric,
            "BitsAllocated": self.bits_allocated,
            "BitsStored": self.bits_stored,
            "HighBit": self.high_bit,
            "PixelRepresentation": int(self.signed),
        }
        if self.samples > 1:
            taken["PlanarConfiguration"] = integer(dataset, "PlanarConfiguration") or 0
        notes = []
        for keyword, value in taken.items():
            if keyword == "PhotometricInterpretation":
                if texts_as_written(dataset, keyword) != [self.photometric]:
                    notes.append(f"{keyword} is not written in capitals: {self.photometric} taken")
            elif integer(dataset, keyword) is None:
                notes.append(f"{keyword} is absent: {value} taken")
            elif integer(dataset, keyword) == value:
                continue
            if keyword in dataset:
                del dataset[keyword]
            setattr(dataset, keyword, value)
        return notes


def decode_pixels(dataset: Dataset, header: PixelHeader, source: str) -> tuple[NDArray[np.integer], list[str]]:
    """Decode the pixel data.

    Parameters
    ----------
    dataset
        As `open_dicom` gives it.
    header
        Its image pixel module.
    source
        The file's name, for messages.

    Returns
    -------
    values
        Integer (H, W), or RGB (H, W, 3): as stored, unused bits not yet put right.
    warnings
        Where the codestream and the header say different things.

    Raises
    ------
    InputError
        If the decoder is not installed, or the data are damaged.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    _check_decoder(syntax, source)
    if not syntax.is_encapsulated:
        refuse_other_length(dataset, source, _native_bytes(header))
    codestream = _check_frame(dataset, header, syntax, source) if syntax.is_encapsulated else None
    try:
        values = _decode(dataset, header, codestream)
        if header.photometric == "PALETTE COLOR":
            values = apply_color_lut(values, dataset)
    except Exception:
        # pydicom and its plugins raise what broken data make them stumble over, and may quote attributes.
        raise InputError(f"{source}: {_failed(syntax)}") from None
    expected = (header.rows, header.columns)
    if values.shape[:2] != expected or values.ndim not in (2, 3) or values.shape[2:] not in ((), (3,)):
        raise InputError(f"{source}: {_DAMAGED}")
    return values, _contradictions(codestream, header)


def _failed(syntax: UID) -> str:
    """Say what is known when no decoder works: that it is the data's fault is likely, with several of them."""
    tried = _plugins(syntax) if syntax.is_encapsulated else []
    if len(tried) < 2:
        return _DAMAGED
    return (
        f"none of {len(tried)} decoders ({', '.join(tried)}) decodes the pixel data: damaged, incomplete or not as the "
        "header says; export it again, uncompressed if you can"
    )


def _plugins(syntax: UID) -> list[str]:
    """Name the decoders of a transfer syntax that are installed, in the order in which they are tried."""
    available = get_decoder(syntax).available_plugins
    return [name for name in (*_PLUGINS, "gdcm") if name in available] or list(available)


def stored_values(values: NDArray[np.integer], header: PixelHeader) -> NDArray[np.integer]:
    """Take the stored bits out of words that were not coded as a picture (PS3.5, 8.1.1).

    They are BitsStored of them, the highest at HighBit. What the other bits hold (overlays, junk) is dropped, and the
    sign is extended.

    Parameters
    ----------
    values
        Integer, any shape, BitsAllocated wide.
    header
        The image pixel module.
    """
    width = 8 * values.dtype.itemsize
    if header.bits_stored >= width or values.dtype.kind not in "iu":
        return values
    # To the top and back: the left shift drops what is above, the right shift what is below and extends the sign.
    up = np.left_shift(values, width - 1 - header.high_bit)
    shifted: NDArray[np.integer] = np.right_shift(up, width - header.bits_stored)
    return shifted


def _decode(dataset: Dataset, header: PixelHeader, codestream: Codestream | None) -> NDArray[np.integer]:
    """Decode with the plugins of `_PLUGINS`, in that order, and at last with GDCM; raises what the last one raises."""
    # Unused bits are put right by `stored_values`, which heeds HighBit too. In a codestream there are none.
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return pixel_array(dataset, correct_unused_bits=False)
    plugins = _plugins(syntax)
    deep = syntax == JPEGExtended12Bit and codestream is not None and codestream.bits > 8
    for plugin in ["gdcm"] if deep else plugins:
        try:
            values: NDArray[np.integer]
            if plugin == "gdcm":
                values = decode_isolated(dataset, plugin, codestream.bits if deep and codestream else None)
            else:
                values = pixel_array(dataset, correct_unused_bits=False, decoding_plugin=plugin)
        except Exception:
            if plugin in (plugins[-1], "gdcm"):
                raise
            continue
        if plugin == "pillow" and codestream and codestream.signed and not header.signed and header.samples == 1:
            # Pillow offsets signed samples by half their range; the others give their bits, which the header says
            # are unsigned.
            values ^= values.dtype.type(1 << (codestream.bits - 1))
        break
    return values


def _native_bytes(header: PixelHeader) -> int:
    """Count the bytes of uncompressed pixels, without the one that makes them even (PS3.5, 8.1.1 and 8.2)."""
    samples = header.rows * header.columns * header.samples
    if header.photometric == "YBR_FULL_422":
        samples = samples * 2 // 3
    return -(-samples * header.bits_allocated // 8)


def _bits_by_length(dataset: Dataset, samples: int) -> int | None:
    """Tell BitsAllocated from the length of uncompressed pixel data; None where it cannot be told."""
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return None
    length = len(dataset.PixelData or b"")
    return next((bits for bits in (8, 16, 32) if samples * bits // 8 <= length <= samples * bits // 8 + 1), None)


def _needed(dataset: Dataset, source: str, keyword: str) -> int:
    value = integer(dataset, keyword)
    if value is None:
        raise InputError(f"{source}: DICOM image without a usable {keyword}: damaged or incomplete; export it again")
    return value


def _check_decoder(syntax: UID, source: str) -> None:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        known = syntax.name if syntax.name != str(syntax) else "an unknown transfer syntax"
        raise InputError(f"{source}: stored as {known}, which is not read: export it uncompressed") from None
    if not decoder.is_available:
        raise InputError(f"{source}: compressed as {syntax.name}: to read it, pip install 'pbrs[dicom]'")
    if syntax == JPEGExtended12Bit and "gdcm" not in decoder.available_plugins:
        raise InputError(f"{source}: compressed as {syntax.name}: to read it, pip install 'pbrs[dicom]'")


def _check_frame(dataset: Dataset, header: PixelHeader, syntax: UID, source: str) -> Codestream | None:
    """Refuse a frame of another size than the header says before it is decoded; gives its own header, if any."""
    try:
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    except Exception:
        raise InputError(f"{source}: {_DAMAGED}") from None
    if syntax == RLELossless:
        expected = header.rows * header.columns * header.samples * max(1, header.bits_allocated // 8)
        # Each segment may be padded to an even length.
        if rle_length(frame, 2 * expected + 64) > expected + 64:
            raise InputError(f"{source}: {_DAMAGED}")
        return None
    found = read_codestream(frame)
    if found is None or (found.rows, found.columns, found.samples) != (header.rows, header.columns, header.samples):
        raise InputError(f"{source}: {_DAMAGED}")
    return found


def _contradictions(found: Codestream | None, header: PixelHeader) -> list[str]:
    warnings: list[str] = []
    if found is None:
        return warnings
    if found.bits != header.bits_stored:
        warnings.append(f"the compressed image has {found.bits} bits, the header says {header.bits_stored}")
    if found.signed is not None and found.signed != header.signed:
        signs = {True: "signed", False: "unsigned"}
        warnings.append(f"the compressed image is {signs[found.signed]}, the header says {signs[header.signed]}")
    return warnings
