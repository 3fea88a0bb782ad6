"""What happens at the end of every epoch: best weights, checkpoint, history."""

import time
from collections.abc import Callable
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint

from pbrs.atomic_write import atomic_path
from pbrs.errors import InputError
from pbrs.table import write_csv
from pbrs.training.run_folder import RunFolder, write_weights
from pbrs.training.task import SegmentationTask
from pbrs.training.weight_average import WeightAverage

MEASURES = tuple(f"{part}_{name}" for part in ("train", "validation") for name in ("loss", "iou", "f1"))
HISTORY_COLUMNS = ("epoch", *MEASURES, "learning_rate", "seconds")


class EpochEnd(Checkpoint):
    """Keep a run's files in step with its training.

    The checkpoint carries the history and the best loss, and is written after the best weights and before the history:
    a run killed between two of them trains its last epoch again, to the same bits, and writes all three anew.

    Parameters
    ----------
    run
        Where to write.
    averaging
        Whose averaged weights were validated and are kept; those of the training itself if None.
    announce
        Called with each new row of the history, once it is on disk.
    """

    def __init__(
        self, run: RunFolder, averaging: WeightAverage | None, announce: Callable[[dict[str, float]], None]
    ) -> None:
        self.run = run
        self.averaging = averaging
        self.announce = announce
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_loss = float("inf")
        self._started = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Give the checkpoint what a resumed run goes on from."""
        return {"history": self.history, "best_epoch": self.best_epoch, "best_loss": self.best_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.history = state_dict["history"]
        self.best_epoch = state_dict["best_epoch"]
        self.best_loss = state_dict["best_loss"]

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the epoch down."""
        assert isinstance(pl_module, SegmentationTask)
        measured = {name: float(trainer.callback_metrics[name]) for name in MEASURES}
        if not all(abs(value) < float("inf") for value in measured.values()):
            raise InputError(
                f"the loss is no longer a number in epoch {trainer.current_epoch + 1}: "
                "lower --lr or use --precision float32"
            )
        self.history.append(
            {
                "epoch": trainer.current_epoch + 1,
                **measured,
                "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
                "seconds": round(time.perf_counter() - self._started, 3),
            }
        )
        if measured["validation_loss"] < self.best_loss:
            self.best_loss = measured["validation_loss"]
            self.best_epoch = trainer.current_epoch + 1
            if trainer.is_global_zero:
                network = self.averaging.network if self.averaging else pl_module.network
                write_weights(
                    self.run.best,
                    network.state_dict(),
                    {"backbone": network.backbone.name, "channels": network.channels, "epoch": self.best_epoch},
                )
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.run.checkpoint)  # takes part in gathering; rank 0 alone writes
            return
        with atomic_path(self.run.checkpoint) as temporary:
            trainer.save_checkpoint(temporary)
        self.write_history()
        self.announce(self.history[-1])

    def write_history(self) -> None:
        """Write ``history.csv`` from what the checkpoint knows."""
        write_csv(self.run.history, HISTORY_COLUMNS, self.history)
