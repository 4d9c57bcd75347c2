"""Comparisons with a yardstick, a setting and a measure each: which are beyond chance, and which says the most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.report.comparisons import MEASURES
from sweep.report.statistics import FEWEST, SIGNIFICANT, holm
from sweep.report.words import count, evidence


@dataclass(frozen=True)
class Compared:
    """What a row of the win table says of one measure."""

    row: pd.Series
    measure: str

    @property
    def p(self) -> float:
        """Corrected."""
        return float(self.row[f"{self.measure}_p_holm"])

    @property
    def is_real(self) -> bool:
        """Whether it is beyond chance, and not as often better as worse."""
        return self.p < SIGNIFICANT and bool(self.row[f"{self.measure}_wins"] != self.row[f"{self.measure}_losses"])

    @property
    def is_better(self) -> bool:
        return self.is_real and bool(self.row[f"{self.measure}_wins"] > self.row[f"{self.measure}_losses"])

    @property
    def is_worse(self) -> bool:
        return self.is_real and bool(self.row[f"{self.measure}_wins"] < self.row[f"{self.measure}_losses"])

    @property
    def differing(self) -> int:
        """Images on which one of both did better."""
        return int(self.row[f"{self.measure}_differing"])

    def text(self, what: str) -> str:
        return evidence(self.row, self.measure, what)


def compared(rows: pd.DataFrame, measures: Sequence[str] = MEASURES) -> list[Compared]:
    """Return all comparisons of the rows that have pairs, corrected by Holm for all settings and measures among them.

    One in which nothing differs could not have been beyond chance, so it is none of the tests that are corrected for.
    """
    found = [Compared(row.copy(), measure) for _, row in rows.iterrows() for measure in measures if row[f"{measure}_pairs"] > 0]
    corrected = holm([one.row[f"{one.measure}_p"] if one.differing else math.nan for one in found])
    for one, p in zip(found, np.nan_to_num(corrected, nan=1.0), strict=True):
        one.row[f"{one.measure}_p_holm"] = p
    return found


def counted(found: Sequence[Compared], what: str = "comparison") -> str:
    better, worse = (sum(getattr(one, name) for one in found) for name in ("is_better", "is_worse"))
    return f"Better in {better}, worse in {worse} of {count(len(found), what)} beyond chance."


def strongest(found: Sequence[Compared]) -> Compared:
    """Return what is least like chance of what speaks for the setting, else of what speaks against it, else of all."""
    leading = [one for one in found if one.is_better] or [one for one in found if one.is_real] or found
    return min(leading, key=lambda one: (one.row[f"{one.measure}_p"], -one.row[f"{one.measure}_share"]))


def too_few(found: Sequence[Compared], what: str) -> str:
    """Return a sentence if no comparison has images enough for a test, or nothing: what counts is images, not pairs."""
    most = max((one.differing for one in found), default=0)
    if most >= FEWEST:
        return ""
    return f" At least {count(FEWEST, what)} that differ are needed for one setting; here there are at most {most}."
