"""Does pruning pay on a network size? Its best pruned setting against the dense MILP: who wins, by how much, how sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.records.measures import VALUES
from sweep.report.answers import DOES_NOT_PAY, PAYS, TOO_FEW, UNCOMPARED, UNSURE
from sweep.report.compared import Compared, against_dense, compared, strongest, why_not_compared
from sweep.report.limits import limit_of
from sweep.report.ranking import ranking_of
from sweep.report.results import Results
from sweep.report.statistics import FEWEST
from sweep.report.words import number, p_text, seconds, signed_percent
from sweep.terminal.wording import count

SOLVED_GAP = 1e-3
"""A dense MILP is solved if what it proved is this close to what it found, relative to that (at least 1)."""


@dataclass(frozen=True)
class SizeAnswer:
    """One network size.

    Attributes:
        network: which.
        setting: its best pruned setting, the first of the ranking; None where none is compared with the dense MILP.
        verdict: one of :data:`~sweep.report.answers.PAYS` and the constants beside it.
        headline: who wins, and by how much, as one short sentence.
        sure: how sure that is, as one short sentence.
        evidence: counts, intervals, p-values and the other settings.
        sooner: whether it finds its first find sooner, as one short sentence; empty where nobody found one.
        also: who is sooner on how many instances, as a clause; empty unless that is beyond chance.
        won, lost: on how many of the instances that both attacked its value at the limit is better or worse.
        of: how many those are, such as ``12 images``.
        limit_seconds: the time limit of its attacks.
    """

    network: str
    setting: str | None
    verdict: str
    headline: str
    sure: str
    evidence: str
    sooner: str = ""
    also: str = ""
    won: int = 0
    lost: int = 0
    of: str = ""
    limit_seconds: float | None = None


def size_answers(results: Results, wins: pd.DataFrame, ranking: pd.DataFrame | None = None) -> list[SizeAnswer]:
    """Return an answer for each network, in order of appearance.

    Args:
        results: all there is.
        wins: their win table (:func:`~sweep.report.comparisons.win_table`).
        ranking: their ranking, if it is there already.
    """
    order = ranking_of(results) if ranking is None else ranking
    rows = against_dense(results, wins)
    answers = []
    for network in results.networks:
        here = rows[rows["network"] == network]
        found = compared(here, VALUES)
        if not found:
            why = why_not_compared(results, here) or f"No pruned copy is compared with the {results.phrases.baseline}."
            answers.append(SizeAnswer(network, None, UNCOMPARED, why, "", ""))
            continue
        by_setting = {one.setting: one for one in found}
        first = next(label for label in order.loc[order["network"] == network, "setting"] if label in by_setting)
        answers.append(_answer(results, by_setting[first], found, compared(here, ("time",))))
    return answers


def _answer(results: Results, best: Compared, found: Sequence[Compared], times: Sequence[Compared]) -> SizeAnswer:
    solved, asked = _solved(results, best.network)
    limit = limit_of(results, results.instances[results.instances["network"] == best.network])
    if best.is_better:
        verdict = PAYS
    elif best.clusters < FEWEST:
        verdict = TOO_FEW
    elif best.won <= best.lost and (any(one.is_worse for one in found) or asked - solved < FEWEST):
        verdict = DOES_NOT_PAY
    else:
        verdict = UNSURE
    sooner, also = _sooner(results, best, times)
    return SizeAnswer(
        network=best.network,
        setting=best.setting,
        verdict=verdict,
        headline=_headline(results, best, verdict, solved, asked, limit),
        sure=_sure(found, best, verdict, results.what),
        evidence=_evidence(results, best, found, times, solved, asked),
        sooner=sooner,
        also=also,
        won=best.won,
        lost=best.lost,
        of=best.of(results.what),
        limit_seconds=limit,
    )


def _solved(results: Results, network: str) -> tuple[int, int]:
    """Return on how many of its instances the dense MILP is solved, and how many those are."""
    is_dense = results.instances["setting"].map(lambda label: results.settings[label].is_baseline).astype(bool)
    found = results.instances[(results.instances["network"] == network) & is_dense]
    return found.loc[found["gap"] <= SOLVED_GAP, "instance_key"].nunique(), found["instance_key"].nunique()


def _headline(results: Results, best: Compared, verdict: str, solved: int, asked: int, limit: float) -> str:
    of, baseline = best.of(results.what), results.phrases.baseline
    counts = f"{best.setting} is better than the {baseline} on {best.won} and worse on {best.lost} of {of}"
    if verdict == PAYS:
        worse = f" and is worse on {best.lost}" if best.lost else ""
        return f"{best.setting} beats the {baseline} on {best.won}{worse} of {of}{_gain(results, best)}."
    if verdict == TOO_FEW and not best.won and not best.lost:
        return f"No pruned copy is better than the {baseline} on any of {of}: too few to tell."
    if verdict == TOO_FEW:
        return f"{counts}: too few to tell."
    if best.won > best.lost:
        return f"{counts}: that may be chance."
    done = f"; the {baseline} is solved on {solved} of {count(asked, results.what)}" if solved else ""
    return f"No pruned copy beats the {baseline} within {seconds(limit)}{done}."


def _gain(results: Results, best: Compared) -> str:
    """Return by how much, as a clause; nothing where the median is no gain."""
    gain = float(best.row[f"{best.measure}_effect"])
    if not gain > 0.0:
        return ""
    phrases = results.phrases_on(best.network)
    if best.measure == "norm":
        return f", with a {phrases.length_of} {signed_percent(gain).lstrip('+')} shorter (median)"
    return f", with a {phrases.value} {number(gain)} {phrases.better} (median)"


def _sure(found: Sequence[Compared], best: Compared, verdict: str, what: str) -> str:
    settings = f"corrected for {count(len(found), 'pruned setting')}"
    if verdict == PAYS:
        return f"Sure: {p_text(best.p)}, {settings}."
    if verdict == TOO_FEW:
        return f"Not sure: a test needs {count(FEWEST, what)} that differ, and here {best.differing} do."
    if verdict == UNSURE:
        return f"Not sure: {p_text(best.p)}, {settings}."
    worse = sum(one.is_worse for one in found)
    lost = f"Worse beyond chance: {worse} of {count(len(found), 'pruned setting')}. " if worse else ""
    return f"{lost}The best, {best.setting}, is better on {best.won} and worse on {best.lost} of {best.of(what)}."


def _sooner(results: Results, best: Compared, times: Sequence[Compared]) -> tuple[str, str]:
    """Return a sentence on the first finds of a setting, and a clause where it is sooner beyond chance.

    It is the best setting, or the strongest other one where only others are sooner beyond chance.
    """
    if not times:
        return "", ""
    mine = [one for one in times if one.setting == best.setting]
    one = mine[0] if mine and (mine[0].is_better or not any(other.is_better for other in times)) else strongest(times)
    of, thing = one.of(results.what), results.phrases_on(one.network).thing
    sentence = (
        f"{one.setting} finds its first {thing} sooner on {one.won} and later on {one.lost} of the {of} with any "
        f"({'sure' if one.is_real else 'not sure'})."
    )
    return sentence, f"{one.setting} is sooner on {one.won} of {of}" if one.is_better else ""


def _evidence(
    results: Results, best: Compared, found: Sequence[Compared], times: Sequence[Compared], solved: int, asked: int
) -> str:
    lines = [best.text(results)]
    lines += [one.text(results) for one in times if one.setting == best.setting]
    baseline = results.phrases.baseline
    lines.append(f"Better/worse than the {baseline}: {', '.join(f'{one.setting} {one.won}/{one.lost}' for one in found)}.")
    lines.append(f"The {baseline} is solved on {solved} of {count(asked, results.what)}.")
    return "\n".join(lines)
