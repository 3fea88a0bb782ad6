"""IoU and F1 of each image while training, at the network's size."""

import torch
from torch import Tensor


@torch.no_grad()
def image_overlap(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Compute IoU and F1 (= Dice) of every image, at probability 0.5.

    Parameters
    ----------
    logits, masks
        (N, H, W) of one channel; masks of 0 and 1.

    Returns
    -------
    iou, f1
        float32 (N,); 1 where prediction and truth are both empty.
    """
    prediction, truth = logits > 0, masks > 0.5
    both = (prediction & truth).sum(dim=(-2, -1)).float()
    total = prediction.sum(dim=(-2, -1)).float() + truth.sum(dim=(-2, -1)).float()
    empty = total == 0
    one = torch.ones_like(total)
    return torch.where(empty, one, both / (total - both).clamp(min=1)), torch.where(
        empty, one, 2 * both / total.clamp(min=1)
    )
