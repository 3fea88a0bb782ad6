"""A moving average of the weights, which is steadier than the weights themselves."""

from typing import cast

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from pbrs.network import UNet
from pbrs.training.task import SegmentationTask


class WeightAverage(WeightAveraging):
    """Exponential moving average of all weights and statistics, by Lightning; validation sees the average.

    The checkpoint carries both, so that a resumed run goes on to the same bits.

    Parameters
    ----------
    decay
        Share of the average that a step leaves, in (0, 1): 0.999 remembers about a thousand steps. After n steps it is
        (1 + n) / (10 + n) if that is less, so that a young average is not still what training began with.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, trained: Tensor, steps: Tensor | int) -> Tensor:
            if not trained.is_floating_point():  # batch normalisation's count of batches
                return trained
            count = int(steps)
            return averaged.lerp(trained, 1 - min(decay, (1 + count) / (10 + count)))

        super().__init__(avg_fn=average)

    @property
    def network(self) -> UNet:
        """The network with averaged weights, while training."""
        assert self._average_model is not None
        return cast(SegmentationTask, self._average_model.module).network
