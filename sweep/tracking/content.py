"""What MLflow shows of a trial: its metrics, parameters, incumbents and table. Pure functions of a record; no mlflow.

A metric ``total/…`` is about the trial as a whole: a count or a sum. Accuracies, R² and ``sparsity`` are about a network. Every
other metric is about one instance: the median of the values of the trial's instances, missing if there is none, or the share of
instances for which something holds (``…_rate``). docs/mlflow.md says what each metric is.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sweep.config.canonical import BOOKKEEPING
from sweep.config.dotted_keys import flatten
from sweep.config.effect import with_effect
from sweep.config.own_networks import section_key
from sweep.config.task_words import task_on_record
from sweep.config.tasks import Metric
from sweep.planning.sweep_config import SWEPT
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.cpu_share import core_share, starved_answers
from sweep.records.measures import finite, median_of

MAX_PARAM_CHARACTERS = 6000

AMOUNT = "pruning.amount"
"""The configuration key of the sparsity."""


def _surrogate_bound(instance: InstanceRecord) -> float | None:
    """Return the bound of a pruned network's own problem; None where the dense network is inside the MILP."""
    return None if instance.surrogate_bound == instance.dense_bound else instance.surrogate_bound


def _first_feasible(instance: InstanceRecord) -> float | None:
    """Return when the first find was met; where there is nothing to find, the first value."""
    if instance.asks or instance.first_found_seconds is not None:
        return instance.first_found_seconds
    return instance.timeline[0]["seconds"] if instance.timeline else None


MEDIANS: dict[str, Callable[[InstanceRecord], float | None]] = {
    "value": lambda instance: instance.value,
    "value/surrogate": lambda instance: instance.surrogate_value,
    "value/true": lambda instance: instance.true_value,
    "bound": lambda instance: instance.bound,
    "bound/surrogate": _surrogate_bound,
    "gap": lambda instance: instance.gap,
    "first_feasible_seconds": _first_feasible,
    "milp/binaries": lambda instance: instance.binaries,
    "milp/nonzeros": lambda instance: instance.nonzeros,
    "milp/nodes": lambda instance: instance.nodes,
    "milp/simplex_iterations": lambda instance: instance.simplex_iterations,
    "milp/regions": lambda instance: instance.regions,
    "time/prune_seconds": lambda instance: instance.prune_seconds,
    "time/bounds_seconds": lambda instance: instance.bounds_seconds,
    "time/build_seconds": lambda instance: instance.build_seconds,
    "time/solve_seconds": lambda instance: instance.solve_seconds,
    "time/attack_seconds": lambda instance: instance.total_seconds,
    "time/cpu_seconds": lambda instance: instance.cpu_seconds,
}
"""Metrics that are of one instance of any task, and what they are the median of.

MLflow lists them in this order, and its comparison of runs begins with the first. A task has further ones
(:attr:`sweep.config.tasks.TaskRules.metrics`).
"""

_ARRAYS = ("timeline", "clean", "perturbed")


class SeriesPoint(NamedTuple):
    """One point of an incumbent series: a value (:attr:`sweep.records.InstanceRecord.value`), and when it was met."""

    metric: str
    step: int
    seconds: float
    value: float


def metrics(record: TrialRecord) -> dict[str, float]:
    """Return the metrics of a trial by name, without those that have no finite value."""
    instances = record.instances
    found: dict[str, float | None] = {
        **{name: median_of(finite(of(instance)) for instance in instances) for name, of in MEDIANS.items()},
        "success_rate": _mean([instance.is_found for instance in instances if instance.asks]),
        **_of_the_task(record),
        "accuracy/dense": record.accuracy_dense,
        "accuracy/surrogate": record.accuracy_surrogate,
        "r2/dense": record.r2_dense,
        "r2/surrogate": record.r2_surrogate,
        "sparsity": record.sparsity,
        "time/core_share": core_share(record.instances),
        "total/instances": len(record.instances),
        "total/skipped": record.skipped,
        "total/starved": starved_answers([record]),
        "total/train_seconds": record.train_seconds,
        "total/prune_seconds": record.prune_seconds,
        "total/seconds": record.total_seconds,
        "total/cpu_seconds": record.cpu_seconds,
    }
    return {name: float(value) for name, value in found.items() if finite(value) is not None and value is not None}


