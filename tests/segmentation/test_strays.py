"""Pieces that cannot belong to the bone that they are called are left out; fragments stay."""

import numpy as np
import pytest

from pbrs.segmentation.strays import drop_strays
from pelvis_output import SHAPE, disc, output_of, pelvis
from small_model import CHANNELS


def with_piece(piece):
    structures = pelvis()
    return output_of(structures | {"femur_right": structures["femur_right"] | piece})


def of(output, name):
    return output[CHANNELS.index(name)] >= 0.5


def test_a_ruler_between_the_legs_is_no_femur():
    ruler = disc(235, 160, 18, 5)
    given = with_piece(ruler)
    output, names = drop_strays(given, CHANNELS, 0.5)
    assert names == ("femur_right",)
    assert not (of(output, "femur_right") & ruler).any()
    assert not (of(output, "region") & ruler).any()
    assert np.array_equal(of(output, "femur_right"), of(output_of(pelvis()), "femur_right"))
    assert np.array_equal(of(output, "region"), of(output_of(pelvis()), "region"))
    assert (of(given, "femur_right") & ruler).any(), "the input is left as it was"


def test_a_fragment_beside_its_bone_stays():
    given = with_piece(disc(240, 84, 8, 6))
    output, names = drop_strays(given, CHANNELS, 0.5)
    assert names == ()
    assert output is given


def test_a_stray_upon_another_bone_leaves_that_bone_whole():
    on_sacrum = disc(80, 160, 8, 8)
    output, names = drop_strays(with_piece(on_sacrum), CHANNELS, 0.5)
    assert names == ("femur_right",)
    assert of(output, "region")[on_sacrum].all()
    assert of(output, "sacrum")[on_sacrum].all()


@pytest.mark.parametrize("channels", [("region",), ("region", "sacrum")])
def test_models_without_all_structures_are_left_alone(channels):
    output = np.zeros((len(channels), *SHAPE), np.float32)
    assert drop_strays(output, channels, 0.5) == (output, ())
