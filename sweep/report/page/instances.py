"""Instances one by one: what the dense MILP, the best pruned setting and the quick yardstick found, with pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sweep.config.task_words import task_on_record, words_of
from sweep.config.words import MINIMIZE
from sweep.records import InstanceRecord
from sweep.report.page.embedding import address, short
from sweep.report.results import Results
from sweep.report.words import seconds

MOST = 48
"""Instances shown, shared out among the networks; instances.parquet has all."""

MOST_STEPS = 40
"""Most points of one line; if there are more, this many of even ranks."""

_OF_A_LINE = ["setting", "task", "objective", "sense", "total_seconds"]
_OF_THE_TITLE = ["setting", "task", "objective", "length", "best_value", "first_found_seconds"]
"""Columns, of dozens: pandas makes a row of each in Python."""


@dataclass(frozen=True)
class Picture:
    """A small picture as an address that holds it, a pixel for each of the instance's, with what is to be seen on it."""

    source: str
    said: str


@dataclass(frozen=True)
class Shown:
    """One instance of one network.

    Attributes:
        network, name: which.
        title: what each setting reached.
        lines: of each setting its name, the seconds at which its best value changed, and these values.
        pictures: those of the task (:meth:`sweep.config.tasks.TaskRules.small_pictures`); empty where they are not known.
    """

    network: str
    name: str
    title: str
    lines: Sequence[Mapping[str, Any]]
    pictures: Sequence[Picture] = field(default=())


def instances_shown(results: Results, best: Mapping[str, str]) -> tuple[list[Shown], int]:
    """Return the first instances of each network, and of how many; ``best`` names the setting beside the dense MILP."""
    networks = [network for network in results.networks if network in best]
    tables = {network: _chosen(results, network, best[network]) for network in networks}
    total = sum(table["instance_key"].nunique() for table in tables.values())
    events = results.events.sort_values("row", kind="stable")
    ends = np.searchsorted(events["row"].to_numpy(), np.arange(len(results.instances) + 1))
    found: list[Shown] = []
    for place, (network, table) in enumerate(tables.items()):
        room = (MOST - len(found)) // (len(tables) - place)
        records = _pictured(results, table)
        for _, part in list(table.groupby("instance_key", sort=False))[:room]:
            lines = [_line(row, events.iloc[ends[row.Index] : ends[row.Index + 1]]) for row in part[_OF_A_LINE].itertuples()]
            found.append(Shown(network, part["instance"].iloc[0], _title(part), lines, _pictures(part, records)))
    return found, total


def _chosen(results: Results, network: str, best: str) -> pd.DataFrame:
    """Return the rows to show: of each instance that ``best`` attacked one of the dense MILP, of it, and of the gradient."""
    here = results.instances[results.instances["network"] == network]
    dense = [label for label, setting in results.settings.items() if setting.is_baseline]
    yardsticks = [label for label, setting in results.settings.items() if setting.is_without_milp]
    order = list(dict.fromkeys([*dense, best, *yardsticks]))
    rows = here[here["setting"].isin(order)].drop_duplicates(["instance_key", "setting"])
    asked = rows.loc[rows["setting"] == best, "instance_key"]
    rows = rows[rows["instance_key"].isin(asked)]
    rows = rows.assign(place=rows["setting"].map(order.index), in_order=rows["instance"].map(_with_long_numbers))
    return rows.sort_values(["in_order", "instance_key", "place"], kind="stable")


def _with_long_numbers(name: str) -> str:
    """Return a name that stands where people expect it among others: ``image 9`` before ``image 10``."""
    return re.sub(r"\d+", lambda number: number[0].zfill(12), name)


def _pictured(results: Results, table: pd.DataFrame) -> dict[tuple[str, str], InstanceRecord]:
    records = [results.pictures(key) for key in table["trial_key"].unique()]
    return {(record.key, one.instance_key): one for record in records if record is not None for one in record.instances}


def _title(part: pd.DataFrame) -> str:
    said = []
    for row in part[_OF_THE_TITLE].to_dict("records"):
        value = row["best_value"] if math.isnan(row["length"]) else row["length"]  # no answer has both
        when = row["first_found_seconds"]
        found = f" ({words_of(row['task'], row['objective']).find} after {seconds(when)})" if when == when else ""
        said.append(f"{row['setting']} {'no value' if math.isnan(value) else format(value, '+.3g')}{found}")
    return "; ".join(said)


def _line(row: Any, events: pd.DataFrame) -> dict[str, Any]:
    """Return the best value so far at each moment at which it changed, and at the end of the attack."""
    column = "norm" if words_of(row.task, row.objective).length_of else "dense_value"
    known = events.dropna(subset=[column]).sort_values("seconds", kind="stable")
    moments = known["seconds"].to_numpy(dtype=float)
    values = known[column].to_numpy(dtype=float)
    best = np.minimum.accumulate(values) if row.sense == MINIMIZE else np.maximum.accumulate(values)
    changed = np.flatnonzero(np.append(True, best[1:] != best[:-1])) if len(best) else np.empty(0, dtype=int)
    if len(changed) > MOST_STEPS:
        changed = changed[np.unique(np.linspace(0, len(changed) - 1, MOST_STEPS).round().astype(int))]
    x, y = list(moments[changed]), list(best[changed])
    if x and row.total_seconds == row.total_seconds and row.total_seconds > x[-1]:
        x, y = [*x, row.total_seconds], [*y, y[-1]]
    return {"setting": row.setting, "seconds": [short(v) for v in x], "values": [short(v) for v in y]}


def _pictures(part: pd.DataFrame, records: Mapping[tuple[str, str], InstanceRecord]) -> list[Picture]:
    rows = zip(part["setting"], part["trial_key"], part["instance_key"], strict=True)
    known = [(setting, records.get((trial_key, instance_key))) for setting, trial_key, instance_key in rows]
    answers = [(setting, record) for setting, record in known if record is not None]
    drawn = task_on_record(answers[0][1].task).small_pictures(answers) if answers else []
    return [Picture(address("image/png", png), said) for png, said in drawn]
