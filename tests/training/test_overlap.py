"""IoU and F1 while training are of each image, whatever batch it came in."""

import pytest
import torch

from pbrs.training.overlap import image_overlap


def test_by_hand():
    logits = torch.tensor([[[3.0, 1.0], [-2.0, -1.0]]])
    masks = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    iou, f1 = image_overlap(logits, masks)
    assert iou.tolist() == pytest.approx([1 / 3])
    assert f1.tolist() == pytest.approx([2 / 4])


def test_the_mean_over_images_does_not_depend_on_the_batch_size():
    torch.manual_seed(0)
    logits, masks = torch.randn(6, 16, 16), (torch.rand(6, 16, 16) > 0.7).float()
    together = image_overlap(logits, masks)[0]
    apart = torch.cat([image_overlap(logits[i : i + 1], masks[i : i + 1])[0] for i in range(6)])
    torch.testing.assert_close(together, apart)


def test_empty_prediction_of_an_empty_mask_is_right_and_of_a_full_one_wrong():
    nothing, everything = torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4)
    assert image_overlap(nothing, torch.zeros(1, 4, 4)) == (1, 1)
    assert image_overlap(nothing, everything) == (0, 0)
