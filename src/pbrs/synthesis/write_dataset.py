"""A dataset folder of synthetic radiographs, drawn by several processes, whole or not there; a stopped one goes on."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.atomic_write import remove_unfinished, write_json, write_png
from pbrs.dataset.folder import STRUCTURES
from pbrs.errors import InputError, Interrupted
from pbrs.file_lock import sole_use
from pbrs.json_object import read_json_object
from pbrs.synthesis.dataset_plan import DatasetPlan
from pbrs.synthesis.factors import Table
from pbrs.synthesis.workers import START_METHOD, control_c_later, one_thread_each, start_worker
from pbrs.table import write_csv


def write_dataset(
    plan: DatasetPlan,
    target: Path,
    workers: int = 1,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> None:
    """Draw a dataset; on one machine the same bytes for any number of workers.

    Until it is complete it lies in ``TARGET.unfinished``, from where the same call goes on after an interruption:
    radiographs that are drawn are not drawn again.

    Parameters
    ----------
    plan
        What to draw.
    target
        The dataset folder to make.
    workers
        Processes that draw; with one it is this process.
    progress
        Wraps a loop over the stems, to show how far it is.

    Raises
    ------
    InputError
        If `target` exists, ``TARGET.unfinished`` is of another plan, another process draws into it, or a factor to be
        switched off is unknown.
    Interrupted
        On ^C; the message says how to go on.
    """
    table, target = plan.table, target.resolve()
    _refuse_existing(target)
    unfinished = _Unfinished(target.with_name(f"{target.name}.unfinished"))
    with unfinished.held():
        # Again: the process that held it may have finished it.
        _refuse_existing(target)
        unfinished.begin(plan)
        _draw_missing(plan, table, unfinished, workers, progress)
        try:
            unfinished.finish(plan, target)
        except KeyboardInterrupt:
            if unfinished.dataset.exists():
                raise unfinished.interrupted(plan) from None
            # It has its name already: what is left to do is tidying.
            shutil.rmtree(unfinished.path / "rows", ignore_errors=True)
            unfinished.remove()
            raise Interrupted(
                f"interrupted when all was done: {target} is complete, with all {plan.count} radiographs"
            ) from None
    unfinished.remove()


def _refuse_existing(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{target} exists already: choose a new folder with -o, or remove this one first")


def _draw_missing(
    plan: DatasetPlan,
    table: Table,
    unfinished: "_Unfinished",
    workers: int,
    progress: Callable[[Sequence[str]], Iterable[str]],
) -> None:
    """Draw the samples that are not there yet."""
    missing = [index for index in range(plan.count) if not unfinished.row(plan.stem(index)).exists()]
    # All looks of an anatomy in one job: its projection is computed once.
    jobs: dict[int, list[int]] = {}
    for index in missing:
        jobs.setdefault(index // plan.looks, []).append(index)
    render = _Render(plan, table, unfinished)
    try:
        with _results(render, list(jobs.values()), workers) as drawn:
            for _ in progress([plan.stem(index) for index in missing]):
                next(drawn)
    except KeyboardInterrupt:
        raise unfinished.interrupted(plan) from None


@dataclass(frozen=True)
class _Unfinished:
    """Where a dataset lies until it is complete: the dataset, and a row of drawn parameters for each whole sample."""

    path: Path

    @property
    def dataset(self) -> Path:
        return self.path / "dataset"

    def row(self, stem: str) -> Path:
        """Name the file that is written once all others of the sample are."""
        return self.path / "rows" / f"{stem}.json"

    def rows_there(self) -> int:
        return len(list(self.path.glob("rows/[!.]*.json")))

    def interrupted(self, plan: DatasetPlan) -> Interrupted:
        """Say what is kept, and how to go on."""
        return Interrupted(
            f"interrupted; the {self.rows_there()} of {plan.count} radiographs that are drawn are kept in "
            f"{self.path}: the same command goes on with them"
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder if need be, and keep other processes out of it until the end."""
        path, lock, begun = self.path, self.path / "lock", self.dataset / "dataset.json"
        ours = begun.exists() or lock.exists()
        if path.exists() and not ours and (not path.is_dir() or any(file.is_file() for file in path.rglob("*"))):
            raise InputError(f"{path} is in the way: remove it, or choose another folder with -o")
        refusal = f"another process draws into {path}: wait for it, or choose another folder with -o"
        with ExitStack() as stack:
            try:
                path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(sole_use(lock, refusal))
            except OSError as error:
                raise InputError(f"{path} cannot be made ({error.strerror}): choose another folder with -o") from error
            yield

    def begin(self, plan: DatasetPlan) -> None:
        """Say what is drawn into the folder, or make sure that it is the same plan; remove what is half written."""
        info, file = plan.info(), self.dataset / "dataset.json"
        if file.exists():
            begun = self._read(file)
            for name, value in info.items():
                if begun.get(name) != value:
                    raise InputError(
                        f"{self.path} was begun with {name} {begun.get(name)}, not {value}: remove that folder, or "
                        "choose another with -o"
                    )
        for folder in (self.dataset, *self.path.glob("**/")):
            remove_unfinished(folder)
        write_json(file, info)

    def finish(self, plan: DatasetPlan, target: Path) -> None:
        """Write the tables, and give the dataset its name."""
        stems = [plan.stem(index) for index in range(plan.count)]
        rows = [self._read(self.row(stem)) for stem in stems]
        parameters = sorted({name for row in rows for name in row["parameters"]})
        drawn = ({"stem": row["stem"], "anatomy": row["anatomy"], **row["parameters"]} for row in rows)
        write_csv(self.dataset / "anatomy.csv", ("stem", "anatomy", *parameters), drawn)
        patients = ({"stem": row["stem"], "patient": row["anatomy"]} for row in rows)
        write_csv(self.dataset / "patients.csv", ("stem", "patient"), patients)
        if target.exists():
            target.rmdir()
        self.dataset.rename(target)
        shutil.rmtree(self.path / "rows")

    def remove(self) -> None:
        """Remove what is left of the folder when all is finished: the lock, which is no longer held."""
        # Another process may be asking for it at this moment; it will find the dataset there, and go.
        with suppress(OSError):
            (self.path / "lock").unlink()
            self.path.rmdir()

    def _read(self, file: Path) -> dict[str, Any]:
        return read_json_object(file, f"remove {self.path} and begin anew")


