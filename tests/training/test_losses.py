"""The loss against numbers worked out by hand from the published formulas."""

import math

import pytest
import torch

from pbrs.training.losses import FocalDiceLoss

ALL = torch.ones(1, 1, dtype=torch.bool)


def logits_of(*probabilities: float) -> torch.Tensor:
    return torch.logit(torch.tensor(probabilities)).view(1, 1, 1, -1)


def masks_of(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def test_four_pixels_by_hand():
    """p = .9 .6 .2 .3 with truth 1 1 0 0, in plain arithmetic."""
    focal = (
        0.25 * 0.1**2 * -math.log(0.9)
        + 0.25 * 0.4**2 * -math.log(0.6)
        + 0.75 * 0.2**2 * -math.log(0.8)
        + 0.75 * 0.3**2 * -math.log(0.7)
    ) / 4
    dice = 1 - (2 * (0.9 + 0.6) + 1e-5) / ((0.9 + 0.6 + 0.2 + 0.3) + 2 + 1e-5)
    assert dice == pytest.approx(0.25, abs=1e-5)
    loss = FocalDiceLoss()(logits_of(0.9, 0.6, 0.2, 0.3), masks_of(1, 1, 0, 0), ALL)
    assert loss.item() == pytest.approx(focal + dice, rel=1e-5)


def test_alpha_weighs_bone_and_its_complement_the_background():
    """One pixel missed by the same amount: background costs three times as much at alpha 0.25."""
    focal = FocalDiceLoss().focal
    missed = focal(logits_of(0.5), masks_of(1)).item()
    invented = focal(logits_of(0.5), masks_of(0)).item()
    assert missed == pytest.approx(0.25 * 0.25 * math.log(2), rel=1e-5)
    assert invented == pytest.approx(3 * missed, rel=1e-5)


def test_dice_is_over_the_batch_not_the_image():
    """Two images: one of four bone pixels found whole, one of a single one missed; over the batch 2·4/(4+5)."""
    logits = torch.full((2, 1, 2, 2), -20.0)
    masks = torch.zeros(2, 1, 2, 2)
    logits[0], masks[0], masks[1, 0, 0, 0] = 20.0, 1.0, 1.0
    dice = FocalDiceLoss().dice(logits, masks).item()
    assert dice == pytest.approx(1 - 8 / 9, abs=1e-5)


def test_an_empty_batch_predicted_empty_costs_nothing():
    loss = FocalDiceLoss()(torch.full((2, 1, 8, 8), -30.0), torch.zeros(2, 1, 8, 8), torch.ones(2, 1, dtype=torch.bool))
    assert loss.item() == pytest.approx(0, abs=1e-5)


def test_a_channel_without_masks_neither_counts_nor_learns():
    torch.manual_seed(0)
    logits = torch.randn(3, 2, 8, 8, requires_grad=True)
    masks = (torch.rand(3, 2, 8, 8) > 0.5).float()
    available = torch.tensor([[True, False]] * 3)
    loss = FocalDiceLoss()
    both = loss(logits, masks, available)
    alone = loss(logits[:, :1], masks[:, :1], available[:, :1])
    assert both.item() == pytest.approx(alone.item())
    both.backward()
    assert logits.grad is not None
    assert logits.grad[:, 0].abs().sum() > 0
    assert logits.grad[:, 1].abs().sum() == 0


def test_an_image_without_a_mask_is_left_out_of_its_channel():
    torch.manual_seed(1)
    logits, masks = torch.randn(3, 2, 8, 8), (torch.rand(3, 2, 8, 8) > 0.5).float()
    available = torch.tensor([[True, True], [True, False], [True, True]])
    loss = FocalDiceLoss()
    keep = [0, 2]
    whole = torch.ones(3, 1, dtype=torch.bool)
    expected = (loss(logits[:, :1], masks[:, :1], whole) + loss(logits[keep, 1:], masks[keep, 1:], whole[keep])) / 2
    assert loss(logits, masks, available).item() == pytest.approx(expected.item(), rel=1e-6)


def test_no_mask_at_all_gives_zero_with_a_gradient_of_zero():
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    loss = FocalDiceLoss()(logits, torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().sum() == 0
