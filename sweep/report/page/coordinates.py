"""Parallel coordinates: a line for each trial, over the swept keys and the results."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from sweep.report.comparisons import outcomes, pairs_with_dense
from sweep.report.page.embedding import short
from sweep.report.results import Results
from sweep.terminal.wording import MISSING

MOST_LINES = 1500
"""Trials drawn; of more, a choice that is the same each time."""

MOST_NAMES = 14
"""Values that an axis names one by one."""

MOST_LETTERS = 22
"""The most letters of a value's name."""

KEYS = {
    "network.depth": "hidden layers",
    "network.width": "neurons a layer",
    "attack.method": "attack",
    "model.problem": "problem",
    "method.name": "method",
    "method.repair": "repaired",
    "pruning.method": "pruning",
    "pruning.amount": "sparsity",
    "pruning.finetune.rounds": "finetuning rounds",
    "solver.time_limit_seconds": "time limit, s",
}
"""Swept keys in words; others are named as they are."""

SHARE = "won against the {}, %"
"""The title of the axis that counts wins over the baseline; the name of the baseline is put in."""


def coordinates(results: Results) -> dict[str, Any] | None:
    """Return the axes as plotly.js takes them (``dimensions``), the colours, and ``trials`` of ``of`` that are drawn.

    None where there are fewer than two trials, or nothing was swept.
    """
    trials = results.trials
    swept = pd.DataFrame([json.loads(text) for text in trials["swept"]], index=trials.index)
    swept = swept[[name for name in swept.columns if swept[name].map(_text).nunique() > 1]]
    if len(trials) < 2 or swept.empty:
        return None
    reached = _reached(results)
    if len(trials) > MOST_LINES:
        chosen = trials.sample(MOST_LINES, random_state=0).sort_index().index
        swept, reached = swept.loc[chosen], reached.loc[chosen]
    axes = [_axis(KEYS.get(str(name), str(name)), swept[name]) for name in swept.columns]
    shown = [name for name in reached.columns if reached[name].notna().any()]
    axes += [_scale(name, reached[name]) for name in shown]
    if not shown:
        return None
    share = SHARE.format(results.phrases.baseline)
    by = share if share in shown else shown[-1]
    color = reached[by].fillna(reached[by].min())
    return {
        "dimensions": axes,
        "color": [short(value) for value in color],
        "by": by,
        "trials": len(swept),
        "of": len(trials),
    }


def _reached(results: Results) -> pd.DataFrame:
    """Return the main results of each trial, numbered as the trials are."""
    keys = results.trials["trial_key"]
    grouped = results.instances.groupby("trial_key")
    closest = results.instances["length"].notna().any()
    value = grouped["length" if closest else "best_value"].median()
    success = 100.0 * grouped["first_found_seconds"].agg(lambda times: times.notna().mean())
    named = {
        f"{results.phrases.find} found, %": success,
        "median seconds to the first": grouped["first_found_seconds"].median(),
        "median length" if closest else "median value": value,
        "median binaries": grouped["binaries"].median(),
    }
    pairs = pairs_with_dense(results)
    if len(pairs):
        decided = outcomes(pairs, "norm" if closest else "value")
        won = decided.groupby("trial_key")["win"].agg(lambda wins: (wins > 0).mean())
        named[SHARE.format(results.phrases.baseline)] = 100.0 * won
    return pd.DataFrame({name: keys.map(found) for name, found in named.items()}, index=results.trials.index)


def _axis(label: str, values: pd.Series) -> dict[str, Any]:
    """Return one axis: of few values each has its name and its place; many numbers are a scale."""
    different = values.dropna().unique()
    numbers = all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in different)
    if numbers and len(different) > MOST_NAMES:
        return _scale(label, values.astype(float))
    ordered = sorted(different, key=float) if numbers else sorted(map(_text, different))[:MOST_NAMES]
    names = [_text(value) for value in ordered]
    if len({_text(value) for value in different}) > MOST_NAMES:
        names.append("others")
    names = [MISSING, *names] if values.isna().any() else names
    places = [names.index(text) if text in names else len(names) - 1 for text in map(_text, values)]
    ticks = [name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…" for name in names]
    return {"label": label, "values": places, "tickvals": list(range(len(names))), "ticktext": ticks}


def _scale(label: str, values: pd.Series) -> dict[str, Any]:
    """Return an axis of numbers; what has none lies below the others, at a tick of its own."""
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0.0 and high / low > 50.0
    scaled = np.log10(values) if logarithmic else values
    low, high = float(scaled.min()), float(scaled.max())
    ticks = np.linspace(low, high, 5) if high > low else np.array([low])
    names = [f"{10.0**tick if logarithmic else tick:.3g}" for tick in ticks]
    if values.isna().any():
        below = low - ((high - low) / 8.0 or 1.0)
        scaled, ticks, names = scaled.fillna(below), np.append(below, ticks), [MISSING, *names]
    return {
        "label": label,
        "values": [short(value) for value in scaled],
        "tickvals": [short(tick) for tick in ticks],
        "ticktext": names,
    }


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return MISSING
    return f"{value:.4g}" if isinstance(value, float) else str(value)
