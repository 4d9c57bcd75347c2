"""Which setting won on each network, by how much, and how sure that is: the first thing a reader wants to know.

The winner is the first of the ranking. How sure: on each image that it and the runner-up both attacked, one of them did better
by the ranking's own order (a witness before none, the shorter perturbation, the sooner witness, the larger margin); the sign
test asks whether that could be chance. The same against the dense MILP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.report.comparisons import outcomes, p_value, pairs_of, with_clusters
from sweep.report.ranking import rank
from sweep.report.results import Results
from sweep.report.settings import SEEDS
from sweep.report.statistics import FEWEST, SIGNIFICANT, Interval, holm, share_interval
from sweep.report.words import count, interval_text, joined, number, p_number, p_text, percent, seconds

SURE, UNSURE, FEW, ALONE = "sure", "not sure", "not enough data", "nothing to compare"

DONE = {
    SURE: "won on {}",
    UNSURE: "is ahead on {}, but that may be chance",
    FEW: "is ahead on {}, on too few instances to be sure",
    ALONE: "has nothing to be compared with on {}",
}
"""What the page's first sentence says of the best setting, by how sure that is."""

MOST_IN_HEADLINE = 3
"""Clauses of the first sentence; with more the cards below say it better."""


@dataclass(frozen=True)
class Duel:
    """How the winner did against another setting: on so many of the images that both attacked it did better, or worse."""

    other: str
    better: int
    worse: int
    pairs: int
    interval: Interval
    p: float
    p_holm: float = math.nan

    @property
    def text(self) -> str:
        share = interval_text(self.interval.low, self.interval.high, percent)
        corrected = "" if math.isnan(self.p_holm) or self.p_holm == self.p else f", corrected {p_number(self.p_holm)}"
        if not self.pairs:
            return f"{self.other}: no instance that both attacked"
        return (
            f"{self.other}: better on {self.better} of {self.pairs} ({percent(self.interval.value)}{share}), worse on "
            f"{self.worse} (sign test {p_text(self.p)}{corrected})"
        )


@dataclass(frozen=True)
class Winner:
    """The best setting on one network.

    Attributes:
        network, setting: which.
        facts: what it reached, as a sentence.
        duels: against the runner-up, and against the dense MILP if that is another one.
        confidence: ``sure`` against the runner-up, ``not sure``, ``not enough data``, or ``nothing to compare``.
    """

    network: str
    setting: str
    facts: str
    duels: tuple[Duel, ...]

    @property
    def confidence(self) -> str:
        if not self.duels or self.duels[0].pairs == 0:
            return ALONE
        first = self.duels[0]
        if first.better + first.worse < FEWEST:
            return FEW
        return SURE if first.p_holm < SIGNIFICANT and first.better > first.worse else UNSURE

    @property
    def caveat(self) -> str:
        """A sentence where the ranking, by shares and medians, and the comparison image by image disagree, or nothing."""
        if not self.duels or self.duels[0].better >= self.duels[0].worse:
            return ""
        return f"First by the order of the ranking, yet {self.duels[0].other} did better on more of the instances one by one."


def winners(results: Results) -> tuple[list[Winner], pd.DataFrame]:
    """Return the winner of each network, and the ranking (seeds pooled) that they are the first rows of."""
    ranking = rank(results.records, SEEDS)
    instances = with_clusters(results.instances)
    dense = {label for label, setting in results.settings.items() if setting.is_dense_milp}
    drafts: list[tuple[str, str, str, list[Duel]]] = []
    for network, part in ranking.groupby("network", sort=False):
        labels = list(part["setting"])
        others = labels[1:2] + [label for label in labels[2:] if label in dense][:1]
        here = instances[instances["network"] == network]
        duels = [duel(here, labels[0], other) for other in others]
        drafts.append((str(network), labels[0], _facts(part.iloc[0], results.what), duels))
    corrected = iter(holm([one.p if one.pairs else math.nan for draft in drafts for one in draft[3]]))
    found = []
    for network, label, facts, duels in drafts:
        sure = tuple(Duel(d.other, d.better, d.worse, d.pairs, d.interval, d.p, float(next(corrected))) for d in duels)
        found.append(Winner(network, label, facts, sure))
    return found, ranking


def duel(instances: pd.DataFrame, first: str, second: str) -> Duel:
    """Return how the setting ``first`` did against ``second`` on the instances (of one network) that both attacked."""
    mine, others = (instances[instances["setting"] == label] for label in (first, second))
    pairs = pairs_of(mine, others, ("instance_key",), ("instance_key",))
    decided = pairs.assign(win=better(pairs), difference=np.nan)
    won = decided["win"].to_numpy()
    interval = share_interval(won > 0, decided["cluster"].to_numpy())
    return Duel(second, int((won > 0).sum()), int((won < 0).sum()), len(pairs), interval, p_value(decided, "time"))


def better(pairs: pd.DataFrame) -> pd.Series:
    """Return 1 where mine did better by the ranking's order, -1 where worse, 0 where neither."""
    result = pd.Series(0.0, index=pairs.index)
    for measure in ("norm", "time", "margin"):
        open_ones = result == 0.0
        if measure == "margin":  # two that both found a witness at the very same moment are equal
            open_ones &= pairs["first_adversarial_seconds_mine"].isna() & pairs["first_adversarial_seconds_other"].isna()
        decided = outcomes(pairs[open_ones], measure)
        result[decided.index] = decided["win"]
    return result


def headline(found: Sequence[Winner]) -> str:
    """Return the page's first sentence: who won, or who is only ahead."""
    if not found:
        return "No trial has finished, so nothing has won."
    networks: dict[tuple[str, str], list[str]] = {}
    for winner in found:
        networks.setdefault((winner.setting, winner.confidence), []).append(winner.network)
    if len(networks) > MOST_IN_HEADLINE:
        sure = sum(winner.confidence == SURE for winner in found)
        return f"Every network has its own best setting, {sure or 'none'} of the {len(found)} beyond chance."
    parts = [f"{setting} {DONE[confidence].format(_where(of, found))}" for (setting, confidence), of in networks.items()]
    return "; ".join(parts) + "."


def _where(networks: Sequence[str], found: Sequence[Winner]) -> str:
    if len(networks) < len(found) or len(found) == 1:
        return joined(networks)
    return "both networks" if len(found) == 2 else f"all {len(found)} networks"


def _facts(row: pd.Series, what: str) -> str:
    parts = [f"An adversarial input for {int(row['successes'])} of {count(int(row['asked']), what)}"] if row["asked"] else []
    if row["maximised"]:
        parts.append(f"the largest output proven for {int(row['optimal'])} of {count(int(row['maximised']), 'question')}")
    if row["robust"]:
        parts.append(f"{int(row['robust'])} proven robust")
    if not pd.isna(row["first_adversarial_seconds"]):
        parts.append(f"the first after {seconds(row['first_adversarial_seconds'])} (median)")
    if not pd.isna(row["norm"]):
        parts.append(f"median norm {number(row['norm'])}")
    if not pd.isna(row["margin"]):
        parts.append(f"median margin {row['margin']:+.3g}" if row["asked"] else f"median value {row['margin']:.4g}")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]
