"""Made-up trial records with the spread of a real sweep: two networks, several settings, six images, gaps where values miss."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.records import InstanceRecord, TrialRecord

if TYPE_CHECKING:
    from sweep.report.results import Pictures, SweepState
    from sweep.report.writing import Budget

SIDE = 8
IMAGES = (2732, 4547, 118, 20011, 9, 29999)
SETTINGS = (
    ("surrogate", "none", 0.0, 0),
    ("gradient", "none", 0.0, 0),
    ("surrogate", "magnitude", 0.5, 0),
    ("surrogate", "magnitude", 0.8, 0),
    ("surrogate", "magnitude", 0.8, 1),
    ("surrogate", "structured", 0.5, 0),
)


def instance(image: int = 2732, network: str = "net", **changed: Any) -> InstanceRecord:
    """Return one attacked image; by default a witness found after 0.5 s with margin 1."""
    draw = random.Random(image)
    clean = [round(draw.random(), 3) for _ in range(SIDE * SIDE)]
    total = changed.get("total_seconds", 2.2)
    values: dict[str, Any] = {
        "instance_key": f"{network}-{image}",
        "image": image,
        "label": 8,
        "target": 3,
        "norm": "l1",
        "radius": 5.0,
        "status": "adversarial",
        "dense_value": 1.0,
        "surrogate_value": 2.0,
        "first_found_seconds": 0.5,
        "solver_status": "optimal",
        "bounds_seconds": 0.02,
        "build_seconds": 0.1,
        "solve_seconds": 2.0,
        "total_seconds": 2.2,
        "cpu_seconds": None if total is None else total * 21 / 22,  # it had nearly all of its core
        "nodes": 7,
        "simplex_iterations": 900,
        "binaries": 60,
        "rows": 300,
        "columns": 400,
        "nonzeros": 9000,
        "timeline": [
            {"seconds": 0.1, "dense_value": -2.0, "surrogate_value": -1.0, "source": "start"},
            {"seconds": 0.5, "dense_value": 1.0, "surrogate_value": 2.0, "source": "incumbent"},
            {"seconds": 0.9, "dense_value": 0.5, "surrogate_value": 2.5, "source": "incumbent"},
        ],
        "clean": clean,
        "perturbed": [min(1.0, pixel + 0.1) if index % 7 == 0 else pixel for index, pixel in enumerate(clean)],
    }
    return InstanceRecord(**{**values, **changed})


BEFORE = {
    "dense_value": "margin",
    "surrogate_value": "surrogate_margin",
    "surrogate_bound": "dual_bound",
    "first_found_seconds": "first_adversarial_seconds",
}
"""Fields of an answer, and the names that they had when every answer was an attack's."""


