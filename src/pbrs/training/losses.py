"""The paper's loss: binary focal loss plus Dice loss."""

import torch
from monai.losses.dice import DiceLoss
from monai.losses.focal_loss import FocalLoss
from torch import Tensor, nn


class FocalDiceLoss(nn.Module):
    """Binary focal loss (Lin et al. 2017) plus Dice loss over the batch, as the Keras library of the paper sums them.

    Per channel c, with probability p and truth g over all pixels of the batch:

    - focal: mean of ``-α (1-p)^γ log p`` where g = 1 and ``-(1-α) p^γ log(1-p)`` where g = 0;
    - Dice: ``1 - (2 Σ p g + s) / (Σ p + Σ g + s)``.

    The loss is their sum, averaged over the channels that have a mask in this batch.

    Parameters
    ----------
    alpha, gamma
        Of the focal loss.
    smooth
        s of the Dice loss.
    """

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, smooth: float = 1e-5) -> None:
        super().__init__()
        self.focal = FocalLoss(alpha=alpha, gamma=gamma)
        self.dice = DiceLoss(sigmoid=True, batch=True, smooth_nr=smooth, smooth_dr=smooth)

    def forward(self, logits: Tensor, masks: Tensor, available: Tensor) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        logits, masks
            float32 (N, C, H, W); masks of 0 and 1.
        available
            bool (N, C): where there is no mask, the channel does not count for that image.

        Returns
        -------
        torch.Tensor
            A scalar; zero, with zero gradient, if no channel has a mask.
        """
        losses = []
        for channel in range(logits.shape[1]):
            rows = available[:, channel]
            if rows.any():
                channel_logits, channel_masks = logits[rows, channel, None], masks[rows, channel, None]
                losses.append(self.focal(channel_logits, channel_masks) + self.dice(channel_logits, channel_masks))
        return torch.stack(losses).mean() if losses else (logits * 0).sum()
