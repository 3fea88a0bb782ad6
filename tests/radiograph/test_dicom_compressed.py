"""Compressed DICOM: bit depth, sign, missing decoders, damage."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders import base
from pydicom.uid import (
    HTJ2K,
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    RLELossless,
)

from damaged_file import assert_refused_or_a_radiograph, damage
from dicom_writer import make_dicom
from pbrs.errors import InputError
from pbrs.radiograph import dicom_pixels, read_radiograph
from pbrs.radiograph.codestream import Codestream, read_codestream, rle_length

DicomWriter = Callable[..., Path]
SAMPLE = np.add.outer(np.arange(40) * 20, np.arange(30) * 7).astype(np.uint16)


def jpeg2000(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format="JPEG2000", no_jp2=True, irreversible=False)
    return buffer.getvalue()


def jpeg(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format="JPEG", quality=100)
    return buffer.getvalue()


def wrap(file: Path, frame: bytes, syntax: pydicom.uid.UID, **attributes: object) -> Path:
    """Put a compressed frame into a DICOM file instead of its pixels."""
    dataset = pydicom.dcmread(file)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(file)
    return file


def scaled(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [0.5, 99.5])
    return np.clip((values - low) / (high - low), 0, 1)


def test_complaint_5_jpeg_2000_with_fewer_bits_in_the_header_keeps_its_values(write_dicom: DicomWriter) -> None:
    # Values need 16 bits, the header says 12: taken at its word they would wrap around.
    values = SAMPLE * 60
    file = wrap(write_dicom(values), jpeg2000(values), JPEG2000Lossless, BitsStored=12, HighBit=11)
    radiograph = read_radiograph(file)
    assert np.allclose(radiograph.pixels, scaled(values), atol=1e-6)
    assert radiograph.warnings == ("the compressed image has 16 bits, the header says 12",)


def test_complaint_5_jpeg_2000_that_agrees_is_not_warned_about(write_dicom: DicomWriter) -> None:
    radiograph = read_radiograph(wrap(write_dicom(SAMPLE), jpeg2000(SAMPLE), JPEG2000Lossless))
    assert np.allclose(radiograph.pixels, scaled(SAMPLE), atol=1e-6)
    assert radiograph.warnings == ()


@pytest.mark.parametrize("signed_codestream", [True, False])
@pytest.mark.parametrize("signed_header", [True, False])
def test_complaint_5_the_sign_of_jpeg_2000_makes_no_jump(
    write_dicom: DicomWriter, signed_codestream: bool, signed_header: bool
) -> None:
    # The header's sign says what the 16 bits mean, whatever the codestream says: a ramp across zero, or across half
    # the range, must not wrap around. Unsigned samples are offset by half their range before coding (T.800 G.1.2), so
    # that Pillow, which writes these, gives a signed codestream when the top bit is turned and the sign set in SIZ.
    values = (SAMPLE.astype(np.int32) - 500) if signed_header else SAMPLE * 60
    words = values.astype(np.uint16)
    frame = bytearray(jpeg2000(words ^ 0x8000 if signed_codestream else words))
    frame[42] = 0x8F if signed_codestream else 0x0F
    file = wrap(write_dicom(values.astype(np.int16 if signed_header else np.uint16)), bytes(frame), JPEG2000Lossless)
    radiograph = read_radiograph(file)
    assert np.allclose(radiograph.pixels, scaled(values), atol=1e-6)
    assert len(radiograph.warnings) == (signed_codestream != signed_header)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("signed", [True, False])
def test_complaint_5_jpeg_ls_keeps_depth_and_sign(write_dicom: DicomWriter, bits: int, signed: bool) -> None:
    values = (SAMPLE % 2 ** (bits - 1)).astype(np.int32) - (100 if signed else 0)
    width = 8 if bits == 8 else 16
    dtype = np.dtype(f"{'i' if signed else 'u'}{width // 8}")
    values = values.clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    file = write_dicom(values.astype(dtype), BitsStored=bits, HighBit=bits - 1, syntax=JPEGLSLossless)
    radiograph = read_radiograph(file)
    assert np.allclose(radiograph.pixels, scaled(values), atol=1e-6)
    assert radiograph.bits == bits
    assert radiograph.warnings == ()


def test_baseline_jpeg_is_read_within_its_loss(write_dicom: DicomWriter) -> None:
    values = (SAMPLE // 5).astype(np.uint8)
    file = wrap(write_dicom(values), jpeg(values), JPEGBaseline8Bit)
    assert np.abs(read_radiograph(file).pixels - scaled(values)).max() < 0.03


def test_a_missing_decoder_is_named_with_what_installs_it(
    write_dicom: DicomWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_dicom(SAMPLE, syntax=JPEGLSLossless)
    monkeypatch.setattr(base.JPEGLSLosslessDecoder, "_available", {})
    with pytest.raises(InputError, match=r"JPEG-LS Lossless.*pip install 'pbrs\[dicom\]'"):
        read_radiograph(file)


def test_what_nothing_decodes_is_said_to_be_so(write_dicom: DicomWriter) -> None:
    file = wrap(write_dicom(SAMPLE, BitsStored=12, HighBit=11), b"\xff\xd8\xff\xd9", MPEG2MPML)
    with pytest.raises(InputError, match="which is not read"):
        read_radiograph(file)


def extended_jpeg(blocks: np.ndarray) -> bytes:
    """JPEG Extended of 12 bits in which each block of 8 × 8 has one grey (ITU-T T.81, process 4).

    Written by hand, with one code table for the blocks' mean and one for "nothing more": with a quantiser of 8 the mean
    stands there as it is, less half the range (T.81, A.3.1 and A.3.3).
    """
    sizes = range(13)
    bits, last = "", 0
    for grey in blocks.ravel():
        difference, last = int(grey) - 2048 - last, int(grey) - 2048
        size = abs(difference).bit_length()
        amount = difference if difference > 0 else difference + 2**size - 1
        bits += f"{size:04b}" + (f"{amount:0{size}b}" if size else "") + "0"  # 4 bits a size, then the end of the block
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    rows, columns = 8 * np.array(blocks.shape)
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, b"\0" + bytes([8] * 64)),
            segment(0xC1, bytes([12, rows >> 8, rows & 255, columns >> 8, columns & 255, 1, 1, 0x11, 0])),
            segment(0xC4, b"\0" + bytes([0, 0, 0, 13] + [0] * 12) + bytes(sizes)),
            segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
            segment(0xDA, bytes([1, 1, 0, 0, 63, 0])),
            coded,
            b"\xff\xd9",
        ]
    )


def test_jpeg_extended_of_12_bits_is_decoded(write_dicom: DicomWriter) -> None:
    pytest.importorskip("gdcm")
    blocks = np.random.default_rng(51).integers(0, 4096, (4, 5)).astype(np.uint16)
    values = blocks.repeat(8, axis=0).repeat(8, axis=1)
    file = wrap(
        write_dicom(values, BitsStored=12, HighBit=11),
        extended_jpeg(blocks),
        JPEGExtended12Bit,
        WindowCenter=2048.5,
        WindowWidth=4096,
    )
    radiograph = read_radiograph(file)
    assert np.abs(radiograph.pixels * 4095 - values).max() <= 1
    assert radiograph.warnings == ()


def test_jpeg_extended_of_12_bits_names_what_decodes_it(
    write_dicom: DicomWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base.JPEGExtended12BitDecoder, "_available", {"pillow": None})
    file = wrap(write_dicom(SAMPLE, BitsStored=12, HighBit=11), extended_jpeg(SAMPLE[:5, :5]), JPEGExtended12Bit)
    with pytest.raises(InputError, match=r"JPEG Extended.*pip install 'pbrs\[dicom\]'"):
        read_radiograph(file)


@pytest.mark.parametrize("is_whole", [True, False])
def test_when_a_decoder_fails_the_next_one_is_tried_in_a_process_of_its_own(
    write_dicom: DicomWriter, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    file = write_dicom(SAMPLE, syntax=JPEGLSLossless)
    tried: list[str] = []

    def fail(*_: object, decoding_plugin: str, **__: object) -> np.ndarray:
        tried.append(decoding_plugin)
        raise ValueError("Secret^Name")

    def decode(_dataset: object, plugin: str, _bits: object) -> np.ndarray:
        tried.append(f"isolated {plugin}")
        if not is_whole:
            raise ValueError("Secret^Name")
        return SAMPLE

    monkeypatch.setattr(dicom_pixels, "pixel_array", fail)
    monkeypatch.setattr(dicom_pixels, "decode_isolated", decode)
    if is_whole:
        assert np.allclose(read_radiograph(file).pixels, scaled(SAMPLE), atol=1e-6)
    else:
        with pytest.raises(InputError, match=r"none of 2 decoders \(pyjpegls, gdcm\) decodes the pixel data"):
            read_radiograph(file)
    assert tried == ["pyjpegls", "isolated gdcm"]


def test_headers_of_codestreams_are_read() -> None:
    assert read_codestream(jpeg2000(SAMPLE)) == Codestream(40, 30, 1, 16, False)
    assert read_codestream(jpeg(SAMPLE.astype(np.uint8))) == Codestream(40, 30, 1, 8, None)
    assert read_codestream(b"GIF89a") is None
    assert read_codestream(b"\xff\xd8") is None
    assert read_codestream(b"") is None


@given(st.binary(max_size=300))
def test_the_length_of_rle_data_is_what_pydicom_decodes(body: bytes) -> None:
    from pydicom.pixels.decoders.rle import _rle_decode_segment

    frame = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + b"\0" * 56 + body
    decoded = len(_rle_decode_segment(body))
    # A run or copy cut short by the end counts in full here: never fewer than are decoded.
    assert decoded <= rle_length(frame, 10**9) <= decoded + 129


def compressed_samples(folder: Path) -> dict[str, bytes]:
    plain = make_dicom(folder / "plain.dcm", SAMPLE)
    return {
        "plain": plain.read_bytes(),
        "rle": make_dicom(folder / "a.dcm", SAMPLE, syntax=RLELossless).read_bytes(),
        "jpeg-ls": make_dicom(folder / "a.dcm", SAMPLE, syntax=JPEGLSLossless).read_bytes(),
        "deflated": make_dicom(folder / "a.dcm", SAMPLE, syntax=DeflatedExplicitVRLittleEndian).read_bytes(),
        "jpeg2000": wrap(plain, jpeg2000(SAMPLE), JPEG2000Lossless).read_bytes(),
        "jpeg": wrap(
            make_dicom(folder / "b.dcm", SAMPLE.astype(np.uint8)), jpeg(SAMPLE.astype(np.uint8)), JPEGBaseline8Bit
        ).read_bytes(),
    }


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return compressed_samples(tmp_path_factory.mktemp("contents"))


def damage_a_dicom(contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = contents[data.draw(st.sampled_from(sorted(contents)))]
    file = tmp_path_factory.getbasetemp() / "damaged.dcm"
    file.write_bytes(damage(content, data))
    assert_refused_or_a_radiograph(file)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_damaged_dicom_is_an_input_error_or_still_a_radiograph(
    contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damage_a_dicom(contents, tmp_path_factory, data)


@pytest.mark.soak
@settings(max_examples=6000, deadline=None)
@given(data=st.data())
def test_a_damaged_dicom_is_at_length_an_input_error_or_still_a_radiograph(
    contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damage_a_dicom(contents, tmp_path_factory, data)


def test_a_decoder_that_ends_its_process_does_not_end_ours(samples: dict[str, Path], tmp_path: Path) -> None:
    # GDCM alone decodes JPEG lossless, and aborts on some of these.
    content = samples["SC_rgb_jpeg_gdcm.dcm"].read_bytes()
    frame = content.index(b"\xff\xd8\xff")
    file = tmp_path / "damaged.dcm"
    for step in range(4):
        damaged = bytearray(content)
        for at in range(frame + 150 + step, min(frame + 400, len(content)), 23):
            damaged[at] ^= 0x55
        file.write_bytes(damaged)
        try:
            problem = "" if read_radiograph(file).shape == (100, 100) else "another shape"
        except InputError as error:
            problem = str(error).removeprefix("damaged.dcm: the pixel data cannot be decoded")
            problem = "" if problem.startswith(":") else problem
        assert not problem


def test_high_throughput_jpeg_2000_names_the_extra_or_is_decoded(write_dicom: DicomWriter) -> None:
    file = wrap(write_dicom(SAMPLE), jpeg2000(SAMPLE), HTJ2K)
    if base.HTJ2KDecoder.is_available:
        assert read_radiograph(file).shape == (40, 30)
    else:
        with pytest.raises(InputError, match="pip install"):
            read_radiograph(file)
