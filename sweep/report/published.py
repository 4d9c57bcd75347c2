"""Reads the tables of a report back, so that whoever has ``trials.parquet`` and ``instances.parquet`` can make it again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweep.errors import ConfigError
from sweep.records import InstanceRecord, TrialRecord
from sweep.report.results import FACTS, Results, SweepState, results_of

TRIALS, INSTANCES, UNFINISHED = "trials.parquet", "instances.parquet", "unfinished.csv"

EVENT = ("seconds", "margin", "surrogate_margin", "norm")

_INTEGERS = {one.name for one in dataclasses.fields(InstanceRecord) if str(one.type).startswith("int")}
_OF_TRIAL = tuple(one.name for one in dataclasses.fields(TrialRecord))


def read_files(folders: Sequence[Path]) -> Results:
    """Return the results that the files in some folders hold, each trial once.

    All that a report is made of comes back but the images, which the tables do not hold: there is no gallery.

    Raises:
        ConfigError: a folder has no such files, or they are not those of a report of this version.
    """
    return results_of([part for folder in folders for part in _read(folder)])


def _read(folder: Path) -> list[tuple[SweepState, list[TrialRecord]]]:
    trials, instances = _table(folder / TRIALS, {"sweep", "trial_key", "config"}), _table(folder / INSTANCES, {"trial_key"})
    unfinished: dict[str, list[tuple[str, str, str]]] = {}
    if (folder / UNFINISHED).exists():
        for row in pd.read_csv(folder / UNFINISHED, dtype=str, keep_default_na=False).itertuples(index=False):
            unfinished.setdefault(str(row[0]), []).append((str(row[1]), str(row[2]), str(row[3])))
    try:
        answers: dict[str, list[InstanceRecord]] = {}
        for row in instances.to_dict("records"):
            answers.setdefault(row["trial_key"], []).append(_instance(row))
        records: dict[str, list[TrialRecord]] = {name: [] for name in unfinished}
        for row in trials.to_dict("records"):
            records.setdefault(row["sweep"], []).append(_trial(row, answers.get(row["trial_key"], [])))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the tables in {folder} are not those of a report of this version ({type(error).__name__}: {error}): make them "
            f"with it, or this report with the version that wrote them"
        ) from error
    note = "Made from published tables, which hold no images."
    parts = []
    for name, members in records.items():
        others = tuple(unfinished.get(name, ()))
        parts.append((SweepState(name, len(members) + len(others), len(members), others, (note,)), members))
    return parts


def _table(path: Path, needed: set[str]) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}: files=FOLDER is a folder with {TRIALS} and {INSTANCES}") from error
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these
        raise ConfigError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    if missing := sorted(needed - set(table.columns)):
        raise ConfigError(f"{path} has no column {', '.join(missing)}: it is not a table of a report")
    return table


def _trial(row: Mapping[Any, Any], instances: list[InstanceRecord]) -> TrialRecord:
    facts = {name: _plain(row[name]) for name in _OF_TRIAL if name in row and name != "instances"}
    facts |= {"key": row["trial_key"], "config": json.loads(row["config"]), "swept": json.loads(row["swept"])}
    return TrialRecord(**{**facts, "skipped": int(row["skipped"])}, instances=instances)


def _instance(row: Mapping[Any, Any]) -> InstanceRecord:
    facts = {name: _plain(row[name]) for name in FACTS}
    facts |= {name: int(facts[name]) for name in _INTEGERS & facts.keys() if facts[name] is not None}
    columns = [(name, row.get(f"timeline_{name}")) for name in EVENT]
    present = [(name, values) for name, values in columns if values is not None]
    length = len(present[0][1]) if present else 0
    timeline = [{name: _plain(values[place]) for name, values in present} for place in range(length)]
    return InstanceRecord(**facts, timeline=timeline)


def _plain(value: Any) -> Any:
    """Return a cell as a record holds it: None for a missing value, numbers of Python."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
