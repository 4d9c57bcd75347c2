"""What a sweep left in its store and in MLflow, reduced to what must be the same however it was disturbed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

import sweep.tracking  # noqa: F401 -- quietens mlflow before it is imported
from sweep.records import TrialRecord
from sweep.store import Store

TOLERANCE = 1e-6
"""Relative and absolute: solvers prove an optimum no closer."""

KINDS = ("networks", "surrogates", "instances", "trials", "progress")

COMPARED_METRICS = (
    "value",
    "value/surrogate",
    "bound",
    "bound/surrogate",
    "gain_over_dense",
    "wins_over_dense",
    "success_rate",
    "accuracy/dense",
    "sparsity",
)


@dataclass
class Outcome:
    """What a sweep left.

    Attributes:
        keys: of the entries in the store, by kind.
        trials: what the record of each trial says, by trial key.
        children: what MLflow says of each trial under the last parent run, by trial key.
        parents: how many parent runs there are.
        faults: sentences about what may be nowhere, whatever the sweep: entries that are damaged, runs that are RUNNING or
            there twice, trials that did not end well, answers that a deadline ended.
    """

    keys: dict[str, set[str]] = field(default_factory=dict)
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, dict[str, Any]] = field(default_factory=dict)
    parents: int = 0
    faults: list[str] = field(default_factory=list)


def outcome(store_folder: Path, tracking_uri: str, name: str) -> Outcome:
    """Read the outcome of the sweep ``name``."""
    found = Outcome()
    store = Store(store_folder, write=False, notice=found.faults.append)
    found.keys = {kind: store.keys(kind) for kind in KINDS}
    for key in sorted(found.keys["trials"]):
        record = store.trial(key)
        if record is not None:
            found.trials[key] = _trial(record)
            found.faults += [f"{record.name}: {fault}" for fault in _faults(record)]
    if (store_folder / "damaged").exists():
        found.faults.append(
            f"the store has damaged entries: {sorted(p.name for p in (store_folder / 'damaged').rglob('*.json'))}"
        )
    _read_runs(found, tracking_uri, name)
    return found


def differences(expected: Outcome, disturbed: Outcome) -> list[str]:
    """Return in sentences in what a disturbed sweep differs from the undisturbed one; none if all is well."""
    told = [f"undisturbed: {fault}" for fault in expected.faults] + [f"disturbed: {fault}" for fault in disturbed.faults]
    for kind in KINDS:
        told += _sets(f"{kind} in the store", expected.keys[kind], disturbed.keys[kind])
    told += _sets("trials in MLflow", set(expected.children), set(disturbed.children))
    for where, before, after in (
        ("store", expected.trials, disturbed.trials),
        ("MLflow", expected.children, disturbed.children),
    ):
        for key in sorted(set(before) & set(after)):
            told += [f"{where}, trial {key}, {text}" for text in _values("", before[key], after[key])]
    if set(disturbed.trials) != set(disturbed.children):
        told.append("the trials in the disturbed sweep's store are not those in MLflow")
    return told


def _trial(record: TrialRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "status": record.status,
        "network": record.network_key,
        "sparsity": record.sparsity,
        "skipped": record.skipped,
        "instances": {
            f"{place} {one.instance_key}": {
                "status": one.status,
                "solver_status": one.solver_status,
                "dense_value": one.dense_value,
                "surrogate_value": one.surrogate_value,
                "surrogate_bound": one.surrogate_bound,
            }
            for place, one in enumerate(record.instances)
        },
    }


def _faults(record: TrialRecord) -> Iterator[str]:
    if record.status != "finished" or record.error is not None:
        yield f"it is {record.status} ({record.error})"
    keys = Counter(one.instance_key for one in record.instances)
    yield from (f"it counts the instance {key} {count} times" for key, count in keys.items() if count > 1)
    yield from (f"{one.name} ended by {one.solver_status}" for one in record.instances if one.solver_status != "optimal")


def _read_runs(found: Outcome, uri: str, name: str) -> None:
    runs = _runs(MlflowClient(uri), name)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    found.parents = len(parents)
    found.faults += [f"MLflow has the run {run.info.run_name} as RUNNING" for run in runs if run.info.status == "RUNNING"]
    twice = Counter((run.data.tags.get("mlflow.parentRunId"), run.data.tags.get("trial_key")) for run in runs)
    found.faults += [f"MLflow has {n} runs of the trial {key} under one parent" for (p, key), n in twice.items() if p and n > 1]
    if not parents:
        found.faults.append("MLflow has no parent run")
        return
    if len(parents) > 1:
        found.faults.append(f"MLflow has {len(parents)} parent runs of one sweep")
    last = max(parents, key=lambda run: run.info.start_time)
    if last.info.status != "FINISHED":
        found.faults.append(f"the last parent run in MLflow is {last.info.status}")
    for run in runs:
        if run.data.tags.get("mlflow.parentRunId") == last.info.run_id:
            metrics = {metric: run.data.metrics.get(metric) for metric in COMPARED_METRICS}
            status = {"run status": run.info.status, "status": run.data.tags.get("status")}
            found.children[run.data.tags["trial_key"]] = {"name": run.info.run_name, **status, **metrics}


def _runs(client: MlflowClient, name: str) -> list[Run]:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return []
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=1000, page_token=token)
        runs.extend(page)
        token = page.token
        if not token:
            return runs


def _sets(what: str, expected: set[str], found: set[str]) -> list[str]:
    told = []
    if expected - found:
        told.append(f"{what}: missing {sorted(expected - found)}")
    if found - expected:
        told.append(f"{what}: too much {sorted(found - expected)}")
    return told


def _values(path: str, expected: Any, found: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        yield from _sets(path or "fields", set(expected), set(found))
        for key in expected:
            if key in found:
                yield from _values(f"{path} {key}".strip(), expected[key], found[key])
    elif isinstance(expected, float) and isinstance(found, float):
        if not math.isclose(expected, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{path}: {found!r} instead of {expected!r}"
    elif expected != found:
        yield f"{path}: {found!r} instead of {expected!r}"
