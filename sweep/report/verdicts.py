"""Answers in plain language, each with its evidence: pairs, effect, interval, p-value; or "not enough data", and why.

A difference is called real when its p-value is below :data:`~sweep.report.statistics.SIGNIFICANT`, corrected by Holm for all
comparisons that its question looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.report.compared import Compared, compared, counted, strongest, too_few
from sweep.report.comparisons import ALL
from sweep.report.finetuning import finetuning_pairs, finetuning_summary
from sweep.report.results import Results
from sweep.report.settings import DENSE_MILP, GRADIENT
from sweep.report.statistics import SIGNIFICANT
from sweep.report.words import count, evidence, joined, of_pairs

YES, NO, MIXED, UNKNOWN, NOT_ASKED = "Yes", "No", "It depends", "Not enough data", "Not asked"
NONE = "None of them"

GAINS = {
    "time": "First adversarial input sooner than the dense MILP",
    "margin": "Larger margin than the dense MILP",
    "norm": "Shorter perturbation than the dense MILP",
}


@dataclass(frozen=True)
class Verdict:
    """A question, its answer in a word or two, and the evidence in a sentence or more, on lines of their own where many."""

    question: str
    answer: str
    evidence: str

    @property
    def is_sure(self) -> bool:
        return self.answer not in (UNKNOWN, NOT_ASKED)


def verdicts(results: Results, wins: pd.DataFrame) -> list[Verdict]:
    """Return all verdicts on the results, whose win table (:func:`~sweep.report.comparisons.win_table`) is ``wins``."""
    return [question(results, wins) for question in QUESTIONS]


def sooner_than_dense(results: Results, wins: pd.DataFrame) -> Verdict:
    question = "Does a sparse surrogate find adversarial inputs sooner than the dense MILP?"
    rows = _surrogates(results, _pooled(wins, DENSE_MILP))
    if (missing := _missing(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    return _judged(question, rows, "time", results.what)


def better_margin(results: Results, wins: pd.DataFrame) -> Verdict:
    closest = bool((wins["norm_pairs"] > 0).any()) and not bool((wins["margin_pairs"] > 0).any())
    what = "a shorter perturbation" if closest else "a larger dense margin"
    question = f"Within the same limit, does a sparse surrogate end with {what} than the dense MILP?"
    rows = _surrogates(results, _pooled(wins, DENSE_MILP))
    if (missing := _missing(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    return _judged(question, rows, "norm" if closest else "margin", results.what)


def at_which_sparsity(results: Results, wins: pd.DataFrame) -> Verdict:
    question = "At which sparsity does a surrogate do better than the dense MILP?"
    rows = _surrogates(results, _pooled(wins, DENSE_MILP))
    if (missing := _missing(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    found = compared(rows)
    counts = "\n".join(_listed(results, rows, measure) for measure in GAINS if any(one.measure == measure for one in found))
    if results.trials["amount"].nunique() < 2:
        return Verdict(question, NOT_ASKED, "\n".join(["Only one sparsity was swept.", *([counts] if counts else [])]))
    if not found:
        return Verdict(question, UNKNOWN, _nothing_found(rows))
    if not any(one.is_real for one in found):
        none = "None of these differs from even odds once corrected for all comparisons."
        return Verdict(question, UNKNOWN, f"{counts}\n{none}{too_few(found, results.what)}")
    better = [one for one in found if one.is_better]
    if not better:
        return Verdict(question, NONE, f"{counted(found)} Strongest: {strongest(found).text(results.what)}\n{counts}")
    # Of each measure in which some setting is better, the one that is so most often; of several, the least like chance.
    best = [
        max((one for one in better if one.measure == measure), key=lambda one: (one.row[f"{measure}_share"], -one.p))
        for measure in GAINS
        if any(one.measure == measure for one in better)
    ]
    named = dict.fromkeys(str(one.row["setting"]) for one in best)
    texts = [one.text(results.what) for one in best]
    return Verdict(question, joined(list(named)), "\n".join([counted(found), *texts, counts]))


def finetuning_helps(results: Results, _wins: pd.DataFrame) -> Verdict:
    question = "Does finetuning the surrogate help?"
    pairs = finetuning_pairs(results)
    if pairs.empty:
        return Verdict(question, NOT_ASKED, "No pruning was swept both with and without finetuning.")
    row = finetuning_summary(pairs)
    measures = [m for m in ("time", "time_with_pruning", "margin", "norm") if row[f"{m}_pairs"] > 0]
    texts = [evidence(row, measure, results.what, "The finetuned one") for measure in measures]
    found = {
        row[f"{m}_wins"] > row[f"{m}_losses"] for m in measures if row[f"{m}_p_holm"] < SIGNIFICANT and m != "time_with_pruning"
    }
    answer = UNKNOWN if not found else MIXED if len(found) > 1 else YES if True in found else NO
    few = too_few([Compared(pd.Series(row), measure) for measure in measures], results.what) if answer == UNKNOWN else ""
    return Verdict(
        question, answer, "\n".join(texts) + few if texts else f"None of the {len(pairs)} pairs has a value to compare."
    )


def on_which_networks(results: Results, wins: pd.DataFrame) -> Verdict:
    question = "On which network sizes do surrogates pay, beside the dense MILP?"
    rows = wins[(wins["yardstick"] == DENSE_MILP) & (wins["network"] != ALL)]
    rows = _surrogates(results, rows)
    if (missing := _missing(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    everywhere = compared(rows)
    pays: list[str] = []
    texts: list[str] = []
    for network in dict.fromkeys(rows["network"]):
        found = [one for one in everywhere if one.row["network"] == network]
        if not found:
            texts.append(f"{network}: nothing to compare.")
            continue
        most = strongest(found).text(results.what)
        texts.append(f"{network}: {counted(found)} Strongest: {most}{too_few(found, results.what)}")
        if any(one.is_better for one in found):
            pays.append(f"{network} (depending on the setting)" if any(one.is_worse for one in found) else str(network))
    if pays:
        return Verdict(question, joined(pays), "\n".join(texts))
    return Verdict(question, NO if any(one.is_real for one in everywhere) else UNKNOWN, "\n".join(texts))


def better_than_gradient(results: Results, wins: pd.DataFrame) -> Verdict:
    question = "Does anything end with a larger margin than the gradient attack?"
    rows = _pooled(wins, GRADIENT)
    rows = rows[rows["margin_pairs"] > 0]
    if rows.empty:
        return Verdict(question, NOT_ASKED, "The sweep holds no gradient attack that looked for margins on the same instances.")
    return _judged(question, rows, "margin", results.what)


QUESTIONS: Sequence[Callable[[Results, pd.DataFrame], Verdict]] = (
    sooner_than_dense,
    better_margin,
    at_which_sparsity,
    finetuning_helps,
    on_which_networks,
    better_than_gradient,
)


def _judged(question: str, rows: pd.DataFrame, measure: str, what: str) -> Verdict:
    """Answer from the comparisons of several settings with one yardstick by one measure."""
    found = compared(rows, (measure,))
    if not found:
        return Verdict(question, UNKNOWN, _nothing_found(rows))
    text = strongest(found).text(what)
    better, worse = any(one.is_better for one in found), any(one.is_worse for one in found)
    if not better and not worse:
        return Verdict(question, UNKNOWN, f"Strongest of {count(len(found), 'setting')}: {text}{too_few(found, what)}")
    answer = MIXED if better and worse else YES if better else NO
    return Verdict(question, answer, f"{counted(found, 'setting')} Strongest: {text}")


def _nothing_found(rows: pd.DataFrame) -> str:
    return f"In none of the {int(rows['pairs'].sum())} pairs did either find anything to compare."


def _listed(results: Results, rows: pd.DataFrame, measure: str) -> str:
    """Return what every setting won by one measure, a line a pruning method, by sparsity."""
    listed = []
    for method in dict.fromkeys(results.settings[label].method for label in rows["setting"]):
        part = rows[[results.settings[label].method == method for label in rows["setting"]]]
        part = part.assign(amount=[results.settings[label].amount or 0.0 for label in part["setting"]]).sort_values("amount")
        words = [f"{str(row['setting']).removeprefix(f'{method} ')} {of_pairs(row, measure)}" for _, row in part.iterrows()]
        listed.append(f"{method} " + ", ".join(words))
    return f"{GAINS[measure]}: " + ";\n".join(listed) + "."


def _pooled(wins: pd.DataFrame, yardstick: str) -> pd.DataFrame:
    """Return the comparisons over all networks; with one network there are no others."""
    rows = wins[wins["yardstick"] == yardstick]
    return rows[rows["network"] == ALL] if (rows["network"] == ALL).any() else rows


def _surrogates(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    return rows[[results.settings[label].is_surrogate for label in rows["setting"]]]


def _missing(results: Results, rows: pd.DataFrame) -> str | None:
    if not any(setting.is_surrogate for setting in results.settings.values()):
        return "No pruned surrogate has finished."
    if not any(setting.is_dense_milp for setting in results.settings.values()):
        return "The dense MILP (attack=surrogate pruning=none) has not finished beside the surrogates."
    return "Surrogates and dense MILP share no instance under the same settings." if rows.empty else None
