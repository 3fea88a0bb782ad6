"""Values that wait on the disk until all of a call are there: their memory does not grow with the files."""

import json
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

_IN_MEMORY_BYTES = 2**23


class Spool:
    """Keeps values that JSON can hold, in the order in which they come; on the disk from 8 MiB on, in TMPDIR."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+b")  # noqa: SIM115 -- closed with this object
        self._end = 0
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._end

    def append(self, value: Any) -> int:
        """Keep a value, and give its place; by one thread at a time."""
        place = self._end
        self._file.seek(place)
        self._file.write(json.dumps(value).encode() + b"\n")
        self._end = self._file.tell()
        return place

    def read(self, place: int) -> Any:
        """Give the value of a place."""
        self._file.seek(place)
        return json.loads(self._file.readline())

    def __iter__(self) -> Iterator[Any]:
        place = 0
        while place < self._end:
            self._file.seek(place)
            line = self._file.readline()
            place = self._file.tell()
            yield json.loads(line)
