"""The best value over time of two settings on the same instance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sweep.records.measures import decide
from sweep.report.comparisons import are_lengths, signs
from sweep.report.results import Results


def trajectories(results: Results, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each pair and moment at which one of both met something, in order of pairs and time.

    Columns: ``pair``, the place of the pair; ``seconds``; ``mine`` and ``other``, the best value so far (the
    negative where smaller is better; NaN for none yet); ``win``: 1, 0 or -1. An attack that has ended keeps what it had, so the
    last row is the result.
    """
    met = _met(results)
    closest = are_lengths(pairs).to_numpy(dtype=bool)
    places = np.arange(len(pairs))
    sides = []
    for side in ("mine", "other"):
        part = pd.DataFrame({"pair": places, "row": pairs[f"row_{side}"].to_numpy()}).merge(met, on="row")
        sides.append(part.rename(columns={"value": side})[["pair", "seconds", side]])
    steps = pd.concat(sides).fillna(-np.inf).sort_values(["pair", "seconds"], kind="stable", ignore_index=True)
    best = steps.groupby("pair")[["mine", "other"]].cummax().replace(-np.inf, np.nan)
    steps = steps.assign(mine=best["mine"], other=best["other"])
    steps = steps.drop_duplicates(["pair", "seconds"], keep="last", ignore_index=True)
    of_norms = closest[steps["pair"].to_numpy()]
    mine, other = steps["mine"].to_numpy(), steps["other"].to_numpy()
    return steps.assign(win=np.where(of_norms, decide(-mine, -other, "norm"), decide(mine, other, "value")))


def pairs_at(pairs: pd.DataFrame, steps: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Return pairs whose values are no lengths, by their places in ``steps`` (:func:`trajectories`), with what both had by
    ``limit`` seconds."""
    last = steps[steps["seconds"] <= limit].drop_duplicates("pair", keep="last").set_index("pair").reindex(pairs.index)
    sign = signs(pairs)
    return pairs.assign(best_value_mine=sign * last["mine"].to_numpy(), best_value_other=sign * last["other"].to_numpy())


def _met(results: Results) -> pd.DataFrame:
    """Return ``row``, ``seconds`` and ``value`` of all that was met; the result itself comes last, at the end of the attack."""
    instances, events = results.instances, results.events
    closest, sign = are_lengths(instances).to_numpy(dtype=bool), signs(instances)
    result = np.where(closest, -instances["length"], sign * instances["best_value"])
    rows = events["row"].to_numpy()
    # A record may say less than its timeline, never more: what was met and not confirmed does not count.
    value = np.minimum(np.where(closest[rows], -events["norm"], sign[rows] * events["dense_value"]), result[rows])
    met = pd.DataFrame({"row": rows, "seconds": events["seconds"], "value": value})
    last = met.groupby("row")["seconds"].max().reindex(range(len(instances))).to_numpy(dtype=float)
    end = np.nan_to_num(np.fmax(instances["total_seconds"].to_numpy(dtype=float), last), nan=0.0)
    ends = pd.DataFrame({"row": np.arange(len(instances)), "seconds": end, "value": result})
    return pd.concat([met, ends], ignore_index=True).dropna(subset=["seconds", "value"])
