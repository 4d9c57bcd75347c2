"""What decisions on different networks are worth in truth: the only way to tell which network is better.

Values on two dense networks cannot be compared with each other. A decision that breaks no constraint in truth is better than
one that breaks one. Of two that break none the better true value wins, and of two that break one the smaller violation (the
order of Deb, *An Efficient Constraint Handling Method for Genetic Algorithms*, 2000). A decision is better than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.records.measures import decide
from sweep.report.comparisons import measured, pairs_of_settings, signs, with_seeds
from sweep.report.results import Results
from sweep.report.seeds import seed_of
from sweep.report.truth import TOLERANCE

MEASURE = "truth"
"""The measure of these comparisons, the first part of the names of their columns."""

HOLDS, BREAKS, NOTHING = 2, 1, 0
"""Verdicts on a decision: it breaks no constraint in truth, it breaks one, or there is no decision."""


def alike(results: Results, subject: Callable[[str], str]) -> pd.DataFrame:
    """Return the instances with ``subject``, and keys that networks of one subject have in common.

    Such a key says the subject, the problem's seed and the seed of the training, or those of the networks' trainings.

    Args:
        results: all there is.
        subject: what networks that are compared have in common, of the name of one.
    """
    instances = with_seeds(results)
    seeds = {record.key: seed_of(record, "training.seed") for record in results.records}
    subjects = instances["network"].map(subject)
    asked = zip(subjects, instances["cluster"], instances["trial_key"].map(seeds), strict=True)
    return instances.assign(subject=subjects, instance_key=[f"{name} {cluster} {seed}" for name, cluster, seed in asked])


def known_in_truth(instances: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each subject (:func:`alike`) of which the truth of some decision is known, and its instances."""
    for name, part in instances.groupby("subject", sort=False):
        if part["true_value"].notna().any():
            yield str(name), part


def table_in_truth(results: Results, sides: Iterable[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Return a row for each two sides that can be compared in truth.

    The columns are what is said of the two, ``pairs``, and ``truth_wins`` and the others that every measure has in
    :func:`~sweep.report.comparisons.win_table`.

    Args:
        results: all there is.
        sides: what is said of two sides, and the answers of one setting on each (rows of :func:`alike`).
    """
    rows = []
    for about, mine, others in sides:
        decided = decided_in_truth(results.instances, pairs_of_settings(mine, others))
        if len(decided):
            found = {f"{MEASURE}_{name}": value for name, value in measured(decided, MEASURE).items()}
            rows.append({**about, "pairs": len(decided), **found})
    return pd.DataFrame(rows)


def decided_in_truth(instances: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with ``win``, 1, 0 or -1, and ``difference``: by how much mine is better where both hold.

    A pair is left out where a side has a decision of which the truth is not known, as where it was cut at a shorter time limit.
    """
    unknown = [
        instances.loc[pairs[f"row_{side}"], "true_value"].isna().to_numpy() & pairs[f"best_value_{side}"].notna().to_numpy()
        for side in ("mine", "other")
    ]
    pairs = pairs[~(unknown[0] | unknown[1])]
    sides = [instances.loc[pairs[f"row_{side}"]] for side in ("mine", "other")]
    (mine, other), (broken, others_broken) = ([side[name].to_numpy(float) for side in sides] for name in _COLUMNS)
    mine, other = signs(pairs) * mine, signs(pairs) * other
    first, second = _standing(mine, broken), _standing(other, others_broken)
    hold, fail = ((first == kind) & (second == kind) for kind in (HOLDS, BREAKS))
    win = np.sign(first - second).astype(np.float64)
    win[hold] = decide(mine[hold], other[hold], "value")
    win[fail] = decide(-broken[fail], -others_broken[fail], "value")
    return pairs.assign(win=win, difference=np.where(hold, np.where(win == 0.0, 0.0, mine - other), np.nan))


_COLUMNS = ("true_value", "true_violation")


def _standing(value: NDArray[np.float64], violation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return what each decision comes to; a model whose violation is not known has no constraint to break."""
    return np.where(np.isnan(value), NOTHING, np.where(violation > TOLERANCE, BREAKS, HOLDS))
