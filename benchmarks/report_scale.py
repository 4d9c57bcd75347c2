"""What the report of a large sweep costs: all tables and figures of made-up records of the paper's grid."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number
from sweep.records import InstanceRecord, TrialRecord

NETWORKS = tuple((side, depth, width) for side in (18, 22, 28) for depth in (2, 4, 5) for width in (32, 64))
"""Pixels a side, hidden layers and neurons of each: the paper's eighteen."""

AMOUNTS = (0.2, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99)
SETTINGS = (
    *(("surrogate", "none", 0.0, 0), ("gradient", "none", 0.0, 0)),
    *(
        ("surrogate", method, amount, rounds)
        for method in ("magnitude", "structured")
        for amount in AMOUNTS
        for rounds in (0, 5)
    ),
)
"""Attack, pruning, amount and finetuning rounds: thirty."""

INSTANCES = 20
SIZES = {"the paper's grid": 4, "100,000 attacks": 10}
"""Training seeds of each network: 2,160 trials, or 5,400."""

SOLUTIONS = 12
"""Points that an attack meets, on average."""

LIMIT_SECONDS = 300.0


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each size."""
    for index, (name, seeds) in enumerate(SIZES.items()):
        if options.wants(index):
            with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
                yield {"instance": index, "sweep": name, **pool.submit(report_of, seeds).result()}


def report_of(seeds: int) -> dict[str, float]:
    """Write the report of so many seeds and return what it took; the peak holds the records themselves, as on the driver."""
    from sweep.report.results import SweepState, results_of
    from sweep.report.writing import write_results

    records = made_up(seeds)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    begun: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        begin, begin_cpu = time.perf_counter(), time.process_time()
        results = results_of([(SweepState("made-up", len(records), len(records)), records)])
        write_results(results, folder, progress=lambda _: begun.append(time.perf_counter()))
        end, end_cpu = time.perf_counter(), time.process_time()
        sizes = {path.name: path.stat().st_size / 2**20 for path in folder.iterdir()}
    return {
        "trials": len(records),
        "attacks": sum(len(record.instances) for record in records),
        "seconds": end - begin,
        "cpu_seconds": end_cpu - begin_cpu,
        "figures_seconds": end - begun[1],  # the first step is the comparisons
        "records_mib": held,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "page_mib": sizes["report.html"],
        "folder_mib": sum(sizes.values()),
    }


def made_up(seeds: int) -> list[TrialRecord]:
    """Return the records of a sweep over all networks, seeds and settings, the same at every call."""
    draw = random.Random(0)
    return [_trial(draw, network, seed, setting) for network in NETWORKS for seed in range(seeds) for setting in SETTINGS]


def _trial(draw: random.Random, shape: tuple[int, int, int], seed: int, setting: tuple[str, str, float, int]) -> TrialRecord:
    attack, method, amount, rounds = setting
    side, depth, width = shape
    network = f"{side}-{depth}x{width}-{seed}"
    prune_seconds = None if method == "none" else 25.0 if rounds else 0.05
    return TrialRecord(
        key=f"{network}-{attack}-{method}-{amount}-{rounds}",
        name=f"{depth}x{width} {attack} {method} {amount}",
        config=_config(shape, seed, setting),
        swept={"training.seed": seed, "pruning.amount": amount},
        status="finished",
        baseline_key=f"{network}-surrogate-none-0.0-0",
        network_key=network,
        accuracy_dense=0.97,
        accuracy_surrogate=0.97 - 0.6 * amount**4 * draw.random() if attack == "surrogate" else None,
        sparsity=amount if attack == "surrogate" else None,
        train_seconds=30.0,
        prune_seconds=prune_seconds,
        total_seconds=6000.0,
        cpu_seconds=6000.0,
        instances=[_instance(draw, network, depth * width, image, setting) for image in range(INSTANCES)],
    )


def _instance(
    draw: random.Random, network: str, hidden: int, image: int, setting: tuple[str, str, float, int]
) -> InstanceRecord:
    attack, _, amount, _ = setting
    margin, total = draw.gauss(0.5, 1.0), min(LIMIT_SECONDS, draw.lognormvariate(4.0, 1.0))
    first = total * draw.random() if margin > 0 else None
    moments = sorted(total * draw.random() for _ in range(draw.randint(1, 2 * SOLUTIONS)))
    timeline = [
        {"seconds": s, "dense_value": margin - 3.0 * draw.random(), "surrogate_value": margin, "source": "incumbent"}
        for s in moments
    ]
    timeline[-1]["dense_value"] = margin
    return InstanceRecord(
        instance_key=f"{network}-{image}",
        image=image,
        label=3,
        target=5,
        norm="l1",
        radius=5.0,
        status="unresolved" if first is None else "adversarial",
        dense_value=margin,
        first_found_seconds=first,
        l0=draw.randint(1, 30),
        l1=5.0 * draw.random(),
        l2=draw.random(),
        linf=draw.random(),
        bounds_seconds=0.01,
        build_seconds=0.3,
        solve_seconds=total - 0.31,
        total_seconds=total,
        nodes=draw.randint(1, 10_000),
        binaries=int(hidden * (1.0 - 0.5 * amount)) if attack == "surrogate" else None,
        timeline=timeline,
    )


def _config(shape: tuple[int, int, int], seed: int, setting: tuple[str, str, float, int]) -> dict[str, Any]:
    side, depth, width = shape
    attack, method, amount, rounds = setting
    return {
        "dataset": {"name": "mnist", "side": side},
        "network": {"depth": depth, "width": width, "file": None},
        "training": {"seed": seed, "epochs": 5},
        "pruning": {"method": method, "amount": amount, "seed": 0, "finetune": {"rounds": rounds, "epochs": 5}},
        "instances": {"seed": 0, "count": INSTANCES, "split": "train"},
        "bounds": {"method": "box"},
        "solver": {"name": "highs", "time_limit_seconds": LIMIT_SECONDS},
        "attack": {"method": attack, "norm": "l1", "objective": "margin", "start": "none", "on_incumbent": "check"},
    }


def report(rows: Sequence[Row]) -> str:
    names = ("seconds", "cpu_seconds", "figures_seconds", "records_mib", "peak_mib", "page_mib", "folder_mib")
    digits = (1, 1, 1, 0, 0, 1, 1)
    cells = [
        [row["sweep"], f"{row['trials']:,}", f"{row['attacks']:,}"]
        + [number(row[name], places) for name, places in zip(names, digits, strict=True)]
        for row in rows
    ]
    titles = ["sweep", "trials", "attacks", "wall s", "CPU s", "of it figures, s", "records MiB", "peak MiB", "page MiB"]
    return "## The report of a large sweep\n\n" + markdown([*titles, "folder MiB"], cells)


SECTION = Section(key=("instance",), limit_seconds=0.0, measure=measure, report=report)
