"""What derived objects take from a stranger's header: valid, or empty and named."""

import io
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.multival import MultiValue
from pydicom.uid import UID, JPEGBaseline8Bit
from pydicom.valuerep import validate_value

from dicom_writer import make_dicom
from pbrs.radiograph import read_radiograph
from pbrs.segmentation.formats.dicom_seg import write_seg
from pbrs.segmentation.formats.secondary_capture import write_sc
from pbrs.segmentation.formats.source_compression import take_compression
from pbrs.segmentation.formats.source_header import IDENTITY, PATIENT_AND_STUDY, SourceHeader, read_source_header

from .conftest import PATIENT, dciodvfy_errors

TEXTS = (*PATIENT_AND_STUDY, *IDENTITY, "BurnedInAnnotation")
"""Attributes that are copied, but for UIDs and numbers."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file without what is to be tried."""
    pixels = np.arange(58 * 81, dtype=np.uint16).reshape(58, 81)
    header = {keyword: value for keyword, value in PATIENT.items() if keyword not in TEXTS}
    path = tmp_path_factory.mktemp("plain") / "plain.dcm"
    return make_dicom(path, pixels, **{**header, "PatientName": None, "PatientID": None}).read_bytes()


def written(plain: bytes, folder: Path, charset: str | None = None, **raw: bytes) -> Path:
    """Write the image with attributes of these very bytes, whatever they are."""
    if charset is not None:
        raw["SpecificCharacterSet"] = charset.encode()
    path = folder / "case.dcm"
    # Out of order, at the end, and perhaps twice: pydicom takes the last, as it comes.
    path.write_bytes(plain + b"".join(element(keyword, content) for keyword, content in raw.items()))
    return path


def element(keyword: str, content: bytes) -> bytes:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    padded = content + b" " * (len(content) % 2)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    return head + dictionary_VR(keyword).encode() + len(padded).to_bytes(2, "little") + padded


def header_of(path: Path) -> SourceHeader:
    return read_source_header(path, read_radiograph(path))


NAMES = [
    (b"Doe\\Jane", None),
    (b"Doe^Jane\\", None),
    ("ソ^太郎".encode("shift_jis"), None),
    ("Müller^Jörg".encode("latin_1"), None),
    (b"\xff\xfe", "ISO_IR 192"),
    (b"Doe\x1b[2J", None),
    (b"Doe\nJane", "ISO_IR 192"),
    (b"A" * 65, None),
    (b"a=b=c=d", None),
    (b"1^2^3^4^5^6", None),
]


@pytest.mark.parametrize(("name", "charset"), NAMES)
def test_a_name_that_is_none_is_left_empty_and_named(plain, tmp_path, name, charset):
    header = header_of(written(plain, tmp_path, charset, PatientName=name))
    assert header.dataset.PatientName == ""
    assert header.warnings == ("PatientName: not valid in the source, left empty in DICOM outputs",)


