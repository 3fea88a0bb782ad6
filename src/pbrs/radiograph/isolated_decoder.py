"""Decoding in a process of its own, for GDCM: on damaged data it ends the process it runs in.

GDCM throws C++ exceptions that its Python binding does not catch. Nothing else that is free decodes JPEG lossless or
JPEG Extended of 12 bits, and one broken file must not end a folder's run or a server. A child costs about half
a second.
"""

import io
import subprocess
import sys

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array

from pbrs.radiograph.limits import muted_warnings

_MOST_SECONDS = 120
_IMAGE_PIXEL_GROUP, _PIXEL_DATA = 0x0028, 0x7FE00010


def decode_isolated(dataset: Dataset, plugin: str, extended_bits: int | None = None) -> NDArray[np.integer]:
    """Decode pixel data as `pydicom.pixels.pixel_array` does, in a child process.

    Only the image pixel module and the pixel data are handed over.

    Parameters
    ----------
    dataset
        The image.
    plugin
        pydicom's name of the decoding plugin.
    extended_bits
        Bits of a sample in JPEG Extended of more than 8, which GDCM decodes though pydicom does not let it.

    Raises
    ------
    ValueError
        If the child fails, whatever the reason.
    """
    content = Dataset()
    for element in dataset:
        if element.tag.group == _IMAGE_PIXEL_GROUP or element.tag == _PIXEL_DATA:
            content.add(element)
    image = FileDataset("", content, b"\0" * 128, dataset.file_meta, is_implicit_VR=False, is_little_endian=True)
    buffer = io.BytesIO()
    image.save_as(buffer, implicit_vr=False, little_endian=True)
    command = [sys.executable, "-P", "-m", "pbrs.radiograph.isolated_decoder", plugin, str(extended_bits or "")]
    try:
        child = subprocess.run(command, input=buffer.getvalue(), capture_output=True, timeout=_MOST_SECONDS, check=True)
        values: NDArray[np.integer] = np.load(io.BytesIO(child.stdout), allow_pickle=False)
    except (subprocess.SubprocessError, OSError, ValueError, EOFError):
        raise ValueError("the decoder failed") from None
    return values


def _decode_standard_input(plugin: str, extended_bits: str) -> None:
    with muted_warnings():
        dataset = dcmread(io.BytesIO(sys.stdin.buffer.read()), force=True)
        if extended_bits:
            values = _decode_extended(dataset, int(extended_bits))
        else:
            values = pixel_array(dataset, correct_unused_bits=False, decoding_plugin=plugin)
    np.save(sys.stdout.buffer, values, allow_pickle=False)


def _decode_extended(dataset: Dataset, bits: int) -> NDArray[np.integer]:
    """Decode one grey frame of JPEG Extended (PS3.5, A.4.1 and ITU-T T.81, process 4): unsigned, 9 to 12 bits."""
    import gdcm  # type: ignore[import-untyped]

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((dataset.Columns, dataset.Rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, bits, bits - 1, 0))
    # GDCM's binding gives bytes as text.
    frame = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(frame, np.uint16).reshape(dataset.Rows, dataset.Columns)


if __name__ == "__main__":
    _decode_standard_input(*sys.argv[1:3])
