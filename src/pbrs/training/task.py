"""One training step and one validation step, as Lightning runs them."""

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from pbrs.dataset.augmentation import mix_seed
from pbrs.dataset.examples import Batch
from pbrs.network import UNet
from pbrs.training.losses import FocalDiceLoss
from pbrs.training.overlap import image_overlap
from pbrs.training.settings import TrainingSettings

RISING = 0.1
"""Part of a one-cycle schedule over which the learning rate rises."""


class SegmentationTask(lightning.LightningModule):
    """Training of one network, by default the paper's: focal + Dice loss, Adam, IoU and F1 of the region beside it.

    Parameters
    ----------
    network
        What is trained. It is kept channels-last, which is faster on a CPU.
    settings
        Loss, learning rate and seed.
    """

    def __init__(self, network: UNet, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.settings = settings
        self.loss = FocalDiceLoss(settings.focal_alpha, settings.focal_gamma, settings.dice_smooth)

    def forward(self, radiographs: Tensor) -> Tensor:
        """Compute float32 logits (N, C, H, W) of radiographs (N, 1, H, W) in [0, 1]."""
        logits: Tensor = self.network(radiographs.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Tie stochastic depth to (seed, step), so that a resumed run draws what an undisturbed one would.

        Seeding once an epoch is not enough: by the epoch's first step a resumed run has drawn other numbers.
        """
        torch.manual_seed(mix_seed(self.settings.seed, self.global_step))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Compute the loss of one batch."""
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Log the loss, IoU and F1 of one validation batch."""
        self._step(batch, "validation")

    def _step(self, batch: Batch, part: str) -> Tensor:
        images, masks, available = batch
        logits = self(images)
        loss: Tensor = self.loss(logits, masks, available)
        iou, f1 = image_overlap(logits[:, 0], masks[:, 0])
        values = {f"{part}_loss": loss.detach(), f"{part}_iou": iou.mean(), f"{part}_f1": f1.mean()}
        self.log_dict(values, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(images), sync_dist=True)
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam with the settings' learning rate: constant, as in the paper, or one cycle over all steps."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.settings.learning_rate)
        if self.settings.schedule == "constant":
            return optimizer
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=self.settings.learning_rate,
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=RISING,
            cycle_momentum=False,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
