"""Surrogates with and without a variation, such as finetuning, paired on the same instances: same pruning, amount and seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweep.records.measures import Measure
from sweep.report.comparisons import ALL, measured, outcomes, pairs_of_settings, with_seeds
from sweep.report.phrases import where
from sweep.report.results import Results
from sweep.report.settings import REPAIR, RankedSetting

MEASURES = ("value", "norm", "time", "time_with_pruning")


@dataclass(frozen=True)
class Variation:
    """Something that can be done to a pruned copy or with it, and left undone.

    Attributes:
        name: such as ``finetuning``.
        question: what is asked about, such as ``finetuning after pruning``.
        subject: what the pruned copy is called with it.
        has: whether a setting has it.
        key: where the configuration keys begin by which settings with it differ from those without.
    """

    name: str
    question: str
    subject: str
    has: Callable[[RankedSetting], bool]
    key: str


FINETUNING = Variation(
    "finetuning",
    "finetuning after pruning",
    "The finetuned copy",
    lambda setting: bool(setting.finetune_rounds),
    "pruning.finetune",
)

REPAIRING = Variation(
    "repair",
    "repairing a pruned copy's decisions on the dense networks",
    "The repaired copy",
    lambda setting: (REPAIR, "true") in setting.extras,
    REPAIR,
)


def is_swept(results: Results, variation: Variation) -> bool:
    """Whether some pruned copy has the variation."""
    return any(setting.is_surrogate and variation.has(setting) for setting in results.settings.values())


def variation_pairs(results: Results, variation: Variation) -> pd.DataFrame:
    """Return a row for each pair; ``mine`` is the surrogate with the variation. Empty if nothing was swept both ways."""
    instances = with_seeds(results)
    counterparts = {
        _without(s, variation): label for label, s in results.settings.items() if s.is_surrogate and not variation.has(s)
    }
    parts = []
    for label, setting in results.settings.items():
        plain = counterparts.get(_without(setting, variation))
        if setting.is_surrogate and variation.has(setting) and plain is not None:
            mine, others = (instances[instances["setting"] == name] for name in (label, plain))
            parts.append(pairs_of_settings(mine, others))
    return pd.concat(parts, ignore_index=True) if parts else pairs_of_settings(instances[:0], instances[:0])


def variation_summaries(pairs: pd.DataFrame, variation: Variation) -> pd.DataFrame:
    """Return counts, intervals and p-values of all measures, as :func:`~sweep.report.comparisons.win_table` names them.

    There is one row for all networks, or one for each where their values have units of their own. ``time_with_pruning`` adds
    what pruning and finetuning took.
    """
    if where(pairs, lambda words: words.pooled).all():
        return pd.DataFrame([_summary(ALL, pairs, variation)])
    return pd.DataFrame([_summary(str(name), part, variation) for name, part in pairs.groupby("network", sort=False)])


def _summary(network: str, pairs: pd.DataFrame, variation: Variation) -> dict[str, Any]:
    found: dict[str, Any] = {"network": network, "setting": variation.subject, "pairs": len(pairs)}
    for measure in MEASURES:
        kind: Measure = "norm" if measure == "norm" else "value" if measure == "value" else "time"
        chosen = with_pruning_counted(pairs) if measure == "time_with_pruning" else pairs
        found |= {f"{measure}_{name}": value for name, value in measured(outcomes(chosen, kind), kind).items()}
    return found


def with_pruning_counted(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with the seconds of pruning and finetuning added to the seconds to the first find."""
    first = "first_found_seconds"
    whole = {side: pairs[f"{first}_{side}"] + pairs[f"prune_seconds_{side}"].fillna(0.0) for side in ("mine", "other")}
    return pairs.assign(**{f"{first}_{side}": seconds for side, seconds in whole.items()})


def _without(setting: RankedSetting, variation: Variation) -> tuple[Any, ...]:
    """Return what of a setting does not come from the variation."""
    extras = tuple((key, value) for key, value in setting.extras if not key.startswith(variation.key))
    rounds = None if variation is FINETUNING else setting.finetune_rounds
    return (setting.task, setting.attack, setting.method, setting.amount, rounds, extras)
