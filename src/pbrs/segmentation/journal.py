"""``report.jsonl``: what became of each input, a line each, appended as it is finished.

A call begins with a line of itself, with the digest of what its outputs depend on. A process that is killed leaves at
most its last line torn, which is cut off by the next.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, get_args

from pbrs.atomic_write import atomic_path

JOURNAL = "report.jsonl"

OutcomeKind = Literal["segmented", "refused", "failed"]
_KINDS = get_args(OutcomeKind)


class Place(NamedTuple):
    """Where in the journal an outcome stands, and which kind it is."""

    offset: int
    kind: OutcomeKind


class PastOutcomes:
    """What a journal holds that counts for a call.

    Parameters
    ----------
    file
        The journal; there may be none.
    digest
        Of the call. An outcome counts that a call of the same digest wrote, and no other did again since; none if None.
    stems
        Those of the call's inputs, in their order.

    Attributes
    ----------
    places
        By stem.
    """

    def __init__(self, file: Path, digest: str | None, stems: Collection[str]) -> None:
        self.places: dict[str, Place] = {}
        self._file, self._stems = file, stems
        of_call = ""
        for offset, line in _lines(file) if digest is not None else ():
            if "digest" in line:
                of_call = str(line["digest"])
            elif (stem := str(line.get("stem"))) in stems:
                self.places.pop(stem, None)
                if of_call == digest:
                    self.places[stem] = Place(offset, line["outcome"])

    def read(self, stem: str) -> dict[str, Any] | None:
        """Give an input's line, or None if there is none that counts."""
        place = self.places.get(stem)
        return None if place is None else next(self._read([place]))

    def count(self, kind: OutcomeKind) -> int:
        """Count the outcomes of a kind."""
        return sum(place.kind == kind for place in self.places.values())

    def entries(self, kind: OutcomeKind) -> Iterator[dict[str, Any]]:
        """Read the entries of a kind one by one, in the order of the inputs."""
        places = (self.places.get(stem) for stem in self._stems)
        for line in self._read([place for place in places if place is not None and place.kind == kind]):
            del line["outcome"]
            yield line

    def _read(self, places: list[Place]) -> Iterator[dict[str, Any]]:
        with self._file.open("rb") as opened:
            for place in places:
                opened.seek(place.offset)
                yield json.loads(opened.readline())


class Journal(PastOutcomes):
    """The journal of one call, which must be the only one in its folder.

    Parameters
    ----------
    file, stems
        As above.
    head
        What stands in this call's first line, with its digest.
    goes_on
        Whether to keep what earlier calls of the same digest wrote. If not, their journal is replaced.
    """

    def __init__(self, file: Path, head: Mapping[str, Any], goes_on: bool, stems: Collection[str]) -> None:
        super().__init__(file, head["digest"] if goes_on else None, stems)
        self._head, self._goes_on = dict(head), goes_on
        if goes_on:
            _cut_torn_line(file)
        else:
            # Not emptied: who reads the last call's still has it.
            file.unlink(missing_ok=True)
        self._opened = file.open("ab")
        self._append(self._head)

    def append(self, kind: OutcomeKind, entry: Mapping[str, Any]) -> None:
        """Write down what became of the input of the entry's stem."""
        self.places[entry["stem"]] = Place(self._append({"outcome": kind, **entry}), kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def finish(self) -> None:
        """Let go of the file; it can still be read.

        Of one that was gone on with, only the lines that count are left, in the order of the inputs.
        """
        self._opened.close()
        if not self._goes_on:
            return
        places: dict[str, Place] = {}
        with self._file.open("rb") as old, atomic_path(self._file) as temporary, temporary.open("wb") as new:
            new.write(_as_line(self._head))
            for stem in self._stems:
                if (place := self.places.get(stem)) is not None:
                    places[stem] = Place(new.tell(), place.kind)
                    old.seek(place.offset)
                    new.write(old.readline())
        self.places = places

    def _append(self, line: Mapping[str, Any]) -> int:
        offset = self._opened.tell()
        self._opened.write(_as_line(line))
        self._opened.flush()
        return offset


def _as_line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False).encode() + b"\n"


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the lines that are whole, each with its offset; none of what is no journal."""
    offset = 0
    with suppress(FileNotFoundError), file.open("rb") as opened:
        for line in opened:
            with suppress(ValueError, RecursionError):
                # A line without its end is torn, or might have been.
                value = json.loads(line) if line.endswith(b"\n") else None
                if isinstance(value, dict) and ("digest" in value or value.get("outcome") in _KINDS):
                    yield offset, value
            offset += len(line)


def _cut_torn_line(file: Path) -> None:
    with suppress(FileNotFoundError), file.open("r+b") as opened:
        whole = 0
        for line in opened:
            whole += len(line) if line.endswith(b"\n") else 0
        opened.truncate(whole)
