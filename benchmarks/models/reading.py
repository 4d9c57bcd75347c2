"""What rows say: values in time, what closed, and which of two runs is ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.runs import CLOSED
from benchmarks.sections import Row

EARLY_SECONDS = 10.0

EQUAL = 1e-4
"""Values this close, relative to the larger of 1 and the other value, are equal: the gap at which the solvers end."""

Key = tuple[str, int]
"""Problem and instance."""


Rows = dict[str, Row]
"""The rows of one instance by tool."""


def key_of(row: Row) -> Key:
    return row["problem"], row["instance"]


def early(row: Row) -> float:
    """Return the seconds at which the search is compared: 10 s, or the limit where that is shorter."""
    return min(EARLY_SECONDS, float(row["limit_seconds"]))


def value_at(row: Row, seconds: float) -> float | None:
    """Return the best value of a decision that holds and was known by then."""
    return next((float(value) for when, value, *_ in reversed(row["timeline"]) if when <= seconds), None)


def last_value(row: Row) -> float | None:
    """Return the value at the limit."""
    return value_at(row, row["limit_seconds"])


def first_feasible(row: Row) -> float:
    """Return the seconds to the first decision that holds; infinite without one within the limit."""
    seconds = float(row["timeline"][0][0]) if row["timeline"] else math.inf
    return seconds if seconds <= row["limit_seconds"] else math.inf


def ahead(ours: float | None, theirs: float | None, sense: float, least: float = 1.0) -> float:
    """Return by how much our value is better, relative to the size of theirs, or to ``least`` where that is smaller.

    ``sense`` is 1 when minimising, -1 when maximising. Nothing found is worse than anything; 0 where neither found anything.
    """
    if ours is None:
        return 0.0 if theirs is None else -math.inf
    if theirs is None:
        return math.inf
    return sense * (theirs - ours) / max(least, abs(theirs))


def best_of(values: Sequence[float | None], sense: float) -> float | None:
    """Return the best of the values that there are."""
    found = [value for value in values if value is not None]
    return (min(found) if sense > 0.0 else max(found)) if found else None


def is_closed(row: Row) -> bool:
    """Whether the tool's bound meets the value of a decision of its own that holds, within the limit."""
    value, bound = last_value(row), row["bound"]
    if value is None or bound is None:
        return False
    return bool(abs(bound - value) <= CLOSED * max(1.0, abs(value)))


def seconds_to(row: Row, value: float) -> float:
    """Return the seconds until the run had this value or a better one; infinite if it never did within the limit."""
    for when, found, *_ in row["timeline"]:
        if when <= row["limit_seconds"] and ahead(found, value, row["sense"]) >= -EQUAL:
            return float(when)
    return math.inf


def seconds_text(value: float) -> str:
    """Return seconds as text, and never as a dash."""
    return "-" if math.isinf(value) else f"{value:.2f}"
