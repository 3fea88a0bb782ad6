"""``report.json``: what one call did, written from its journal, so that no more than one entry is in memory."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from pbrs.atomic_write import atomic_path
from pbrs.segmentation.journal import Journal, OutcomeKind

REPORT = "report.json"
REPORT_VERSION = 1
"""Of its fields: see ``docs/report.md`` for what may change within a version."""

KINDS: dict[str, OutcomeKind] = {"images": "segmented", "refused": "refused", "failed": "failed"}
"""The report's lists, and what the journal calls their entries."""

_LEAST_PAUSE = 20
"""The report grows at most so often that writing it takes a twentieth of the time."""


class Entries(Sequence[dict[str, Any]]):
    """One of the report's lists; each entry is read from the journal when it is asked for."""

    def __init__(self, journal: Journal, kind: OutcomeKind) -> None:
        self._journal, self._kind = journal, kind

    def __len__(self) -> int:
        return self._journal.count(self._kind)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._journal.entries(self._kind)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class Report(Mapping[str, Any]):
    """The report of one call, which reads as ``report.json`` does.

    Parameters
    ----------
    file
        Where it is written.
    head
        What is known before the first image: version, model, options.
    journal
        Where the entries are kept.
    """

    def __init__(self, file: Path, head: Mapping[str, Any], journal: Journal) -> None:
        self._file, self._head, self._journal = file, dict(head), journal
        self._tail: dict[str, Any] = {"complete": False, "kept": 0, "files": {}, "notes": []}
        self._started = time.perf_counter()
        self._next = 0.0
        self.write()

    def __getitem__(self, name: str) -> Any:
        if name in KINDS:
            return Entries(self._journal, KINDS[name])
        return self._tail[name] if name in self._tail else self._head[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._head, *KINDS, *self._tail])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def add(self, kind: OutcomeKind, entry: Mapping[str, Any]) -> None:
        """Take in what became of an input, and write the report anew if that is worth its time."""
        self._journal.append(kind, entry)
        if time.perf_counter() >= self._next:
            self.write()

    def keep(self) -> None:
        """Count an input whose outcome of an earlier call stands."""
        self._tail["kept"] += 1

    def finish(self, **tail: Any) -> None:
        """Write the last of it, with what is known at the end."""
        self._journal.finish()
        self.write(**tail)

    def write(self, **tail: Any) -> None:
        """Write ``report.json`` as it is now, whole or not at all."""
        began = time.perf_counter()
        self._tail |= {**tail, "seconds": round(began - self._started, 3)}
        with atomic_path(self._file) as temporary, temporary.open("w", encoding="ascii", newline="\n") as opened:
            opened.writelines(_json_parts(self))
        ended = time.perf_counter()
        self._next = ended + _LEAST_PAUSE * (ended - began)


def _json_parts(report: Report) -> Iterator[str]:
    """Make indented JSON in ASCII: no name in it reaches a terminal as anything but visible letters."""
    before = "{\n"
    for name, value in report.items():
        yield f"{before}  {json.dumps(name)}: "
        before = ",\n"
        if isinstance(value, Entries):
            yield from _list_parts(value)
        else:
            yield _indented(value, 2)
    yield "\n}\n"


def _list_parts(entries: Entries) -> Iterator[str]:
    before = "[\n"
    for entry in entries:
        yield f"{before}    {_indented(entry, 4)}"
        before = ",\n"
    yield "[]" if before == "[\n" else "\n  ]"


def _indented(value: Any, by: int) -> str:
    return json.dumps(value, indent=2, allow_nan=False).replace("\n", "\n" + " " * by)
