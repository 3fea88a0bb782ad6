"""Splitting a dataset into parts or folds that share no patient and no near-duplicate image."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pbrs.dataset.chance import chance
from pbrs.dataset.folder import Dataset
from pbrs.dataset.hashing import hash_images, near_duplicates
from pbrs.errors import InputError

PARTS = ("train", "validation", "test")
"""The parts of a split, in the order in which their fractions are given."""


@dataclass(frozen=True)
class Split:
    """Which part every stem belongs to.

    Attributes
    ----------
    parts
        One of `PARTS` by stem.
    """

    parts: dict[str, str]

    def stems(self, part: str) -> list[str]:
        """The stems of one part, sorted.

        Raises
        ------
        InputError
            If there is no part of that name.
        """
        if part not in PARTS:
            raise InputError(f"no part is called {part}: expected one of {', '.join(PARTS)}")
        return sorted(stem for stem, its_part in self.parts.items() if its_part == part)


def make_split(
    dataset: Dataset,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    seed: int = 0,
    duplicates: Sequence[tuple[str, str]] | None = None,
    draw: int | None = None,
) -> Split:
    """Divide the cases at random, keeping together each patient and each set of near-duplicates.

    The numbers of cases are exactly the fractions, rounded, as long as the groups that must stay together allow; a part
    whose fraction is not zero is never empty. The chance comes from SHA-256 of seed and stem, so that the same folder
    gives the same split on every platform and with every version of every library.

    Parameters
    ----------
    dataset
        Its stems with image and mask are divided.
    fractions
        Of train, validation and test; they sum to 1.
    seed
        Another seed, another split.
    duplicates
        Pairs of stems that show the same picture; found here, by reading every image, if not given.
    draw
        Divide this many cases, drawn at random, and leave the rest in no part; all if None.

    Raises
    ------
    InputError
        If the fractions do not sum to 1, a case has no patient in ``patients.csv``, there are fewer groups than parts,
        or no drawing of whole groups has `draw` cases.
    """
    # Written so that a NaN is refused, too.
    if not (min(fractions) >= 0 and fractions[0] > 0 and abs(sum(fractions) - 1) < 1e-6):
        raise InputError(f"parts of {fractions}: expected three that sum to 1 (100 %), none negative, train above 0")
    groups = _shuffled_groups(dataset, seed, duplicates)
    if draw is not None:
        groups = _drawn_groups(groups, draw)
    wanted = [part for part, fraction in zip(PARTS, fractions, strict=True) if fraction > 0]
    if len(groups) < len(wanted):
        raise InputError(
            f"{_told(groups)} cannot fill {len(wanted)} parts ({', '.join(wanted)}): add cases of other patients"
        )
    room = _part_sizes(sum(map(len, groups)), fractions)
    parts: dict[str, str] = {}
    for number, group in enumerate(groups):
        empty = [part for part in wanted if part not in parts.values()]
        candidates = empty if len(groups) - number == len(empty) else wanted
        fitting = [part for part in candidates if room[part] >= len(group)]
        part = (
            _drawn(fitting, room, f"{seed}/part/{group[0]}")
            if fitting
            else max(candidates, key=lambda candidate: room[candidate])
        )
        room[part] -= len(group)
        parts.update(dict.fromkeys(group, part))
    return Split(dict(sorted(parts.items())))


def make_folds(
    dataset: Dataset, folds: int, seed: int = 0, duplicates: Sequence[tuple[str, str]] | None = None
) -> dict[str, int]:
    """Divide the cases into `folds` folds, as equal as the groups that must stay together allow: fold by stem.

    Raises
    ------
    InputError
        If `folds` is below 3, a case has no patient in ``patients.csv``, or there are fewer groups than folds.
    """
    if folds < 3:
        raise InputError(f"{folds} folds: expected 3 or more (one tests, one validates, the others train)")
    groups = _shuffled_groups(dataset, seed, duplicates)
    if len(groups) < folds:
        raise InputError(f"{_told(groups)} cannot fill {folds} folds: ask for fewer, or add cases of other patients")
    sizes = [0] * folds
    fold_of: dict[str, int] = {}
    for group in groups:
        smallest = min(range(folds), key=lambda fold: sizes[fold])
        sizes[smallest] += len(group)
        fold_of.update(dict.fromkeys(group, smallest))
    return dict(sorted(fold_of.items()))


def fold_split(folds: Mapping[str, int], fold: int) -> Split:
    """Make the split in which fold `fold` is the test part and the next one, cyclically, the validation part.

    Raises
    ------
    InputError
        If the folds are not numbered 0 to K−1 with K at least 3, or `fold` is none of them.
    """
    count = count_folds(folds)
    if not 0 <= fold < count:
        raise InputError(f"fold {fold} of {count}: expected 0 to {count - 1}")
    named = {fold: "test", (fold + 1) % count: "validation"}
    return Split({stem: named.get(its_fold, "train") for stem, its_fold in sorted(folds.items())})


def count_folds(folds: Mapping[str, int]) -> int:
    """Count the folds, and make sure that none is missing.

    Raises
    ------
    InputError
        If they are not numbered 0 to K−1 with K at least 3.
    """
    numbers = sorted(set(folds.values()))
    # Counted, not compared with a range up to the largest: that may be any number.
    if len(numbers) < 3 or numbers[0] != 0 or numbers[-1] != len(numbers) - 1:
        told = f"{', '.join(map(str, numbers[:3]))} … {numbers[-1]}" if len(numbers) > 4 else numbers
        raise InputError(f"folds {told}: expected 0, 1, 2, … without a gap, at least three")
    return len(numbers)


def _shuffled_groups(dataset: Dataset, seed: int, duplicates: Sequence[tuple[str, str]] | None) -> list[list[str]]:
    """Sets of stems that must stay together, the largest first, in an order that depends on the seed."""
    stems = dataset.stems
    if not stems:
        raise InputError(f"no image in {dataset.path} has a mask: nothing to split; add masks/STEM.png")
    if duplicates is None:
        duplicates = near_duplicates(hash_images({stem: dataset.images[stem] for stem in stems}))
    leader = {stem: stem for stem in stems}

    def find(stem: str) -> str:
        while leader[stem] != stem:
            leader[stem] = leader[leader[stem]]
            stem = leader[stem]
        return stem

    for one, other in duplicates:
        if one in leader and other in leader:
            leader[find(one)] = find(other)
    if dataset.patients is not None:
        first_of: dict[str, str] = {}
        for stem in stems:
            if stem not in dataset.patients:
                raise InputError(f"{stem} is not in {dataset.path / 'patients.csv'}: add its patient, or a made-up one")
            leader[find(stem)] = find(first_of.setdefault(dataset.patients[stem], stem))
    members: dict[str, list[str]] = defaultdict(list)
    for stem in stems:
        members[find(stem)].append(stem)
    # The largest first: they are the hardest to fit.
    return sorted(members.values(), key=lambda group: (-len(group), chance(f"{seed}/order/{group[0]}")))


def _drawn_groups(groups: Sequence[list[str]], draw: int) -> list[list[str]]:
    """Take whole groups, in their order, as long as no more than `draw` cases come together."""
    drawn: list[list[str]] = []
    left = draw
    for group in groups:
        if len(group) <= left:
            drawn.append(group)
            left -= len(group)
    if left or draw < 1:
        raise InputError(f"{draw} cases cannot be drawn from {_told(groups)}: ask for another number")
    return drawn


def _part_sizes(count: int, fractions: Sequence[float]) -> dict[str, int]:
    """Whole numbers that sum to `count`: largest remainders, and at least one for a fraction that is not zero."""
    exact = [fraction * count for fraction in fractions]
    # Half a millionth: 0.7 × 10 must not become 6.999… rounded down.
    sizes = [int(value + 5e-7) for value in exact]
    for index in sorted(range(len(exact)), key=lambda i: sizes[i] - exact[i])[: count - sum(sizes)]:
        sizes[index] += 1
    for index, fraction in enumerate(fractions):
        if fraction > 0 and sizes[index] == 0:
            sizes[index] += 1
            sizes[sizes.index(max(sizes))] -= 1
    return dict(zip(PARTS, sizes, strict=True))


def _told(groups: Sequence[Sequence[str]]) -> str:
    cases = sum(len(group) for group in groups)
    together = f" (in {len(groups)} groups that must stay together)" if len(groups) < cases else ""
    return f"{cases} cases{together}"


def _drawn(candidates: Sequence[str], room: Mapping[str, int], key: str) -> str:
    """One of the candidates, with a chance in proportion to its room: for single cases, a uniform shuffle."""
    tickets = list(Counter({part: room[part] for part in candidates}).elements())
    return tickets[chance(key) % len(tickets)]
