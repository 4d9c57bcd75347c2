"""Made-up trials of optimisation models: one value a model, and what the tests of the report need beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import synthetic

from sweep.config.task_names import MODEL
from sweep.config.words import MAXIMIZE, MINIMIZE, Sense
from sweep.records import InstanceRecord, TrialRecord

MODELS = 12

SENSES: dict[str, Sense] = {"blending": MAXIMIZE, "constrained": MINIMIZE}


def modelled(
    values: Sequence[float | None],
    problem: str = "blending",
    method: str = "dense",
    *,
    amount: float | None = None,
    repair: bool = False,
    rounds: int = 0,
    seconds: float = 0.5,
    promised: float | None = None,
    true: float | None = None,
    violation: float | None = None,
    parameters: dict[str, float] | None = None,
) -> TrialRecord:
    """Return a trial of a problem with one value a model, None where nothing feasible was found.

    Args:
        values: on the dense networks.
        problem: ``blending``, which is maximised, or ``constrained``, which is minimised.
        method: of the models.
        amount: sparsity of magnitude pruning; None: nothing is pruned.
        repair: of method surrogate.
        rounds: of finetuning.
        seconds: when the value was met.
        promised: what the surrogate said of each, more than the value.
        true: what the truth says of each, more than the value.
        violation: of a constraint in truth.
        parameters: of the problem.
    """
    pruned = {"method": "magnitude", "amount": amount, "rounds": rounds} if amount is not None else {}
    config = synthetic.config(**pruned)
    asked = {"problem": problem, "function": None, "parameters": parameters or {}}
    config |= {"task": {"name": MODEL, "parameters": {}}, "model": asked}
    config["method"] = {"name": method, "repair": repair} if method == "surrogate" else {"name": method}
    facts: dict[str, Any] = {
        "networks": {"quality": {"key": "k", "r2": 0.9, "r2_pruned": 0.7}},
        "unstable": 128,
        "big_m": 1000.0,
    }
    if violation is not None:
        facts["true_violation"] = violation
    instances = [
        InstanceRecord(
            instance_key=f"{problem}-{seed}",
            question=f"{problem} {seed}",
            task=MODEL,
            objective=MODEL,
            sense=SENSES[problem],
            status="unresolved" if value is None else "feasible",
            total_seconds=2.0,
            cpu_seconds=1.9,
            limit_seconds=2.0,
        ).answered(
            value=value,
            surrogate_value=None if promised is None or value is None else value + promised,
            true_value=None if true is None or value is None else value + true,
            first_found_seconds=None if value is None else seconds,
            timeline=[] if value is None else [{"seconds": seconds, "value": value, "source": method}],
            facts=facts,
        )
        for seed, value in enumerate(values)
    ]
    named = f"{problem}{parameters or ''}"
    key, dense = f"{named}-{method}-{amount}-{repair}-{rounds}", f"{named}-dense-None-False-0"
    return synthetic.trial(key, instances, config=config, baseline_key=dense, accuracy_dense=None, accuracy_surrogate=None)
