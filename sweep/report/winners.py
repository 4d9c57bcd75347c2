"""The best setting on each network, for sweeps without a dense MILP to compare pruned copies with.

Where there is a dense MILP, :mod:`sweep.report.sizes` says whether pruning pays. Here the winner is the first of the ranking,
and the runner-up is the next that attacked some of the same instances. On each instance that both attacked, one of them did
better by the ranking's own order (a find before none, the shorter length, the sooner find, the better value). The sign test,
which counts each cluster once, says whether that could be chance. The winner is compared with the dense MILP in the same way.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.records.measures import Measure, decide
from sweep.report.comparisons import COLUMNS, counted, outcomes, pairs_of_settings, with_seeds
from sweep.report.phrases import Phrases, kinds_of, phrases_of
from sweep.report.ranking import judged_against_dense, ranking_of
from sweep.report.results import Results
from sweep.report.statistics import FEWEST, SIGNIFICANT, holm
from sweep.report.words import number, seconds
from sweep.terminal.wording import some

SURE, UNSURE, DISPUTED, CLOSE, FEW = "sure", "not sure", "disputed", "hardly differs", "not enough data"
ALONE = "nothing to compare"

DONE = {
    SURE: "won on {}",
    UNSURE: "is ahead on {}, but that may be chance",
    DISPUTED: "is first on {}, but the next did better on more instances",
    CLOSE: "is first on {}, but hardly differs from the next",
    FEW: "is ahead on {}, on too few instances to be sure",
    ALONE: "has nothing to be compared with on {}",
}
"""What the page's first sentence says of the best setting, by how sure that is."""

MOST_IN_HEADLINE = 3
"""Clauses of the first sentence; with more the cards below say it better."""


@dataclass(frozen=True)
class Duel:
    """How the winner did against another setting.

    Attributes:
        other: the other setting.
        better, worse, pairs: on so many instances the winner did better or worse, of so many that both attacked.
        clusters, differing: clusters among them, and those in which one of both did better.
        p, p_holm: of the sign test over clusters, as it is and corrected.
        lead: by how much, as a clause.
    """

    other: str
    better: int
    worse: int
    pairs: int
    clusters: int
    differing: int
    p: float
    lead: str
    p_holm: float = math.nan


@dataclass(frozen=True)
class Winner:
    """The best setting on one network.

    Attributes:
        network, setting: which.
        duels: against the runner-up, and against the dense MILP if that is another one.
    """

    network: str
    setting: str
    duels: tuple[Duel, ...]

    @property
    def confidence(self) -> str:
        """``sure`` that it beats the runner-up, or why not: a key of :data:`DONE`."""
        if not self.duels or self.duels[0].pairs == 0:
            return ALONE
        first = self.duels[0]
        if first.differing < FEWEST:
            return CLOSE if first.clusters >= FEWEST or not first.differing else FEW
        if first.better < first.worse:
            return DISPUTED
        return SURE if first.p_holm < SIGNIFICANT and first.better > first.worse else UNSURE


def winners(results: Results) -> tuple[list[Winner], pd.DataFrame]:
    """Return the winner of each network on which no pruned copy is compared with the dense MILP, and the whole ranking, seeds
    pooled."""
    ranking = ranking_of(results)
    instances = with_seeds(results)
    dense = {label for label, setting in results.settings.items() if setting.is_baseline}
    drafts: list[Winner] = []
    for network, part in ranking.groupby("network", sort=False):
        if judged_against_dense(part.fillna({"compared_with_dense": 0}).to_dict("records"), results):
            continue
        first, *others = part["setting"]
        here = instances[instances["network"] == network]
        keys = {label: set(rows["instance_key"]) for label, rows in here.groupby("setting")}
        sharing = [label for label in others if keys.get(first, set()) & keys.get(label, set())]
        runner_up = (sharing or others)[:1]
        milps = [label for label in (*sharing, *others) if label in dense][:1]
        opponents = list(dict.fromkeys([*runner_up, *milps]))
        duels = tuple(duel(here, first, other) for other in opponents)
        drafts.append(Winner(str(network), first, duels))
    corrected = iter(holm([one.p if one.pairs else math.nan for draft in drafts for one in draft.duels]))
    found = []
    for draft in drafts:
        duels = tuple(dataclasses.replace(one, p_holm=float(next(corrected))) for one in draft.duels)
        found.append(dataclasses.replace(draft, duels=duels))
    return found, ranking


def duel(instances: pd.DataFrame, first: str, second: str) -> Duel:
    """Return how the setting ``first`` did against ``second`` on the instances (of one network) that both attacked."""
    mine, others = (instances[instances["setting"] == label] for label in (first, second))
    pairs = pairs_of_settings(mine, others)
    found = counted(pairs.assign(win=better(pairs)), "time")
    return Duel(
        second,
        found["wins"],
        found["losses"],
        found["pairs"],
        found["clusters"],
        found["differing"],
        found["p"],
        lead(pairs),
    )


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
    return f"a {phrases.value} of {mine:{phrases.plus}.3g}, against {other:{phrases.plus}.3g}"


def better(pairs: pd.DataFrame) -> pd.Series:
    """Return 1 where mine did better by the ranking's order, -1 where worse, 0 where neither."""
    result = pd.Series(0.0, index=pairs.index)
    for measure in phrases_of(kinds_of(pairs)).order:
        decided = outcomes(pairs[result == 0.0], measure)
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
    by_how_much = found[0].duels[0] if len(found) == 1 and found[0].confidence != ALONE else None
    if by_how_much is None or not by_how_much.lead:
        return "; ".join(parts) + "."
    return f"{parts[0]}: {by_how_much.lead} of {by_how_much.other}."


def _where(networks: Sequence[str], found: Sequence[Winner]) -> str:
    if len(networks) < len(found) or len(found) == 1:
        return some(networks)
    return "both networks" if len(found) == 2 else f"all {len(found)} networks"
