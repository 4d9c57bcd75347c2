"""What MLflow shows of a trial: its metrics, parameters, incumbents and table. Pure functions of a record; no mlflow.

Metrics are medians over the instances of the values present, and missing where there is none. That holds for
``time/total_seconds`` and ``time/cpu_seconds`` too, which are of one attack; accuracies, sparsity, ``time/train_seconds`` and
``time/prune_seconds`` a trial has once (but for a pruning that makes a surrogate for each region), and so it has
``time/core_share``: how much of a core its attacks had (:mod:`sweep.cpu_share`).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sweep.canonical import with_effect
from sweep.cpu_share import core_share, starved_answers
from sweep.records import InstanceRecord, TrialRecord
from sweep.report.ranking import median_of
from sweep.report.settings import flatten

MAIN_SETTINGS = (
    *("dataset.name", "dataset.side", "network.depth", "network.width", "network.file", "training.epochs", "training.seed"),
    *("pruning.method", "pruning.amount", "pruning.finetune.rounds", "pruning.finetune.epochs"),
    *("instances.seed", "instances.count", "instances.split", "instances.properties", "bounds.method", "formulation.method"),
    *("solver.name", "solver.time_limit_seconds", "solver.threads"),
    *("attack.method", "attack.norm", "attack.radius", "attack.objective", "attack.target"),
    *("attack.on_incumbent", "attack.start", "attack.polish"),
)
"""Configuration keys that become MLflow parameters whether swept or not; the rest is in the artifact ``config.yaml``."""

MAX_PARAM_CHARACTERS = 6000

INSTANCE_METRICS = {
    "attack/margin": "margin",
    "attack/surrogate_margin": "surrogate_margin",
    "attack/first_adversarial_seconds": "first_adversarial_seconds",
    "attack/dual_bound": "dual_bound",
    "attack/norm_bound": "norm_bound",
    "attack/gap": "gap",
    "norm/l0": "l0",
    "norm/l1": "l1",
    "norm/l2": "l2",
    "norm/linf": "linf",
    "time/bounds_seconds": "bounds_seconds",
    "time/build_seconds": "build_seconds",
    "time/solve_seconds": "solve_seconds",
    "time/total_seconds": "total_seconds",
    "time/cpu_seconds": "cpu_seconds",
    "milp/binaries": "binaries",
    "milp/nonzeros": "nonzeros",
    "milp/nodes": "nodes",
    "milp/simplex_iterations": "simplex_iterations",
    "milp/regions": "regions",
}
"""Metric and the field of :class:`~sweep.records.InstanceRecord` whose median it is."""

_ARRAYS = ("timeline", "clean", "perturbed")


class Incumbent(NamedTuple):
    """One point of an incumbent series: a margin, or the norm of a perturbation."""

    metric: str
    step: int
    seconds: float
    value: float


def metrics(record: TrialRecord) -> dict[str, float]:
    """Return the metrics of a trial by name, without those that have no finite value."""
    found: dict[str, float | None] = {
        "accuracy/dense": record.accuracy_dense,
        "accuracy/surrogate": record.accuracy_surrogate,
        "sparsity": record.sparsity,
        "time/train_seconds": record.train_seconds,
        "time/prune_seconds": record.prune_seconds
        if record.prune_seconds is not None
        else median_of(_finite(instance.prune_seconds) for instance in record.instances),
        "attack/instances": len(record.instances),
        "attack/skipped": record.skipped,
        "attack/starved": starved_answers([record]),
        "time/core_share": core_share(record.instances),
    }
    statuses = [instance.status for instance in record.instances if instance.asks]
    if statuses:
        found["attack/success_rate"] = statuses.count("adversarial") / len(statuses)
        found["attack/robust_rate"] = statuses.count("robust") / len(statuses)
    maximised = [instance.status for instance in record.instances if not instance.asks]
    if maximised:
        found["attack/optimal_rate"] = maximised.count("optimal") / len(maximised)
    for metric, name in INSTANCE_METRICS.items():
        found[metric] = median_of(_finite(getattr(instance, name)) for instance in record.instances)
    return {name: float(value) for name, value in found.items() if _finite(value) is not None and value is not None}


def params(record: TrialRecord) -> dict[str, str]:
    """Return the swept keys and the main settings, as far as they can change this trial; null, true and false as in YAML.

    A sparsity where nothing is pruned would be drawn into MLflow's comparisons as if it were one.
    """
    flat = flatten(record.config)
    chosen = {key: flat[key] for key in MAIN_SETTINGS if key in flat} | dict(record.swept)
    return {_param_name(key): _yaml_word(chosen[key])[:MAX_PARAM_CHARACTERS] for key in with_effect(chosen, flat)}


def override_params(overrides: Sequence[str]) -> dict[str, str]:
    """Return Hydra overrides such as ``+experiment=mnist`` as parameters; of a key given twice the last counts."""
    pairs = (override.partition("=") for override in overrides)
    return {_param_name(key.lstrip("+~")): value[:MAX_PARAM_CHARACTERS] for key, _, value in pairs}


def _metric_name(name: str) -> str:
    """Return ``image_5`` for ``image 5``, and whatever a property is called without what MLflow refuses in a name."""
    return re.sub(r"[^\w\-.]", "_", name)


def _param_name(key: str) -> str:
    return re.sub(r"[^\w\-. /]", "_", key)


def incumbents(record: TrialRecord) -> list[Incumbent]:
    """Return, per question, the best so far at each solution that improved it; steps count all solutions met.

    The best is the largest dense margin, or the smallest norm where the closest perturbation is looked for.
    """
    points: list[Incumbent] = []
    for instance in record.instances:
        what, sign = ("norm", -1.0) if instance.objective == "closest" else ("margin", 1.0)
        best = -math.inf
        for step, event in enumerate(instance.timeline):
            value = _finite(event.get(what))
            if value is not None and sign * value > best:
                best = sign * value
                points.append(Incumbent(f"incumbent/{_metric_name(instance.name)}/{what}", step, event["seconds"], value))
    return points


def table(record: TrialRecord) -> dict[str, list[Any]]:
    """Return ``columns``, and a row an instance as ``data``, without the arrays and with null for what is not finite.

    The regions that were visited are a list in their cell (``region_visits``).
    """
    names = [field.name for field in dataclasses.fields(InstanceRecord) if field.name not in _ARRAYS]
    rows = [[getattr(instance, name) for name in names] for instance in record.instances]
    return {"columns": names, "data": [[_finite(v) if isinstance(v, float) else v for v in row] for row in rows]}


def summary(records: Sequence[TrialRecord]) -> dict[str, float]:
    """Return the metrics of a whole sweep."""
    counts = {status: sum(r.status == status for r in records) for status in ("finished", "failed", "interrupted", "stopped")}
    instances = [i for r in records if r.status == "finished" for i in r.instances]
    found: dict[str, float] = {"sweep/trials": len(records), "sweep/attacks": len(instances)}
    found |= {f"sweep/{status}": count for status, count in counts.items()}
    found["sweep/adversarial"] = sum(i.status == "adversarial" for i in instances)
    return {name: float(value) for name, value in found.items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _yaml_word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml_word(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml_word(item) for item in value) + "]"
    return str(value)
