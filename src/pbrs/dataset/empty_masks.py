"""Masks without any bone: a network that learns from these alone learns to find nothing, and its scores are perfect."""

from collections.abc import Collection, Sequence

from pbrs.dataset.match import shortened
from pbrs.errors import InputError


def warn_of_empty(part: str, stems: Sequence[str], empty: Collection[str]) -> str | None:
    """Refuse a part whose masks are all empty; tell of some, or None if there is none.

    Parameters
    ----------
    part
        ``train`` or ``validation``.
    stems
        Of the part.
    empty
        Stems whose mask is empty.

    Raises
    ------
    InputError
        If all of the part are.
    """
    its = [stem for stem in stems if stem in empty]
    if its and len(its) == len(stems):
        raise InputError(
            f"all {len(its)} masks of the {part} part are empty ({shortened(its)}): draw the bone, or import the masks "
            "again"
        )
    if not its:
        return None
    return f"{len(its)} of {len(stems)} masks of the {part} part are empty, which teaches that there is no bone: " + (
        shortened(its)
    )
