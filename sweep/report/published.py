"""Reads a report's tables back: the report can be made again from ``trials.parquet`` and ``instances.parquet``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from surrogate.problems.objectives import OBJECTIVES
from sweep.errors import ConfigError, SweepError
from sweep.records import NUMBERS, InstanceRecord, TrialRecord
from sweep.records.instance_record import FIELDS
from sweep.report.results import EVENT, FACTS, Results, Searched, SweepState, Unfinished, results_of
from sweep.report.tables import STATES

TRIALS, INSTANCES = "trials.parquet", "instances.parquet"

_INTEGERS = {one.name for one in dataclasses.fields(InstanceRecord) if str(one.type).startswith("int")}
_LATER = {"starved", "limit_seconds", "cut_from_seconds", "task", "sense", "true_value"}
"""Fields that tables of before lack."""
_RENAMED = FIELDS | {f"timeline_{old}": f"timeline_{name}" for old, name in FIELDS.items()}
"""Columns of tables of before, and what they are called now."""
_OF_TRIAL = tuple(one.name for one in dataclasses.fields(TrialRecord))


def read_files(folders: Sequence[Path]) -> Results:
    """Return the results that the files in some folders hold, each trial once.

    All that a report is made of comes back but the pictures, which the tables do not hold.

    Raises:
        ConfigError: a folder has no such files.
        SweepError: they cannot be read, are not those of a report of this version, or not of the same one.
    """
    parts: list[tuple[SweepState, list[TrialRecord]]] = []
    for folder in {path.resolve(): path for path in folders}.values():
        trials, instances = _table(folder / TRIALS, {"trial_key"}), _table(folder / INSTANCES, {"trial_key"})
        try:
            found = _parts(trials, instances.rename(columns=_RENAMED))
            results_of(found)  # what is wrong with it is this folder's
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise SweepError(
                f"the tables in {folder} are not those of a report of this version ({type(error).__name__}: {error}): write "
                f"the tables with this version, or make the report with the version that wrote them"
            ) from error
        parts += found
    return results_of(parts)


def _parts(trials: pd.DataFrame, instances: pd.DataFrame) -> list[tuple[SweepState, list[TrialRecord]]]:
    """Return the sweeps of a folder, each with its trials.

    Raises:
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: the tables are of another kind.
    """
    answers: dict[str, list[InstanceRecord]] = {}
    for row in instances.to_dict("records"):
        answers.setdefault(row["trial_key"], []).append(_instance(row))
    members: dict[str, list[TrialRecord]] = {}
    for row in trials.to_dict("records"):
        mine = answers.pop(row["trial_key"], [])
        if len(mine) != int(row["instances"]):
            raise ValueError(f"{row['name']} has {int(row['instances'])} instances, and {INSTANCES} has {len(mine)} of them")
        members.setdefault(row["sweep"], []).append(_trial(row, mine))
    if answers:
        raise ValueError(f"{INSTANCES} has instances of {len(answers)} trials that are not in {TRIALS}")
    states = [_state(facts) for facts in trials.attrs[STATES]]
    if strange := members.keys() - {state.name for state in states}:
        raise ValueError(f"nothing is known of the sweep {min(strange)}")
    return [(state, members.get(state.name, [])) for state in states]


def _state(facts: Mapping[str, Any]) -> SweepState:
    unfinished = tuple(Unfinished(*map(str, row)) for row in facts["unfinished"])
    searched = facts.get("searched")  # tables of before lack it
    return SweepState(
        **{
            **facts,
            "unfinished": unfinished,
            "notes": tuple(facts["notes"]),
            "published": True,
            "searched": None if searched is None else Searched(*map(tuple, searched)),
        }
    )


def _table(path: Path, needed: set[str]) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}: files=FOLDER is a folder with {TRIALS} and {INSTANCES}") from error
    except Exception as error:  # of a damaged file pyarrow and pandas raise whatever they meet first
        why = " ".join(str(error).split()) or type(error).__name__
        raise SweepError(f"{path} cannot be read as Parquet: {why:.200}") from error
    if missing := sorted(needed - set(table.columns)):
        raise SweepError(f"{path} has no column {', '.join(missing)}: it is not a table of a report")
    return table


def _trial(row: Mapping[Any, Any], instances: list[InstanceRecord]) -> TrialRecord:
    facts = {name: _plain(row[name]) for name in _OF_TRIAL if name in row and name != "instances"}
    facts |= {"key": row["trial_key"], "config": json.loads(row["config"]), "swept": json.loads(row["swept"])}
    facts["limits"] = json.loads(row.get("limits", "[]"))
    if not {"network", "attack", "pruning"} <= facts["config"].keys():
        raise ValueError(f"{row['name']} has no configuration")
    return TrialRecord(**{**facts, "skipped": int(row["skipped"])}, instances=instances)


def _instance(row: Mapping[Any, Any]) -> InstanceRecord:
    facts = {name: _plain(row[name]) for name in FACTS if name not in _LATER or name in row}
    if facts["objective"] in OBJECTIVES:
        facts["sense"] = None  # the objective tells it
    facts["starved"] = bool(facts.get("starved", False))
    facts |= {name: int(facts[name]) for name in _INTEGERS & facts.keys() if facts[name] is not None}
    columns = [(name, row.get(f"timeline_{name}")) for name in EVENT]
    present = [(name, values) for name, values in columns if values is not None]
    length = len(present[0][1]) if present else 0
    timeline = [{name: _plain(values[place]) for name, values in present} for place in range(length)]
    numbers = {name: _plain(row.get(name)) for name in NUMBERS}
    return InstanceRecord(
        **facts, timeline=timeline, facts={name: value for name, value in numbers.items() if value is not None}
    )


def _plain(value: Any) -> Any:
    """Return a cell as a record holds it: None for a missing value, numbers of Python."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
