"""By how much one setting did better than another on the instances that both attacked: both values, and their difference."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sweep.records.measures import decide
from sweep.report.phrases import Phrases, kinds_of, phrases_of
from sweep.report.words import number, seconds, signed_percent


@dataclass(frozen=True)
class Lead:
    """What both settings reached.

    Attributes:
        text: of all measures, in the ranking's order.
        short: of the first measure that differs, mine against the other's; nothing where none does.
    """

    text: str
    short: str


def lead(pairs: pd.DataFrame) -> Lead:
    """Return what both sides of the pairs (:func:`~sweep.report.comparisons.pairs_of`) reached.

    Lengths and times are medians where both found something, other values where both have one.
    """
    phrases = phrases_of(kinds_of(pairs))
    time, value = _time(pairs, phrases), _value(pairs, phrases)
    pieces = (_found(pairs, phrases), _norm(pairs), *((value, time) if phrases.by_value else (time, value)))
    texts, shorts = [], []
    for text, differs, short in (one for one in pieces if one is not None):
        texts.append(text)
        shorts += [short] if differs else []
    return Lead(f"{', '.join(texts)} (medians)" if texts else "neither found anything", shorts[0] if shorts else "")


Piece = tuple[str, bool, str]
"""A clause of the card, whether the two differ, and a clause that ends before the other's name."""


def _found(pairs: pd.DataFrame, phrases: Phrases) -> Piece | None:
    mine, other = (int(pairs[f"first_found_seconds_{side}"].notna().sum()) for side in ("mine", "other"))
    if not mine and not other:
        return None
    of = len(pairs)
    text = f"{phrases.a_thing} for {mine} {f'of {of} each' if mine == other else f'against {other} of {of}'}"
    return text, mine != other, f"{phrases.a_thing} for {mine} of {of}, against {other}"


def _norm(pairs: pd.DataFrame) -> Piece | None:
    both = _medians(pairs, "length")
    if both is None:
        return None
    mine, other = both
    change = f" ({signed_percent(mine / other - 1.0)})" if other else ""
    text = f"length {number(mine)} against {number(other)}{change}"
    return text, bool(decide(mine, other, "norm")), f"a perturbation of length {number(mine)}, against {number(other)}"


def _time(pairs: pd.DataFrame, phrases: Phrases) -> Piece | None:
    both = _medians(pairs, "first_found_seconds")
    if both is None:
        return None
    mine, other = both
    won = float(decide(mine, other, "time"))
    how_much = f", {number(max(both) / min(both))} times as {'fast' if won > 0 else 'slow'}" if won and min(both) else ""
    text = f"the first after {seconds(mine)} against {seconds(other)}{how_much}"
    return text, bool(won), f"the first {phrases.thing} after {seconds(mine)}, against {seconds(other)}"


def _value(pairs: pd.DataFrame, phrases: Phrases) -> Piece | None:
    both = _medians(pairs, "best_value")
    if both is None:
        return None
    mine, other = both
    word = phrases.value
    if not decide(mine, other, "value"):
        return f"{word} {mine:+.3g} each", False, ""
    text = f"{word} {mine:+.3g} against {other:+.3g} ({mine - other:+.3g})"
    return text, True, f"a {word} of {mine:+.3g}, against {other:+.3g}"


def _medians(pairs: pd.DataFrame, column: str) -> tuple[float, float] | None:
    both = pairs[[f"{column}_mine", f"{column}_other"]].dropna()
    return None if both.empty else (float(both.iloc[:, 0].median()), float(both.iloc[:, 1].median()))