def _of_the_task(record: TrialRecord) -> dict[str, float | None]:
    """Return the metrics that the record's task has beyond those of every task; none where the task is not there."""
    if not record.instances:
        return {}
    task = task_on_record(record.instances[0].task)
    medians = {name: median_of(finite(_measured(one, of)) for one in record.instances) for name, of in task.metrics.items()}
    return medians | {name: _mean([one.status == status for one in record.instances]) for name, status in task.rates.items()}


def _measured(instance: InstanceRecord, metric: Metric) -> float | None:
    found: float | None = getattr(instance, metric) if isinstance(metric, str) else metric(instance)
    return found


def _mean(answers: Sequence[bool]) -> float | None:
    return sum(answers) / len(answers) if answers else None


def params(record: TrialRecord) -> dict[str, str]:
    """Return what was swept, as far as it can change this trial, by its configuration keys; null, true and false as in YAML.

    A swept sparsity is 0 where nothing is pruned: MLflow's comparisons draw a parameter that is missing at the top of its axis,
    above the sparsest copy. What the sweep's trials have in common is on the parent run (:func:`constants`).
    """
    chosen = with_effect(record.swept, flatten(record.config))
    found = {_param_name(key): _yaml_word(record.swept[key])[:MAX_PARAM_CHARACTERS] for key in chosen}
    return found | {_param_name(key): "0" for key in record.swept if key not in chosen and section_key(key) == AMOUNT}


def with_nothing_pruned(record: TrialRecord, swept: Iterable[str]) -> TrialRecord:
    """Return the record with 0 for each sparsity that its sweep has swept and the trial, which prunes nothing there, lacks."""
    lacking = {key: 0 for key in swept if section_key(key) == AMOUNT and key not in record.swept}
    return dataclasses.replace(record, swept={**record.swept, **lacking}) if lacking else record


def constants(config: Mapping[str, Any], idle: Collection[str] = ()) -> dict[str, str]:
    """Return what all trials of a sweep have in common, by configuration keys, of the configuration of the whole sweep.

    What is not set (null) is left out, and so are ``idle`` keys, which change no trial, and what says where and how the sweep
    runs.
    """
    flat = flatten({name: section for name, section in config.items() if name not in ("swept", *BOOKKEEPING)})
    given = {key: value for key, value in flat.items() if value is not None and value != SWEPT and key not in idle}
    return {_param_name(key): _yaml_word(value)[:MAX_PARAM_CHARACTERS] for key, value in given.items()}


def _metric_name(name: str) -> str:
    """Return ``image_5`` for ``image 5``, and whatever a property is called without what MLflow refuses in a name."""
    return re.sub(r"[^\w\-.]", "_", name)


def _param_name(key: str) -> str:
    return re.sub(r"[^\w\-. /]", "_", key)


def incumbents(record: TrialRecord) -> list[SeriesPoint]:
    """Return, per instance, the best value so far at each solution that improved it; steps count all solutions met.

    The best is the largest or the smallest value, by the sense of the task.
    """
    points: list[SeriesPoint] = []
    for instance in record.instances:
        best, sign = -math.inf, instance.sign
        for step, event in enumerate(instance.timeline):
            value = finite(instance.value_in(event))
            if value is not None and sign * value > best:
                best = sign * value
                points.append(SeriesPoint(f"incumbent/{_metric_name(instance.name)}", step, event["seconds"], value))
    return points


def table(record: TrialRecord) -> dict[str, list[Any]]:
    """Return ``columns``, and a row for each instance as ``data``, without the arrays and with null for what is not finite.

    The regions that were visited are a list in their cell (``region_visits``).
    """
    names = [field.name for field in dataclasses.fields(InstanceRecord) if field.name not in _ARRAYS]
    rows = [[getattr(instance, name) for name in names] for instance in record.instances]
    return {"columns": names, "data": [[finite(v) if isinstance(v, float) else v for v in row] for row in rows]}


def summary(records: Sequence[TrialRecord]) -> dict[str, float]:
    """Return the metrics of a whole sweep."""
    counts = {status: sum(r.status == status for r in records) for status in ("finished", "failed", "interrupted", "stopped")}
    instances = [i for r in records if r.status == "finished" for i in r.instances]
    found: dict[str, float] = {"sweep/trials": len(records), "sweep/attacks": len(instances)}
    found |= {f"sweep/{status}": count for status, count in counts.items()}
    found["sweep/found"] = sum(i.asks and i.is_found for i in instances)
    return {name: float(value) for name, value in found.items()}


def _yaml_word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml_word(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml_word(item) for item in value) + "]"
    return str(value)
