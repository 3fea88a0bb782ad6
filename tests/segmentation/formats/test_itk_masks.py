"""NIfTI and NRRD: the same pixels through our own reader, where ITK puts the radiograph."""

import gzip
from dataclasses import replace
from datetime import datetime

import nibabel
import nrrd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pbrs.errors import InputError
from pbrs.radiograph import Radiograph, read_mask
from pbrs.segmentation.formats.itk_masks import write_nifti, write_nrrd

from .conftest import SECRETS

WRITERS = {"nifti": (write_nifti, "nii.gz"), "nrrd": (write_nrrd, "nrrd")}


@pytest.mark.parametrize("folder", WRITERS)
def test_region_and_structures_come_back_pixel_for_pixel(tmp_path, segmented, folder):
    write, suffix = WRITERS[folder]
    image = segmented()
    files = write(image, tmp_path)
    assert files["region"] == f"{folder}/case.{suffix}"
    assert files["sacrum"] == f"{folder}/sacrum/case.{suffix}"
    assert set(files) == set(image.masks)
    for name, mask in image.masks.items():
        assert np.array_equal(read_mask(tmp_path / files[name], mask.shape), mask), name


@pytest.mark.parametrize("folder", WRITERS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mask=arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)),
    spacing=st.none() | st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)),
)
def test_any_mask_comes_back_with_any_spacing(tmp_path_factory, segmented, segmentation, folder, mask, spacing):
    radiograph = Radiograph(mask.astype(np.float32), "x.png", "0" * 64, "PNG", 8, "drawn", spacing_mm=spacing)
    drawn = replace(segmentation, mask=mask, structures={})
    out = tmp_path_factory.mktemp("masks")
    files = WRITERS[folder][0](replace(segmented(), radiograph=radiograph, segmentation=drawn), out)
    assert np.array_equal(read_mask(out / files["region"], mask.shape), mask)


def test_nifti_lies_where_itk_puts_the_radiograph(tmp_path, segmented):
    image = segmented(PixelSpacing=[0.15, 0.14])
    nifti = nibabel.load(tmp_path / write_nifti(image, tmp_path)["region"])
    assert nifti.shape == (81, 58, 1)
    assert nifti.get_data_dtype() == np.uint8
    # Columns to the patient's left and rows to the back in LPS: −x and −y in RAS.
    np.testing.assert_allclose(nifti.affine, np.diag([-0.14, -0.15, 1, 1]), atol=1e-7)
    assert (int(nifti.header["sform_code"]), int(nifti.header["qform_code"])) == (1, 1)
    assert nifti.header.get_xyzt_units()[0] == "mm"


def test_nrrd_lies_where_itk_puts_the_radiograph(tmp_path, segmented):
    image = segmented(PixelSpacing=[0.15, 0.14])
    values, header = nrrd.read(str(tmp_path / write_nrrd(image, tmp_path)["region"]))
    assert values.shape == (81, 58, 1)
    assert header["space"] == "left-posterior-superior"
    np.testing.assert_allclose(header["space directions"], np.diag([0.14, 0.15, 1]))
    assert set(np.unique(values)) == {0, 1}


def test_a_spacing_that_is_not_known_is_1_of_an_unknown_unit(tmp_path, segmented):
    nifti = nibabel.load(tmp_path / write_nifti(segmented(), tmp_path)["region"])
    assert nifti.header.get_zooms() == (1, 1, 1)
    assert nifti.header.get_xyzt_units()[0] == "unknown"


@pytest.mark.parametrize("folder", WRITERS)
def test_nothing_of_the_patient_is_in_them_and_they_are_the_same_every_time(tmp_path, segmented, folder):
    write, _ = WRITERS[folder]
    first, second = (tmp_path / run / write(segmented(), tmp_path / run)["sacrum"] for run in ("first", "second"))
    content = first.read_bytes()
    plain = gzip.decompress(content) if folder == "nifti" else content
    assert not [secret for secret in SECRETS if secret.encode() in plain]
    assert content == second.read_bytes()


def test_no_time_is_written_into_a_nrrd_file(tmp_path, segmented, monkeypatch):
    times = iter(range(2000, 2100))

    class Clock:
        @staticmethod
        def utcnow() -> datetime:
            return datetime(next(times), 1, 1)

    monkeypatch.setattr("nrrd.writer.datetime", Clock)
    first, second = (tmp_path / name / write_nrrd(segmented(), tmp_path / name)["region"] for name in ("a", "b"))
    assert next(times) > 2001, "pynrrd asked for it"
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b"NRRD0005\ntype: ")


def test_what_nifti_cannot_hold_is_refused(tmp_path, segmented, segmentation):
    wide = np.zeros((1, 40_000), np.float32)
    radiograph = Radiograph(wide, "wide.png", "0" * 64, "PNG", 8, "drawn")
    image = replace(segmented(), radiograph=radiograph, segmentation=replace(segmentation, mask=wide > 0))
    with pytest.raises(InputError, match=r"wide\.png: 40000×1 pixels do not fit into NIfTI"):
        write_nifti(image, tmp_path)
