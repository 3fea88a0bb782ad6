"""How long a training waited for its examples."""

import time
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from pbrs.dataset.examples import Batch


class Waiting(Callback):
    """Measure what drawing examples costs a training; the checkpoint carries it on.

    Parameters
    ----------
    drawing
        Processor time that drawing has taken, in all processes; see `SyntheticExamples`.

    Attributes
    ----------
    seconds
        For which no step was computed because its examples were not ready. Processes that draw take processors from
        the training, too: that is in `drawing` alone.
    """

    def __init__(self, drawing: "Synchronized[float]") -> None:
        self.drawing = drawing
        self.seconds = 0.0
        self._since = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Give the checkpoint what was measured so far."""
        return {"waited": self.seconds, "drawing": self.drawing.value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.seconds, self.drawing.value = state_dict["waited"], state_dict["drawing"]

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Wait for the first batch."""
        self._since = time.perf_counter()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """End waiting."""
        self.seconds += time.perf_counter() - self._since

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Wait for the next batch, if there is one."""
        self._since = time.perf_counter()

    def summary(self, epochs_seconds: float, workers: int) -> dict[str, float]:
        """Give what ``summary.json`` says of drawing, beside the seconds that all epochs took."""
        return {
            "share": round(self.seconds / epochs_seconds, 4),
            "waited_seconds": round(self.seconds, 1),
            "processor_seconds": round(self.drawing.value, 1),
            "workers": workers,
        }
