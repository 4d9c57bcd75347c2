"""Train a network so that it is easy to optimise over, or prune the one that there is? What both lead to, compared in truth.

A network that is trained for it is another dense network, so values on the two cannot be compared. What their decisions are
worth in truth can (:mod:`sweep.report.in_truth`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from sweep.config.families import switches
from sweep.report.answers import NOT_ASKED, Verdict, judged
from sweep.report.compared import Compared, compared_by_network
from sweep.report.in_truth import MEASURE, alike, known_in_truth, table_in_truth
from sweep.report.results import Results

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

    The columns are ``network`` (the plain one), ``setting`` (of the trained one), ``other`` (of the plain one), ``pruned``
    (whether that is a pruned copy), and those of :func:`~sweep.report.in_truth.table_in_truth`. A pair has the problem, its
    seed and the seed of the training in common. There is none of networks whose truth is not known.
    """
    return table_in_truth(results, _sides(results))


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
    return judged(QUESTION, found, results, told=[*found, *beside], answers=(TRAIN, PRUNE), in_truth=True)


def compared_in_truth(table: pd.DataFrame) -> list[Compared]:
    """Return how each trained network did against each MILP of the plain one, p by Holm over the rows given."""
    named = table.assign(
        setting=[f"{one} (against {other})" for one, other in zip(table["setting"], table["other"], strict=True)]
    )
    return compared_by_network(named, (MEASURE,))


def _sides(results: Results) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
    """Yield a plain network with two settings, and the answers of that of a trained network and of that of the plain one."""
    instances = alike(results, plain_name)
    kinds = {label: setting for label, setting in results.settings.items() if setting.is_milp}
    for name, part in known_in_truth(instances[instances["setting"].isin(kinds)]):
        is_plain = part["network"] == name
        yardsticks = [(str(label), rows) for label, rows in part[is_plain].groupby("setting", sort=False)]
        for (network, setting), mine in part[~is_plain].groupby(["network", "setting"], sort=False):
            words = [word.removeprefix("training.") for word in network.split(" ") if word not in name.split(" ")]
            trained = f"{' '.join(words)} {setting}"
            for other, others in yardsticks:
                yield {"network": name, "setting": trained, "other": other, "pruned": kinds[other].is_surrogate}, mine, others