@dataclass(frozen=True)
class _Render:
    """Draws samples and writes their files; carried to the worker processes."""

    plan: DatasetPlan
    table: Table
    unfinished: _Unfinished

    def __call__(self, indices: Sequence[int]) -> int:
        """Draw some samples, looks of one anatomy; tell how many."""
        for index in indices:
            self._draw(index)
        return len(indices)

    def _draw(self, index: int) -> None:
        from pbrs.synthesis import generator

        plan, stem, folder = self.plan, self.plan.stem(index), self.unfinished.dataset
        try:
            sample = generator.generate(plan.seed, index, size=plan.size, looks=plan.looks, table=self.table)
        except Exception as error:
            raise RuntimeError(f"seed {plan.seed}, sample {index}: {type(error).__name__}: {error}") from error
        write_png(folder / "images" / f"{stem}.png", sample.pixels)
        write_png(folder / "masks" / f"{stem}.png", _as_grey(sample.mask))
        if plan.structures:
            for name in STRUCTURES:
                write_png(folder / "structures" / name / f"{stem}.png", _as_grey(sample.masks[name]))
        row = {"stem": stem, "anatomy": sample.anatomy, "parameters": sample.parameters}
        write_json(self.unfinished.row(stem), row)


def _as_grey(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return mask.astype(np.uint8) * np.uint8(255)


@contextmanager
def _results(render: _Render, jobs: Sequence[Sequence[int]], workers: int) -> Iterator[Iterator[None]]:
    """Give an iterator that moves on once for each sample drawn, here or in other processes."""
    if workers == 1 or len(jobs) < 2:
        yield (None for job in jobs for index in job for _ in range(render([index])))
        return
    with one_thread_each():
        pool = ProcessPoolExecutor(min(workers, len(jobs)), get_context(START_METHOD), start_worker)
        try:
            with control_c_later():
                done = as_completed([pool.submit(render, job) for job in jobs])
            yield (None for job in done for _ in range(job.result()))
        except BrokenProcessPool as error:
            raise OSError("a process that draws has died, perhaps for want of memory: try fewer --workers") from error
        finally:
            with control_c_later():
                pool.shutdown(cancel_futures=True)