def of_before(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of an answer by the names of before."""
    timeline = [{BEFORE.get(name, name): value for name, value in one.items()} for one in facts["timeline"]]
    return {**{BEFORE.get(name, name): value for name, value in facts.items()}, "timeline": timeline}


def config(
    depth: int = 2, width: int = 16, attack: str = "surrogate", method: str = "none", amount: float = 0.0, rounds: int = 0
) -> dict[str, Any]:
    return {
        "dataset": {"name": "digits", "side": 8, "folder": None},
        "network": {"depth": depth, "width": width, "bias": True},
        "training": {"epochs": 5, "seed": 0},
        "pruning": {"method": method, "amount": amount, "seed": 0, "finetune": {"rounds": rounds, "epochs": 5}},
        "instances": {"seed": 0, "count": len(IMAGES), "split": "train"},
        "bounds": {"method": "crown"},
        "formulation": {"method": "big_m"},
        "solver": {"name": "highs", "time_limit_seconds": 20.0, "threads": 1},
        "attack": {
            "method": attack,
            "norm": "l1",
            "radius": None,
            "objective": "margin",
            "on_incumbent": "check",
            "start": "center",
            "polish": False,
        },
        "tracking": {"uri": None},
    }


def trial(key: str = "key", instances: Sequence[InstanceRecord] | None = None, **changed: Any) -> TrialRecord:
    """Return a finished trial of the dense MILP on one image."""
    values: dict[str, Any] = {
        "key": key,
        "name": key,
        "config": config(),
        "swept": {"pruning.amount": 0.0},
        "status": "finished",
        "started_at": 1_700_000_000.0,
        "ended_at": 1_700_000_010.0,
        "baseline_key": "dense",
        "network_key": "net",
        "accuracy_dense": 0.95,
        "accuracy_surrogate": 0.9,
        "sparsity": 0.8,
        "train_seconds": 4.0,
        "prune_seconds": 0.25,
        "total_seconds": 10.0,
        "cpu_seconds": 9.0,
        "instances": list(instances) if instances is not None else [instance()],
    }
    return TrialRecord(**{**values, **changed})


def sweep(
    networks: Sequence[tuple[int, int]] = ((4, 64), (2, 256)),
    images: Sequence[int] = IMAGES,
    settings: Sequence[tuple[str, str, float, int]] = SETTINGS,
) -> list[TrialRecord]:
    """Return a whole sweep, the same at every call: of each network every setting (attack, pruning, amount, rounds)."""
    draw = random.Random(0)
    records = []
    for depth, width in networks:
        network = f"{depth}x{width}"
        for attack, method, amount, rounds in settings:
            milp = attack == "surrogate"
            scale = {"none": 6.0 if milp else 0.005}.get(method, 3.0 * (1.05 - amount))
            label = f"{method} {amount}{' finetuned' if rounds else ''}" if method != "none" else "dense" if milp else attack
            attacked = []
            for image in images:
                first = round(scale * draw.uniform(0.4, 3.0), 4)
                best = draw.uniform(-1.0, 2.5)
                steps = [(first * part, best - drop) for part, drop in ((0.2, 8.0), (0.6, 3.0), (1.0, 0.0))]
                found = best > 0.0
                attacked.append(
                    instance(
                        image,
                        network,
                        status="adversarial" if found else "unresolved",
                        dense_value=best,
                        surrogate_value=best + 0.3 if milp else None,
                        first_found_seconds=first if found else None,
                        timeline=[
                            {"seconds": s, "dense_value": m, "surrogate_value": m if milp else None, "source": "incumbent"}
                            for s, m in steps
                        ],
                        total_seconds=20.0 if milp else 0.05,
                        binaries=int(width * (0.5 + amount)) if milp else None,
                        nodes=17 if milp else None,
                    )
                )
            records.append(
                trial(
                    key=f"{network}-{label}".replace(" ", "-"),
                    name=f"{network} {label}",
                    config=config(depth, width, attack, method, amount, rounds),
                    swept={"network": network, "attack.method": attack, "pruning.amount": amount},
                    baseline_key=f"{network}-dense",
                    network_key=f"key-of-{network}",
                    accuracy_dense=0.974 if depth == 4 else 0.981,
                    accuracy_surrogate=((0.974 if depth == 4 else 0.981) - amount * (0.05 if rounds else 0.5))
                    if milp
                    else None,
                    sparsity=amount if milp else None,
                    prune_seconds=2.5 if rounds else 0.01 if method != "none" else None,
                    instances=attacked,
                )
            )
    return records


def write_report(
    records: Sequence[TrialRecord],
    folder: Path,
    *,
    state: SweepState | None = None,
    pictures: Pictures = lambda _: None,
    budget: Budget | None = None,
) -> list[Path]:
    """Write the report of one sweep; by default its state is what the records say."""
    from sweep.report.results import SweepState, results_of, unfinished_of
    from sweep.report.writing import write_results

    unfinished = tuple(unfinished_of(records))
    state = state or SweepState("sweep", len(records), len(records) - len(unfinished), unfinished)
    return write_results(results_of([(state, records)], pictures), folder, budget=budget)
