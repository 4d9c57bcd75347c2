"""Answers in plain language, each with its evidence: pairs, effect, interval, p-value; or "not enough data", and why.

A difference is called real when its p-value, corrected by Holm for all comparisons of its table, is below
:data:`~sweep.report.statistics.SIGNIFICANT`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.report.comparisons import ALL, MEASURES
from sweep.report.finetuning import finetuning_pairs, finetuning_summary
from sweep.report.results import Results
from sweep.report.settings import DENSE_MILP, GRADIENT
from sweep.report.statistics import FEWEST_PAIRS, SIGNIFICANT
from sweep.report.words import evidence, joined, of_pairs

YES, NO, MIXED, UNKNOWN, NOT_ASKED = "Yes", "No", "It depends", "Not enough data", "Not asked"


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
    question = "At which sparsity?"
    rows = _surrogates(results, _pooled(wins, DENSE_MILP))
    if (missing := _missing(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    swept = results.trials["amount"].nunique()
    if (rows["time_pairs"] == 0).all() and swept > 1:  # a list of 0/0 would be read as lost
        return Verdict(question, UNKNOWN, _nothing_found(rows))
    listed = []
    for method in dict.fromkeys(results.settings[label].method for label in rows["setting"]):
        labels = [s for s in rows["setting"] if results.settings[s].method == method]
        part = rows[rows["setting"].isin(labels)]
        part = part.assign(amount=[results.settings[label].amount or 0.0 for label in part["setting"]]).sort_values("amount")
        words = [f"{label.removeprefix(f'{method} ')} {of_pairs(row, 'time')}" for label, row in _by_label(part)]
        listed.append(f"{method} " + ", ".join(words))
    lines = [f"First adversarial input sooner than the dense MILP: {listed[0]}", *listed[1:]]
    counts = ";\n".join(lines) + "."
    if swept < 2:
        return Verdict(question, NOT_ASKED, f"Only one sparsity was swept. {counts}")
    real = rows[(rows["time_p_holm"] < SIGNIFICANT) & (rows["time_wins"] > rows["time_losses"])]
    if real.empty:
        return Verdict(question, UNKNOWN, f"{counts}\nNone of these differs from even odds once corrected for all comparisons.")
    best = real.sort_values(["time_share", "time_p_holm"], ascending=[False, True]).iloc[0]
    return Verdict(question, str(best["setting"]), f"{evidence(best, 'time', results.what)}\n{counts}")


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
    return Verdict(question, answer, "\n".join(texts) or f"None of the {len(pairs)} pairs has a value to compare.")


def on_which_networks(results: Results, wins: pd.DataFrame) -> Verdict:
    question = "On which network sizes do surrogates pay?"
    rows = wins[(wins["yardstick"] == DENSE_MILP) & (wins["network"] != ALL)]
    rows = _surrogates(results, rows)
    if (missing := _missing(results, rows)) is not None:
        return Verdict(question, NOT_ASKED, missing)
    pays: list[str] = []
    hurts: list[str] = []
    texts: list[str] = []
    for network, part in rows.groupby("network", sort=False):
        found = [one for measure in MEASURES if (one := _strongest(part, measure)) is not None]
        if not found:
            texts.append(f"{network}: nothing to compare.")
            continue
        p, measure, row = min(found, key=lambda one: one[0])
        texts.append(f"{network}: {evidence(row, measure, results.what)}")
        if p < SIGNIFICANT:
            (pays if row[f"{measure}_wins"] > row[f"{measure}_losses"] else hurts).append(str(network))
    if pays:
        return Verdict(question, joined(pays), "\n".join(["Strongest evidence per network:", *texts]))
    return Verdict(question, NO if hurts else UNKNOWN, "\n".join(["Strongest evidence per network:", *texts]))


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
    """Answer from the comparisons of several settings with one yardstick."""
    decided = rows[rows[f"{measure}_pairs"] > 0]
    if decided.empty:
        return Verdict(question, UNKNOWN, _nothing_found(rows))
    real = decided[decided[f"{measure}_p_holm"] < SIGNIFICANT]
    better = real[real[f"{measure}_wins"] > real[f"{measure}_losses"]]
    worse = real[real[f"{measure}_wins"] < real[f"{measure}_losses"]]
    leading = decided if real.empty else better if not better.empty else worse
    row = leading.sort_values([f"{measure}_p", f"{measure}_share"], ascending=[True, False]).iloc[0]
    text = evidence(row, measure, what)
    if real.empty:
        most = int((decided[f"{measure}_wins"] + decided[f"{measure}_losses"]).max())
        few = f" At least {FEWEST_PAIRS} pairs that differ are needed for one setting; here there are at most {most}."
        return Verdict(question, UNKNOWN, f"Strongest of {len(decided)} settings: {text}{few if most < FEWEST_PAIRS else ''}")
    counts = f"Better in {len(better)}, worse in {len(worse)} of {len(decided)} settings beyond chance."
    answer = MIXED if len(better) and len(worse) else YES if len(better) else NO
    return Verdict(question, answer, f"{counts} Strongest: {text}")


def _nothing_found(rows: pd.DataFrame) -> str:
    return f"In none of the {int(rows['pairs'].sum())} pairs did either find anything to compare."


def _strongest(rows: pd.DataFrame, measure: str) -> tuple[float, str, pd.Series] | None:
    """Return the corrected p-value, the measure and the row of the comparison that is least like chance."""
    part = rows[rows[f"{measure}_pairs"] > 0].sort_values([f"{measure}_p_holm", f"{measure}_p"])
    return None if part.empty else (float(part.iloc[0][f"{measure}_p_holm"]), measure, part.iloc[0])


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


def _by_label(rows: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    return [(str(row["setting"]), row) for _, row in rows.iterrows()]
