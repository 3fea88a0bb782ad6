"""Settings of a training from all that may give them: flags, a YAML file, a model to start from, a run to resume."""

from pathlib import Path
from typing import Any

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
        If a setting is unknown or wrong, or a file cannot be read.
    """
    values = {**(read_settings_file(file) if file else {}), **given}
    if resume and run is not None and RunFolder(run).settings.exists():
        values = {**read_settings_file(RunFolder(run).settings), **values}
    elif values.get("start_from"):
        values = {**settings_of_start(values["start_from"]), **values}
    return make_settings(values)
