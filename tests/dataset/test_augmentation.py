"""Augmentation moves image and mask together, and depends on its key alone."""

import numpy as np
import pytest
import torch

from pbrs.dataset.augmentation import Augmentation, AugmentationSettings, mix_seed
from pbrs.errors import InputError
from phantom import phantom

SIDES = ("region", "hip_left", "hip_right")


@pytest.fixture
def example() -> tuple[torch.Tensor, torch.Tensor]:
    image, mask = phantom(3, (128, 128))
    return torch.from_numpy(image)[None].float() / 255, torch.from_numpy(mask)[None].float()


def test_the_same_key_gives_the_same_bits_whatever_was_drawn_before(example):
    augmentation = Augmentation(AugmentationSettings(), ("region",))
    torch.manual_seed(1)
    first = augmentation(*example, (0, 3, 7))
    torch.manual_seed(2)
    torch.rand(10)
    again = augmentation(*example, (0, 3, 7))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_the_global_random_numbers_are_left_as_they_were(example):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Augmentation(AugmentationSettings(), ("region",))(*example, (0, 0, 0))
    assert torch.equal(torch.rand(3), expected)


def test_every_epoch_seed_and_index_gives_another_change(example):
    augmentation = Augmentation(AugmentationSettings(), ("region",))
    images = [augmentation(*example, key)[0] for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]]
    for index, image in enumerate(images):
        assert all(not torch.equal(image, other) for other in images[index + 1 :])


def test_image_and_mask_stay_on_top_of_each_other():
    """A bone-bright square: wherever the mask goes, the brightness has gone too."""
    mask = torch.zeros(1, 96, 96)
    mask[:, 20:55, 30:80] = 1
    settings = AugmentationSettings(grey_probability=0, noise_probability=0)
    augmentation = Augmentation(settings, ("region",))
    for index in range(40):
        image, moved, _ = augmentation(mask.clone(), mask, (0, 0, index))
        assert set(moved.unique().tolist()) <= {0.0, 1.0}
        both = ((image > 0.5) & (moved > 0.5)).sum() / ((image > 0.5) | (moved > 0.5)).sum()
        assert both > 0.93


def test_grey_changes_leave_the_mask_alone_and_stay_in_range(example):
    settings = AugmentationSettings(flip_probability=0, affine_probability=0, grey_probability=1, noise_probability=1)
    image, mask, flipped = Augmentation(settings, ("region",))(*example, (0, 0, 0))
    assert torch.equal(mask, example[1])
    assert not flipped
    assert image.min() >= 0
    assert image.max() <= 1
    assert not torch.equal(image, example[0])


def test_a_flip_swaps_left_and_right_structures(example):
    image, region = example
    masks = torch.cat([region, torch.zeros_like(region), torch.zeros_like(region)])
    masks[1, 10:20, 90:110], masks[2, 30:60, 5:15] = 1, 1
    settings = AugmentationSettings(flip_probability=1, affine_probability=0, grey_probability=0, noise_probability=0)
    changed, moved, flipped = Augmentation(settings, SIDES)(image, masks, (0, 0, 0))
    assert flipped
    assert torch.equal(changed, image.flip(-1))
    assert torch.equal(moved[0], masks[0].flip(-1))
    assert torch.equal(moved[1], masks[2].flip(-1))
    assert torch.equal(moved[2], masks[1].flip(-1))


def test_one_side_without_the_other_is_refused():
    with pytest.raises(InputError, match="hip_left comes without hip_right"):
        Augmentation(AugmentationSettings(), ("region", "hip_left"))


def test_probabilities_and_ranges_are_those_of_the_settings():
    """Over many keys: half are flipped, and the mask's area follows the scale, 0.64 to 1.44."""
    mask = torch.zeros(1, 64, 64)
    mask[:, 24:40, 24:40] = 1
    augmentation = Augmentation(AugmentationSettings(shear_deg=0), ("region",))
    flips, areas = [], []
    for index in range(300):
        _, moved, flipped = augmentation(mask, mask, (0, 0, index))
        flips.append(flipped)
        areas.append(moved.sum().item() / mask.sum().item())
    assert np.mean(flips) == pytest.approx(0.5, abs=0.1)
    assert min(areas) == pytest.approx(0.64, abs=0.1)
    assert max(areas) == pytest.approx(1.44, abs=0.12)


def test_mixed_seeds_of_neighbours_share_no_pattern():
    seeds = {mix_seed(seed, epoch, index) for seed in range(5) for epoch in range(20) for index in range(20)}
    assert len(seeds) == 2000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert mix_seed(1, 0) != mix_seed(0, 1)
