"""Settings of a training from all that may give them: flags, a YAML file, a model to start from, a run to resume."""

from pathlib import Path
from typing import Any

from pbrs.errors import InputError
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import TrainingSettings, make_settings, read_settings_file
from pbrs.training.start import settings_of_start


def resolve_settings(
    given: dict[str, Any], file: Path | None = None, run: Path | None = None, resume: bool = False
) -> TrainingSettings:
    """Put settings together; the first that names one wins: `given`, `file`, then the run or model gone on from.

    Parameters
    ----------
    given
        Settings by name, as flags gave them.
    file
        A YAML file of settings.
    run, resume
        With `resume`, and if `run` holds one, its settings stand for what is not given.

    Raises
    ------
    InputError
        If a setting is unknown or wrong, two do not go together, or a file cannot be read.
    """
    values = {**(read_settings_file(file) if file else {}), **given}
    if resume and run is not None and RunFolder(run).settings.exists():
        values = {**read_settings_file(RunFolder(run).settings), **values}
    elif isinstance(values.get("start_from"), str):
        _check_one_start(values)
        values = {**settings_of_start(values["start_from"]), **values}
    return make_settings(values)


def _check_one_start(values: dict[str, Any]) -> None:
    """Make sure that no encoder weights are asked for that a model to start from would replace."""
    for name in ("encoder_weights", "encoder_weights_sha256"):
        # The default stands in every run's settings.yaml, which may be given back.
        default = TrainingSettings.model_fields[name].default
        if values.get(name, default) != default:
            raise InputError(
                f"start_from {values['start_from']} and {name} {values[name]} do not go together: training starts from "
                "one of the two; leave the other out"
            )
