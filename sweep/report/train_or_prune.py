"""Train a network so that it is easy to optimise over, or prune the one that there is? What both lead to, compared in truth.

A network that is trained for it is another dense network, so values on the two cannot be compared. What their decisions are
worth in truth can (:mod:`sweep.report.in_truth`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from sweep.config.families import switches
from sweep.report.answers import FEW, MIXED, NOT_ASKED, UNCLEAR, Verdict
from sweep.report.compared import Compared, compared_by_network, strongest, too_few
from sweep.report.comparisons import measured, pairs_of_settings
from sweep.report.in_truth import MEASURE, alike, decided_in_truth
from sweep.report.results import Results
from sweep.report.statistics import FEWEST

QUESTION = "Train a network for it, or prune the one that there is?"
TRAIN, PRUNE = "Train", "Prune"


def is_trained_for(results: Results) -> bool:
    """Whether there is a network that was trained with a setting which is off by default."""
    return any(plain_name(network) != network for network in results.networks)


def plain_name(network: str) -> str:
    """Return the name of the network that differs in nothing but that such settings are off."""
    return " ".join(word for word in network.split(" ") if word.partition("=")[0] not in switches())


def truth_table(results: Results) -> pd.DataFrame:
    """Return a row for each setting of a network that was trained for it, and each MILP of the plain network.

    Columns: ``network`` (the plain one), ``setting`` (of the trained one), ``other`` (of the plain one), ``pruned`` (whether
    that is a pruned copy), ``pairs``, and ``truth_wins`` and the others that every measure has in
    :func:`~sweep.report.comparisons.win_table`. A pair has the problem, its seed and the seed of the training in common. There
    is none of networks whose truth is not known.
    """
    rows: list[dict[str, Any]] = []
    for network, mine, others, is_pruned in _sides(results):
        decided = decided_in_truth(results.instances, pairs_of_settings(mine, others))
        if decided.empty:
            continue
        trained, label, other = mine["network"].iloc[0], mine["setting"].iloc[0], others["setting"].iloc[0]
        words = [word.removeprefix("training.") for word in trained.split(" ") if word not in network.split(" ")]
        found = {f"{MEASURE}_{name}": value for name, value in measured(decided, MEASURE).items()}
        about = {"network": network, "setting": f"{' '.join(words)} {label}", "other": other, "pruned": is_pruned}
        rows.append({**about, "pairs": len(decided), **found})
    return pd.DataFrame(rows)


def train_or_prune(results: Results) -> Verdict:
    """Return whether networks that were trained for it lead to truly better decisions than pruned copies of the plain one."""
    if results.instances["true_value"].isna().all():
        return Verdict(
            QUESTION, NOT_ASKED, "Decisions on different networks can only be compared in truth, which is not known here."
        )
    table = truth_table(results)
    if table.empty or not table["pruned"].any():
        why = "No pruned copy of the same network, trained without these settings, has finished on the same instances."
        return Verdict(QUESTION, NOT_ASKED, why)
    found, beside = (compared_in_truth(table[table["pruned"] == is_pruned]) for is_pruned in (True, False))
    evidence = "\n".join(f"{one.network}: {one.text(results)}" for one in [*found, *beside])
    real = {TRAIN: [one for one in found if one.is_better], PRUNE: [one for one in found if one.is_worse]}
    answers = [answer for answer, some in real.items() if some]
    if not answers:
        answer = FEW if all(one.images < FEWEST for one in found) else UNCLEAR
        sentence = f"Nothing differs beyond chance in truth. {too_few(found, results.what)}".rstrip()
        return Verdict(QUESTION, answer, sentence, evidence)
    said = [_short(strongest(real[answer]), results) for answer in answers]
    return Verdict(QUESTION, MIXED if len(answers) > 1 else answers[0], " ".join(said), evidence)


def _short(one: Compared, results: Results) -> str:
    return one.short(results, f"On {one.network}, {one.setting}")


def compared_in_truth(table: pd.DataFrame) -> list[Compared]:
    """Return how each trained network did against each MILP of the plain one, p by Holm over the rows given."""
    named = table.assign(
        setting=[f"{one} (against {other})" for one, other in zip(table["setting"], table["other"], strict=True)]
    )
    return compared_by_network(named, (MEASURE,))


def _sides(results: Results) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame, bool]]:
    """Yield a plain network, answers of a setting of a trained one and of a MILP of the plain one, and if that is pruned."""
    instances = alike(results, plain_name)
    kinds = {label: setting for label, setting in results.settings.items() if setting.is_milp}
    instances = instances[instances["setting"].isin(kinds)]
    for name, part in instances.groupby("subject", sort=False):
        if part["true_value"].isna().all():
            continue
        is_plain = part["network"] == name
        yardsticks = [(str(label), rows) for label, rows in part[is_plain].groupby("setting", sort=False)]
        for _, mine in part[~is_plain].groupby(["network", "setting"], sort=False):
            for label, others in yardsticks:
                yield str(name), mine, others, kinds[label].is_surrogate
