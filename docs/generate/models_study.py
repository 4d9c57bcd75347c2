"""Tables of the study of optimisation models: what found a decision, whose decision is better, and its worth in truth."""

from __future__ import annotations

import pandas as pd

from sweep.config.words import DENSE_MILP
from sweep.report.compared import Compared, compared_by_network
from sweep.report.comparisons import win_table
from sweep.report.in_truth import MEASURE
from sweep.report.larger import size_table
from sweep.report.results import Results
from sweep.report.tables import markdown
from sweep.report.train_or_prune import compared_in_truth, truth_table
from sweep.report.words import p_number

NOTHING = "—"

WALK = "walk"


def models(results: Results) -> str:
    """On how many models each method found a decision, and on how many it ended with a better or a worse one than another.

    p is corrected by Holm over the comparisons of a network with the dense MILP, and over those with the walk.
    """
    instances, wins = results.instances, win_table(results)
    against = {
        yardstick: {
            (one.network, one.setting): one for one in compared_by_network(wins[wins["yardstick"] == yardstick], ("value",))
        }
        for yardstick in (DENSE_MILP, WALK)
    }
    rows = []
    for (network, setting), part in instances.groupby(["network", "setting"], sort=False):
        has_one = part["first_found_seconds"].notna()
        rows.append(
            {
                "model and network": str(network),
                "method": str(setting),
                "found a decision": f"{_count(has_one)}/{len(part)}",
                "against the dense MILP, better / worse": _text(against[DENSE_MILP].get((network, setting))),
                "against the walk, better / worse": _text(against[WALK].get((network, setting))),
            }
        )
    return markdown(rows)


def larger(results: Results) -> str:
    """On how many models the decision on the larger network is truly better, or worse, than that on the smaller one."""
    rows = [
        {"model and network": one.network, "method": one.setting, "truly better / worse": _text(one)}
        for one in compared_by_network(size_table(results), (MEASURE,))
    ]
    return markdown(rows)


def fooled(results: Results) -> str:
    """What the walk's decisions are worth by the network and in truth, and how many break a constraint there."""
    rows = []
    walks = results.instances[(results.instances["setting"] == WALK) & results.instances["true_value"].notna()]
    for network, part in walks.groupby("network", sort=False):
        broken = part["true_violation"].dropna()
        rows.append(
            {
                "model and network": str(network),
                "value by the network, median": f"{part['best_value'].median():.4g}",
                "in truth, median": f"{part['true_value'].median():.4g}",
                "break a constraint in truth": f"{_count(broken > 1e-6)}/{len(broken)}" if len(broken) else NOTHING,
            }
        )
    return markdown(rows)


def trained(results: Results) -> str:
    """On how many models a network trained for optimisation led to a truly better, or a worse, decision than the plain one.

    p is corrected by Holm over what the pruned copy of one plain network, or its dense MILP, is compared with.
    """
    table = truth_table(results)
    sides = {"pruned copy": True, "dense MILP": False}
    against = {
        f"against the plain {name}, truly better / worse": {
            (one.network, one.setting.rpartition(" (against ")[0]): one
            for one in compared_in_truth(table[table["pruned"] == is_pruned])
        }
        for name, is_pruned in sides.items()
    }
    compared = dict.fromkeys(place for found in against.values() for place in found)
    rows = [
        {
            "model": network,
            "trained with, and method": setting,
            **{column: _text(found.get((network, setting))) for column, found in against.items()},
        }
        for network, setting in compared
    ]
    return markdown(rows)


def tightness(results: Results) -> str:
    """How training changes what the dense MILP has to decide, and on how many models it finds a decision in time."""
    rows = []
    for network, part in results.instances[results.instances["setting"] == DENSE_MILP].groupby("network", sort=False):
        rows.append(
            {
                "model and network": str(network),
                "unstable neurons, median": f"{part['unstable'].median():.4g}",
                "sum of big-M, median": f"{part['big_m'].median():.4g}",
                "dense MILP found a decision": f"{_count(part['first_found_seconds'].notna())}/{len(part)}",
            }
        )
    return markdown(rows)


def _count(rows: pd.Series) -> int:
    return int(rows.sum())


def _text(one: Compared | None) -> str:
    return NOTHING if one is None else f"{one.won} / {one.lost} (p {p_number(one.p)})"
