"""Reading the checkpoint of a run before Lightning does: how far it got, and that it is this network's."""

from typing import Any

from torch import nn

from pbrs.errors import InputError
from pbrs.network.safe_pickle import load_pickle_safely
from pbrs.training.epoch_end import HISTORY_COLUMNS, EpochEnd
from pbrs.training.run_folder import RunFolder

_LIGHTNING = ("epoch", "global_step", "loops", "state_dict", "optimizer_states", "lr_schedulers")


def epochs_done(run: RunFolder) -> int:
    """Count the whole epochs in a run's checkpoint; 0 where there is none.

    Raises
    ------
    InputError
        If it is damaged.
    """
    return len(_read(run)["callbacks"][EpochEnd.__name__]["history"]) if run.checkpoint.exists() else 0


def check_fits(run: RunFolder, task: nn.Module) -> None:
    """Make sure that a run's checkpoint, if there is one, is of this network.

    Raises
    ------
    InputError
        If it is damaged or another network's.
    """
    if not run.checkpoint.exists():
        return
    try:
        task.load_state_dict(_read(run)["state_dict"])
    except (RuntimeError, TypeError, AttributeError) as error:
        raise _damaged(run, "its weights are not those of the run's network") from error


def _read(run: RunFolder) -> dict[str, Any]:
    checkpoint = load_pickle_safely(run.checkpoint)
    try:
        if missing := [name for name in _LIGHTNING if name not in checkpoint]:
            raise _damaged(run, f"{missing[0]} is missing")
        kept = checkpoint["callbacks"][EpochEnd.__name__]
        whole = all(set(row) == set(HISTORY_COLUMNS) for row in kept["history"])
        if not (whole and isinstance(kept["best_epoch"], int) and isinstance(kept["best_loss"], float)):
            raise _damaged(run, "its history is not whole")
    except (LookupError, TypeError, AttributeError) as error:
        raise _damaged(run, "it is not of `pbrs train`") from error
    found: dict[str, Any] = checkpoint
    return found


def _damaged(run: RunFolder, reason: str) -> InputError:
    return InputError(f"{run.checkpoint} cannot be gone on from ({reason}): put a copy of it back, or train anew")
