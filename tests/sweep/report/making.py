"""Made-up results of few images, each with just what a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import synthetic

from sweep.records import InstanceRecord, TrialRecord
from sweep.report.results import Results, SweepState, results_of

IMAGES = 12

Outcome = tuple[float | None, float | None]
"""Best dense margin, and seconds to the first find (None: there is none)."""


def attacked(outcomes: Sequence[Outcome], network: str = "net", **changed: Any) -> list[InstanceRecord]:
    """Return an image an outcome, numbered from 1."""
    return [
        synthetic.instance(
            image,
            network,
            dense_value=margin,
            first_found_seconds=seconds,
            status="unresolved" if seconds is None else "adversarial",
            **changed,
        )
        for image, (margin, seconds) in enumerate(outcomes, 1)
    ]


def trial(outcomes: Sequence[Outcome], key: str = "dense", size: tuple[int, int] = (2, 16), **setting: Any) -> TrialRecord:
    """Return a trial on a network of ``size`` whose yardstick is the trial ``dense`` on it."""
    network = f"{size[0]}x{size[1]}"
    config = synthetic.config(*size, **setting)
    prune_seconds = None if setting.get("method") is None else 10.0 if setting.get("rounds") else 0.1
    return synthetic.trial(
        f"{network}-{key}",
        attacked(outcomes, network),
        config=config,
        baseline_key=f"{network}-dense",
        sparsity=setting.get("amount", 0.0),
        prune_seconds=prune_seconds,
    )


def dense(outcomes: Sequence[Outcome], size: tuple[int, int] = (2, 16)) -> TrialRecord:
    return trial(outcomes, "dense", size)


def pruned(
    outcomes: Sequence[Outcome],
    amount: float = 0.8,
    rounds: int = 0,
    size: tuple[int, int] = (2, 16),
    method: str = "magnitude",
) -> TrialRecord:
    return trial(outcomes, f"{method}-{100 * amount:.0f}-{rounds}", size, method=method, amount=amount, rounds=rounds)


def gradient(outcomes: Sequence[Outcome]) -> TrialRecord:
    return trial(outcomes, "gradient", attack="gradient")


def closest(lengths: Sequence[float | None], key: str = "dense", **setting: Any) -> TrialRecord:
    """Return a trial that looked for the closest perturbation; None where it found none."""
    record = trial([(1e-6, None if length is None else 1.0) for length in lengths], key, **setting)
    for instance, length in zip(record.instances, lengths, strict=True):
        instance.objective, instance.l1, instance.norm_bound = "closest", length, 0.5
        instance.timeline = [{"seconds": 0.5, "dense_value": 1e-6, "norm": length}] if length else []
    record.config["attack"]["objective"] = "closest"
    return record


def results(*records: TrialRecord, state: SweepState | None = None) -> Results:
    """Return the results of one sweep with these trials."""
    state = state or SweepState("made-up", len(records), len(records))
    return results_of([(state, records)], {record.key: record for record in records}.get)


def times(seconds: Sequence[float | None], margin: float = 1.0) -> list[Outcome]:
    return [(margin, one) for one in seconds]


def margins(values: Sequence[float | None]) -> list[Outcome]:
    return [(one, None) for one in values]
