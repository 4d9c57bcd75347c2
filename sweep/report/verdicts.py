"""The questions of the report, each with an answer in plain words and its evidence; or why there is no answer.

A difference is beyond chance when its p-value is below :data:`~sweep.report.statistics.SIGNIFICANT`, corrected by Holm for all
comparisons that its question looks at on that network. Sizes, pruning and headline look at the same comparisons, so they agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sweep.records.measures import VALUES
from sweep.report.answers import (
    DOES_NOT_PAY,
    FEW,
    NONE,
    NOT_ASKED,
    PAYS,
    TOO_FEW,
    UNCLEAR,
    UNCOMPARED,
    Verdict,
    judged,
    unsure,
)
from sweep.report.compared import Compared, against_dense, compared_by_network, too_few, why_not_compared
from sweep.report.comparisons import ALL
from sweep.report.larger import QUESTION as LARGER
from sweep.report.larger import has_sizes, larger_pays
from sweep.report.limits import QUESTION as LIMIT
from sweep.report.limits import limit_answer
from sweep.report.results import Results
from sweep.report.sizes import SizeAnswer, size_answers
from sweep.report.statistics import FEWEST
from sweep.report.train_or_prune import QUESTION as TRAIN_OR_PRUNE
from sweep.report.train_or_prune import is_trained_for, train_or_prune
from sweep.report.variations import (
    FINETUNING,
    MEASURES,
    REPAIRING,
    Variation,
    is_swept,
    variation_pairs,
    variation_summaries,
)
from sweep.terminal.wording import count, joined, some

__all__ = ["TOLD_FIRST", "Verdict", "verdicts"]

SIZES = "On which network sizes does pruning pay"
PRUNING = "Which pruning pays"

TOLD_FIRST = {
    SIZES: "Network size that pays at the full limit",
    PRUNING: "Pruning that pays at the full limit",
    LIMIT: "Limits at which a pruned copy is ahead",
    LARGER: "Larger network, in truth",
    TRAIN_OR_PRUNE: "Train for it, or prune",
}
"""Beginnings of the questions whose answers stand at the top of the page, if asked, and the titles of the answers there."""


def verdicts(results: Results, wins: pd.DataFrame, sizes: Sequence[SizeAnswer] | None = None) -> list[Verdict]:
    """Return all verdicts.

    Args:
        results: all there is.
        wins: their win table (:func:`~sweep.report.comparisons.win_table`).
        sizes: the answers on sizes, if they are there already.
    """
    return [
        which_sizes(results, size_answers(results, wins) if sizes is None else sizes),
        which_pruning(results, wins),
        limit_answer(results),
        sooner_than_dense(results, wins),
        variation_helps(results, FINETUNING),
        *([variation_helps(results, REPAIRING)] if is_swept(results, REPAIRING) else []),
        *([larger_pays(results)] if has_sizes(results) else []),
        *([train_or_prune(results)] if is_trained_for(results) else []),
        better_than_yardstick(results, wins),
    ]


def which_sizes(results: Results, sizes: Sequence[SizeAnswer]) -> Verdict:
    baseline = results.phrases.baseline
    question = f"{SIZES}, against the {baseline}?"
    asked = [one for one in sizes if one.verdict != UNCOMPARED]
    if not asked:
        return Verdict(question, NOT_ASKED, sizes[0].headline if sizes else "No pruned copy has finished.")
    lines = "\n".join(f"{one.network}: {one.headline} {one.sure} {one.sooner}".rstrip() for one in asked)
    pays, not_paying = ([one.network for one in asked if one.verdict == verdict] for verdict in (PAYS, DOES_NOT_PAY))
    if pays:
        rest = [one.network for one in asked if one.verdict != PAYS]
        beside = f", and on {some(rest)} none does beyond chance" if rest else ""
        return Verdict(question, some(pays), f"A pruned copy beats the {baseline} on {some(pays)}{beside}.", lines)
    few = all(one.verdict == TOO_FEW for one in asked)
    answer = FEW if few else NONE if len(not_paying) == len(asked) else UNCLEAR
    sentence = (
        f"With fewer than {FEWEST} instances no test can tell."
        if few
        else f"No pruned copy beats the {baseline} beyond chance."
    )
    return Verdict(question, answer, sentence, lines)


def which_pruning(results: Results, wins: pd.DataFrame) -> Verdict:
    baseline = results.phrases.baseline
    question = f"{PRUNING}, against the {baseline}?"
    rows = _by_network(results, wins)
    if (missing := why_not_compared(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    if rows["setting"].nunique() < 2:
        return Verdict(question, NOT_ASKED, f"Only one pruned setting was run, {rows['setting'].iloc[0]}.")
    found = compared_by_network(rows, VALUES)
    parts = [[one for one in found if one.network == network] for network in dict.fromkeys(rows["network"])]
    lines = [_counts(part, results) for part in parts if part]
    text = "\n".join([*lines, "p is corrected by Holm for the pruned settings of a network."])
    better = sorted((one for one in found if one.is_better), key=lambda one: (one.lost - one.won) / one.pairs)
    if better:
        most, names = better[0], list(dict.fromkeys(one.setting for one in better))
        beat = f"{len(names)} of {count(rows['setting'].nunique(), 'pruned setting')} beat the {baseline} beyond chance"
        sentence = f"{beat}, most often {most.setting}: on {most.won} of {most.of(results.what)} of {most.network}."
        answer = joined(names) if len(names) <= 2 else f"{names[0]}, and {len(names) - 1} more"
        return Verdict(question, answer, sentence, text)
    sentence = f"No pruned setting beats the {baseline} beyond chance."
    answer = NONE if any(one.is_worse for one in found) else unsure(found)
    return Verdict(question, answer, f"{sentence} {too_few(found, results.what)}".rstrip(), text)


def sooner_than_dense(results: Results, wins: pd.DataFrame) -> Verdict:
    thing = results.phrases.thing
    question = f"Does a pruned copy find {thing}s sooner than the {results.phrases.baseline}?"
    rows = _by_network(results, wins)
    if (missing := why_not_compared(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    found = compared_by_network(rows, ("time",))
    if not found:
        return Verdict(
            question, UNCLEAR, f"Neither the pruned copies nor the {results.phrases.baseline} found {results.phrases.a_thing}."
        )
    return judged(question, found, results)


def variation_helps(results: Results, variation: Variation) -> Verdict:
    """Return whether pruned copies are better with a variation than the same ones without it."""
    question = f"Does {variation.question} help?"
    pairs = variation_pairs(results, variation)
    if pairs.empty:
        return Verdict(question, NOT_ASKED, f"No pruning was run both with and without {variation.name}.")
    found = compared_by_network(variation_summaries(pairs, variation), MEASURES)
    return judged(question, [one for one in found if one.measure != "time_with_pruning"], results, told=found)


def better_than_yardstick(results: Results, wins: pd.DataFrame) -> Verdict:
    name = results.phrases.yardstick
    question = f"Does anything beat the {name}?"
    rows = wins[(wins["yardstick"] != results.phrases.baseline) & (wins["network"] != ALL)]
    if rows.empty:
        return Verdict(question, NOT_ASKED, f"No {name} has finished on the same instances.")
    return judged(question, compared_by_network(rows, VALUES), results)


def _by_network(results: Results, wins: pd.DataFrame) -> pd.DataFrame:
    rows = against_dense(results, wins)
    return rows[rows["network"] != ALL]


def _counts(found: Sequence[Compared], results: Results) -> str:
    counts = ", ".join(f"{one.setting} {one.won}/{one.lost}{' (sure)' if one.is_real else ''}" for one in found)
    return f"{found[0].network}, better/worse than the {results.phrases.baseline} of {found[0].of(results.what)}: {counts}."
