"""Comparisons of settings with a yardstick: which of them are beyond chance, and which is the clearest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.config.task_words import baseline_of
from sweep.records.measures import VALUES
from sweep.report.results import Results
from sweep.report.statistics import FEWEST, SIGNIFICANT, holm
from sweep.report.words import evidence
from sweep.terminal.wording import count


@dataclass(frozen=True)
class Compared:
    """What a row of the win table says of one measure.

    Attributes:
        row, measure: which; the measure is the first part of the names of the row's columns.
        p: corrected for the comparisons that it was looked at with.
    """

    row: pd.Series
    measure: str
    p: float

    @property
    def setting(self) -> str:
        return str(self.row["setting"])

    @property
    def network(self) -> str:
        return str(self.row["network"])

    @property
    def won(self) -> int:
        return self._count("wins")

    @property
    def lost(self) -> int:
        return self._count("losses")

    @property
    def pairs(self) -> int:
        return self._count("pairs")

    @property
    def differing(self) -> int:
        """Clusters in which one of both did better."""
        return self._count("differing")

    @property
    def clusters(self) -> int:
        """Clusters in which there is something to compare."""
        return self._count("clusters")

    @property
    def is_real(self) -> bool:
        """Whether it is beyond chance, and not as often better as worse."""
        return self.p < SIGNIFICANT and self.won != self.lost

    @property
    def is_better(self) -> bool:
        return self.is_real and self.won > self.lost

    @property
    def is_worse(self) -> bool:
        return self.is_real and self.won < self.lost

    def of(self, what: str) -> str:
        """Return ``12 images``; or instances, where several networks of one size attacked the same images."""
        return count(self.pairs, what if self.pairs == self.clusters else "instance")

    def short(self, results: Results, who: str) -> str:
        """Return ``magnitude 0.9 has the larger margin on 11 and the smaller one on 0 of 12 images.``"""
        phrases = results.phrases_on(self.network)
        words = {"value": (f"has the {phrases.better} {phrases.value}", f"the {phrases.worse} one")}
        words |= {"norm": (f"has the shorter {phrases.length_of}", "the longer one"), "time": ("is sooner", "later")}
        words |= {"truth": ("has the truly better decision", "the worse one")}
        better, worse = words[self.measure]
        return f"{who} {better} on {self.won} and {worse} on {self.lost} of {self.of(results.what)}."

    def text(self, results: Results) -> str:
        return evidence({**self.row, f"{self.measure}_p_holm": self.p}, self.measure, results.phrases_on(self.network))

    def _count(self, name: str) -> int:
        return int(self.row[f"{self.measure}_{name}"])


def compared(rows: pd.DataFrame, measures: Sequence[str]) -> list[Compared]:
    """Return all comparisons of the rows that have pairs, corrected by Holm for all settings and measures among them.

    One in which fewer than :data:`~sweep.report.statistics.FEWEST` clusters differ cannot be beyond chance whatever they say,
    so it is none of the tests that are corrected for (Tarone 1990).
    """
    found = [(row, measure) for _, row in rows.iterrows() for measure in measures if row[f"{measure}_pairs"] > 0]
    enough = [row[f"{measure}_differing"] >= FEWEST for row, measure in found]
    tested = [row[f"{measure}_p"] if is_one else math.nan for (row, measure), is_one in zip(found, enough, strict=True)]
    corrected = np.nan_to_num(holm(tested), nan=1.0)
    return [Compared(row, measure, float(p)) for (row, measure), p in zip(found, corrected, strict=True)]


def compared_by_network(rows: pd.DataFrame, measures: Sequence[str]) -> list[Compared]:
    """Return the comparisons, those of each network corrected for one another: each network is judged by itself."""
    return [one for _, part in rows.groupby("network", sort=False) for one in compared(part, measures)]


def surrogates(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return those rows, of a win table or of pairs, whose setting is a pruned copy."""
    return rows[rows["setting"].map(lambda label: results.settings[label].is_surrogate).astype(bool)]


def against_dense(results: Results, wins: pd.DataFrame) -> pd.DataFrame:
    """Return those rows of a win table that compare a pruned copy with the dense MILP."""
    return surrogates(results, wins[wins["yardstick"] == results.phrases.baseline])


def why_not_compared(results: Results, rows: pd.DataFrame) -> str | None:
    """Return why there is no comparison of a pruned copy with the dense MILP among the rows; None where there is one."""
    if not any(setting.is_surrogate for setting in results.settings.values()):
        return "No pruned copy has finished."
    baseline = results.phrases.baseline
    if not any(setting.is_baseline for setting in results.settings.values()):
        hows = " or ".join(dict.fromkeys(map(baseline_of, results.instances["task"].unique())))
        return f"The {baseline} ({hows}) has not finished beside the pruned copies."
    return f"Pruned copies and {baseline} share no instance under the same settings." if rows.empty else None


def strongest(found: Sequence[Compared]) -> Compared:
    """Return what is least like chance of what speaks for the setting, else of what speaks against it, else of all; of several
    measures the value at the limit first."""
    leading = [one for one in found if one.is_better] or [one for one in found if one.is_real] or found
    return min(
        leading, key=lambda one: (one.measure not in VALUES, one.row[f"{one.measure}_p"], -one.row[f"{one.measure}_share"])
    )


def too_few(found: Sequence[Compared], what: str) -> str:
    """Return a sentence if no comparison has clusters enough for a test, or nothing: what counts is clusters, not pairs."""
    most = max((one.differing for one in found), default=0)
    if most >= FEWEST:
        return ""
    return f"A test needs {count(FEWEST, what)} that differ; here there are at most {most}."
