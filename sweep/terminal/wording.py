"""Wording of sentences: counts, names and durations."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MISSING = "—"
"""Stands in a table where there is no value."""

MOST_NAMED = 4
"""Names in a sentence; of more, their number is said."""

MOST_NEAR = 5
"""Names that are proposed in the place of one that is not known."""


def count(number_of: int, what: str) -> str:
    """Return ``1 trial``, or ``1,200 trials``."""
    return f"{number_of:,} {what}" + ("" if number_of == 1 else "s")


def a_or_an(what: str) -> str:
    """Return ``an attack``, or ``a row``."""
    return f"{'an' if what[:1] in 'aeiou' else 'a'} {what}"


def duration(seconds: float) -> str:
    """Return a length of time in the unit that people would use."""
    if 0.0 < seconds < 0.5:
        return "less than 1 s"
    for unit, length, most in (("s", 1.0, 90.0), ("min", 60.0, 5400.0), ("h", 3600.0, 172800.0)):
        if seconds < most:
            return f"{seconds / length:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86400.0:,.1f} days"


def joined(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def some(words: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return the first of some words, as in ``a, b and 2 more``."""
    more = [f"{len(words) - most} more"] if len(words) > most else []
    return joined([*words[:most], *more])


def near_ones(name: str, options: Iterable[str]) -> str:
    """Return which of the options a name that is none of them may mean; where none is near, which there are."""
    known = list(dict.fromkeys(options))
    near = difflib.get_close_matches(name, known, n=MOST_NEAR, cutoff=0.5)
    more = f" and {len(known) - MOST_NEAR} more" if len(known) > MOST_NEAR else ""
    return f"near ones are {', '.join(near)}" if near else f"there are {', '.join(known[:MOST_NEAR])}{more}"
