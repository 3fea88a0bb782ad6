"""Factors: what varies from one synthetic radiograph to the next, and the random numbers that decide it."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pbrs.dataset.chance import chance
from pbrs.errors import InputError

GROUPS = ("shape", "pose", "view", "injury", "tissue", "texture", "detector", "processing", "objects")
"""What factors are about; a group can be switched off as a whole."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, all as likely; never beyond `least` and `most`, however much it is widened.

    With `log`, it is their logarithms that are all as likely.
    """

    low: float
    high: float
    least: float = -math.inf
    most: float = math.inf
    log: bool = False

    def __post_init__(self) -> None:
        if not self.least <= self.low <= self.high <= self.most or (self.log and self.low <= 0):
            raise ValueError(f"{self} is not a range")

    def widened(self, by: float) -> "Range":
        """Give a range `by` times as wide about the same centre; one that is not below 0 stays so."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        centre, half = (low + high) / 2, (high - low) / 2 * by
        low, high = centre - half, centre + half
        if self.log:
            low, high = math.exp(low), math.exp(high)
        elif self.low >= 0:
            low = max(low, 0.0)
        return replace(self, low=max(low, self.least), high=min(high, self.most))


@dataclass(frozen=True)
class Factor:
    """One row of the table: its group, how often it is there, what it is, and the ranges of its numbers."""

    name: str
    group: str
    probability: float
    about: str
    ranges: Mapping[str, Range]

    def widened(self, by: float) -> "Factor":
        """Give the factor with every range widened; the probability stays."""
        return replace(self, ranges={name: values.widened(by) for name, values in self.ranges.items()})


def factor(name: str, group: str, probability: float, about: str, /, **ranges: tuple[float, float] | Range) -> Factor:
    """Write one row of the table; a range is ``(low, high)``, or a `Range` where it has bounds or a logarithm."""
    if group not in GROUPS or not 0 <= probability <= 1:
        raise ValueError(f"factor {name}: group {group}, probability {probability}")
    made = {key: values if isinstance(values, Range) else Range(*values) for key, values in ranges.items()}
    return Factor(name, group, probability, about, made)


Table = Mapping[str, Factor]
"""Factors by name."""


def widened(table: Table, by: float) -> Table:
    """Give the table with every range `by` times as wide."""
    return {name: row.widened(by) for name, row in table.items()}


def without(table: Table, names: Sequence[str]) -> Table:
    """Give the table with the factors and groups named in `names` switched off.

    Raises
    ------
    InputError
        If there is no factor or group of that name.
    """
    for name in names:
        if name not in table and name not in GROUPS:
            close = difflib.get_close_matches(name, [*GROUPS, *table])
            meant = f"did you mean {' or '.join(close)}? " if close else ""
            raise InputError(
                f"no factor or group is called {name}: {meant}groups are {', '.join(GROUPS)}; "
                "factors are the columns of anatomy.csv"
            )
    return {
        key: replace(row, probability=0.0) if key in names or row.group in names else row for key, row in table.items()
    }


class Drawn:
    """One factor as drawn for one sample: numbers from its ranges, and a random generator of its own."""

    def __init__(self, row: Factor, rng: np.random.Generator, record: dict[str, float]) -> None:
        self.rng = rng
        self._row = row
        self._record = record

    def __call__(self, name: str) -> float:
        """Draw a number from the range called `name`; each call draws anew, and the first is on record."""
        values = self._row.ranges[name]
        if values.log:
            number = math.exp(self.rng.uniform(math.log(values.low), math.log(values.high)))
        else:
            number = float(self.rng.uniform(values.low, values.high))
        self._record.setdefault(f"{self._row.name}.{name}", number)
        return number

    def count(self, name: str) -> int:
        """Draw a whole number from the range, both ends as likely as what is between."""
        values = self._row.ranges[name]
        least = math.ceil(values.low)
        number = int(self.rng.integers(least, max(least, math.floor(values.high)), endpoint=True))
        self._record.setdefault(f"{self._row.name}.{name}", number)
        return number

    def happens(self, probability: float) -> bool:
        """Say yes as often as `probability` says."""
        return bool(self.rng.random() < probability)

    def sign(self) -> int:
        """Give -1 or +1."""
        return 1 if self.rng.random() < 0.5 else -1


class Draw:
    """All the random numbers of one sample.

    Every factor has a stream that depends on `key` and its name alone: switching one off, or adding one, changes
    nothing about the others.

    Parameters
    ----------
    table
        The factors, `pbrs.synthesis.factor_table.FACTORS` or what `widened` and `without` made of it.
    key
        Numbers that name the sample, such as seed and index.
    """

    def __init__(self, table: Table, *key: int) -> None:
        self.record: dict[str, float] = {}
        self._table = table
        self._key = "/".join(map(str, key))

    def __call__(self, name: str) -> Drawn | None:
        """Give the factor if it is there in this sample, else None. To be asked once for each factor."""
        row = self._table[name]
        rng = np.random.Generator(np.random.Philox(key=chance(f"{self._key}/{name}")))
        is_there = bool(rng.random() < row.probability)
        self.record[name] = float(is_there)
        return Drawn(row, rng, self.record) if is_there else None