@pytest.mark.parametrize(
    ("name", "charset", "read"),
    [
        ("Müller^Jörg".encode("latin_1"), "ISO_IR 100", "Müller^Jörg"),
        ("Пет^Иван".encode("iso8859_5"), "ISO_IR 144", "Пет^Иван"),
        # 誠 ends in the byte of a backslash.
        ("王誠^小东".encode("gb18030"), "GB18030", "王誠^小东"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう".encode(), "ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎"),
        (b"Doe^Jane  ", None, "Doe^Jane"),
    ],
)
def test_a_name_of_a_declared_character_set_is_taken_over(plain, tmp_path, name, charset, read):
    path = written(plain, tmp_path, charset, PatientName=name)
    header = header_of(path)
    assert str(header.dataset.PatientName) == read
    assert header.warnings == ()


@pytest.mark.parametrize(
    ("keyword", "value", "taken"),
    [
        ("StudyDate", b"20200101-20201231", ""),
        ("StudyDate", b"-20201231", ""),
        ("StudyDate", b"20200101-", ""),
        ("PatientBirthDate", b"20230229", ""),
        ("PatientBirthDate", b"00000000", ""),
        ("PatientBirthDate", b"1948", ""),
        ("PatientBirthDate", b"1948.02.29", "19480229"),
        ("StudyTime", b"101500-111500", ""),
        ("StudyTime", b"10:15:00", "101500"),
        ("StudyTime", b"10:15:00.25", "101500.25"),
        ("StudyTime", b"2515", ""),
        ("StudyTime", b"101560.123456", "101560.123456"),
        ("AccessionNumber", b"1\\2", ""),
        ("AccessionNumber", b"12345678901234567", ""),
        ("StudyID", b"\\", ""),
        ("PatientID", b"A\tB", ""),
        ("PatientID", b"x" * 65, ""),
        ("PatientSex", b"m", ""),
        ("PatientSex", b"M\\F", ""),
    ],
)
def test_other_values_are_empty_or_set_right_and_named(plain, tmp_path, keyword, value, taken):
    header = header_of(written(plain, tmp_path, **{keyword: value}))
    assert str(header.dataset[keyword].value) == taken
    named = [warning for warning in header.warnings if warning.startswith(f"{keyword}: ")]
    assert len(named) == len(header.warnings) == (value.decode() != taken)
    assert not [warning for warning in header.warnings if len(value) > 1 and value.decode() in warning]


def is_valid(keyword: str, value: str) -> bool:
    """As the standard's table 6.2-1 has it, stricter than pydicom: no ranges, one value."""
    representation = dictionary_VR(keyword)
    if value == "":
        return True
    validate_value(representation, value, RAISE)
    pattern = {
        "DA": r"[0-9]{8}",
        "TM": r"[0-9]{2,6}(\.[0-9]{1,6})?",
        "CS": r"[A-Z0-9 _]{1,16}",
        "SH": r"[^\\\x00-\x1f\x7f-\x9f]{1,16}",
        "LO": r"[^\\\x00-\x1f\x7f-\x9f]{1,64}",
        "PN": r"[^\\\x00-\x1f\x7f-\x9f]{1,194}",
    }[representation]
    return re.fullmatch(pattern, value) is not None


LETTERS = st.sampled_from([*b"0129AMYZaz\\^=.:-+ _/\0\n\t\x1b", 0x80, 0x83, 0x5C, 0xFC, 0xFF])
RAW = st.one_of(
    st.binary(max_size=80),
    st.lists(LETTERS, max_size=70).map(bytes),
    st.from_regex(rb"\A[0-9]{4}[.]?[0-9]{2}[.]?[0-9]{2}(-[0-9]{8})?\Z"),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(raw=dict.fromkeys(TEXTS, b"1\\2"), charset=None)
@example(raw=dict.fromkeys(TEXTS, b"20200101-20201231"), charset=None)
@given(
    raw=st.fixed_dictionaries(dict.fromkeys(TEXTS, RAW)),
    charset=st.sampled_from([None, "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 13", "nonsense", "\\X"]),
)
def test_whatever_the_attributes_hold_their_copies_are_valid(plain, tmp_path, raw, charset):
    header = header_of(written(plain, tmp_path, charset, **raw))
    told = " ".join(warning for warning in header.warnings if "left empty" in warning)
    for keyword, value in raw.items():
        copied = header.dataset.get(keyword, "")
        values = list(copied) if isinstance(copied, MultiValue) else [str(copied)]
        assert all(is_valid(keyword, str(one)) for one in values), keyword
        made = values == ["see the source image"]
        is_named = re.search(rf"\b{keyword}\b", told) is not None
        if value.strip(b"\0 \\") and (made or not any(values)):
            assert is_named, keyword
        assert not (is_named and any(values) and not made), keyword


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(value=b"1.2\\1.3")
@example(value=b"1.02")
@example(value=b"")
@given(value=st.binary(max_size=70) | st.from_regex(rb"\A[0-9.]{1,70}\Z"))
def test_whatever_a_uid_holds_only_a_valid_one_is_referred_to(plain, tmp_path, keyword, value):
    header = header_of(written(plain, tmp_path, **{keyword: value}))
    made = [header.dataset.StudyInstanceUID, header.dataset.SeriesInstanceUID, header.sop_class, header.sop_instance]
    assert all(uid is None or (UID(uid).is_valid and len(uid) <= 64) for uid in made)
    assert made[0]
    assert made[1]


def test_a_uid_that_was_removed_is_not_found_again_in_the_files_meta_information(plain, tmp_path, segmented):
    """Who takes SOPInstanceUID out of the data set often forgets its copy there."""
    path = written(plain, tmp_path, SOPInstanceUID=b"")
    removed = pydicom.dcmread(path).file_meta.MediaStorageSOPInstanceUID
    header = header_of(path)
    assert header.sop_instance is None
    assert header.warnings == ("the source has no valid SOPInstanceUID: DICOM outputs do not refer to it",)
    capture = (tmp_path / write_sc(segmented(path), tmp_path)).read_bytes()
    assert removed.encode() not in capture


@pytest.mark.parametrize("orientation", [["L"], ["L", "R\\F"], ["LR", "F"], ["LL", "F"], ["left", "foot"]])
@pytest.mark.filterwarnings("ignore")
def test_directions_that_are_none_are_left_out_and_named(segmented, orientation):
    header = segmented(PatientOrientation=orientation).source_header
    assert header.dataset.PatientOrientation == ""
    assert "PatientOrientation: not valid" in header.warnings[0]


SYNTAXES = {
    "1.2.840.10008.1.2.1": None,
    "1.2.840.10008.1.2.5": None,
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.57": None,
    "1.2.840.10008.1.2.4.70": None,
    "1.2.840.10008.1.2.4.80": None,
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.90": None,
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.201": None,
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
    "1.2.840.10008.1.2.4.110": None,
    "1.2.840.10008.1.2.4.112": "ISO_18181_1",
}
"""Lossy ones with the method as PS3.3, C.7.6.1.1.5.1 names it."""


@pytest.mark.parametrize("said", [None, "00", "01", ""])
@pytest.mark.parametrize(("syntax", "method"), SYNTAXES.items())
def test_a_transfer_syntax_that_allows_losses_is_told(syntax, method, said):
    source, header = pydicom.Dataset(), pydicom.Dataset()
    source.Rows, source.Columns, source.BitsAllocated = 58, 81, 16
    source.file_meta = pydicom.dataset.FileMetaDataset()
    source.file_meta.TransferSyntaxUID = UID(syntax)
    source.PixelData = b"\0" * 1000
    if said is not None:
        source.LossyImageCompression = said
    warnings = take_compression(source, header)
    is_lossy = method is not None or said == "01"
    assert header.LossyImageCompression == ("01" if is_lossy else "00")
    assert len(warnings) == (is_lossy and said != "01")
    if method is not None:
        assert header.LossyImageCompressionMethod == method
        assert header.LossyImageCompressionRatio == round(58 * 81 * 2 / 1000, 2)


def test_ratio_and_method_alone_say_that_there_was_loss(segmented):
    header = segmented(LossyImageCompressionRatio=[12.5], LossyImageCompressionMethod="ISO_15444_1").source_header
    assert header.dataset.LossyImageCompression == "01"
    assert header.dataset.LossyImageCompressionRatio == 12.5


@pytest.mark.parametrize("write", [write_seg, write_sc])
def test_a_jpeg_is_told_to_be_lossy_in_every_object(tmp_path, segmented, write):
    image = segmented()
    dataset = pydicom.dcmread(image.source)
    jpeg = io.BytesIO()
    Image.fromarray(np.tile(np.arange(81, dtype=np.uint8), (58, 1))).save(jpeg, "JPEG")
    dataset.PixelData = encapsulate([jpeg.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.save_as(image.source, enforce_file_format=True)
    path = tmp_path / write(segmented(image.source), tmp_path)
    made = pydicom.dcmread(path)
    assert made.LossyImageCompression == "01"
    assert made.LossyImageCompressionMethod == "ISO_10918_1"
    assert made.LossyImageCompressionRatio > 1
    assert dciodvfy_errors(path) == []
