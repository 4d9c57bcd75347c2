"""By how much one setting did better than another on the instances that both attacked."""

from __future__ import annotations

import pandas as pd

from sweep.records.measures import Measure, decide
from sweep.report.comparisons import COLUMNS
from sweep.report.phrases import Phrases, kinds_of, phrases_of
from sweep.report.words import number, seconds


def lead(pairs: pd.DataFrame) -> str:
    """Return what both sides of the pairs (:func:`~sweep.report.comparisons.pairs_of`) reached, mine against the other's.

    It is a clause on the first measure, in the ranking's order, in which the two differ, and empty where they differ in none.
    Lengths and times are medians where both found something, other values where both have one.
    """
    phrases = phrases_of(kinds_of(pairs))
    found = _found(pairs, phrases)
    if found:
        return found
    for measure in phrases.order:
        both = pairs[[f"{COLUMNS[measure]}_{side}" for side in ("mine", "other")]].dropna()
        mine, other = (float(value) for value in both.median())
        if decide(mine, other, measure):
            return _clause(measure, mine, other, phrases)
    return ""


def _found(pairs: pd.DataFrame, phrases: Phrases) -> str:
    mine, other = (int(pairs[f"first_found_seconds_{side}"].notna().sum()) for side in ("mine", "other"))
    return "" if mine == other else f"{phrases.a_thing} for {mine} of {len(pairs)}, against {other}"


def _clause(measure: Measure, mine: float, other: float, phrases: Phrases) -> str:
    if measure == "norm":
        return f"a {phrases.length_of} of length {number(mine)}, against {number(other)}"
    if measure == "time":
        return f"the first {phrases.thing} after {seconds(mine)}, against {seconds(other)}"
    return f"a {phrases.value} of {mine:+.3g}, against {other:+.3g}"
