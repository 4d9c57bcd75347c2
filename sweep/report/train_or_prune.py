"""Train a network so that it is easy to optimise over, or prune the one that there is? What both lead to, compared in truth.

A network that is trained for it is another dense network, so values on the two say nothing of each other. What both decisions
are worth in truth does. Of two decisions the better one breaks no constraint in truth. Of two that break none it has the better
true value, and of two that break one it breaks it by less (the order of Deb, *An Efficient Constraint Handling Method for
Genetic Algorithms*, 2000). To have a decision is better than to have none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.config.families import switches
from sweep.records.measures import decide
from sweep.report.answers import FEW, MIXED, NOT_ASKED, UNCLEAR, Verdict
from sweep.report.compared import Compared, compared_by_network, strongest, too_few
from sweep.report.comparisons import measured, pairs_of_settings, signs, with_seeds
from sweep.report.results import Results
from sweep.report.statistics import FEWEST
from sweep.report.truth import TOLERANCE

QUESTION = "Train a network for it, or prune the one that there is?"
TRAIN, PRUNE = "Train", "Prune"

MEASURE = "truth"
"""The measure of these comparisons, the first part of the names of their columns."""

HOLDS, BREAKS, NOTHING = 2, 1, 0
"""What a decision comes to: it breaks no constraint in truth, it breaks one, or there is none."""


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
        decided = _decided(results.instances, pairs_of_settings(mine, others))
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
        return Verdict(QUESTION, NOT_ASKED, "Only the truth compares different networks, and it is not known here.")
    table = truth_table(results)
    if table.empty or not table["pruned"].any():
        why = "No pruned copy of the same network, trained without these settings, has finished on the same instances."
        return Verdict(QUESTION, NOT_ASKED, why)
    found, beside = (_compared(table[table["pruned"] == is_pruned]) for is_pruned in (True, False))
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


def _compared(table: pd.DataFrame) -> list[Compared]:
    named = table.assign(
        setting=[f"{one} (against {other})" for one, other in zip(table["setting"], table["other"], strict=True)]
    )
    return compared_by_network(named, (MEASURE,))


def _sides(results: Results) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame, bool]]:
    """Yield a plain network, answers of a setting of a trained one and of a MILP of the plain one, and if that is pruned."""
    instances = with_seeds(results)
    seeds = {record.key: (record.config.get("training") or {}).get("seed") for record in results.records}
    plain = instances["network"].map(plain_name)
    asked = zip(plain, instances["cluster"], instances["trial_key"].map(seeds), strict=True)
    instances = instances.assign(plain=plain, instance_key=[f"{name} {cluster} {seed}" for name, cluster, seed in asked])
    kinds = {label: setting for label, setting in results.settings.items() if setting.is_milp}
    instances = instances[instances["setting"].isin(kinds)]
    for name, part in instances.groupby("plain", sort=False):
        if part["true_value"].isna().all():
            continue
        is_plain = part["network"] == name
        yardsticks = [(str(label), rows) for label, rows in part[is_plain].groupby("setting", sort=False)]
        for _, mine in part[~is_plain].groupby(["network", "setting"], sort=False):
            for label, others in yardsticks:
                yield str(name), mine, others, kinds[label].is_surrogate


def _decided(instances: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with ``win``, 1, 0 or -1, and ``difference``: by how much mine is better where both hold."""
    sides = [instances.loc[pairs[f"row_{side}"]] for side in ("mine", "other")]
    (mine, other), (broken, others_broken) = ([side[name].to_numpy(float) for side in sides] for name in _COLUMNS)
    mine, other = signs(pairs) * mine, signs(pairs) * other
    first, second = _standing(mine, broken), _standing(other, others_broken)
    hold, fail = ((first == kind) & (second == kind) for kind in (HOLDS, BREAKS))
    win = np.sign(first - second).astype(np.float64)
    win[hold] = decide(mine[hold], other[hold], "margin")
    win[fail] = decide(-broken[fail], -others_broken[fail], "margin")
    return pairs.assign(win=win, difference=np.where(hold, np.where(win == 0.0, 0.0, mine - other), np.nan))


_COLUMNS = ("true_value", "true_violation")


def _standing(value: NDArray[np.float64], violation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return what each decision comes to; a model whose violation is not known has no constraint to break."""
    return np.where(np.isnan(value), NOTHING, np.where(violation > TOLERANCE, BREAKS, HOLDS))
