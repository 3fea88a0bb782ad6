"""Whether a patient or a picture stands in two parts of a split: scores would then flatter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pbrs.dataset.split import Split
from pbrs.errors import InputError


def check_overlap(split: Split, patients: Mapping[str, str] | None, duplicates: Iterable[tuple[str, str]]) -> None:
    """Make sure that no patient and no picture stands in two parts.

    Raises
    ------
    InputError
        If one does; the first is named, the others are counted.
    """
    found = find_overlaps(split.parts, patients, duplicates)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(f"the parts overlap: {found[0]}{more}; make the split anew with `pbrs dataset split --force`")


def find_overlaps(
    parts: Mapping[str, str], patients: Mapping[str, str] | None, duplicates: Iterable[tuple[str, str]]
) -> list[str]:
    """Name each patient, and each pair of near-duplicates, that stands in two parts (or folds)."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for stem, part in sorted(parts.items()):
        if patients is not None and stem in patients:
            seen[patients[stem]].setdefault(part, stem)
    found = [
        f"patient {patient} is in " + " and ".join(f"{part} ({stem})" for part, stem in where.items())
        for patient, where in sorted(seen.items())
        if len(where) > 1
    ]
    return found + [
        f"{one} in {parts[one]} and {other} in {parts[other]} are near-duplicates"
        for one, other in duplicates
        if one in parts and other in parts and parts[one] != parts[other]
    ]
