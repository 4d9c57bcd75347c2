"""What a model costs to build, and what memory a trial takes: 28x28 4x64."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from statistics import median
from typing import Any

import pyomo.environ as pyo
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from benchmarks.peers.guarded import peak_mib
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import SEED_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.bounds import method
from surrogate.formulation import embed

SIDE, DEPTH, WIDTH = 28, 4, 64
REPEATS = 7
TRIAL_LIMIT_SECONDS = 20.0
TRIAL_MIB = "trial"
BOUNDS = ("crown", "box")


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each instance and bound method, then one for a trial's memory.

    Raises:
        RuntimeError: the trial failed.
    """
    for index, (data_seed, training_seed) in enumerate(SEED_PAIRS):
        for bounds in BOUNDS:
            if options.wants(index, bounds):
                yield {"instance": index, "bounds": bounds, "data_seed": data_seed, **_build(data_seed, training_seed, bounds)}
    if options.wants(0, TRIAL_MIB):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            mib = pool.submit(_trial_mib, options.limit(TRIAL_LIMIT_SECONDS)).result()
        yield {"instance": 0, "bounds": TRIAL_MIB, "limit_seconds": options.limit(TRIAL_LIMIT_SECONDS), "peak_mib": mib}


def _build(data_seed: int, training_seed: int, bounds: str) -> dict[str, Any]:
    dense = network(SIDE, DEPTH, WIDTH, training_seed)
    _, instance = protocol_instance(dense, SIDE, data_seed)
    label, target = instance.label, instance.target
    assert label is not None
    assert target is not None
    times: list[tuple[float, float, float]] = []
    size: dict[str, int] = {}
    for _ in range(REPEATS):
        begin = time.perf_counter()
        found = method(bounds).compute(dense, instance.region)
        bounded = time.perf_counter()
        model: Any = pyo.ConcreteModel()
        model.x = pyo.Var(range(dense.input_size))
        x = list(model.x.values())
        model.region, model.network = pyo.Block(), pyo.Block()
        instance.region.constrain(model.region, x)
        embedding = embed(model.network, dense, x, found)
        logits = embedding.outputs
        model.margin = pyo.Objective(expr=logits[target] - logits[label], sense=pyo.maximize)
        embedding.set_values(instance.region.center)
        built = time.perf_counter()
        compiled = LinearStandardFormCompiler().write(model, mixed_form=True)
        times.append((bounded - begin, built - bounded, time.perf_counter() - built))
        size = {"rows": compiled.A.shape[0], "columns": compiled.A.shape[1], "nonzeros": int(compiled.A.nnz)}
        size["binaries"] = sum(column.is_binary() for column in compiled.columns)
    bounds_seconds, model_seconds, matrix_seconds = (median(column) for column in zip(*times, strict=True))
    return {
        **size,
        "bounds_seconds": bounds_seconds,
        "model_seconds": model_seconds,
        "matrix_seconds": matrix_seconds,
        "model_and_matrix_seconds": median(row[1] + row[2] for row in times),
    }


def _trial_mib(limit_seconds: float) -> float:
    """Run one whole trial of the system in this process, training included, and return the largest resident memory."""
    from hydra import compose, initialize_config_dir

    from sweep.__main__ import conf_folder
    from sweep.plan import plan_one
    from sweep.schema import read
    from sweep.trial import load_data, run_trial

    import_module("sweep.tuning")  # a trial's worker has Ray loaded
    overrides = [f"dataset.side={SIDE}", f"network.depth={DEPTH}", f"network.width={WIDTH}", "instances.count=1"]
    overrides += ["dataset=mnist", "pruning=magnitude", "pruning.amount=0.8", f"solver.time_limit_seconds={limit_seconds}"]
    with initialize_config_dir(str(conf_folder()), version_base=None):
        trial = plan_one(compose("config", overrides=overrides)).trials[0]
    record = run_trial(trial, load_data(read(trial.config)))
    if record.error:
        raise RuntimeError(f"the trial failed: {record.error}")
    return peak_mib()


def report(rows: Sequence[Row]) -> str:
    header = [
        "data seed",
        "bounds",
        "binaries",
        "rows",
        "columns",
        "nonzeros",
        "bounds s",
        "Pyomo s",
        "matrix s",
        "Pyomo + matrix s",
    ]
    header.append("with bounds s")
    cells = []
    for row in rows:
        if row["bounds"] != TRIAL_MIB:
            seconds = [row[f"{part}_seconds"] for part in ("bounds", "model", "matrix", "model_and_matrix")]
            counts = [str(row[name]) for name in ("binaries", "rows", "columns", "nonzeros")]
            cells.append(
                [str(row["data_seed"]), row["bounds"], *counts, *(number(s, 3) for s in (*seconds, seconds[0] + seconds[3]))]
            )
    parts = [
        f"## Building the model: MNIST {SIDE}x{SIDE}, {DEPTH}x{WIDTH}, warm process, medians of {REPEATS}",
        markdown(header, cells) if cells else "",
    ]
    for row in rows:
        if row["bounds"] == TRIAL_MIB:
            parts.append(
                f"Largest resident memory of a process that loads MNIST, trains, prunes and attacks one image for "
                f"{row['limit_seconds']:g} s: {row['peak_mib']:.0f} MiB."
            )
    return "\n\n".join(part for part in parts if part)


SECTION = Section(("instance", "bounds"), TRIAL_LIMIT_SECONDS, measure, report)
