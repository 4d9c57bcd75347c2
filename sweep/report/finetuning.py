"""Surrogates with and without finetuning, paired on the same instances: same pruning, same amount, same seeds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sweep.records.measures import Measure
from sweep.report.comparisons import ALL, measured, outcomes, pairs_of_settings, with_seeds
from sweep.report.results import Results
from sweep.report.settings import Setting

MEASURES = ("margin", "norm", "time", "time_with_pruning")


def finetuning_pairs(results: Results) -> pd.DataFrame:
    """Return a row for each pair; ``mine`` is the finetuned surrogate. Empty if nothing was swept both ways."""
    instances = with_seeds(results)
    counterparts = {
        _without_rounds(s): label for label, s in results.settings.items() if s.is_surrogate and not s.finetune_rounds
    }
    parts = []
    for label, setting in results.settings.items():
        plain = counterparts.get(_without_rounds(setting))
        if setting.is_surrogate and setting.finetune_rounds and plain is not None:
            mine, others = (instances[instances["setting"] == name] for name in (label, plain))
            parts.append(pairs_of_settings(mine, others))
    return pd.concat(parts, ignore_index=True) if parts else pairs_of_settings(instances[:0], instances[:0])


def finetuning_summary(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return counts, intervals and p-values of all measures, as :func:`~sweep.report.comparisons.win_table` names them.

    ``time_with_pruning`` adds what pruning and finetuning took.
    """
    found: dict[str, Any] = {"network": ALL, "setting": "The finetuned copy", "pairs": len(pairs)}
    for measure in MEASURES:
        kind: Measure = "norm" if measure == "norm" else "margin" if measure == "margin" else "time"
        chosen = with_pruning_counted(pairs) if measure == "time_with_pruning" else pairs
        found |= {f"{measure}_{name}": value for name, value in measured(outcomes(chosen, kind), kind).items()}
    return found


def with_pruning_counted(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with the seconds of pruning and finetuning added to the seconds to the first adversarial input."""
    first = "first_adversarial_seconds"
    whole = {side: pairs[f"{first}_{side}"] + pairs[f"prune_seconds_{side}"].fillna(0.0) for side in ("mine", "other")}
    return pairs.assign(**{f"{first}_{side}": seconds for side, seconds in whole.items()})


def _without_rounds(setting: Setting) -> tuple[Any, ...]:
    extras = tuple((key, value) for key, value in setting.extras if not key.startswith("pruning.finetune"))
    return (setting.attack, setting.method, setting.amount, extras)
